// A Go app with promhttp's middleware around its whole handler: counts by code and method, of all paths alike.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func answer(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprintln(w, text)
	}
}

func main() {
	labels := []string{"code", "method"}
	requests := promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "http_requests_total", Help: "Requests answered",
	}, labels)
	durations := promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name: "http_request_duration_seconds", Help: "How long they took",
	}, labels)

	routes := http.NewServeMux()
	routes.HandleFunc("/", answer(http.StatusOK, "hello"))
	routes.HandleFunc("/fail", answer(http.StatusInternalServerError, "on purpose"))
	routes.HandleFunc("/healthz", answer(http.StatusOK, "ok"))
	routes.Handle("/metrics", promhttp.Handler())

	counted := promhttp.InstrumentHandlerCounter(requests, promhttp.InstrumentHandlerDuration(durations, routes))
	server := &http.Server{Addr: os.Getenv("APP_HOST") + ":" + os.Getenv("PORT"), Handler: counted}
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	go func() {
		<-stop.Done()
		_ = server.Shutdown(context.Background())
	}()
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
