"""Files of the project folder: read as they are, written whole or not at all."""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from swiftdeploy.edge.bundled import folder as bundled_folder
from swiftdeploy.model import policy
from swiftdeploy.model.decision import FOLDER, PACKAGES, Gate, PolicySet
from swiftdeploy.model.errors import EnvironmentMissing, Unreadable

STATE_FOLDER = ".swiftdeploy"
_STRAY = re.compile(r"\..+\.swiftdeploy-(\d+)-[0-9a-f]{8}\.tmp")


@dataclass(frozen=True)
class Home:
    """Where a project has its policies, and which packages of them judge."""

    folder: str = FOLDER
    packages: Mapping[Gate, str] = field(default_factory=lambda: PACKAGES)


@dataclass(frozen=True)
class Files:
    """Fulfils flow.world.Files. Names are relative to `root` and never leave it. `packaged` finds the folders that
    swiftdeploy brings along, `home` says where the project has its policies."""

    root: Path
    packaged: Callable[[str], Path] = bundled_folder
    home: Callable[[], Home] = Home

    def read(self, name: str) -> str:
        return _text(self._inside(name))

    def exists(self, name: str) -> bool:
        return self._inside(name).exists()

    def write(self, name: str, text: str, private: bool = False) -> None:
        path = self._writable(name)
        data = text.encode("utf-8", "surrogatepass")
        with _told("write", path):
            if _is_already(path, data, private):
                return
            self._make_folder(path.parent)
            _sweep(path.parent)
            _replace(path, data, private)

    def remove(self, name: str) -> None:
        path = self._inside(name)
        if path == self.root:
            raise _outside(name)
        with _told("remove", path), suppress(FileNotFoundError):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()

    def names(self, folder: str) -> tuple[str, ...]:
        path = self._inside(folder)
        try:
            return tuple(sorted(one for one in os.listdir(path) if not _STRAY.fullmatch(one)))
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except OSError as error:
            raise Unreadable(f"cannot list {path}: {error.strerror}", f"make {path} readable") from error

    def policies(self) -> PolicySet:
        home = self.home()
        own = self._inside(home.folder)
        packaged = home.folder == FOLDER and not own.is_dir()
        folder = self.packaged(FOLDER) if packaged else own
        texts = _texts(folder, lambda name: name.endswith(".rego") or name == "data.json")
        return PolicySet(texts, policy.digest(texts, home.packages), packaged, home.packages, home.folder)

    def templates(self) -> Mapping[str, str]:
        def wanted(name: str) -> bool:
            return name.endswith(".tmpl")

        own = self.root / "templates"
        return {**_texts(self.packaged("templates"), wanted), **(_texts(own, wanted) if own.is_dir() else {})}

    def _inside(self, name: str) -> Path:
        path = Path(os.path.normpath(self.root / name))
        if not path.is_relative_to(os.path.normpath(self.root)):
            raise _outside(name)
        return path

    def _writable(self, name: str) -> Path:
        """The file behind a name, links followed: a link that was put into a project must not overwrite other files."""
        path = Path(os.path.realpath(self._inside(name)))
        if not path.is_relative_to(os.path.realpath(self.root)):
            raise Unreadable(f"{name} is a link to {path}, outside the project", f"put the file itself in {self.root}")
        return path

    def _make_folder(self, folder: Path) -> None:
        root = Path(os.path.realpath(self.root))
        state = root / STATE_FOLDER
        if folder.is_relative_to(state) and not (state / ".gitignore").exists():
            state.mkdir(mode=0o700, parents=True, exist_ok=True)
            _replace(state / ".gitignore", b"*\n", private=False)
        folder.mkdir(parents=True, exist_ok=True)


def _outside(name: str) -> Unreadable:
    return Unreadable(f"{name!r} is not inside the project folder", "use a path below the manifest's folder")


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError as error:
        raise Unreadable(f"there is no {path}", "make it, or name another one with --file") from error
    except UnicodeDecodeError as error:
        raise Unreadable(f"{path} is not UTF-8 text: byte {error.start + 1} is wrong", "save it as UTF-8") from error
    except OSError as error:
        raise Unreadable(f"cannot read {path}: {error.strerror}", f"make {path} a readable file") from error


def _texts(folder: Path, wanted: Callable[[str], bool]) -> dict[str, str]:
    """Names to texts of the wanted files of a folder, sorted by name."""
    try:
        names = sorted(name for name in os.listdir(folder) if wanted(name) and not _STRAY.fullmatch(name))
    except OSError as error:
        raise Unreadable(f"cannot list {folder}: {error.strerror}", f"make {folder} a readable folder") from error
    return {name: _text(folder / name) for name in names}


@contextmanager
def _told(verb: str, path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        what = f"cannot {verb} {path}: {error.strerror}"
        raise EnvironmentMissing(what, "check permissions and free space there") from error


def _is_already(path: Path, data: bytes, private: bool) -> bool:
    """Whether a write would change nothing; it then costs no fsync."""
    try:
        if private and stat.S_IMODE(path.stat().st_mode) != 0o600:
            return False
        return path.read_bytes() == data
    except FileNotFoundError:
        return False


def _replace(path: Path, data: bytes, private: bool) -> None:
    """Write beside, fsync, rename over, fsync the folder: a crash leaves the old file or the new one."""
    beside = path.parent / f".{path.name[:128]}.swiftdeploy-{os.getpid()}-{os.urandom(4).hex()}.tmp"
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o666)
    try:
        with open(handle, "wb") as file:
            file.write(data)
            file.flush()
            _keep_mode(path, handle, private)
            os.fsync(handle)
        os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _keep_mode(path: Path, handle: int, private: bool) -> None:
    """A replaced file keeps its mode and, where root acts, its owner."""
    try:
        before = path.stat()
    except FileNotFoundError:
        return
    if os.geteuid() == 0:
        os.fchown(handle, before.st_uid, before.st_gid)
    os.fchmod(handle, 0o600 if private else stat.S_IMODE(before.st_mode))


def _sweep(folder: Path) -> None:
    """Remove what writers left that were killed in the middle."""
    for name in os.listdir(folder):
        stray = _STRAY.fullmatch(name)
        if stray and not _alive(int(stray[1])):
            with suppress(FileNotFoundError):
                (folder / name).unlink()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
