"""No value can break out of its place in a rendered file, and each means there what it meant before."""

from __future__ import annotations

import json
import re

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from swiftdeploy.model import escape

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)


def undoubled(value: object) -> object:
    """As Compose reads a value: `$$` is a `$`; a single one would be interpolated."""
    if isinstance(value, str):
        assert "$" not in value.replace("$$", "")
        return value.replace("$$", "$")
    if isinstance(value, list):
        return [undoubled(one) for one in value]
    if isinstance(value, dict):
        return {undoubled(key): undoubled(one) for key, one in value.items()}
    return value


@given(VALUES)
@settings(max_examples=150, deadline=None)
def test_a_compose_value_is_one_line_of_ascii_and_reads_back_the_same(value: object) -> None:
    text = escape.compose(value)
    assert text.isascii()
    assert text.isprintable()
    assert undoubled(yaml.safe_load(f"- {text}")) == [value]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800"])
def test_a_value_without_a_compose_form_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="cannot stand in a Compose file"):
        escape.compose(value)


@given(st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"))))
def test_an_nginx_token_ends_where_its_quotes_end(text: str) -> None:
    try:
        token = escape.nginx(text)
    except ValueError:
        assert "$" in text or not text.isprintable()
        return
    assert re.fullmatch(r'"(?:[^"\\]|\\.)*"', token)
    assert re.sub(r"\\(.)", r"\1", token[1:-1]) == text


@pytest.mark.parametrize("value", ["$host", "a\nb", "\x00"])
def test_what_nginx_cannot_quote_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="cannot stand in an nginx file"):
        escape.nginx(value)


@pytest.mark.parametrize("value", [None, 1.5, [], {}, object()])
def test_what_is_no_nginx_token_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        escape.nginx(value)


@given(st.text())
def test_prose_is_a_json_string_of_safe_signs_only(text: str) -> None:
    said = escape.nginx(escape.Prose(text))
    assert json.loads(said) == text
    assert re.fullmatch(r"[A-Za-z0-9.,:@_+/\\-]*", said[1:-1])


def test_an_ordinary_contact_stays_readable() -> None:
    assert escape.json_string("ops@swiftdeploy.local") == '"ops@swiftdeploy.local"'


def test_a_location_keeps_its_dollar_sign() -> None:
    assert escape.nginx(escape.Location("/a$b")) == '"/a$b"'
