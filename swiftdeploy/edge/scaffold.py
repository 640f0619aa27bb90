"""Start a project from a packaged example: `init --example NAME DIR`."""

from __future__ import annotations

import shutil
from pathlib import Path

from swiftdeploy.model import errors
from swiftdeploy.model.nearest import hint

SHARED = ("app", "policies", "templates")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc")


def examples(packaged: Path) -> tuple[str, ...]:
    """Names of the packaged examples."""
    return tuple(sorted(one.name for one in packaged.iterdir() if (one / "manifest.yaml").is_file()))


def scaffold(name: str, target: Path, bundled: dict[str, Path]) -> tuple[str, ...]:
    """Copy an example and the parts that all examples share; the names written, relative to `target`.

    Raises Unreadable for an unknown name, NotPossible when something of it is there already; nothing is written then.
    """
    known = examples(bundled["examples"])
    if name not in known:
        raise errors.Unreadable(
            f"there is no example {name!r}. {hint(name, known)}".rstrip(), f"examples are {', '.join(known)}"
        )
    own = bundled["examples"] / name
    parts = {shared: (bundled[shared],) for shared in SHARED}
    if name != "article":  # the article's tree has none
        parts["scenarios"] = (bundled["scenarios"],)
    for one in own.iterdir():  # what an example has of its own lies over what all share
        if one.name != "__pycache__":
            parts[one.name] = (*parts.get(one.name, ()), one)
    if "gitignore" in parts:  # a real .gitignore would hide files of the example itself from version control
        parts[".gitignore"] = parts.pop("gitignore")
    taken = sorted(part for part in parts if (target / part).exists())
    if taken:
        raise errors.NotPossible(f"{target} has {', '.join(taken)} already", "choose an empty folder")
    target.mkdir(parents=True, exist_ok=True)
    for part, sources in sorted(parts.items()):
        for source in sources:
            if source.is_dir():
                shutil.copytree(source, target / part, ignore=LEFT_OUT, dirs_exist_ok=True)
            else:
                shutil.copy(source, target / part)
    return tuple(sorted(parts))
