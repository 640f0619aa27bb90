"""Reading YAML: plain data, the place of every key and value, and everything wrong at once."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swiftdeploy.model.yamlfile import Document, load, path_text


def places_of(document: Document) -> list[tuple[int, int]]:
    return [(one.line, one.column) for one in document.findings]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True),
        ("FALSE", False),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("off", "off"),
        ("~", None),
        ("", None),
        ("null", None),
        ("1:30", "1:30"),
        ("0o17", 15),
        ("0x1F", 31),
        ("017", 17),
        ("0b1", "0b1"),
        ("1_000", "1_000"),
        ("-12", -12),
        ("1.10", 1.1),
        (".5", 0.5),
        ("1e3", 1000.0),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("2026-11-23", "2026-11-23"),
        ("1.2.3", "1.2.3"),
        ('"1"', "1"),
        ("'true'", "true"),
        ("=", "="),
    ],
)
def test_a_scalar_means_what_yaml_1_2_says(written: str, value: object) -> None:
    document = load(f"a: {written}\n")
    assert document.findings == ()
    assert document.data == {"a": value}
    assert type(document.data["a"]) is type(value)


def test_not_a_number_is_read() -> None:
    data = load("a: .nan").data
    assert isinstance(data, dict)
    assert math.isnan(data["a"])


def test_every_key_value_and_list_item_has_a_place() -> None:
    text = "steps:\n  - deploy: {}\n  - load: {rps: 100, path: '/x'}\n"
    document = load(text)
    rps = document.places["steps", 1, "load", "rps"]
    assert (rps.key.line, rps.key.column, rps.value.line, rps.value.column) == (3, 12, 3, 17)
    assert document.raw(("steps", 1, "load", "path")) == "'/x'"
    item = document.places["steps", 1]
    assert (item.key.line, item.key.column) == (3, 5)


def test_a_finding_shows_the_line_a_caret_and_a_hint() -> None:
    document = load("services:\n  port: x\n", "m.yaml")
    found = document.finding(("services", "port"), "must be a number", "write 1")
    assert str(found) == "m.yaml:2:9: services.port: must be a number\n      port: x\n            ^\n    hint: write 1"
    assert document.finding(("services", "port"), "x", at="key").column == 3


def test_a_finding_at_a_missing_key_points_at_the_nearest_key_above() -> None:
    found = load("a:\n  b:\n    c: 1\n").finding(("a", "b", "d", "e"), "is missing")
    assert (found.line, found.column, found.path) == (2, 3, "a.b.d.e")


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_places_hold_with_any_line_end_and_with_a_bom(line_break: str) -> None:
    document = load("\ufeff" + line_break.join(("a: 1", "b:", "  c: 'x'", "")))
    assert document.findings == ()
    assert document.data == {"a": 1, "b": {"c": "x"}}
    place = document.places["b", "c"].value
    assert (place.line, place.column) == (3, 6)
    assert document.finding(("a",), "x").source == "a: 1"
    assert document.places["a",].key.column == 1


@pytest.mark.parametrize(
    ("text", "places", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", [(3, 1)], "a: is given twice, first in line 1"),
        ("a:\n  b: 1\n  b: 2\n  b: 3\n", [(3, 3), (4, 3)], "a.b: is given twice"),
        ("a: &x 1\nb: *x\n", [(1, 4), (2, 4)], "alias *x"),
        ("a: !!str 1\n", [(1, 4)], "the tag"),
        ("a: !!python/object/apply:os.system [id]\n", [(1, 4)], "the tag"),
        ("1: a\ntrue: b\n", [(1, 1), (2, 1)], "a key must be text, but YAML reads 1 as a number"),
        ("? [a, b]\n: c\n", [(1, 3)], "a key must be a plain word"),
        (": x: 1", [(1, 1)], "is not valid YAML"),
        ("a: 1\n---\nb: 2\n", [(2, 1)], "second document"),
        ("a: b: c\n", [(1, 5)], "is not valid YAML: a second ': '"),
        ("a:\n\tb: 1\n", [(2, 1)], "a tab cannot be used here"),
        ("a: 'b\n", [(1, 4)], "a quote is never closed"),
        ("a: [b,\n", [(2, 1)], "is not valid YAML"),
        ("a: @b\n", [(1, 4)], "cannot start with this character"),
        ("a: 1\nb: x\x07\x07\n", [(2, 5), (2, 6)], "U+0007"),
        ("a: x\u2028b: 1\n", [(1, 5)], "U+2028"),
        ('a: "\\UFFFFFFFF"\n', [(1, 1)], "out of range"),
        ('a: "\\ud800"\n', [(1, 4)], "surrogate"),
        ("a: " + "9" * 101, [(1, 4)], "is a number of 101 digits"),
    ],
)
def test_what_is_wrong_is_found_at_its_place(text: str, places: list[tuple[int, int]], words: str) -> None:
    document = load(text)
    assert places_of(document) == places
    assert words in "\n".join(map(str, document.findings))


def test_several_findings_come_at_once_and_the_first_of_two_keys_counts() -> None:
    document = load("a: 1\na: 2\n3: x\nb: &c d\n")
    assert places_of(document) == [(2, 1), (3, 1), (4, 4)]
    assert document.data == {"a": 1, "b": "d"}


def test_depth_32_is_read_and_33_is_not() -> None:
    assert load("[" * 32 + "]" * 32).findings == ()
    deeper = load("[" * 33 + "]" * 33)
    assert not deeper.whole
    assert "more than 32 levels" in deeper.findings[0].what


def test_256_kib_are_read_and_a_byte_more_is_not() -> None:
    text = "a: b\n#"
    assert load(text + "x" * (256 * 1024 - len(text))).findings == ()
    assert "256 KiB" in load(text + "x" * (256 * 1024 - len(text) + 1)).findings[0].what
    assert "256 KiB" in load("# " + "é" * (128 * 1024)).findings[0].what


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? ", "a:\n "])
def test_a_bomb_of_nesting_is_refused_at_once(opening: str) -> None:
    document = load(opening * 20_000)
    assert not document.whole
    assert document.findings


def test_thousands_of_errors_end_in_one_line_that_says_so() -> None:
    document = load("a: 1\n" * 5000)
    assert len(document.findings) == 101
    assert "too many errors" in document.findings[-1].what


def test_a_long_source_line_is_not_shown_whole() -> None:
    document = load("a: " + "x" * 5000)
    assert len(document.finding(("a",), "wrong").source) <= 160


def test_control_characters_in_keys_never_reach_a_message() -> None:
    document = load('"\\e[31m": 1\n"\\e[31m": 2\n')
    assert "\x1b" not in str(document.findings[0])
    assert path_text(("a", "b.c", 2, "\x1b")) == "a.'b.c'[2].'\\x1b'"


def test_secrets_are_masked_wherever_a_line_is_shown() -> None:
    text = "a: {env: {TOKEN: hush, 'B': \"hush\"}, port: x, port: y}\n"
    document = load(text, secrets=(("a", "env"),))
    assert "hush" not in str(document.findings[0])
    assert "TOKEN: ****" in document.finding(("a", "port"), "wrong").source
    broken = load("a:\n  env:\n    TOKEN: 'hush\n", secrets=(("a", "env"),))
    assert broken.findings
    assert "hush" not in str(broken.findings[0])


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("ab1:-?[]{},#&*!|>'\"%@` \n\t\r\\x~.\ufeff\x85\0"), max_size=60) | st.text(max_size=40))
def test_any_text_is_read_or_refused_at_a_place_in_it(text: str) -> None:
    document = load(text)
    assert document.whole or document.findings
    lines = text.count("\n") + text.count("\r") + 1
    assert all(0 <= one.line <= lines for one in document.findings)
    for entry in document.places.values():
        assert 0 <= entry.value.start <= entry.value.end <= len(text)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(PLAIN)
def test_what_is_written_as_json_is_read_as_the_same_value(value: object) -> None:
    from swiftdeploy.model.yamledit import as_json

    document = load(as_json(value))  # type: ignore[arg-type]
    assert document.findings == ()
    assert document.data == value
