"""data.json: read strictly, and written so that both judges hold the same numbers and texts of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal

from swiftdeploy.model import limits
from swiftdeploy.model.decision import Gate, Json

LIMITS: Mapping[Gate, tuple[str, ...]] = limits.OF_GATE
"""The thresholds that each gate's figures are compared with."""

KNOWN = frozenset(name for names in LIMITS.values() for name in names)
COUNTED = "min_samples"  # the one limit that is a whole number, as is what it is compared with
WRAPS = 2**63  # integers from here on wrap in regopy
SMALLEST, LARGEST = 1e-300, 1e300  # regopy cannot read what is closer to the ends of a double
BOUND = 1e15  # no figure is as large, and beyond 2**53 judges print limits differently


def documents(text: str) -> dict[str, Json]:
    """`data.json` as it stands; an empty text is no data. Raises ValueError when it is not a JSON object of numbers
    that both judges can hold."""
    value = json.loads(
        text.removeprefix("\ufeff") or "{}", parse_constant=_no_constant, parse_float=_finite, parse_int=_narrow
    )
    if not isinstance(value, dict):
        raise ValueError("must hold one JSON object")
    return value


def _no_constant(word: str) -> Json:
    raise ValueError(f"{word} is not a JSON number")


def _finite(word: str) -> float:
    if not abs(value := float(word)) <= LARGEST:
        raise ValueError(f"{word[:40]} is too large for a number")
    return value


def _narrow(word: str) -> int:
    if len(word) > 20 or not -WRAPS <= int(word) < WRAPS:
        raise ValueError(f"{word[:40]} has more than 63 bits; write it as a text")
    return int(word)


def given(files: Mapping[str, str]) -> dict[str, Json]:
    """`thresholds` of data.json as they stand there; none of a file that cannot be used."""
    try:
        found = documents(files.get("data.json", "")).get("thresholds")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def thresholds(files: Mapping[str, str]) -> dict[str, Json]:
    """The same as the judges are given them."""
    return {name: _limit(name, value) if name in KNOWN else value for name, value in given(files).items()}


def no_limit(value: Json) -> str:
    """Why a value of data.json bounds no figure, in words; empty when it does."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"is {json.dumps(value)[:40]}, which is not a number"
    if value < 0:
        return "is negative"
    return f"is {BOUND:g} or more, which no figure can reach" if value >= BOUND else ""


def judged(data: Mapping[str, Json]) -> dict[str, Json]:
    """The documents as the judges are given them: limits of fractional figures have a point (`%.1f` of a whole number
    prints `%!f(int64=10)` in OPA), and one that no figure can reach is words."""
    thresholds = data.get("thresholds")
    if not isinstance(thresholds, Mapping):
        return dict(data)
    return {**data, "thresholds": {name: _limit(name, it) if name in KNOWN else it for name, it in thresholds.items()}}


def _limit(name: str, value: Json) -> Json:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if abs(value) >= BOUND:
        return "beyond 1e15" if value > 0 else "beyond -1e15"
    return value if name == COUNTED else float(value)


def text(data: Mapping[str, Json]) -> str:
    """The JSON text of data documents that the judges are given. No number has an exponent (`5e-05` kills regopy) or
    is all but zero, and half of a surrogate pair is U+FFFD, as in OPA."""
    return _written(judged(data))


def _written(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_quoted(str(name))}: {_written(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_written, value)) + "]"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, float):
        plain = format(Decimal(repr(value if abs(value) >= SMALLEST else 0.0)), "f")
        return plain if "." in plain else plain + ".0"
    return json.dumps(value)


def _quoted(value: str) -> str:
    whole = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return json.dumps(whole, ensure_ascii=False)
