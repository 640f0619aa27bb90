"""The copy of its files that each release keeps and runs from, so that only a deploy brings edited code to life, and a
rollback finds the old code whole.

In `releases/ID/files/`: `tree/` with the layout of the project (`tree/app/main.py` for the word `app/main.py`),
`sample/` with the sample app, and `kept.json`. Like the files of a container image, a copy belongs to its release:
what an app writes beside its own code is not seen by the next release; what it writes in its working folder is.

Where `tree` finds too much to copy, only the named files are kept, in `named/`. Such a release runs in place while its
named files are unchanged, and its other files are those of the project, whatever was done to them.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from swiftdeploy.engines.local import tree
from swiftdeploy.engines.local.places import write

RECORD = "kept.json"
CACHES = shutil.ignore_patterns("__pycache__")


@dataclass(frozen=True)
class Kept:
    """What a folder keeps. `files`: positions of argv to paths in the folder. `tools`: positions of files that belong
    to installed packages, which stay where they are, to their digests. `whole`: what lies beside the files is kept."""

    whole: bool
    files: Mapping[int, str]
    tools: Mapping[int, str]


def read(folder: Path) -> Kept | None:
    """None when there is no copy, or a torn one."""
    try:
        found = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        files, tools = ({int(key): str(value) for key, value in found[name].items()} for name in ("files", "tools"))
        return Kept(bool(found["whole"]), files, tools)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def make(
    folder: Path, root: Path, named: Mapping[int, str], sample: Mapping[int, Path], tools: Mapping[int, str]
) -> None:
    """Replace `folder` whole by a copy of the `named` files (relative to `root`) and of the sample app.

    Raises OSError.
    """
    for stale in folder.parent.glob(".files.*"):
        shutil.rmtree(stale, ignore_errors=True)
    staged = folder.with_name(f".files.{os.getpid()}")
    staged.mkdir(mode=0o700, parents=True)
    files, whole = _project(staged, folder, root, named)
    for position, path in sample.items():
        shutil.copytree(path.parent, staged / "sample", ignore=CACHES, dirs_exist_ok=True)
        files[position] = f"sample/{path.name}"
    write(staged / RECORD, json.dumps(asdict(Kept(whole, files, tools))))
    if folder.exists():
        folder.rename(folder.with_name(f".files.old.{os.getpid()}"))
    staged.rename(folder)
    shutil.rmtree(folder.with_name(f".files.old.{os.getpid()}"), ignore_errors=True)


def _project(staged: Path, folder: Path, root: Path, named: Mapping[int, str]) -> tuple[dict[int, str], bool]:
    """The kept paths of the named files, and whether what lies beside them is kept too."""
    if not named:
        return {}, True
    found = tree.pieces(root, named.values())
    if found is not None:
        tree.copy(found, root, staged / "tree", folder.resolve() / "tree")
        files = {position: f"tree/{path}" for position, path in named.items()}
        # the links of the copy hold only once it is in its final place, which is just as deep
        if all((staged / path).is_file() for path in files.values()):
            return files, True
        shutil.rmtree(staged / "tree")
    files = {position: f"named/{position}/{Path(path).name}" for position, path in named.items()}
    for position, path in named.items():
        (staged / files[position]).parent.mkdir(parents=True)
        shutil.copy2(root / path, staged / files[position])
    return files, False
