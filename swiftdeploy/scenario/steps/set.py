"""`set`: manifest keys to values, edited in the copy."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from swiftdeploy.model import manifest, yamlfile
from swiftdeploy.scenario.fields import STRICT
from swiftdeploy.scenario.scene import Scene
from swiftdeploy.scenario.step import Kind, Outcome


class Set(BaseModel):
    model_config = STRICT
    values: dict[str, Any]


def run(asked: Set, expect: None, scene: Scene) -> Outcome:
    """Nothing is written when the manifest would not be valid any more (raises BadFile)."""
    text = yamlfile.with_values(scene.manifest_text(), asked.values)
    manifest.parse(text, scene.world.manifest_name)
    scene.world.files.write(scene.world.manifest_name, text)
    return Outcome(True, data=dict(asked.values))


STEP = Kind(fields=Set, run=run, whole="values")
