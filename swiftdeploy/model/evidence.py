"""The canary gate's input, made of what each source saw in a window."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from swiftdeploy.model.decision import Json
from swiftdeploy.model.figures import Figures, Window

WORDS = {"users": "of users", "proxy": "of users by the proxy's log", "probe": "of the probe"}

PLENTY = 1_000_000
FLAWLESS: Mapping[str, Json] = {
    "error_rate_percent": 0.0,
    "error_rate_seen_percent": 0.0,
    "p99_latency_ms": 0.0,
    "p99_latency_seen_ms": 0.0,
    "p99_is_lower_bound": False,
}


@dataclass(frozen=True)
class Source:
    """One source of evidence: its kind (`users`, `proxy`, `probe`), what it saw, and its errors in words."""

    kind: str
    figures: Figures
    errors_said: str

    def counted_error_rate(self, enough: int) -> float | None:
        """In percent: what it saw, or where it has too few samples the least that they prove."""
        few = self.figures.samples < enough
        return self.figures.error_rate_low_percent if few else self.figures.error_rate_percent

    def counted_p99(self, enough: int) -> float | None:
        """In milliseconds, as the error rate."""
        return self.figures.p99_low_ms if self.timed < enough else self.figures.p99_latency_ms

    def seen_p99(self, enough: int) -> float | None:
        """In milliseconds: what it saw, or where it has too few samples what is likely."""
        return self.figures.p99_likely_ms if self.timed < enough else self.figures.p99_latency_ms

    @property
    def timed(self) -> int:
        """How many of its samples count for p99."""
        return self.figures.samples if self.figures.timed is None else self.figures.timed


def canary_facts(judged: Window, stable: Window | None, enough: int) -> dict[str, Json]:
    """The input of the canary gate: the worst of all sources, and each source's own figures. `enough` is min_samples.

    No source is left out for being small, and none can thin out another: below `enough` samples it counts with the
    lowest error rate and p99 that its samples leave possible (99.9 %), so a deny by it is certain; what was seen stands
    beside that, so that an allow is not built on too little. No traffic is no figure (null), never 0 %.
    """
    sources = tuple(_sources(judged))
    by_errors = _worst(sources, lambda one: one.counted_error_rate(enough))
    by_p99 = _worst(sources, lambda one: one.counted_p99(enough))
    seen_errors = _worst(sources, lambda one: one.figures.error_rate_percent)
    seen_p99 = _worst(sources, lambda one: one.seen_p99(enough))
    counted_rate = by_errors.counted_error_rate(enough) if by_errors else None
    named = by_errors if counted_rate else seen_errors
    untimed = bool(sources) and not any(one.timed for one in sources)  # they all stream: nothing was slow
    versus = _versus(by_p99, by_p99.counted_p99(enough) if by_p99 else None, stable)
    return {
        "error_rate_percent": counted_rate,
        "error_rate_seen_percent": seen_errors.figures.error_rate_percent if seen_errors else None,
        "error_rate_said": named.errors_said if named else "",
        "p99_latency_ms": by_p99.counted_p99(enough) if by_p99 else 0.0 if untimed else None,
        "p99_latency_seen_ms": seen_p99.seen_p99(enough) if seen_p99 else None,
        "p99_latency_said": _p99_said(by_p99, versus) if by_p99 else "",
        "p99_is_lower_bound": any(one.figures.p99_is_lower_bound for one in sources if one.timed >= enough),
        "window_seconds": judged.seconds,
        "samples": samples(judged),
        "in_flight": judged.in_flight,
        "versus_stable": versus,
        "sources": {
            "users": _as_json(judged.users),
            "probe": _as_json(judged.probe or Figures()),
            "proxy": _as_json(judged.proxy),
            "stable": _as_json(stable.users if stable else Figures()),
            "stable_proxy": _as_json(stable.proxy if stable else Figures()),
        },
        "notes": list(judged.notes),
    }


def without_doubt(facts: Mapping[str, Json], enough: int) -> dict[str, Json]:
    """The same figures as if there were plenty of samples: what policy denies here, no more evidence can save. Stable
    may still turn out as slow as the canary, as long as it has fewer than `enough` samples."""
    rate, p99 = facts["error_rate_percent"] or 0.0, facts["p99_latency_ms"] or 0.0
    sure: dict[str, Json] = {"error_rate_percent": rate, "error_rate_seen_percent": rate, "samples": PLENTY}
    return {
        **facts,
        **sure,
        "p99_latency_ms": p99,
        "p99_latency_seen_ms": p99,
        "versus_stable": _at_best(facts, enough),
    }


def _at_best(facts: Mapping[str, Json], enough: int) -> dict[str, Json]:
    found = facts.get("versus_stable")
    known = dict(found) if isinstance(found, Mapping) else {}
    samples = known.get("samples")
    if isinstance(samples, int) and samples >= enough:
        return known
    return {**known, "samples": PLENTY, "p99_increase_percent": 0.0}


def samples(judged: Window) -> int:
    """How many samples the canary gate is given. App and proxy see the same requests of users: they count once. The
    probe's go to the instance directly, so the proxy has none of them."""
    of_users = max(judged.users.samples, judged.proxy.samples)
    return of_users + (judged.probe.samples if judged.probe else 0)


