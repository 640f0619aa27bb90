"""The built-in functions that the embedded judge and OPA judge alike, each tried in both, and OPA's others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from swiftdeploy.model.regolang.kinds import (
    ANY,
    BOOLEAN,
    NULL,
    NUMBER,
    STRING,
    Kind,
    array,
    either,
    object_of,
    set_of,
)


class Builtin(NamedTuple):
    """What a function takes and gives."""

    takes: tuple[Kind, ...]
    gives: Kind


_LIST = either(array(), set_of())
_NUMBERS = either(array(NUMBER), set_of(NUMBER))
_TEXTS = either(array(STRING), set_of(STRING))
_MANY = either(array(), set_of(), object_of(), STRING)

KNOWN: Mapping[str, Builtin] = {
    **{
        f"is_{kind}": Builtin((ANY,), BOOLEAN)
        for kind in ("number", "string", "boolean", "array", "object", "set", "null")
    },
    **{name: Builtin((NUMBER,), NUMBER) for name in ("abs", "round", "ceil", "floor")},
    **{name: Builtin((STRING, STRING), BOOLEAN) for name in ("contains", "startswith", "endswith")},
    **{name: Builtin((STRING,), STRING) for name in ("lower", "upper", "trim_space")},
    **{
        name: Builtin((STRING, STRING), STRING)
        for name in ("trim", "trim_left", "trim_right", "trim_prefix", "trim_suffix")
    },
    "count": Builtin((_MANY,), NUMBER),
    "sum": Builtin((_NUMBERS,), NUMBER),
    "product": Builtin((_NUMBERS,), NUMBER),
    "max": Builtin((_LIST,), ANY),
    "min": Builtin((_LIST,), ANY),
    "concat": Builtin((STRING, array(STRING)), STRING),
    "sprintf": Builtin((STRING, array()), STRING),
    "indexof": Builtin((STRING, STRING), NUMBER),
    "replace": Builtin((STRING, STRING, STRING), STRING),
    "substring": Builtin((STRING, NUMBER, NUMBER), STRING),
    "format_int": Builtin((NUMBER, NUMBER), STRING),
    "to_number": Builtin((either(NUMBER, STRING, BOOLEAN, NULL),), NUMBER),
    "regex.match": Builtin((STRING, STRING), BOOLEAN),
    "type_name": Builtin((ANY,), STRING),
    "json.marshal": Builtin((ANY,), STRING),
    "object.get": Builtin((object_of(), ANY, ANY), ANY),
    "object.keys": Builtin((object_of(),), set_of()),
    "object.union": Builtin((object_of(), object_of()), object_of()),
    "object.remove": Builtin((object_of(), either(array(), set_of(), object_of())), object_of()),
    "object.filter": Builtin((object_of(), either(array(), set_of(), object_of())), object_of()),
    "array.concat": Builtin((array(), array()), array()),
    "array.slice": Builtin((array(), NUMBER, NUMBER), array()),
    "array.reverse": Builtin((array(),), array()),
    "numbers.range": Builtin((NUMBER, NUMBER), array(NUMBER)),
    "union": Builtin((set_of(set_of()),), set_of()),
    "intersection": Builtin((set_of(set_of()),), set_of()),
}

PARTIAL = frozenset(
    (
        *("array.slice", "format_int", "intersection", "max", "min", "numbers.range", "regex.match", "substring"),
        *("to_number", "union"),
    )
)
"""Those that may have no value although their arguments are of the right kind."""

SPACES = frozenset(
    re.findall(
        r"\w+",
        """array base64 base64url bits crypto glob graph graphql hex http internal io json net numbers object opa
        providers rand regex rego semver strings time units urlquery uuid yaml""",
    )
)
"""What the dotted names of OPA's functions begin with."""

ELSEWHERE = frozenset(
    re.findall(
        r"\w+",
        """all and any assign cast_array cast_boolean cast_null cast_number cast_object cast_set cast_string div eq
        equal gt gte indexof_n lt lte minus mul neq or plus print re_match rem set_diff sort split trace walk""",
    )
)
"""OPA's functions without a dot that are not in KNOWN: another way to write them is safer here, or there is none."""

WORDS = frozenset((*KNOWN, *ELSEWHERE, *SPACES))
"""All names of Rego's own functions, and what they begin with."""
