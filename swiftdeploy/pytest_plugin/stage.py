"""The stack of one scenario, from the copy of its project to its teardown."""

from __future__ import annotations

import shutil
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from swiftdeploy.edge.http import Requests
from swiftdeploy.edge.inside import Inside
from swiftdeploy.edge.inspect import Machine
from swiftdeploy.edge.load import Load
from swiftdeploy.edge.shell import Shell
from swiftdeploy.flow.world import World
from swiftdeploy.machine import owners, ports
from swiftdeploy.model import errors, manifest
from swiftdeploy.model.state import EngineName
from swiftdeploy.pytest_plugin import record
from swiftdeploy.pytest_plugin.copy import copy
from swiftdeploy.pytest_plugin.item import MANIFEST, ScenarioItem
from swiftdeploy.pytest_plugin.signals import shielded
from swiftdeploy.scenario.effects import Effects, Running
from swiftdeploy.scenario.hostfacts import HostFacts
from swiftdeploy.scenario.read import Scenario
from swiftdeploy.scenario.scene import JOURNAL, Deadline, Scene, Stack
from swiftdeploy.verbs.teardown import teardown
from swiftdeploy.wiring import Project

SWEPT: pytest.StashKey[bool] = pytest.StashKey()


class _Loads:
    """Fulfils scenario.effects.Loads."""

    def start(self, url: str, path: str, rps: float, connections: int | None, keepalive: bool) -> Running:
        load = Load(url, path, rps, connections, keepalive)
        load.start()
        return load


@contextmanager
def stage(item: ScenarioItem, folders: pytest.TempPathFactory) -> Iterator[Scene]:
    """A Scene on a fresh copy. Whatever happens in the body, its stack is stopped and its folder removed."""
    root = folders.mktemp(f"swiftdeploy-{uuid.uuid4().hex[:8]}", numbered=False)
    try:
        scene = _scene(item, root)
        record.keep_engine(item, scene)
    except BaseException as error:
        _remove(root)
        if isinstance(error, errors.SwiftDeployError):
            pytest.fail(str(error), pytrace=False)
        raise
    try:
        yield scene
    finally:
        with shielded():
            wrong = _strike(scene, item, root)
        if wrong:
            pytest.fail(wrong, pytrace=False)


def _scene(item: ScenarioItem, root: Path) -> Scene:
    copy(item.project, root, item.scenario)
    engine = item.config.getoption("swiftdeploy_engine")
    project = Project(root, MANIFEST, engine, leash=owners.me(), starts=True)
    sweep(item.config, project.engine_name())
    return build_scene(project.world(), root, item.scenario)


def sweep(config: pytest.Config, engine: EngineName) -> None:
    """Once a run, before its first container: remove what killed runs left behind. Processes have a leash instead."""
    if engine == "docker" and not config.stash.get(SWEPT, False):
        from swiftdeploy.engines.docker import sweep

        config.stash[SWEPT] = True
        sweep.lost()


def build_scene(world: World, root: Path, scenario: Scenario) -> Scene:
    """A Scene over a world whose project is at `root`: its clock knows the time-outs, its host the scenario's facts."""
    deadline, host = Deadline(world.clock), HostFacts(world.host, scenario.facts)
    seen = replace(world, clock=deadline, host=host)
    effects = Effects(_Loads(), Requests(), Shell(), Machine(), Inside())
    return Scene(seen, effects, _stack(world, root), host, deadline)


def _stack(world: World, root: Path) -> Stack:
    asked = manifest.parse(world.files.read(world.manifest_name), world.manifest_name)
    everywhere = (None, "0.0.0.0", "::")  # where a listener on all addresses is reached from here
    host = "127.0.0.1" if asked.nginx.bind in everywhere else str(asked.nginx.bind)
    return Stack(
        engine=world.engine.name,
        folder=str(root),
        python=sys.executable,
        host=f"[{host}]" if ":" in host else host,
        port=asked.nginx.port,
        admin_port=asked.nginx.admin_port,
        judge_port=asked.opa.port,
    )


def _strike(scene: Scene, item: ScenarioItem, root: Path) -> str:
    """Tear all of it down; returns what went wrong, in words. The engine's own sweep has the last word."""
    wrong: list[str] = []
    scene.deadline.lift()
    try:
        scene.quiet()
        if scene.world.files.exists(JOURNAL) and scene.state().instances:
            teardown(scene.world)
    except errors.SwiftDeployError as error:
        wrong.append(f"teardown: {error}")
    try:
        scene.world.engine.close(True)
        scene.world.judge.close()
        record.keep_journal(item, scene)
    except errors.SwiftDeployError as error:
        wrong.append(f"closing the stack: {error}")
    finally:
        ports.release_all(root)
        _remove(root)
    return "\n".join(wrong)


def _remove(root: Path) -> None:
    ports.release_all(root)
    shutil.rmtree(root, ignore_errors=True)
