"""A command that dies at any phase boundary loses nothing: the next one recovers, on the real engines."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

import dockerd
import pytest
from project import Project

from swiftdeploy.flow.world import PhaseName
from swiftdeploy.model import journal
from swiftdeploy.model.event import Committed

PHASES = tuple(name for name in get_args(PhaseName) if name != "undo")  # which only a failing command enters
POINTS = tuple(f"{phase}:{edge}" for phase in PHASES for edge in ("before", "after"))
# those where most was begun and least was recorded; `make crash` runs all of them
CHOSEN = {
    "settled": ("switch:after", "record-commit:after"),
    "left": ("record-intent:after", "drain:before"),
    "first": ("start-new:after", "verify:before", "record-commit:after"),
    "replace": ("ready:after", "switch:after", "record-commit:before", "write:before", "stop-old:before"),
    "canary": ("start-new:before", "record-decision:after", "switch:before", "write:after", "stop-old:after"),
}
ON_DOCKER = {  # a command takes seconds there, so one or two of each
    "settled": ("drain:before",),
    "left": (),
    "first": ("start-new:after",),
    "replace": ("switch:after", "stop-old:before"),
    "canary": ("start-new:after", "record-commit:after"),
}
ENGINES = {"local": CHOSEN, "docker": ON_DOCKER}
MARKS: dict[str, tuple[pytest.MarkDecorator, ...]] = {"local": (), "docker": (pytest.mark.docker,)}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    every = metafunc.config.getoption("--every-point")
    name = metafunc.function.__name__
    change = next((one for one in CHOSEN if f"_{one}_" in name), None)
    if change and "point" in metafunc.fixturenames:
        points = {engine: reached(change) if every else chosen[change] for engine, chosen in ENGINES.items()}
        rows = [pytest.param(*row, marks=MARKS[row[0]]) for row in ((one, at) for one in points for at in points[one])]
        metafunc.parametrize(("project", "point"), rows, indirect=["project"])
    elif "project" in metafunc.fixturenames:
        engines = [pytest.param(one, marks=MARKS[one]) for one in (ENGINES if every else ["local"])]
        metafunc.parametrize("project", engines, indirect=True)


def reached(change: str) -> tuple[str, ...]:
    """Every point that the change comes by: a rollback asks no gate."""
    gates = ("measure", "decide", "record-decision") if change == "left" else ()
    return tuple(point for point in POINTS if point.partition(":")[0] not in gates)


@pytest.fixture
def project(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Project]:
    """On the engine that the test's row names."""
    engine = getattr(request, "param", "local")
    if engine == "docker":
        dockerd.require()
    made = Project(tmp_path / "shop", tmp_path, engine=engine)
    yield made
    made.close()
    assert made.left() == []


@contextmanager
def served(project: Project) -> Iterator[None]:
    """A user who asks again and again gets an answer each time, whatever dies meanwhile."""
    stop, answers = threading.Event(), list[object]()

    def ask() -> None:
        while not stop.wait(0.05):
            try:
                answers.append(project.ask()[0])
            except OSError as error:
                answers.append(error)

    user = threading.Thread(target=ask)
    user.start()
    try:
        yield
    finally:
        stop.set()
        user.join()
    assert set(answers) == {200}, answers


def committed(project: Project) -> Committed:
    last = journal.committed(reversed(project.journal()))
    assert last
    return last


def killed(project: Project, point: str, *words: str) -> None:
    done = project.run(*words, failpoint=point)
    assert done.status == -9, f"the command was not killed at {point}: exit {done.status}\n{done.out}{done.err}"


def whole(project: Project) -> None:
    """What runs is what the last commit says, and nothing else; the chain is whole; the proxy answers."""
    last = committed(project)
    ids = {one.id for one in last.state.instances}
    assert project.instances() == ids
    assert journal.verify(project.journal()).ok
    assert journal.unfinished(reversed(project.journal())) is None
    assert project.version() in {one.release.version for one in last.state.instances}
    assert f"mode: {last.mode}" in project.manifest.read_text()


def test_a_first_deploy_that_dies_is_undone_or_finished(project: Project, point: str) -> None:
    killed(project, point, "deploy")
    project.ok("deploy")
    whole(project)


def test_a_deploy_that_dies_while_it_would_replace_a_release_keeps_serving(project: Project, point: str) -> None:
    project.ok("deploy")
    project.set({"services.version": "2.0.0"})
    with served(project):
        killed(project, point, "deploy")
        assert project.version() in ("1.0.0", "2.0.0")
        project.ok("deploy")
    assert project.version() == "2.0.0"
    whole(project)


def test_a_promote_to_canary_that_dies_keeps_serving(project: Project, point: str) -> None:
    project.ok("deploy")
    project.set({"services.version": "2.0.0"})
    with served(project):
        killed(project, point, "promote", "canary")
        assert project.version() in ("1.0.0", "2.0.0")
        project.ok("promote", "canary")
    assert {one.track: one.release.version for one in committed(project).state.instances} == {
        "stable": "1.0.0",
        "canary": "2.0.0",
    }
    whole(project)


def test_a_promote_to_stable_that_dies_is_settled_by_the_next_one(project: Project, point: str) -> None:
    project.ok("deploy")
    project.set({"services.version": "2.0.0"})
    project.ok("promote", "canary")
    with served(project):
        killed(project, point, "promote", "stable")
        project.ok("promote", "stable")
    assert project.version() == "2.0.0"
    whole(project)


def test_a_canary_is_left_by_a_rollback_that_dies(project: Project, point: str) -> None:
    project.ok("deploy")
    project.set({"services.version": "2.0.0"})
    project.ok("promote", "canary")
    with served(project):
        killed(project, point, "rollback")
        assert project.version() in ("1.0.0", "2.0.0")
        # 3 when the first one had been committed: it is finished, and there is nothing further back
        project.run("rollback")
    assert project.version() == "1.0.0"
    whole(project)


@pytest.mark.parametrize("edge", ["before", "after"])
def test_an_undo_that_dies_is_done_by_the_next_command(project: Project, edge: str) -> None:
    project.ok("deploy")
    data = project.root / "policies" / "data.json"
    fine = data.read_text()
    data.write_text(fine.replace('"max_p99_latency_ms": 500.0', '"max_p99_latency_ms": 0.0'))
    project.set({"services.version": "2.0.0"})
    killed(project, f"undo:{edge}", "promote", "canary")
    assert project.version() == "1.0.0"
    data.write_text(fine)
    project.ok("promote", "canary")
    whole(project)


def test_a_teardown_that_dies_can_be_repeated(project: Project) -> None:
    project.ok("deploy")
    killed(project, "lock:after", "teardown")
    project.ok("teardown", "--clean")
    assert project.left() == []


def test_a_first_deploy_that_dies_before_its_intent_leaves_nothing_hidden(project: Project) -> None:
    killed(project, "decide:before", "deploy")
    assert "a first deploy was interrupted" in project.run("status", "--once").out
    project.ok("deploy")
    whole(project)


def test_status_says_what_was_interrupted_and_repairs_nothing(project: Project) -> None:
    project.ok("deploy")
    project.set({"services.version": "2.0.0"})
    killed(project, "ready:after", "deploy")
    before = project.journal()
    said = project.run("status", "--once", "--interval", "0.2").out
    assert "was interrupted; the next changing command will undo it" in " ".join(said.split())
    assert project.journal() == before
