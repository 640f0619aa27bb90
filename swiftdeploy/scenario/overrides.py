"""Manifest keys that a scenario sets: whether they exist, and the manifest's text with them."""

from __future__ import annotations

from collections.abc import Mapping

from swiftdeploy.model import errors, manifest, nearest, yamlfile
from swiftdeploy.model.decision import Json
from swiftdeploy.scenario.decode import Problem


def problems(text: str, values: Mapping[str, Json], later: frozenset[str] = frozenset()) -> tuple[Problem, ...]:
    """What is wrong with setting these keys in a manifest that is valid by itself: unknown keys, wrong values.

    Keys in `later` have a value that is only known when the scenario runs: those are left out.
    """
    now = {key: value for key, value in values.items() if key not in later}
    try:
        manifest.parse(yamlfile.with_values(text, now))
    except errors.BadFile as bad:
        return tuple(_problem(one, values) for one in bad.findings)
    except errors.Unreadable as wrong:  # a key that is no dotted path
        return (Problem((), wrong.what),)
    return ()


def _problem(finding: errors.Finding, values: Mapping[str, Json]) -> Problem:
    key = next((one for one in values if _is_in(finding.path, one)), None)
    path = () if key is None else (key,)
    return Problem(path, finding.what, finding.hint or (nearest.hint(finding.path, values) if key is None else ""))


def _is_in(path: str, key: str) -> bool:
    return path == key or path.startswith((f"{key}.", f"{key}[")) or key.startswith(f"{path}.")
