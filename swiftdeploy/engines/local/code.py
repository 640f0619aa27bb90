"""What a release runs: its argv, the digest of the files that argv names, and kept copies of those files."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from swiftdeploy.engines.local.places import Places
from swiftdeploy.model.errors import EnvironmentMissing
from swiftdeploy.model.state import Release

if TYPE_CHECKING:
    from swiftdeploy.model.manifest import Manifest

PYTHON, PORT, SAMPLE = "{python}", "{port}", "{sample_app}"
# -S: the sample app needs the standard library only, and starts sooner without looking for more
SAMPLE_ARGV = (PYTHON, "-S", SAMPLE)


@dataclass(frozen=True)
class Code:
    """Where the words of an argv are found: the project folder, and the sample app where it stands in."""

    places: Places
    sample_app: Path | None

    def files(self, argv: tuple[str, ...]) -> dict[int, Path]:
        """The files of the project (or the sample app) that argv names, by the position of the word."""
        found = {}
        for position, word in enumerate(argv):
            path = self.sample_app if word == SAMPLE else self.places.root / word
            if path and "\0" not in word and _is_within(word, path):
                found[position] = path
        return found

    def digest(self, argv: tuple[str, ...]) -> str:
        """`sha256:` and hex over argv and the contents of the files it names. Raises EnvironmentMissing."""
        whole = hashlib.sha256(json.dumps(argv).encode())
        for position, path in self.files(argv).items():
            whole.update(f"\n{position} {_digest(path)}".encode())
        return f"sha256:{whole.hexdigest()}"

    def keep(self, release: Release) -> None:
        """Copy the files of a release beside its manifest, once, so that a rollback runs the old code."""
        folder = self._kept(release)
        if folder.is_dir() or not (files := self.files(release.argv)):
            return
        staged = folder.with_name(f".files.{os.getpid()}")
        staged.mkdir(mode=0o700, parents=True, exist_ok=True)
        for position, path in files.items():
            _copy(path, staged / str(position) / path.name)
        staged.rename(folder)

    def filled(self, release: Release, port: int) -> tuple[str, ...]:
        """The argv to run now: from the project folder while its files are still those of the release, else from the
        kept copies. Raises EnvironmentMissing when neither is left."""
        argv = list(release.argv)
        if self.digest(release.argv) == release.digest:
            for position in (number for number, word in enumerate(argv) if word == SAMPLE):
                argv[position] = str(self.sample_app)
        else:
            for position, path in self._copies(release).items():
                argv[position] = str(path)
        return tuple(word.replace(PYTHON, sys.executable).replace(PORT, str(port)) for word in argv)

    def _copies(self, release: Release) -> dict[int, Path]:
        found = {int(path.parent.name): path for path in self._kept(release).glob("*/*")}
        again = hashlib.sha256(json.dumps(release.argv).encode())
        for position, path in sorted(found.items()):
            again.update(f"\n{position} {_digest(path)}".encode())
        if f"sha256:{again.hexdigest()}" != release.digest:
            raise EnvironmentMissing(
                f"the files of release {release.label} were changed and no copy of them was kept",
                "put the files back as they were, or deploy what is there now",
            )
        return found

    def _kept(self, release: Release) -> Path:
        return self.places.releases / release.id / "files"


def release(manifest: Manifest, code: Code) -> Release:
    """What the manifest asks to run, and what that is right now. Raises EnvironmentMissing when it names nothing that
    this engine could run."""
    services = manifest.services
    argv = services.command
    if argv is None:
        if code.sample_app is None or not code.sample_app.is_file():
            raise EnvironmentMissing(
                f"services.command is missing, and the local engine cannot run the image {services.image}",
                "add services.command, the argv of the app, to the manifest",
            )
        argv = SAMPLE_ARGV
    digest = code.digest(argv)
    env_digest = _env_digest({name: value.get_secret_value() for name, value in services.env.items()})
    counts = (
        digest, services.version, services.port, env_digest, services.health_path, services.metrics_path,
        services.resources.memory, services.resources.cpus,
    )  # fmt: skip
    return Release(
        id=hashlib.sha256(json.dumps(counts).encode()).hexdigest()[:12],
        version=services.version,
        image=services.image,
        digest=digest,
        argv=tuple(argv),
        sample_app=services.command is None,
        port=services.port,
        env_digest=env_digest,
        health_path=services.health_path,
        metrics_path=services.metrics_path,
        memory=services.resources.memory,
        cpus=services.resources.cpus,
    )


def executable(word: str, root: Path, path: str | None) -> str:
    """The file that argv's first word means, as a shell in the project folder would find it, without running one.
    Raises EnvironmentMissing."""
    found = shutil.which(str(root / word) if os.sep in word else word, path=path)
    if found is None:
        raise EnvironmentMissing(
            f"services.command: there is no executable {word!r}",
            "install it, name it by its path, or use {python}",
        )
    return str(root / found)


def _env_digest(env: Mapping[str, str]) -> str:
    return f"sha256:{hashlib.sha256(json.dumps(sorted(env.items())).encode()).hexdigest()}"


def _is_within(word: str, path: Path) -> bool:
    """A relative word that names a file; an absolute one (an interpreter, say) belongs to the machine."""
    try:
        return bool(word) and not os.path.isabs(word) and path.is_file()
    except OSError:
        return False  # a word longer than a file name may be


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise EnvironmentMissing(f"{path} cannot be read: {error.strerror}", "make it readable") from error


def _copy(path: Path, to: Path) -> None:
    to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.copyfile(path, to)
    shutil.copymode(path, to)
