"""`nginx -t` passes whatever a manifest says."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

PRINTABLE = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=200)
PATHS = st.from_regex(r"/[!-\"$-~]{1,40}", fullmatch=True)


@given(PRINTABLE, st.lists(PATHS, max_size=3))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nginx_accepts_any_contact_and_private_paths(make_proxy: Any, contact: str, private: list[str]) -> None:
    proxy = make_proxy(contact, private=tuple(private))
    proxy.write("127.0.0.1:1", "127.0.0.1:2", 25)
    tested = proxy.test()
    assert tested.returncode == 0, tested.stderr


@pytest.mark.parametrize(
    ("stable", "canary", "weight"),
    [("127.0.0.1:1", None, 0), (None, "127.0.0.1:2", 100), (None, None, 0), ("127.0.0.1:1", "127.0.0.1:2", 0)],
)
def test_nginx_accepts_every_kind_of_routes_without_a_warning(
    make_proxy: Any, stable: str | None, canary: str | None, weight: int
) -> None:
    proxy = make_proxy()
    proxy.write(stable, canary, weight)
    tested = proxy.test()
    assert tested.returncode == 0, tested.stderr
    assert "[warn]" not in tested.stderr


@pytest.mark.parametrize("bind", ["127.0.0.1", "0.0.0.0", "::1", "::"])
def test_nginx_accepts_every_kind_of_address(make_proxy: Any, bind: str) -> None:
    proxy = make_proxy()
    proxy.settings = replace(proxy.settings, bind=bind)
    proxy.write("127.0.0.1:1")
    assert f'listen "{f"[{bind}]" if ":" in bind else bind}:' in (proxy.folder / "nginx.conf").read_text()
    tested = proxy.test()
    assert tested.returncode == 0 or "Address family not supported" in tested.stderr, tested.stderr


def test_paths_with_quotes_and_spaces_are_one_token_each(make_proxy: Any) -> None:
    proxy = make_proxy()
    with tempfile.TemporaryDirectory(prefix="sd 'x\"; }\\ {") as odd:
        for name in ("pid", "routing", "access_log", "window_log", "handoff"):
            proxy.paths = replace(proxy.paths, **{name: str(Path(odd) / name)})
        proxy.write("127.0.0.1:1")
        tested = proxy.test()
    assert tested.returncode == 0, tested.stderr
