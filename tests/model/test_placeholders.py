"""Three names are filled in; whatever else has braces stays as it was written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftdeploy.model.placeholders import filled, names

VALUES = {"port": "8000", "instance": "stable-1", "state": "/run/s"}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("{port}", "8000"),
        ("http://{instance}:{port}/", "http://stable-1:8000/"),
        ('{"dir": "{state}", "on":{port}}', '{"dir": "/run/s", "on":8000}'),
        ("{{port}} ${port} {Port} { port } {other} {} {port", "{{port}} ${port} {Port} { port } {other} {} {port"),
        (r"\{port} \{other}", r"{port} \{other}"),
    ],
)
def test_only_the_three_are_filled_in(text: str, wanted: str) -> None:
    assert filled(text, VALUES) == wanted


def test_the_names_in_a_text_are_those_that_would_be_filled() -> None:
    assert names(r"{port}/{state} \{instance} {{python}}") == {"port", "state"}


@given(st.text().filter(lambda text: not names(text) & VALUES.keys() and "\\{" not in text))
def test_a_text_without_them_stays(text: str) -> None:
    assert filled(text, VALUES) == text
