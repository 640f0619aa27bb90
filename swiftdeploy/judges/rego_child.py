"""The program that evaluates Rego for `embedded`: one JSON object a line on stdin, one answer a line on stdout.

It is a process of its own because rego-cpp can crash or loop. Started as
`PYTHON -I -S rego_child.py FOLDER [healthy|garbage|down]`, where FOLDER holds the package regopy. It ends when its
stdin does, so it never outlives its parent by more than one request (bounded by SIGALRM).

Requests: `{"op": "load", "key": TEXT, "modules": {NAME: TEXT}, "data": TEXT, "probe": [RULE, ...]}`,
`{"op": "ask", "key": TEXT, "rule": "data.x.y", "input": OBJECT}`, and for tests `{"op": "compile", "modules": ...,
"data": ..., "entries": ["x/y", ...]}` followed by `{"op": "run", "entry": "x/y"}`. Answers: `{"value": TEXT | null}`
(the rule's JSON text, null when it is undefined; of a test only `true` or `false`), `{"loaded": TEXT}` or
`{"refused": TEXT}` (rego-cpp's own words).
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from dataclasses import dataclass, field
from typing import Any

TESTS = "tests"
KEPT = 4  # loaded policy sets; an older one is compiled again when asked for
GARBAGE = b"<html><body>It works!</body></html>\n"
# rego-cpp reports these while it runs, though no input could ever mend them
HOPELESS = ("Function not found", "Recursion detected")


@dataclass
class Loaded:
    """One policy set, and what was compiled of it so far."""

    interpreter: Any
    plans: dict[str, Any] = field(default_factory=dict)


def load(request: dict[str, Any]) -> Loaded | str:
    """A policy set ready for questions, or rego-cpp's words on what is wrong."""
    from regopy import Interpreter, LogLevel, RegoError

    interpreter = Interpreter()
    interpreter.log_level = LogLevel.NONE  # else errors go to stdout
    try:
        for name, text in request["modules"].items():
            interpreter.add_module(name, text)
        interpreter.add_data_json(request["data"])
    except RegoError as error:
        return str(error)
    return Loaded(interpreter)


def plan(loaded: Loaded, rule: str) -> Any:
    """The compiled question for a rule. json.marshal inside Rego, because rego-cpp prints 8.2 as 8.199999999999999
    and does not escape quotes."""
    if rule not in loaded.plans:
        loaded.plans[rule] = loaded.interpreter.build(f"json.marshal({rule})", [])
    return loaded.plans[rule]


def ask(loaded: Loaded, rule: str, facts: Any) -> dict[str, Any]:
    """The JSON text of a rule for an input."""
    from regopy import RegoError, rego_shared

    try:
        # a term, not Interpreter.set_input: that one passes numbers as doubles and loses their text
        loaded.interpreter.set_input_term(json.dumps(facts, ensure_ascii=False))
        output = rego_shared.rego_bundle_query(loaded.interpreter._impl, plan(loaded, rule)._impl)
    except RegoError as error:
        return {"refused": str(error)}
    text = spoken(output)
    if text == "undefined":
        return {"value": None}
    if not text.startswith("{"):
        return {"refused": text}
    return {"value": json.loads(text)["expressions"][0]}


def spoken(output: Any) -> str:
    """rego-cpp's text of an answer; not its Output, which loses the text of an error."""
    from regopy import rego_shared

    text = str(rego_shared.rego_output_string(output))
    rego_shared.rego_free_output(output)
    return text


def compile_tests(request: dict[str, Any]) -> Loaded | str:
    """All tests of a file in one plan: a compile with many `with` takes up to a second, one run a millisecond."""
    from regopy import RegoError

    loaded = load(request)
    if isinstance(loaded, str):
        return loaded
    try:
        loaded.interpreter.set_input_term("{}")
        loaded.plans["tests"] = loaded.interpreter.build(None, request["entries"])
    except RegoError as error:
        return str(error)
    return loaded


def run(loaded: Loaded, entry: str) -> dict[str, Any]:
    """Does one test hold? Its value may be anything; only false and undefined are failures."""
    from regopy import RegoError, rego_shared

    bundle = loaded.plans["tests"]
    try:
        text = spoken(rego_shared.rego_bundle_query_entrypoint(loaded.interpreter._impl, bundle._impl, entry))
    except RegoError as error:
        return {"refused": str(error)}
    if text == "undefined":
        return {"value": None}
    if not text.startswith("{"):
        return {"refused": text}
    return {"value": "false" if text.startswith('{"expressions":[false]') else "true"}


def answer(request: dict[str, Any], sets: dict[str, Loaded]) -> dict[str, Any]:
    """One answer to one request; `sets` are the policy sets loaded so far, oldest first."""
    if request["op"] == "ask":
        return ask(sets[request["key"]], request["rule"], request["input"])
    if request["op"] == "run":
        return run(sets[TESTS], request["entry"])
    if request["op"] == "compile":
        compiled = compile_tests(request)
        return {"refused": compiled} if isinstance(compiled, str) else keep(TESTS, compiled, sets)
    loaded = load(request)
    if isinstance(loaded, str):
        return {"refused": loaded}
    for rule in request["probe"]:
        words = ask(loaded, rule, {}).get("refused", "")
        if any(hopeless in words for hopeless in HOPELESS):
            return {"refused": words}
    return keep(request["key"], loaded, sets)


def keep(key: str, loaded: Loaded, sets: dict[str, Loaded]) -> dict[str, Any]:
    """Remember a policy set; the parent forgets the same ones, in the same order."""
    sets.pop(key, None)
    sets[key] = loaded
    while len(sets) > KEPT:
        del sets[next(iter(sets))]
    return {"loaded": key, "kept": list(sets)}


def serve(garbage: bool, limit_seconds: int) -> None:
    """Answer until stdin ends."""
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever rego-cpp prints must not reach the replies
    sets: dict[str, Loaded] = {}
    for line in sys.stdin.buffer:
        signal.alarm(limit_seconds)
        text = GARBAGE if garbage else json.dumps(answer(json.loads(line), sets)).encode() + b"\n"
        replies.write(text)
        signal.alarm(0)


def main() -> None:
    """See the module's first lines."""
    folder, temper = sys.argv[1], sys.argv[2]
    if temper == "down":
        sys.exit(1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.path.insert(0, folder)
    serve(temper == "garbage", limit_seconds=15)


if __name__ == "__main__":
    main()
