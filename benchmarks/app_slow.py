"""An app whose GET and POST take as long as `?s=` says, for the benchmarks of switching."""

from __future__ import annotations

import os
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

QUIET_LOOKS = 5


class Count:
    """Requests in flight, those for /metrics and /healthz not counted."""

    def __init__(self) -> None:
        self.now = 0
        self.stopping = False
        self._lock = threading.Lock()

    def add(self, step: int) -> None:
        with self._lock:
            self.now += step


COUNT = Count()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one write, else Nagle's algorithm costs 40 ms a request

    def do_GET(self) -> None:
        if self.path == "/metrics":
            self._answer(f"app_requests_in_flight {COUNT.now}\n")
        elif self.path == "/healthz":
            self._answer("ok\n")
        else:
            COUNT.add(1)
            try:
                self._work()
            finally:
                COUNT.add(-1)

    do_POST = do_GET

    def _work(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if "?s=" in self.path:
            time.sleep(float(self.path.rpartition("=")[2]))
        self._answer(os.environ["APP_INSTANCE"])

    def _answer(self, text: str) -> None:
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Mode", os.environ["MODE"])
        if COUNT.stopping:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: thousands of lines would be measured too."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024


def drain(server: Server) -> None:
    """Take what queued, close the door, finish what is in flight."""
    COUNT.stopping = True
    server.shutdown()
    server.socket.setblocking(False)
    while True:
        try:
            request, address = server.socket.accept()
        except OSError:
            break
        request.setblocking(True)
        server.process_request(request, address)
    server.socket.close()
    quiet = 0
    while quiet < QUIET_LOOKS:
        time.sleep(0.01)
        quiet = 0 if COUNT.now else quiet + 1


def main() -> None:
    server = Server((os.environ["APP_HOST"], int(os.environ["APP_PORT"])), Handler)
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    signal.sigwait(ends)
    drain(server)


if __name__ == "__main__":
    main()
