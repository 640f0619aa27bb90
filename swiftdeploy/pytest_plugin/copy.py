"""A copy of a project for one scenario, with ports, network and volume names of its own."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path

from swiftdeploy.machine import ports
from swiftdeploy.model import manifest, render, yamlfile
from swiftdeploy.model.decision import Json
from swiftdeploy.pytest_plugin.item import MANIFEST
from swiftdeploy.scenario.read import Scenario

BUILT = "scenario"
FOLDERS = ("app", "policies", "templates", "Dockerfile")
NEVER = (".git", ".venv", ".swiftdeploy", "__pycache__", "node_modules", "*.pyc", "history.jsonl*")
LONGEST_NAME = 100


def copy(project: Path, to: Path, scenario: Scenario) -> None:
    """Copy what a stack of this project needs, and write a manifest for a stack beside any other."""
    text = (project / MANIFEST).read_bytes().decode()
    asked = manifest.parse(text, MANIFEST)
    words = (*(asked.services.command or ()), asked.services.build or "", *_argv_words(scenario))
    policies = asked.policy.path.partition("/")[0]
    for name in dict.fromkeys((*FOLDERS, policies, *_named(words, project))):
        _take(project / name, to / name)
    own = {**_own(asked, to), **scenario.sets}
    (to / MANIFEST).write_bytes(yamlfile.with_values(text, own).encode())


def _own(asked: manifest.Manifest, root: Path) -> dict[str, Json]:
    """What must not be shared with a stack that runs already, and the mode, which `promote` writes and a scenario must
    not begin with by chance. The ports stay claimed while this process lives."""
    mark = uuid.uuid4().hex[:8]
    unused = root / ".no-such-file"
    network = f"{asked.network.name[:LONGEST_NAME]}-{mark}"
    # what is built of a copy must not take the name of the image that the project itself runs
    built = {"services.image": f"{render.KEPT_IMAGES}/{render.project_name(network)}:{BUILT}"}
    return {
        **(built if asked.services.build else {}),
        "services.mode": "stable",
        "nginx.port": ports.claim(root, unused),
        "nginx.admin_port": ports.claim(root, unused),
        "opa.port": ports.claim(root, unused),
        "network.name": network,
        "services.log_volume": f"{asked.services.log_volume[:LONGEST_NAME]}-{mark}",
    }


def _argv_words(scenario: Scenario) -> Iterator[str]:
    for step in (*scenario.steps, *scenario.always):
        if step.verb == "run":
            asks = step.asks.get("argv") if isinstance(step.asks, dict) else step.asks
            yield from (word for word in (asks if isinstance(asks, list) else []) if isinstance(word, str))


def _named(words: Iterable[str], project: Path) -> Iterator[str]:
    """The project's own top-level files and folders that a command names: `server/main.py`, or `-m server.main`."""
    for word in words:
        for path in (word, f"{word.split('.')[0]}", f"{word.split('.')[0]}.py"):
            parts = Path(path).parts
            if parts and ".." not in parts and not Path(path).is_absolute() and (project / path).exists():
                yield parts[0]


def _take(source: Path, target: Path) -> None:
    if target.exists() or source.name in NEVER:
        return
    if source.is_dir():
        ignore = shutil.ignore_patterns(*NEVER)
        shutil.copytree(source, target, ignore=ignore, ignore_dangling_symlinks=True)
    elif source.is_file():
        shutil.copy2(source, target)
