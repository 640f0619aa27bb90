"""nginx's own program in an image or a container: its version, its test of a configuration, its reload."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Mapping

from swiftdeploy.engines.docker import cli
from swiftdeploy.engines.docker.cli import Answer
from swiftdeploy.model.errors import EnvironmentMissing, SwiftDeployError, Unreadable

FOLDER = "/etc/nginx/routing"
OLDEST = (
    1,
    27,
    4,
)  # keepalive_min_timeout, without which a reload loses requests of idle clients; resolve in upstreams
UNKNOWN = re.compile(r"unknown directive|invalid parameter")


def version(image: str) -> tuple[int, ...] | None:
    """Of the nginx in an image that is here; None when it does not say."""
    answer = cli.ask("run", "--rm", "--network", "none", "--entrypoint", "nginx", image, "-v")
    found = re.search(r"nginx/(\d+(?:\.\d+)+)", answer.err + answer.out)
    return tuple(map(int, found[1].split("."))) if found else None


def too_old(image: str) -> str | None:
    """What is wrong with the nginx in an image; None when it is new enough or does not say."""
    found = version(image)
    if found is None or found >= OLDEST:
        return None
    return (
        f"{image} is nginx {_dotted(found)}; switching without losing a request needs {_dotted(OLDEST)} or newer "
        "(the official images from 1.28 on)"
    )


def test_in(image: str, files: Mapping[str, str]) -> str | None:
    """`nginx -t` over files by their paths, in a container of its own that nothing of this machine is mounted into:
    None when it passes. Raises EnvironmentMissing when the image cannot be run."""
    made = cli.do(
        "create", "--network", "none", "--user", "10001:10001", "--tmpfs", "/tmp:mode=1777", "--entrypoint", "nginx",
        image, "-t", "-q", "-e", "stderr", "-c", f"{FOLDER}/nginx.conf",
        what=f"{image} cannot be run", seconds=cli.PULL_SECONDS,
    ).split()[-1]  # fmt: skip
    try:
        cli.do("cp", "-", f"{made}:/", what="the rendered config cannot be copied", stdin=_archive(files))
        return _said(cli.ask("start", "-a", made))
    finally:
        cli.ask("rm", "-f", "-v", made)


def reload(container_id: str) -> str | None:
    """Have it read its files again: None when they are good, else what nginx said, and nothing is changed.

    nginx's own command reads all of the configuration before it sends the signal. `docker kill -s HUP` would not, and
    would mark the container as stopped by hand, which Docker leaves down after a restart of the machine.
    """
    return _said(cli.ask("exec", container_id, "nginx", "-s", "reload", "-e", "stderr", "-c", f"{FOLDER}/nginx.conf"))


def refused(said: str, image: str, then: str) -> SwiftDeployError:
    """The error for a configuration that nginx does not take. `then`: what that means for what runs."""
    if UNKNOWN.search(said) and (old := too_old(image)):
        return EnvironmentMissing(old, "choose a newer nginx.image")
    if "[emerg]" not in said:
        return EnvironmentMissing(f"the proxy does not run{then}: {said}", "see `docker ps -a` and `docker logs`")
    return Unreadable(
        f"nginx refuses its configuration{then}: {said}",
        "correct templates/nginx.conf.tmpl and templates/routing.conf.tmpl, or remove them",
    )


def _said(answer: Answer) -> str | None:
    if answer.status == 0:
        return None
    return answer.said.replace(f"{FOLDER}/", "the rendered ") or "it failed"


def _archive(files: Mapping[str, str]) -> bytes:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        for name, text in files.items():
            data = text.encode()
            entry = tarfile.TarInfo(name.lstrip("/"))
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))
    return whole.getvalue()


def _dotted(found: tuple[int, ...]) -> str:
    return ".".join(map(str, found))
