"""What a killed run left on the daemon is removed by the next one, and nothing of a run that may live."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dockerd
import pytest
from dockerd import docker

from swiftdeploy.engines.docker import marks, sweep
from swiftdeploy.machine import owners

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("dockerd_here")]
ME = marks.owner(owners.me())
GONE = replace(ME, born=ME.born - 1000.0)
OWNERS = {
    "gone": (GONE, True),
    "of another boot": (replace(ME, boot="another"), True),
    "living": (ME, False),
    "gone on another machine": (replace(GONE, place="elsewhere/pid:[1]"), False),
    "of another boot of another machine": (replace(GONE, boot="another", place="elsewhere/pid:[1]"), False),
}


class Left:
    """A few things of a run with that owner; `name` begins their names."""

    def __init__(self, name: str, owner: marks.Owner) -> None:
        self.name = name
        words = ("--label", f"{marks.OWNER}={owner}", "--label", f"{marks.PROJECT}={name}")
        docker("network", "create", *words, name)
        docker("volume", "create", *words, name)
        docker("tag", dockerd.BASE, f"swiftdeploy-kept/{name}:scenario")
        for number in range(3):
            docker("run", "-d", "--name", f"{name}-{number}", "--network", name, *words, "--entrypoint", "sleep",
                   dockerd.BASE, "1000")  # fmt: skip

    def there(self) -> int:
        return sum(len(dockerd.listed(kind, f"name={self.name}")) for kind in dockerd.KINDS) + len(
            dockerd.kept(self.name)
        )

    def remove(self) -> None:
        for kind in dockerd.KINDS:
            if names := dockerd.listed(kind, f"name={self.name}"):
                docker(kind, "rm", "-f", *names) if kind != "network" else docker(kind, "rm", *names)
        if kept := dockerd.kept(self.name):
            docker("image", "rm", *kept)


@pytest.fixture
def leave(tmp_path: Path) -> Iterator:
    made: list[Left] = []

    def leave(owner: marks.Owner) -> Left:
        made.append(Left(f"{dockerd.own_name(tmp_path)[:40]}-{len(made)}", owner))
        return made[-1]

    yield leave
    for one in made:
        one.remove()


@pytest.mark.parametrize("name", OWNERS)
def test_whose_owner_is_gone_for_sure_is_swept(leave, name: str) -> None:
    owner, swept = OWNERS[name]
    left = leave(owner)
    sweep.lost()
    assert left.there() == (0 if swept else 6)


def test_two_runs_that_sweep_at_once_do_not_stumble_over_each_other(leave) -> None:
    left = [leave(GONE), leave(replace(GONE, born=1.0))]
    argv = (sys.executable, "-c", "from swiftdeploy.engines.docker import sweep; sweep.lost()")
    both = [subprocess.Popen(argv, stderr=subprocess.PIPE, env=os.environ, text=True) for _ in range(3)]
    assert [one.communicate(timeout=60)[1] for one in both] == ["", "", ""]
    assert [one.there() for one in left] == [0, 0]
