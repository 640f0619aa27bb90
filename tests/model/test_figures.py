"""What a probe saw, in figures and in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swiftdeploy.model.figures import Figures, Tally, together


def tally(statuses: dict[str, int], path: str = "/", **more: object) -> Tally:
    count = sum(statuses.values())
    errors = sum(many for one, many in statuses.items() if one[0] not in "23")
    return Tally(count, errors, (5.0,) * count, statuses, 2.0, path, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("statuses", "words"),
    [
        ({}, ""),
        ({"200": 300, "302": 1, "101": 2}, ""),
        ({"404": 300}, "probe of /api answered 404 on 300 of 300"),
        ({"500": 31, "timeout": 5}, "probe of /api answered 500 on 31, nothing in 5 s on 5 of 36"),
        (
            {"timeout": 2, "connection": 1},
            "probe of /api answered nothing in 5 s on 2, with a refused or broken connection on 1 of 3",
        ),
        (
            {"200": 9, "503": 1, "500": 4, "502": 3, "504": 2},
            "probe of /api answered 500 on 4, 502 on 3, 504 on 2 of 19",
        ),
    ],
)
def test_errors_are_said_in_words_the_most_frequent_first(statuses: dict[str, int], words: str) -> None:
    assert Tally(sum(statuses.values()), 0, (), statuses, 2.0, "/api").said() == words


def test_a_paths_own_answer_is_no_error_and_not_said() -> None:
    seen = tally({"200": 90, "401": 6, "500": 4})
    assert seen.figures().error_rate_percent == 10.0
    assert seen.figures({"401"}).error_rate_percent == 4.0
    assert seen.said({"401"}) == "probe of / answered 500 on 4 of 100"


@given(st.sets(st.sampled_from(["200", "400", "429", "500", "502", "503", "504", "timeout", "connection"])))
def test_no_other_answer_is_ever_a_paths_own(own: set[str]) -> None:
    seen = tally({"200": 1, "400": 1, "429": 1, "500": 1, "timeout": 1, "connection": 1})
    assert seen.figures(own) == seen.figures()
    assert seen.said(own) == seen.said()


def test_only_what_is_timed_counts_for_p99_and_everything_for_errors() -> None:
    seen = Tally(100, 2, (900.0,) * 50 + (10.0,) * 50, {"200": 98, "500": 2}, 2.0, timed_ms=(10.0,) * 50)
    assert seen.figures() == Figures(100, 2, 2.0, 10.0, False)
    assert Tally(3, 0, (9.0,) * 3, {"200": 3}, 2.0, timed_ms=()).figures() == Figures(3, 0, 0.0, None, False)


def test_several_paths_are_one_tally_together() -> None:
    both = together(
        [
            tally({"200": 3, "500": 1}, "/a", slowed="backed off to 9.0 requests/s", dropped=1),
            tally({"200": 2, "404": 2}, "/b", timed_ms=(5.0,), streams=1),
        ]
    )
    assert (both.requests, both.errors, both.statuses, both.path) == (8, 3, {"200": 5, "500": 1, "404": 2}, "/a")
    assert (len(both.latencies_ms), len(both.timed_ms or ()), both.streams, both.dropped) == (8, 5, 1, 1)
    assert both.slowed == "backed off to 9.0 requests/s"
