"""The packaged examples, as projects."""

from __future__ import annotations

from itertools import combinations

from swiftdeploy.edge.bundled import folder
from swiftdeploy.model import manifest, render


def test_no_two_examples_want_the_same_thing_of_a_daemon() -> None:
    """A volume stays after a teardown: whoever tried one example must be able to try the next."""
    names = {
        path.parent.name: {
            ("project", render.project_name(asked.network.name)),
            ("network", asked.network.name),
            ("volume", asked.services.log_volume),
            ("image", asked.services.image),
        }
        for path in folder("examples").glob("*/manifest.yaml")
        if (asked := manifest.parse(path.read_text()))
    }
    assert len(names) > 1
    assert [(one, other) for one, other in combinations(names, 2) if names[one] & names[other]] == []
