"""Editing YAML in place: what is asked changes, and not one other byte."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swiftdeploy.model.errors import BadFile, Unreadable
from swiftdeploy.model.state import Track
from swiftdeploy.model.yamlfile import load, with_mode, with_values


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("services:\n  mode: stable\n", "services:\n  mode: canary\n"),
        ("services:\n  mode: stable   # stable or canary\n", "services:\n  mode: canary   # stable or canary\n"),
        ("services: {image: x, mode: stable}\n", "services: {image: x, mode: canary}\n"),
        ("services:\n  'mode' : \"stable\"", "services:\n  'mode' : \"canary\""),
        ("services: {'mode':'stable'}", "services: {'mode':'canary'}"),
        ("\ufeffservices:\r\n  mode: stable\r\n", "\ufeffservices:\r\n  mode: canary\r\n"),
        ("services:\n  mode: |-\n    stable\n  # stable\n", "services:\n  mode: |-\n    canary\n  # stable\n"),
        ("services:\n  mode: >-  # stable\n    stable\n", "services:\n  mode: >-  # stable\n    canary\n"),
        ("services:\n  mode:\n    stable\n", "services:\n  mode:\n    canary\n"),
        ("services:\n  ? mode\n  : stable\n", "services:\n  ? mode\n  : canary\n"),
        ('services:\n  mode: "st\\x61ble"\n', 'services:\n  mode: "canary"\n'),
        (
            "# mode: stable\nmode: stable\nservices:\n  env: {mode: stable}\n  mode: stable\nz: {mode: stable}\n",
            "# mode: stable\nmode: stable\nservices:\n  env: {mode: stable}\n  mode: canary\nz: {mode: stable}\n",
        ),
        ("---\nservices: {mode: stable}\n...\n", "---\nservices: {mode: canary}\n...\n"),
    ],
)
def test_only_the_mode_of_services_changes(before: str, after: str) -> None:
    assert with_mode(before, "canary") == after
    assert with_mode(after, "stable") == before.replace("\\x61", "a")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("services:\n  image: x\n", "services:\n  mode: canary\n  image: x\n"),
        ("services:\n    image: x", "services:\n    mode: canary\n    image: x"),
        (
            "services: # app\r\n  # own\r\n  image: x\r\n",
            "services: # app\r\n  mode: canary\r\n  # own\r\n  image: x\r\n",
        ),
        ("services:\n\n  image: x\n", "services:\n  mode: canary\n\n  image: x\n"),
        ("services: {image: x}", "services: {mode: canary, image: x}"),
        ("services: {}\n", "services: {mode: canary}\n"),
        ("services: {\n  image: x,\n}\n", "services: {mode: canary, \n  image: x,\n}\n"),
        ('{"services":{"image":"x"}}', '{"services":{"mode": "canary", "image":"x"}}'),
        ('{"services":{}}', '{"services":{"mode": "canary"}}'),
        ("services:\nnginx: {}\n", "services: {mode: canary}\nnginx: {}\n"),
        ("? services\n: image: x\n  port: 1\n", "? services\n: mode: canary\n  image: x\n  port: 1\n"),
        ("nginx: {}\n", "services: {mode: canary}\nnginx: {}\n"),
        ("\ufeffnginx:\r\n  port: 1\r\n", "\ufeffservices: {mode: canary}\r\nnginx:\r\n  port: 1\r\n"),
        (
            "# top\n'services':\n  env:\n    mode: stable\n",
            "# top\n'services':\n  mode: canary\n  env:\n    mode: stable\n",
        ),
    ],
)
def test_a_missing_mode_is_put_under_services(before: str, after: str) -> None:
    assert with_mode(before, "canary") == after


@pytest.mark.parametrize(
    "text",
    ["", "a: [", "- a\n", "services: x\n", "services: [mode]\n", "services:\n  mode: [stable]\n", "a: 1\na: 2\n"],
)
def test_a_text_that_cannot_be_edited_is_refused_with_a_finding(text: str) -> None:
    with pytest.raises(BadFile) as refused:
        with_mode(text, "canary")
    assert refused.value.findings


@dataclass(frozen=True)
class Layout:
    """One way to write a manifest; `mode_at` is the offset of the mode's word, None when the key is not there."""

    text: str
    mode: str | None
    mode_at: int | None


WORD = st.sampled_from(["stable", "canary", "mode: stable", "x", "é", "'; }", "services"])
COMMENT = st.sampled_from(["", " # mode: stable", "  #c", " # é 'x"])


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    end = draw(st.sampled_from(["\n", "\r\n"]))
    quote = st.sampled_from(["", "'", '"'])
    mode = draw(st.sampled_from(["stable", "canary", None]))
    flow = draw(st.booleans())
    pairs = [(key, json.dumps(draw(WORD), ensure_ascii=False)) for key in draw(st.permutations(["image", "version"]))]
    pairs.append(("env", draw(st.sampled_from(["{mode: stable}", "{}", "{MODE: 'canary', services: {mode: stable}}"]))))
    if mode:
        mark = draw(quote)
        pairs.insert(draw(st.integers(0, 3)), ("mode", f"{mark}\0{mode}{mark}"))
    quoted = [(f"{mark}{key}{mark}", value) for key, value in pairs for mark in [draw(quote)]]
    if flow:
        inner = draw(st.sampled_from([", ", f",{end}   ", " , "])).join(f"{key}: {value}" for key, value in quoted)
        services = f"services: {{{draw(st.sampled_from(['', ' ', end + '  ']))}{inner}}}{draw(COMMENT)}{end}"
    else:
        indent = " " * draw(st.integers(1, 8))
        lines = [f"{indent}{key}{draw(st.sampled_from([': ', ' :  ']))}{value}{draw(COMMENT)}" for key, value in quoted]
        gaps = [draw(st.sampled_from(["", end, f"{indent}# mode: canary{end}"])) for _ in lines]
        services = f"services:{draw(COMMENT)}{end}" + "".join(
            f"{gap}{line}{end}" for gap, line in zip(gaps, lines, strict=True)
        )
    sections = draw(st.permutations([services, f"contact: 'mode: stable'{end}", f"canary:{end}- mode: stable{end}"]))
    text = draw(st.sampled_from(["", "\ufeff", f"# mode: stable{end}", f"---{end}"])) + "".join(sections)
    text = text if draw(st.booleans()) else text.rstrip("\r\n")
    at = text.index("\0") if mode else None
    return Layout(text.replace("\0", ""), mode, at)


