// An Express app with prom-client and the labels that most such apps have: method, route, status_code.
const express = require("express");
const client = require("prom-client");

const app = express();
client.collectDefaultMetrics();
const requests = new client.Counter({
  name: "http_requests_total",
  help: "Requests answered",
  labelNames: ["method", "route", "status_code"],
});
const durations = new client.Histogram({
  name: "http_request_duration_seconds",
  help: "How long they took",
  labelNames: ["method", "route", "status_code"],
});

app.use((request, response, next) => {
  const end = durations.startTimer();
  response.on("finish", () => {
    const labels = {
      method: request.method,
      route: request.route ? request.route.path : "unknown",
      status_code: response.statusCode,
    };
    requests.inc(labels);
    end(labels);
  });
  next();
});

app.get("/", (request, response) => response.json({ hello: "world" }));
app.get("/items/:number", (request, response) => response.json({ number: request.params.number }));
app.get("/fail", (request, response) => response.status(500).json({ error: "on purpose" }));
app.get("/healthz", (request, response) => response.json({ status: "ok" }));
app.get("/metrics", async (request, response) => {
  response.set("Content-Type", client.register.contentType);
  response.end(await client.register.metrics());
});

const server = app.listen(Number(process.env.PORT), process.env.APP_HOST);
process.on("SIGTERM", () => server.close(() => process.exit(0)));
