"""A canary that looks well to itself and to the probe, and yet breaks what users ask: only the proxy's log knows."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from project import Project

from swiftdeploy.model.event import Decided

# The second release hangs up on whoever asks for a path that it does not know, before it counts the request: as a
# crash in a library would.
APP = """
import sys
import main

serve = main.Connection.request_line

def request_line(self, deadline):
    method, route, old = serve(self, deadline)
    if route == main.OTHER and self.server.app.settings.version == "2.0.0":
        raise ConnectionError
    return method, route, old

main.Connection.request_line = request_line
sys.exit(main.main())
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path / "shop", tmp_path)
    (made.root / "app" / "cutting.py").write_text(APP)
    made.set({"services.command": ["{python}", "app/cutting.py"], "canary.probe": {"requests": 150, "rps": 75}})
    yield made
    made.close()


@contextmanager
def users(project: Project, path: str) -> Iterator[Counter[int]]:
    """Four users on fresh connections: statuses to their number."""
    seen: Counter[int] = Counter()
    lock, stop = threading.Lock(), threading.Event()

    def user() -> None:
        while not stop.wait(0.01):
            status = project.ask(path)[0]
            with lock:
                seen[status] += 1

    threads = [threading.Thread(target=user, daemon=True) for _ in range(4)]
    for one in threads:
        one.start()
    yield seen
    stop.set()
    for one in threads:
        one.join(10)


def sources(project: Project) -> dict[str, dict[str, float]]:
    """What the last canary gate was given."""
    decided = [one.event.decision for one in project.journal() if isinstance(one.event, Decided)]
    found = json.loads(json.dumps(dict(decided[-1].input["sources"])))  # type: ignore[arg-type]
    return dict(found)


def test_the_gate_denies_by_the_proxy_alone_what_app_and_probe_call_well(project: Project) -> None:
    project.ok("deploy")
    project.set({"services.version": "2.0.0"})
    project.ok("promote", "canary")
    assert sources(project)["proxy"]["samples"] == 0, "a candidate has no users"

    with users(project, "/") as seen:
        project.ok("promote", "canary", "--weight", "60")
    well = sources(project)
    assert set(seen) == {200}
    assert well["proxy"]["samples"] >= 20
    assert well["stable_proxy"]["samples"] >= 20
    assert well["proxy"]["errors"] == well["stable_proxy"]["errors"] == 0

    with users(project, "/cut") as seen:
        denied = project.run("promote", "stable", "--json")
    assert denied.status == 10, denied.err
    ill = sources(project)
    assert set(seen) == {404}, "stable stood in for every request that the canary broke"
    assert ill["users"]["errors"] == ill["probe"]["errors"] == ill["stable_proxy"]["errors"] == 0
    assert ill["proxy"]["errors"] == ill["proxy"]["samples"] >= 20
    assert "error_rate is 100.00%, maximum allowed is 1.00%" in denied.out
    project.ok("rollback")
