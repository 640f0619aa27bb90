"""YAML files as people write them: read with places, and edited in place so that nothing else in them changes."""

from __future__ import annotations

from swiftdeploy.model.yamledit import with_mode, with_values
from swiftdeploy.model.yamltree import Document, Entry, Path, Place, load, path_text

__all__ = ["Document", "Entry", "Path", "Place", "load", "path_text", "with_mode", "with_values"]
