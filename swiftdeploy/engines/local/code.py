"""What a release runs: its argv, the digest of the files that argv names, and how it runs from its own copy of them."""

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

from swiftdeploy.engines.local import kept, tree
from swiftdeploy.engines.local.kept import Kept
from swiftdeploy.engines.local.places import Places
from swiftdeploy.model import asking, placeholders
from swiftdeploy.model.errors import EnvironmentMissing
from swiftdeploy.model.state import Release

if TYPE_CHECKING:
    from swiftdeploy.model.manifest import Manifest

PYTHON, SAMPLE = "{python}", "{sample_app}"
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
        return _whole(argv, {position: _digest(path) for position, path in self.files(argv).items()})

    def keep(self, release: Release, anew: bool = False) -> None:
        """See that the release has its own copy of its files, with the contents of its digest.

        One that is missing or damaged is made from the project while the project still has that digest, and one
        `anew` then too. Raises EnvironmentMissing when there is nothing to make it from.
        """
        if _whole(release.argv, {}) == release.digest:
            return
        good = self._good(release) is not None
        if good and not anew:
            return
        if self._is_unchanged(release):
            self._make(release)
        elif not good:
            raise _gone(release)

    def filled(self, release: Release, values: Mapping[str, str]) -> tuple[str, ...]:
        """The argv to run, of a release whose files are kept, with the `values` of its instance. Raises
        EnvironmentMissing when they are not."""
        argv = [placeholders.filled(word, {"python": sys.executable, **values}) for word in release.argv]
        if _whole(release.argv, {}) != release.digest:
            found = self._good(release)
            if found is None:
                raise _gone(release)
            in_place = not found.whole and self._is_unchanged(release)
            for position, path in found.files.items():
                if not in_place or argv[position] == SAMPLE:
                    argv[position] = str(self._folder(release) / path)
        return tuple(argv)

    def _make(self, release: Release) -> None:
        files = self.files(release.argv)
        sample = {position: path for position, path in files.items() if release.argv[position] == SAMPLE}
        named = {position: os.path.normpath(release.argv[position]) for position in files if position not in sample}
        tools = {
            position: _digest(files[position])
            for position, path in named.items()
            if tree.is_package(self.places.root, path)
        }
        named = {position: path for position, path in named.items() if position not in tools}
        try:
            kept.make(self._folder(release), self.places.root, named, sample, tools)
        except OSError as error:
            raise EnvironmentMissing(
                f"the files of release {release.label} cannot be copied: {error}", "make room, or make them readable"
            ) from error

    def _good(self, release: Release) -> Kept | None:
        """What is kept, when its named files have the digest of the release."""
        folder = self._folder(release)
        found = kept.read(folder)
        if found is None:
            return None
        try:
            digests = {position: _digest(folder / path) for position, path in found.files.items()}
        except EnvironmentMissing:
            return None
        return found if _whole(release.argv, {**digests, **found.tools}) == release.digest else None

    def _is_unchanged(self, release: Release) -> bool:
        """Whether the project's files are those of the release."""
        try:
            return self.digest(release.argv) == release.digest
        except EnvironmentMissing:
            return False

    def _folder(self, release: Release) -> Path:
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
    return asking.release(manifest, code.digest(argv), tuple(argv), sample_app=services.command is None)


def executable(word: str, root: Path, path: str | None) -> str:
    """The file that argv's first word means, as a shell in the project folder would find it on `path`, without running
    one. Raises EnvironmentMissing."""
    found = shutil.which(str(root / word) if os.sep in word else word, path=path)
    if found is None:
        raise EnvironmentMissing(
            f"services.command: there is no executable {word!r}",
            "install it, name it by its path, or use {python}",
        )
    return str(root / found)


def missing(word: str, path: str | None, root: Path) -> str | None:
    """What is wrong with argv's first word as the manifest has it; None when it can be executed."""
    try:
        executable(word.replace(PYTHON, sys.executable), root, path)
    except EnvironmentMissing as error:
        return error.what
    return None


def _gone(release: Release) -> EnvironmentMissing:
    return EnvironmentMissing(
        f"the files of release {release.label} were changed and no copy of them was kept",
        "put the files back as they were, or deploy what is there now",
    )


def _whole(argv: tuple[str, ...], digests: Mapping[int, str]) -> str:
    whole = hashlib.sha256(json.dumps(argv).encode())
    for position in sorted(digests):
        whole.update(f"\n{position} {digests[position]}".encode())
    return f"sha256:{whole.hexdigest()}"


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
