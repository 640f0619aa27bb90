"""Stop everything of one project and nothing else, and of test runs whose process is gone."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Sequence

from swiftdeploy.engines.docker import cli, containers, images, marks, networks
from swiftdeploy.engines.docker.containers import Container, Containers
from swiftdeploy.engines.docker.places import Places
from swiftdeploy.machine import owners

REMOVAL_SECONDS = 10.0  # for what another run is removing at this moment


def everything(places: Places, seen: Containers, grace_seconds: float, clean: bool) -> None:
    """End all containers with the project's mark and remove its networks; `clean` removes its volumes, kept images and
    files too. Where no release ever got ready there is nothing in them to keep. May be repeated."""
    mark = f"label={marks.ROOT}={places.root}"
    seen.changed()
    found = seen.all()
    _end(found, grace_seconds)
    seen.changed()
    networks.remove("network", mark)
    (places.docker / "routed.json").unlink(missing_ok=True)
    if clean or not places.kept_releases():
        networks.remove("volume", mark)
        for project in _projects(found, places):
            images.forget(project)
    if clean:
        for folder in (places.docker, places.routing, places.policies):
            shutil.rmtree(folder, ignore_errors=True)


def lost() -> None:
    """Remove what killed runs on this machine left behind: everything whose owner is gone. Two may do so at once."""
    for mark in _owners():
        if _is_gone(mark):
            wanted = f"label={marks.OWNER}={mark}"
            projects = _labelled("network", wanted, marks.PROJECT)
            _end(containers.matching(wanted), 0.0)
            for kind in ("network", "volume"):
                networks.remove(kind, wanted)
            for project in projects:
                images.forget(project)


def _end(found: Sequence[Container], grace_seconds: float) -> None:
    """All at once: an instance in its drain must not hold up the others. The proxy before them, and by SIGTERM: stopped
    as a container is, it would wait for idle clients, up to the whole grace."""
    ids = [one.id for one in found]
    if not ids:
        return
    if proxies := [one.id for one in found if one.role == containers.PROXY and one.state == "running"]:
        cli.ask("kill", "-s", "TERM", *proxies)
    if grace_seconds:
        cli.ask("stop", "-t", str(round(grace_seconds)), *ids, seconds=grace_seconds + cli.SECONDS)
    answer = cli.ask("rm", "-f", "-v", *ids)
    end = time.monotonic() + REMOVAL_SECONDS
    while answer.status and any(containers.inspected(one) for one in ids):
        if time.monotonic() > end:
            raise cli.failed("the containers cannot be removed", answer)
        time.sleep(0.1)


def _projects(found: Iterable[Container], places: Places) -> set[str]:
    """Names under which images may be kept: of what ran, and of what is noted unless another folder runs under it."""
    noted, root = places.noted(), str(places.root)
    if noted and any(one.root != root for one in containers.of_project(noted)):
        noted = ""
    return {one.project for one in found} | ({noted} if noted else set())


def _owners() -> set[str]:
    """All owner marks that anything on this daemon carries."""
    every = (_labelled(kind, f"label={marks.OWNER}", marks.OWNER) for kind in ("container", "network", "volume"))
    return set().union(*every)


def _labelled(kind: str, wanted: str, label: str) -> set[str]:
    """Values of a label of everything of a kind that a filter finds."""
    every = ("-a",) if kind == "container" else ()
    answer = cli.ask(kind, "ls", *every, "--filter", wanted, "--format", f'{{{{.Label "{label}"}}}}')
    return {line for line in answer.out.splitlines() if line}


def _is_gone(mark: str) -> bool:
    owner = marks.parsed(mark)
    if owner is None or owner.place != marks.place():  # whether it lives cannot be seen from here
        return False
    return owner.boot != marks.boot() or not owners.owner_lives(owner.pid, owner.born)
