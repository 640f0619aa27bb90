"""One verb a file, and the folder is the registry: `NAME.py` (`NAME_.py` for a Python keyword) declares `STEP`."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from swiftdeploy.scenario.step import Kind


@cache
def kinds() -> dict[str, Kind]:
    """Every verb there is, by the word that scenarios use."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return {name.rstrip("_"): importlib.import_module(f"{__name__}.{name}").STEP for name in names}
