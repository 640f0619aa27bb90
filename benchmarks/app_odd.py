"""An app that the canary gate must not get wrong, for benchmarks/verdicts.py. `KIND` says how it behaves:

`plain`; `broken`: /api fails, / does not; `streams`: /api is an event stream of 1.5 s; `login`: / answers 401;
`rootless`: there is no /; `slow`: two workers with 50 ms a page. Its metrics are those of prom-client's usual labels.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KIND = os.environ.get("KIND", "plain")
WORKERS = threading.Semaphore(2)
ROOT_STATUS = {"login": 401, "rootless": 404}
COUNTED: Counter[tuple[str, int]] = Counter()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # with 5, a short stall of the machine makes clients wait a second


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self) -> None:
        if self.path == "/metrics":
            self._page()
        elif self.path == "/api" and KIND == "streams":
            self._stream()
        else:
            if KIND == "slow" and self.path != "/healthz":
                with WORKERS:
                    time.sleep(0.05)
            status = ROOT_STATUS.get(KIND, 200) if self.path == "/" else 500 if self._fails() else 200
            self._answer(status, "text/plain", b"ok\n")

    def _fails(self) -> bool:
        return self.path == "/api" and KIND == "broken"

    def _page(self) -> None:
        lines = ["# TYPE http_requests_total counter"]
        for (route, status), count in sorted(COUNTED.items()):
            lines.append(f'http_requests_total{{method="GET",route="{route}",status_code="{status}"}} {count}')
        self._answer(200, "text/plain; version=0.0.4", "\n".join([*lines, ""]).encode())

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for number in range(3):
            self.wfile.write(f"data: {number}\n\n".encode())
            self.wfile.flush()
            time.sleep(0.5)
        self.close_connection = True
        COUNTED["/api", 200] += 1

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
        COUNTED[self.path, status] += 1

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


if __name__ == "__main__":
    Server((os.environ["APP_HOST"], int(os.environ["APP_PORT"])), Handler).serve_forever()
