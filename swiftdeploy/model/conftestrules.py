"""Conftest's convention: what `deny`, `violation` and `warn` of a package say, as a decision document."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from swiftdeploy.model.decision import Json

DENYING = ("deny", "violation")
RULES = (*DENYING, "warn")


def question(package: str, rules: Sequence[str]) -> str:
    """One Rego expression for the rules that a package has: their names to a list of their value, which is empty where
    the rule is undefined. So undefined can be told from an empty set, and the answers belong together."""
    return "{" + ", ".join(f'"{rule}": [x | x := data.{package}.{rule}]' for rule in rules) + "}"


def document(
    answered: Mapping[str, Json], domain: str, checked: Mapping[str, Json]
) -> tuple[dict[str, Json], tuple[str, ...]] | str:
    """The decision document that the answers to `question` stand for, allowed when nothing denies, and the texts of
    `warn`. What is wrong with the answers, in words, when they are none."""
    said: dict[str, list[str]] = {}
    for rule, value in answered.items():
        texts = _texts(rule, value)
        if isinstance(texts, str):
            return texts
        said[rule] = texts
    reasons: list[Json] = list(dict.fromkeys(text for rule in DENYING for text in said.get(rule, ())))
    found: dict[str, Json] = {"allow": not reasons, "reasons": reasons, "domain": domain, "checked": dict(checked)}
    return found, tuple(said.get("warn", ()))


def _texts(rule: str, value: Json) -> list[str] | str:
    if not isinstance(value, list):
        return f"`{rule}` was not answered"
    if not value:
        return [] if rule == "warn" else f"`{rule}` is undefined for this input"
    members = _members(value[0])
    if members is None:
        return f"`{rule}` is neither a set nor a list"
    texts = [_text(one) for one in members]
    if None in texts:
        return f"`{rule}` holds something that is neither a text nor an object"
    return [one for one in texts if one is not None]


def _members(value: Json) -> list[Json] | None:
    """The elements of a set. `deny[msg] if ...` makes an object of texts to true in OPA 1.x: its keys are meant."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict) and all(inner is True for inner in value.values()):
        return list(value)
    return None


def _text(one: Json) -> str | None:
    if isinstance(one, str):
        return one
    if not isinstance(one, dict):
        return None
    message = one.get("msg")
    return message if isinstance(message, str) else json.dumps(one, ensure_ascii=False, sort_keys=True)
