"""Docker Compose itself accepts the rendered file, where Compose is installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from swiftdeploy.edge.bundled import folder
from swiftdeploy.model import manifest, render

MANIFEST = """\
services: {image: app, port: 3000, version: "$1 ${HOME} 'x'", env: {A: "$B", C: "${D:-e}"}}
nginx: {image: nginx, port: 8080}
network: {name: shop-net, driver_type: bridge}
"""


def compose() -> list[str] | None:
    """The words that call Compose v2 here; v1 knows neither `name` nor profiles as we use them."""
    for words in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(words[0]):
            said = subprocess.run([*words, "version", "--short"], capture_output=True, text=True)
            if said.returncode == 0 and not said.stdout.startswith("1."):
                return words
    return None


COMPOSE = compose()


@pytest.mark.skipif(COMPOSE is None, reason="Docker Compose v2 is not installed")
def test_compose_accepts_the_rendered_file_and_reads_its_values_unchanged(tmp_path: Path) -> None:
    templates = {path.name: path.read_text() for path in folder("templates").glob("*.tmpl")}
    for name, text in render.project(manifest.parse(MANIFEST), templates).items():
        (tmp_path / name).write_text(text)
    assert COMPOSE is not None
    words = [*COMPOSE, "--profile", "canary", "config", "--format", "json"]
    said = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)
    assert said.returncode == 0, said.stderr
    assert said.stderr == "", "Compose warns of nothing, such as a variable that is not set"
    assert '"C": "$${D:-e}"' in said.stdout
