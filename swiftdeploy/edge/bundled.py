"""Where the data that comes with swiftdeploy lies: templates, policies, the sample app, scenarios, examples."""

from __future__ import annotations

from pathlib import Path


def folder(name: str) -> Path:
    """The packaged folder `name`: in the wheel `swiftdeploy/bundled/NAME`, in a checkout the repository's own."""
    package = Path(__file__).resolve().parent.parent
    bundled = package / "bundled" / name
    return bundled if bundled.is_dir() else package.parent / name
