"""The canary gate's input, made of what each source saw in a window."""

from __future__ import annotations

from collections.abc import Iterable

from swiftdeploy.model.decision import Json
from swiftdeploy.model.figures import Figures, Window

# Beside another source, fewer requests of users than this say nothing by themselves.
USERS_COUNT_FROM = 20


def canary_facts(judged: Window, stable: Window | None = None) -> dict[str, Json]:
    """The input of the canary gate: the worst of probe, users and proxy (the latter two from 20 samples on), and each
    source's own figures.

    So no source can thin out another. No traffic is no figure (null) and 0 samples, never 0 %.
    """
    sources = _that_count(judged)
    return {
        "error_rate_percent": _worst(one.error_rate_percent for one in sources),
        "p99_latency_ms": _worst(one.p99_latency_ms for one in sources),
        "p99_is_lower_bound": any(one.p99_is_lower_bound for one in sources),
        "window_seconds": judged.seconds,
        "samples": evidence(judged),
        "in_flight": judged.in_flight,
        "sources": {
            "users": _as_json(judged.users),
            "probe": _as_json(judged.probe or Figures()),
            "proxy": _as_json(judged.proxy),
            "stable": _as_json(stable.users if stable else Figures()),
            "stable_proxy": _as_json(stable.proxy if stable else Figures()),
        },
    }


def evidence(judged: Window) -> int:
    """How many samples the canary gate is given. App and proxy see the same requests of users: they count once. The
    probe's go to the instance directly, so the proxy has none of them."""
    of_users = max((one.samples for one in _of_users(judged)), default=0)
    return of_users + (judged.probe.samples if judged.probe else 0)


def _that_count(judged: Window) -> tuple[Figures, ...]:
    return _of_users(judged) if judged.probe is None else (judged.probe, *_of_users(judged))


def _of_users(judged: Window) -> tuple[Figures, ...]:
    """The sources of users' requests that say something; with nothing better, whatever there is."""
    both = (judged.users, judged.proxy)
    many = tuple(one for one in both if one.samples >= USERS_COUNT_FROM)
    return both if judged.probe is None and not many else many


def _worst(values: Iterable[float | None]) -> float | None:
    return max((one for one in values if one is not None), default=None)


def _as_json(figures: Figures) -> dict[str, Json]:
    return {
        "samples": figures.samples,
        "errors": figures.errors,
        "error_rate_percent": figures.error_rate_percent,
        "p99_latency_ms": figures.p99_latency_ms,
        "p99_is_lower_bound": figures.p99_is_lower_bound,
    }
