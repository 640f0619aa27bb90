"""Bring your own image: one that knows nothing of metrics, modes, versions or drains goes all the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import dockerd
from dockerd import docker, inspected
from project import Project

from benchmarks.client import Client

NO_SHELL = f"""
FROM {dockerd.STATIC} AS whole
FROM scratch
COPY --from=whole /bin/busybox /httpd
COPY --from=whole /srv /srv
ENTRYPOINT ["/httpd", "httpd", "-f", "-p", "8000", "-h", "/srv"]
"""


def decisions(project: Project, gate: str) -> list[dict[str, Any]]:
    lines = (project.root / "history.jsonl").read_text().splitlines()
    return [one for one in map(json.loads, lines) if one["event"] == "decision" and one["gate"] == gate]


def versions(project: Project) -> dict[str, str]:
    """Track to the version that its container was told."""
    ids = {name.split("-")[0]: ident for name, ident in dockerd.parts(project.root).items() if "-" in name}
    env = {track: inspected(ident)["Config"]["Env"] for track, ident in ids.items()}
    return {track: next(one for one in found if one.startswith("APP_VERSION=")) for track, found in env.items()}


def test_an_image_with_nothing_of_ours_is_deployed_judged_promoted_and_rolled_back(
    make_project: Callable[..., Project],
) -> None:
    """Judged by the probe alone, and drained by waiting for the proxy's old workers, since it tells of no requests in
    flight. Its users sit idle on kept connections for 1 to 3 s between requests, and lose none."""
    project = make_project(services__image=dockerd.STATIC, services__port=8000)
    project.ok("deploy")
    assert project.ask("/healthz")[::2] == (200, "fine\n")
    assert project.ask("/metrics")[0] == 404
    with Client(project.port, rps=24, kept=24, idlers=0, post_share=0) as users:
        project.set({"services.version": "2.0.0"})
        project.ok("promote", "canary")
        assert versions(project) == {"stable": "APP_VERSION=1.0.0", "canary": "APP_VERSION=2.0.0"}
        promoted = project.ok("promote", "stable", "--json").json
        assert versions(project) == {"stable": "APP_VERSION=2.0.0"}
        rolled_back = project.ok("rollback", "--json").json
        assert versions(project) == {"stable": "APP_VERSION=1.0.0"}
    assert not users.failed
    assert users.ok > 50
    for change in (promoted, rolled_back):
        assert dict(change["seconds"])["drain"] > 0  # type: ignore[call-overload]
    to_canary, to_stable = decisions(project, "canary")
    for decision in (to_canary, to_stable):
        asked = decision["input"]
        assert (decision["outcome"], decision["judge"], asked["in_flight"]) == ("allow", "opa", None)
        assert (asked["sources"]["users"]["samples"], asked["sources"]["probe"]["samples"]) == (0, 120)
    assert to_canary["input"]["samples"] == 120


def test_an_image_without_a_shell_serves_as_well(make_project: Callable[..., Project]) -> None:
    """Docker calls it unhealthy, as the health check of the Compose file needs a shell; the engine looks for itself."""
    project = make_project(services__port=8000)
    image = f"swiftdeploy-tests/{project.network}:1"
    docker("build", "-q", "-t", image, "-", stdin=NO_SHELL)
    try:
        project.set({"services.image": image})
        project.ok("deploy")
        assert project.ask("/healthz")[::2] == (200, "fine\n")
    finally:
        project.run("teardown", "--clean")
        docker("image", "rm", image)
