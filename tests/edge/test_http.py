"""Single requests of scenario steps, against a real server."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from swiftdeploy.edge.http import Requests


class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self):
        length = int(self.headers.get("Content-Length", 0))
        seen = {"method": self.command, "body": self.rfile.read(length).decode(), "headers": dict(self.headers)}
        body = json.dumps(seen | {"port": self.client_address[1]}).encode()
        self.send_response(302 if self.path == "/away" else 200)
        self.send_header("Location", "/")
        self.send_header("X-Mode", "canary")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def http():
    http = Requests()
    yield http
    http.close()


def test_a_reply_has_status_lower_case_headers_and_text(http, server):
    reply = http.send("GET", f"{server}/", {"X-Own": "1"}, None, False, 5)
    assert (reply.status, reply.headers["x-mode"]) == (200, "canary")
    assert json.loads(reply.text)["headers"]["X-Own"] == "1"


def test_a_body_is_sent_as_json(http, server):
    seen = json.loads(http.send("POST", f"{server}/", {}, {"a": None}, True, 5).text)
    assert (seen["body"], seen["headers"]["Content-Type"]) == ('{"a": null}', "application/json")


def test_no_redirect_is_followed(http, server):
    assert http.send("GET", f"{server}/away", {}, None, False, 5).status == 302


def test_one_connection_serves_many_steps(http, server):
    ports = {json.loads(http.send("GET", f"{server}/", {}, None, False, 5).text)["port"] for _ in range(5)}
    assert len(ports) == 1


def test_the_environments_proxy_is_not_used(http, server, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert http.send("GET", f"{server}/", {}, None, False, 5).status == 200


@pytest.mark.parametrize(
    ("url", "headers"), [("http://127.0.0.1:9/", {}), ("http://[bad/", {}), ("http://127.0.0.1:9/", {"X": "a\nb"})]
)
def test_whatever_gives_no_answer_is_an_os_error(http, url, headers):
    with pytest.raises(OSError):  # noqa: PT011 - which one, and its text, is not ours
        http.send("GET", url, headers, None, False, 1)
