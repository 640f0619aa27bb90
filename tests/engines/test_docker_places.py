"""Where a project on Docker lies and how its files were checked out makes no difference."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import dockerd
import pytest
from project import Project
from stack import Stack

from swiftdeploy.edge.files import Files
from swiftdeploy.engines.docker import marks
from swiftdeploy.model.errors import EnvironmentMissing

Make = Callable[..., Stack]
pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("dockerd_here")]
# all that Compose, a label, a mount or a filter could take for something else, in one name
ODD = """a 'b' "c" $HOME ${X:-y} $$ %20 100%s ;#&(){}[],=:\\ é-ü-漢-\U0001f600"""


@pytest.mark.parametrize("name", [ODD, "x" * 120 + "/" + "y" * 120 + "/ " + "z" * 60], ids=["odd", "long"])
def test_a_project_may_live_in_an_odd_folder(make_docker: Make, name: str) -> None:
    stack = make_docker(name)
    judged(stack)
    one = stack.deploy()
    assert stack.get()[0] == 200
    assert stack.engine.running() == (one.id,)
    assert stack.engine.test_proxy(stack.manifest) is None
    again = stack.reopened()
    again.open(stack.settings)
    again.start(one, stack.manifest)
    assert again.running() == (one.id,)
    assert [part.state for part in again.parts(stack.state)] == ["running"] * 3


@pytest.mark.parametrize("name", ["new\nline", "a\ttab", "bell\a", b"\xff".decode("utf-8", "surrogateescape")])
def test_a_folder_that_no_label_can_name_is_refused_before_anything_starts(make_docker: Make, name: str) -> None:
    stack = make_docker(name)
    with pytest.raises(EnvironmentMissing, match="folder") as caught:
        stack.engine.fetch(stack.manifest)
    assert name not in str(caught.value)
    with pytest.raises(EnvironmentMissing, match="rename it, or use --engine local"):
        stack.open()
    assert dockerd.listed("network", f"name={stack.network}") == []
    assert not (stack.root / ".swiftdeploy").exists()


def test_a_strict_checkout_is_built_judged_and_served(tmp_path: Path) -> None:
    """What containers read belongs to another user there: sources, policies, the proxy's configuration."""
    before = os.umask(0o077)
    made = Project(tmp_path / "shop", tmp_path, engine="docker")
    image = f"{made.network}:1"
    try:
        made.manifest.write_text(made.manifest.read_text().replace("services:\n", "services:\n  build: .\n"))
        made.set({"services.image": image})
        for path in (made.root, *made.root.rglob("*")):
            path.chmod(path.stat().st_mode & 0o700)
        assert "PASS (judge opa)" in made.ok("deploy").out
        assert made.version() == "1.0.0"
        assert made.ask("/?" + "x" * 2000)[0] == 200
        assert made.ask("/", "POST", "x" * 200_000)[0] in (404, 405)  # a body that nginx writes to a file
    finally:
        os.umask(before)
        made.close()
        if dockerd.docker("image", "ls", "-q", image):
            dockerd.docker("image", "rm", image)
    assert made.left() == []


def test_a_project_is_the_same_through_a_link(make_docker: Make, tmp_path: Path) -> None:
    stack = make_docker("real")
    link = tmp_path / "link"
    link.symlink_to(stack.root)
    real, stack.root = stack.root, link
    stack.engine = stack.reopened()
    one = stack.deploy()
    assert dockerd.inspected(str(stack.found(one.id).container))["Config"]["Labels"][marks.ROOT] == str(real)
    stack.root = real
    assert stack.reopened().running() == (one.id,)
    assert [part.state for part in stack.reopened().parts(stack.state)][:2] == ["running", "running"]


def judged(stack: Stack) -> None:
    """Start the judge, which reads the policies from a mounted folder where it can."""
    stack.open()
    stack.engine.start_judge(stack.settings, Files(stack.root).policies())
