"""YAML files as people write them: read with places, and edited in place so that nothing else in them changes."""

from __future__ import annotations

from swiftdeploy.model.yamldocument import Document, Entry, Path, Place, path_text
from swiftdeploy.model.yamledit import with_mode, with_values
from swiftdeploy.model.yamltree import load

__all__ = ["Document", "Entry", "Path", "Place", "load", "path_text", "with_mode", "with_values"]
