"""A Flask app with prometheus-flask-exporter as its README has it: counts by method and status, of all paths alike."""

from __future__ import annotations

import os

from flask import Flask
from prometheus_flask_exporter import PrometheusMetrics
from prometheus_flask_exporter.multiprocess import GunicornInternalPrometheusMetrics

app = Flask(__name__)
# several workers share one page by files in a folder of their own
several = "PROMETHEUS_MULTIPROC_DIR" in os.environ
metrics = GunicornInternalPrometheusMetrics(app) if several else PrometheusMetrics(app)


@app.get("/")
def root() -> dict[str, str]:
    return {"hello": "world"}


@app.get("/items/<int:number>")
def item(number: int) -> dict[str, int]:
    return {"number": number}


@app.get("/fail")
def fail() -> tuple[dict[str, str], int]:
    return {"error": "on purpose"}, 500


@app.get("/healthz")
def healthz() -> dict[str, str]:
    return {"status": "ok"}
