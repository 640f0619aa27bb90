"""Streams and excluded paths are told apart from pages."""

from __future__ import annotations

import pytest

from swiftdeploy.model.untimed import is_excluded, streams


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, "text/event-stream"),
        (200, "Text/Event-Stream; charset=utf-8"),
        (200, "multipart/x-mixed-replace;boundary=x"),
        (200, "application/grpc+proto"),
        (200, "application/x-ndjson"),
        (101, ""),
    ],
)
def test_what_streams(status: int, kind: str) -> None:
    assert streams(status, kind)


@pytest.mark.parametrize("kind", ["", "text/html", "text/event-streamer", "application/json", "x text/event-stream"])
def test_what_does_not(kind: str) -> None:
    assert not streams(200, kind)


def test_a_path_is_excluded_by_itself_or_by_its_beginning() -> None:
    excluded = ("/export", "/reports/*")
    assert [is_excluded(one, excluded) for one in ("/export", "/reports/", "/reports/1/2")] == [True] * 3
    assert [is_excluded(one, excluded) for one in ("/export/x", "/reports", "/")] == [False] * 3
    assert is_excluded("/", ("/*",))
    assert not is_excluded("/", ())