@settings(max_examples=150, deadline=None)
@given(layouts(), st.sampled_from(["stable", "canary"]))
def test_in_any_layout_only_the_mode_changes(layout: Layout, to: Track) -> None:
    before = load(layout.text)
    assert before.findings == ()
    edited = with_mode(layout.text, to)
    expected = copy.deepcopy(before.data)
    expected["services"]["mode"] = to  # type: ignore[index,call-overload]
    assert load(edited).findings == ()
    assert load(edited).data == expected
    assert with_mode(edited, to) == edited
    assert with_mode(with_mode(edited, "stable"), "canary") == with_mode(edited, "canary")
    if layout.mode is not None and layout.mode_at is not None:
        assert edited == layout.text[: layout.mode_at] + to + layout.text[layout.mode_at + len(layout.mode) :]
    else:
        added = len(edited) - len(layout.text)
        assert any(edited[:at] + edited[at + added :] == layout.text for at in range(len(edited)))
    if "\r\n" in layout.text:
        assert edited.count("\n") == edited.count("\r\n")


@pytest.mark.parametrize(
    ("before", "values", "after"),
    [
        ("services:\n  version: 1.0 # v\n", {"services.version": "2.0"}, 'services:\n  version: "2.0" # v\n'),
        ("a: {b: 1, c: x}\n", {"a.b": [1, "x"], "a.c": None}, 'a: {b: [1, "x"], c: null}\n'),
        ("a:\n  b:\n    c: 1\n    # last\n  d: 2\n", {"a.b": {"e": 1}}, 'a:\n  b: {"e": 1}\n    # last\n  d: 2\n'),
        ("a:\n- b\n- c\nd: 1\n", {"a": ["x"]}, 'a: ["x"]\nd: 1\n'),
        ("a: |\n  text\n\nb: 1\n", {"a": "x"}, 'a: "x"\n\nb: 1\n'),
        ("a:\nb: 1\n", {"a": 2}, "a: 2\nb: 1\n"),
        ("a: {b, c: 1}\n", {"a.b": 2}, "a: {b: 2, c: 1}\n"),
        ("a: {b: , c: 1}\n", {"a.b": 2}, "a: {b: 2 , c: 1}\n"),
        ("a: 1\n", {"b.c.d": 2, "b.c.e": True}, 'b: {"c": {"e": true, "d": 2}}\na: 1\n'),
        ("a: {}\n", {"a.b: c": 1, "a.true": 2}, 'a: {"true": 2, "b: c": 1}\n'),
        ("services: {}\n", {"services.env.A.B": "x"}, 'services: {env: {"A.B": "x"}}\n'),
        ("services:\n  env:\n    A: 1\n", {"services.env.B": "2"}, 'services:\n  env:\n    B: "2"\n    A: 1\n'),
        ("a: 'x'\r\n", {"a": 0.5, "b": 1}, "b: 1\r\na: 0.5\r\n"),
    ],
)
def test_values_are_set_where_they_are_or_inserted(before: str, values: dict[str, object], after: str) -> None:
    assert with_values(before, values) == after  # type: ignore[arg-type]


def test_a_value_cannot_be_put_below_what_is_no_mapping() -> None:
    with pytest.raises(BadFile, match=r"m.yaml:1:8: a.b: is no mapping"):
        with_values("a: {b: off}\n", {"a.b.c": 1}, "m.yaml")


@pytest.mark.parametrize("key", ["", ".", "a.", "a..b"])
def test_a_key_that_is_not_dotted_words_is_refused(key: str) -> None:
    with pytest.raises(Unreadable, match="not a dotted key"):
        with_values("a: 1\n", {key: 1})


VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(0, 10**9) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=100, deadline=None)
@given(layouts(), st.sampled_from(["services.version", "services.mode", "services.env", "contact", "new.key"]), VALUE)
def test_in_any_layout_a_set_value_is_read_back_and_nothing_else_changes(
    layout: Layout, key: str, value: object
) -> None:
    edited = with_values(layout.text, {key: value})  # type: ignore[dict-item]
    expected = copy.deepcopy(load(layout.text).data)
    *above, name = key.split(".")
    parent = expected
    for one in above:
        parent = parent.setdefault(one, {})  # type: ignore[union-attr]
    parent[name] = value  # type: ignore[index,call-overload]
    assert load(edited).data == expected
    if not isinstance(value, dict | list):
        assert with_values(edited, {key: value}) == edited  # type: ignore[dict-item]
