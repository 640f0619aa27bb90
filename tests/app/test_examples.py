"""The example projects: manifests that are accepted, images that are one, a `./swiftdeploy` that finds the command."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from swiftdeploy.model import manifest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
DOCKERFILES = [ROOT / "app" / "Dockerfile", EXAMPLES / "hello" / "Dockerfile", EXAMPLES / "article" / "Dockerfile"]


def instructions(dockerfile: Path) -> list[str]:
    text = re.sub(r"\\\n\s*", "", dockerfile.read_text())
    text = text.replace(" app/main.py ", " main.py ")  # an example is built from its own folder, the app from app/
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_the_hello_manifest_runs_with_and_without_docker():
    asked = manifest.parse((EXAMPLES / "hello" / "manifest.yaml").read_text())
    assert asked.services.build == "."
    assert asked.services.command == ("{python}", "app/main.py")
    assert not [image for image in (asked.services.image, asked.nginx.image, asked.opa.image) if "latest" in image]


def test_the_article_manifest_is_accepted_as_it_stands():
    asked = manifest.parse((EXAMPLES / "article" / "manifest.yaml").read_text())
    assert (asked.services.image, asked.services.port) == ("swift-deploy-1-node:latest", 3000)
    assert (asked.nginx.port, asked.opa.port, asked.contact) == (8080, 8181, "ops@swiftdeploy.local")


def test_the_three_dockerfiles_build_the_same_image():
    assert len({tuple(instructions(one)) for one in DOCKERFILES}) == 1


def test_the_image_needs_no_network_and_no_root():
    lines = instructions(DOCKERFILES[0])
    assert lines[:2] == ["ARG BASE=python:3.12-alpine", "FROM ${BASE}"]
    assert not [line for line in lines if line.startswith("RUN")]
    assert "USER 10001:10001" in lines


def test_the_health_check_of_the_image_asks_the_port_of_its_environment(stable, rig):
    line = next(one for one in instructions(DOCKERFILES[0]) if one.startswith("HEALTHCHECK"))
    command = json.loads(line.partition("CMD ")[2])
    assert command[0] == "python3"

    def checked(port: int) -> int:
        env = {"APP_PORT": str(port), "http_proxy": "http://127.0.0.1:9"}
        return subprocess.run([sys.executable, *command[1:]], env=env, capture_output=True, timeout=20).returncode

    assert checked(stable.port) == 0
    assert checked(rig.free_port()) != 0


@pytest.fixture
def found(tmp_path):
    """A command named swiftdeploy that says what it was given, in a folder with a space."""
    folder = tmp_path / "bin dir"
    folder.mkdir()
    command = folder / "swiftdeploy"
    command.write_text('#!/bin/sh\nprintf "<%s>" "$@"\nexit 10\n')
    command.chmod(0o755)
    return folder


def call(path: str, *words: str) -> subprocess.CompletedProcess[str]:
    argv = ["./swiftdeploy", *words]
    env = {"PATH": path}
    return subprocess.run(argv, cwd=EXAMPLES / "article", env=env, capture_output=True, text=True, timeout=20)


def test_the_projects_swiftdeploy_passes_words_and_exit_status_on(found):
    done = call(f".:{EXAMPLES / 'article'}:{found}:{os.environ['PATH']}", "promote", "a b", "*", "")
    assert (done.returncode, done.stdout) == (10, "<promote><a b><*><>")


def test_the_projects_swiftdeploy_says_so_when_there_is_no_command():
    done = call(f".:{EXAMPLES / 'article'}:/usr/bin:/bin", "deploy")
    assert done.returncode == 127
    assert "pip install swiftdeploy" in done.stderr
