"""The daemon, the docker command or a container fails, and the next command puts it right."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dockerd
import pytest
from dockerd import LONG, docker
from project import Project
from stack import Stack, wait

from swiftdeploy.engines.docker import cli, marks
from swiftdeploy.model import journal
from swiftdeploy.model.errors import EnvironmentMissing

pytestmark = [pytest.mark.docker, pytest.mark.usefixtures("dockerd_here")]
AWAY = "echo 'Cannot connect to the Docker daemon at unix:///x.sock. Is the docker daemon running?' >&2; exit 1"
HANGS = "exec sleep 1000"
DIES = '"$real" "$@" <&0 & sleep 0.25; kill -9 $! $$'
FIND_AGAIN_SECONDS = 3.0
SCRIPT = """#!/bin/sh
# the real docker, but for the calls that the file `when` finds
here={here} real={real}
if [ -e "$here/when" ] && printf '%s' "$*" | tr '\\n' ' ' | grep -qE -f "$here/when"; then . "$here/then"; fi
exec "$real" "$@"
"""


class Wrapper:
    """A `docker` that fails where a test says. `path` is a PATH on which it comes first."""

    def __init__(self, folder: Path, path: str) -> None:
        self.folder, self.path = folder, f"{folder}:{path}"
        real = shutil.which("docker", path=path)
        folder.mkdir()
        script = folder / "docker"
        script.write_text(SCRIPT.format(here=folder, real=real))
        script.chmod(0o755)

    def will(self, then: str, when: str) -> None:
        """From now on, in calls whose words match."""
        (self.folder / "then").write_text(then)
        (self.folder / "when").write_text(f"{when}\n")


@pytest.fixture
def wrapper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wrapper:
    return Wrapper(tmp_path / "bin", os.environ["PATH"])


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory, dockerd_here: None) -> Iterator[Project]:
    """A project that tests hurt and mend."""
    folder = tmp_path_factory.mktemp("deployed")
    made = Project(folder / "shop", folder, engine="docker")
    made.ok("deploy")
    yield made
    made.close()
    assert made.left() == []


@pytest.fixture
def project(deployed: Project) -> Project:
    """As `deployed`; whoever hurts it calls `mended`."""
    return deployed


def mended(project: Project) -> str:
    """One `deploy`, after which what runs is what the last commit says, and it serves; what was said."""
    project.set({"services.version": "1.0.0"})
    done = project.ok("deploy")
    assert project.instances() == {"stable-1"}
    assert len(dockerd.listed("container", f"label={marks.ROOT}={project.root}")) == 3
    assert project.version() == "1.0.0"
    assert journal.unfinished(reversed(project.journal())) is None
    return done.out + done.err


def container(project: Project, part: str) -> str:
    """Name of the container of an instance id, `proxy` or `judge`."""
    label = marks.ROLE if part in ("proxy", "judge") else marks.INSTANCE
    every = dockerd.listed("container", f"label={marks.ROOT}={project.root}")
    return next(name for name in every if dockerd.inspected(name)["Config"]["Labels"].get(label) == part)


def stable(project: Project) -> str:
    return container(project, next(iter(project.instances())))


def serves(project: Project) -> Callable[[], object]:
    """For `wait`: what is missing until the app answers through the proxy."""

    def missing() -> object:
        try:
            status, _, text = project.ask()
        except OSError as error:
            return error
        return None if status == 200 else text

    return missing


def compose(project: Project, *words: str) -> None:
    docker("compose", "--project-directory", str(project.root), "-f", str(project.root / "docker-compose.yml"), *words)


@pytest.mark.parametrize(
    "parts",
    [
        ("app", "proxy", "judge"),
        ("proxy",),
        pytest.param(("app",), marks=LONG),
        pytest.param(("judge",), marks=LONG),
    ],
    ids="-".join,
)
def test_containers_that_were_removed_by_hand_are_started_again_by_deploy(
    project: Project, parts: tuple[str, ...]
) -> None:
    names = [stable(project) if part == "app" else container(project, part) for part in parts]
    docker("rm", "-f", "-v", *names)
    assert "started again" in mended(project)


@pytest.mark.parametrize(
    "words",
    [
        ("down", "-v", "-t", "1"),
        ("pause",),
        pytest.param(("stop", "-t", "1"), marks=LONG),
        pytest.param(("kill",), marks=LONG),
    ],
    ids=lambda it: it[0],
)
def test_after_compose_by_hand_deploy_brings_the_stack_back(project: Project, words: tuple[str, ...]) -> None:
    compose(project, *words)
    mended(project)


def test_an_instance_that_comes_back_with_another_address_is_found_again(project: Project) -> None:
    name, network = stable(project), project.network
    before = dockerd.inspected(name)["NetworkSettings"]["Networks"][network]
    aliases = [word for alias in before["Aliases"] for word in ("--alias", alias)]
    docker("network", "disconnect", network, name)
    squatter = docker("run", "-d", "--network", network, "--entrypoint", "sleep", dockerd.BASE, "60").strip()
    try:
        docker("network", "connect", *aliases, network, name)
        after = dockerd.inspected(name)["NetworkSettings"]["Networks"][network]
        assert after["IPAddress"] != before["IPAddress"]
        wait(serves(project), FIND_AGAIN_SECONDS)
    finally:
        docker("rm", "-f", "-v", squatter)


def test_after_a_restart_of_all_containers_in_any_order_the_stack_serves(project: Project) -> None:
    names = dockerd.listed("container", f"label={marks.ROOT}={project.root}")
    random.shuffle(names)
    docker("stop", "-t", "2", *names)
    for name in names:
        docker("start", name)
    wait(serves(project), FIND_AGAIN_SECONDS)
    assert "started again" not in mended(project)


def test_a_daemon_that_is_nowhere_is_said(project: Project, tmp_path: Path) -> None:
    nowhere = {"DOCKER_HOST": f"unix://{tmp_path}/none.sock"}
    for words in (("deploy",), ("promote", "canary"), ("teardown",), ("status", "--once"), ("validate",)):
        done = project.run(*words, **nowhere)
        assert "no Docker daemon answers" in done.out + done.err, words
        assert done.status == (0 if words == ("validate",) else 13), (words, done)
    assert project.version() == "1.0.0"
    mended(project)  # the teardown had begun


def test_without_the_docker_command_it_is_said(project: Project, tmp_path: Path) -> None:
    done = project.run("deploy", PATH=str(tmp_path))
    assert done.status == 13
    assert "docker cannot be run: No such file or directory" in done.err


@pytest.mark.parametrize(
    ("then", "when"),
    [
        (DIES, "^compose .* up .* canary$"),
        pytest.param(AWAY, "^compose .* up .* canary$", marks=LONG),
        (AWAY, "^exec .* -s reload"),
        pytest.param(AWAY, "^image inspect", marks=LONG),
        pytest.param("rm $here/when; kill -9 $$", "^exec .* nginx -t", marks=LONG),
    ],
    ids=["compose dies", "compose fails", "no reload", "no images", "one test of nginx dies"],
)
def test_a_promote_that_docker_fails_changes_nothing(project: Project, wrapper: Wrapper, then: str, when: str) -> None:
    project.set({"services.version": "2.0.0"})
    wrapper.will(then, when)
    done = project.run("promote", "canary", PATH=wrapper.path)
    assert done.status == 13, done
    assert "Traceback" not in done.err
    assert project.version() == "1.0.0"
    mended(project)


ENDS = "for n in range(30): print('line', n, flush=True)\nimport sys; sys.exit(3)"


def test_a_release_that_keeps_ending_is_refused_with_its_last_words(project: Project) -> None:
    project.set(
        {"services.version": "2.0.0", "services.image": dockerd.program_image(), "services.env": {"PROGRAM": ENDS}}
    )
    done = project.run("promote", "canary")
    assert done.status == 12, done
    assert "canary-2 (2.0.0 (" in done.err
    assert "exited with status 3" in done.err
    shown = [line.strip() for line in done.err.splitlines() if line.strip().startswith("line ")]
    assert shown == [f"line {number}" for number in range(10, 30)]
    assert project.version() == "1.0.0"
    project.set({"services.image": dockerd.APP, "services.env": {}})
    mended(project)


@pytest.mark.parametrize("when", ["^compose", pytest.param(".", marks=LONG), pytest.param("^exec", marks=LONG)])
def test_a_docker_that_hangs_is_given_up_in_bounded_time(
    docker_stack: Stack, wrapper: Wrapper, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = docker_stack
    one = stack.deploy()

    def change() -> None:
        stack.begin("canary")
        stack.route(50, one)

    with monkeypatch.context() as patched:
        patched.setenv("PATH", wrapper.path)
        patched.setattr(cli, "SECONDS", 1.0)
        patched.setattr(cli, "START_SECONDS", 1.5)
        wrapper.will(HANGS, when)
        began = time.monotonic()
        with pytest.raises(EnvironmentMissing, match=r"did not end within 1(\.5)? s") as caught:
            change()
        assert time.monotonic() - began < 8.0
        assert "the next command repairs" in str(caught.value)
    stack.engine.stop("canary-2", 1.0)
    stack.route(0, one)
    assert stack.engine.running() == (one.id,)
    assert stack.get()[0] == 200


def test_a_first_deploy_that_fails_or_is_interrupted_leaves_nothing_and_can_be_repeated(
    tmp_path: Path, wrapper: Wrapper
) -> None:
    made = Project(tmp_path / "shop", tmp_path, engine="docker")
    mark = f"label={marks.ROOT}={made.root}"
    try:
        wrapper.will(DIES, "^compose .* up .* nginx app$")
        done = made.run("deploy", PATH=wrapper.path)
        assert done.status == 13, done
        assert dockerd.listed("container", mark) == dockerd.listed("network", mark) == []
        interrupted = made.started("deploy")
        wait(lambda: not made.instances(), 30.0)
        interrupted.send_signal(signal.SIGINT)
        assert interrupted.wait(30) == 130
        assert dockerd.listed("container", mark) == dockerd.listed("network", mark) == []
        mended(made)
    finally:
        made.close()
    assert made.left() == []
