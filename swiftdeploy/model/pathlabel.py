"""What a path label of a metric says: whether it names a path, and whether that is one of a given few."""

from __future__ import annotations

import re
from collections.abc import Collection

_METHOD = re.compile(r"[A-Z]+ ")  # Go's patterns: `GET /healthz`
_REST = re.compile(
    r"/(?:\*\w*|\{\w+:path\}|\{\*+\w+\}|<path:\w+>)?$"
)  # `/metrics/`, `/metrics/*`, `/metrics/{path:path}`
# names that exporters give to the view of their own page
_METRICS_VIEWS = frozenset({"prometheus-django-metrics", "prometheus_metrics"})


def names_path(value: str) -> bool:
    """Whether a label's value is a path or a route's template, and not the name of a function, `none` or nothing."""
    return _METHOD.sub("", value, count=1).startswith("/")


def is_one_of(value: str, paths: Collection[str]) -> bool:
    """Whether a request with this label went to one of the paths.

    Routers write the same route in several ways: with a slash at the end, as a template of all below it, without the
    slash at the start (view names), after the method, or without the prefix under which they are mounted.
    """
    if not value:
        return False
    if value in paths or value in _METRICS_VIEWS:
        return True
    plain = _plain(value)
    return any(plain == one or (len(plain) > 1 and one.endswith(plain)) for one in map(_plain, paths))


def _plain(value: str) -> str:
    without = _METHOD.sub("", value, count=1).partition("?")[0]
    return "/" + _REST.sub("", without).lstrip("/")