def in_words(facts: Mapping[str, Json]) -> str:
    """Which sources had evidence and what it was: `probe 300 (errors 0.00 %, p99 3.10 ms), users 52 (...)`."""
    sources = facts.get("sources")
    found = sources if isinstance(sources, Mapping) else {}
    said = [f"{kind} {text}" for kind in WORDS if (text := _figures_said(found.get(kind)))]
    return ", ".join(said) or "no evidence yet"


def _figures_said(figures: object) -> str:
    if not isinstance(figures, Mapping) or not figures.get("samples"):
        return ""
    p99 = figures.get("p99_latency_ms")
    more = " or more" if figures.get("p99_is_lower_bound") else ""
    slow = f", p99 {p99:.2f} ms{more}" if isinstance(p99, int | float) else ""
    return f"{figures['samples']} (errors {figures['error_rate_percent']:.2f} %{slow})"


def _sources(judged: Window) -> Iterator[Source]:
    """Those that saw something. A probe of several paths counts as a whole, and each path by itself."""
    probes = [judged.probe] if judged.probe else []
    found = [("users", judged.users), ("proxy", judged.proxy), *(("probe", one) for one in probes)]
    if len(judged.paths) > 1:
        found += [("probe", one) for one in judged.paths.values()]
    for kind, figures in found:
        if figures.samples:
            counted = f"{figures.errors} of {figures.samples} requests {WORDS[kind]} failed" if figures.errors else ""
            yield Source(kind, figures, judged.said.get(kind, "") or counted)


def _worst(sources: tuple[Source, ...], figure: Callable[[Source], float | None]) -> Source | None:
    known = [one for one in sources if figure(one) is not None]
    return max(known, key=lambda one: figure(one) or 0.0, default=None)


def _p99_said(source: Source, versus: Mapping[str, Json]) -> str:
    """Whose p99 it is, and stable's beside it: as slow as stable is another matter than slower."""
    said, other = f"{source.timed} requests {WORDS[source.kind]}", versus["p99_latency_ms"]
    return said if other is None else f"{said}; stable's p99 is {other} in the same window"


def _versus(worst: Source | None, p99_ms: float | None, stable: Window | None) -> dict[str, Json]:
    """What stable did over the same window, by the very source that the canary's p99 is from; null where nothing can
    be compared: stable is probed only where policy compares."""
    beside = getattr(stable, worst.kind) if worst and stable else None
    other = beside.p99_latency_ms if beside else None
    increase = max(0.0, round(100 * (p99_ms / other - 1), 4)) if p99_ms is not None and other else None
    return {
        "samples": beside.samples if beside else 0,
        "error_rate_percent": beside.error_rate_percent if beside else None,
        "p99_latency_ms": other,
        "p99_increase_percent": increase,
    }


def _as_json(figures: Figures) -> dict[str, Json]:
    return {
        "samples": figures.samples,
        "errors": figures.errors,
        "error_rate_percent": figures.error_rate_percent,
        "error_rate_low_percent": figures.error_rate_low_percent,
        "error_rate_high_percent": figures.error_rate_high_percent,
        "p99_latency_ms": figures.p99_latency_ms,
        "p99_latency_low_ms": figures.p99_low_ms,
        "p99_is_lower_bound": figures.p99_is_lower_bound,
    }
