"""A FastAPI app with prometheus-fastapi-instrumentator as its README has it: `handler`, `status="2xx"`."""

from fastapi import FastAPI, HTTPException
from prometheus_fastapi_instrumentator import Instrumentator

app = FastAPI()
Instrumentator().instrument(app).expose(app)


@app.get("/")
def root() -> dict[str, str]:
    return {"hello": "world"}


@app.get("/items/{number}")
def item(number: int) -> dict[str, int]:
    return {"number": number}


@app.get("/fail")
def fail() -> None:
    raise HTTPException(500, "on purpose")


@app.get("/healthz")
def healthz() -> dict[str, str]:
    return {"status": "ok"}
