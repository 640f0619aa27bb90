"""The manifest explained: JSON Schema, single keys, the table."""

from __future__ import annotations

import re

import pytest

from swiftdeploy.model import schema
from swiftdeploy.model.errors import Unreadable
from swiftdeploy.model.manifest import parse

TREE = schema.json_schema()
KEYS = schema.keys()


def test_the_schema_names_its_dialect_and_refuses_unknown_keys_everywhere() -> None:
    assert TREE["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert TREE["required"] == ["services", "nginx", "network"]
    for section in (TREE, *TREE["$defs"].values()):
        assert section["additionalProperties"] is False


def test_every_key_has_a_description_and_none_may_be_null() -> None:
    for section in (TREE, *TREE["$defs"].values()):
        for key in section["properties"].values():
            assert key["description"].endswith(".")
            assert {"type": "null"} not in key.get("anyOf", [])


def test_keys_are_named_as_in_yaml() -> None:
    names = {one.name for one in KEYS}
    assert {"services.start_timeout", "nginx.proxy_timeout", "canary.window", "canary.probe.rps"} <= names
    assert not any("seconds" in name for name in names)


def test_defaults_that_a_reader_computes_are_words_and_not_in_the_schema() -> None:
    defaults = {one.name: one.default for one in KEYS}
    assert defaults["nginx.admin_port"] == "nginx.port + 1"
    assert "default" not in TREE["$defs"]["Nginx"]["properties"]["admin_port"]
    assert (defaults["services.image"], defaults["services.build"]) == ("required", "none")
    assert defaults["canary.probe"] == "{path: /, requests: 300, rps: 150}"
    assert defaults["canary.interval"] == "30s"


@pytest.mark.parametrize("key", [one for one in KEYS if one.example], ids=lambda one: one.name)
def test_every_example_is_a_valid_value(key: schema.Key) -> None:
    *above, _ = key.name.split(".")
    required = {
        "services": ["image: app", "port: 3000"],
        "nginx": ["image: nginx", "port: 8080"],
        "network": ["name: net", "driver_type: bridge"],
    }
    nested = key.example
    for one in reversed(above[1:]):
        nested = f"{one}: {{{nested}}}"
    section = above[0] if above else ""
    lines = [nested] if not section else []
    for name in {**required, **({section: []} if section else {})}:
        given = [one for one in required.get(name, []) if not one.startswith(f"{key.name.rpartition('.')[2]}:")]
        here = required.get(name, []) if name != section else [*given, nested]
        lines.append(f"{name}: {{{', '.join(here)}}}")
    parse("\n".join(lines))


def test_explaining_a_key_gives_type_range_default_meaning_and_example() -> None:
    assert schema.explain("canary.weight") == (
        "canary.weight\n"
        "  Percent of requests for the canary track, split per request.\n"
        "  type     whole number\n"
        "  allowed  a whole number from 1 to 100\n"
        "  default  100\n"
        "  example  weight: 25"
    )


def test_explaining_a_section_lists_its_keys() -> None:
    said = schema.explain("nginx")
    assert all(f"  nginx.{name} " in said for name in ("image", "port", "proxy_timeout", "bind", "admin_port"))
    assert "services." not in said


def test_explaining_nothing_lists_all_keys() -> None:
    said = schema.explain()
    assert all(re.search(rf"^{re.escape(one.name)} ", said, re.MULTILINE) for one in KEYS if one.example)


def test_an_unknown_key_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(Unreadable, match=r"did you mean 'canary\.weight'\?"):
        schema.explain("canry.weigth")
    with pytest.raises(Unreadable, match="is no key of the manifest"):
        schema.explain("zzz")


def test_the_table_has_a_row_for_each_key() -> None:
    rows = schema.table().splitlines()
    assert rows[:2] == ["| key | default | meaning |", "|---|---|---|"]
    assert "| `services.image` | required | Image of the app. |" in rows
    assert len(rows) == 2 + sum(1 for one in KEYS if one.example)
    assert all(row.count("|") == 4 for row in rows)
