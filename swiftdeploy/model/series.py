"""Which series of a metrics page count an app's requests, and which time them: the table of what is recognised."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from swiftdeploy.model.state import MetricNames

if TYPE_CHECKING:
    from prometheus_client import Metric
    from prometheus_client.samples import Sample

STATUS_LABELS = ("status_code", "status", "code", "http_status_code", "http_response_status_code", "http_status")
PATH_LABELS = (
    "path",
    "route",
    "handler",
    "uri",
    "http_route",
    "http_target",
    "path_template",
    "url",
    "endpoint",
    "view",
)
METHOD_LABELS = ("method", "http_method", "http_request_method")
STATUS = re.compile(r"[1-5](?:[0-9]{2}|xx)", re.IGNORECASE)


@dataclass(frozen=True)
class Known:
    """One way of counting requests: the library that has it, its counter, its duration histogram or summary."""

    library: str
    requests: str
    duration: str


KNOWN = (
    Known(
        "prometheus_client, prom-client, promhttp, prometheus-fastapi-instrumentator",
        "http_requests_total",
        "http_request_duration_seconds",
    ),
    Known("express-prom-bundle", "http_request_duration_seconds_count", "http_request_duration_seconds"),
    Known("prometheus-flask-exporter", "flask_http_request_total", "flask_http_request_duration_seconds"),
    Known("starlette_exporter", "starlette_requests_total", "starlette_request_duration_seconds"),
    Known("starlette-prometheus", "starlette_responses_total", "starlette_requests_processing_time_seconds"),
    Known(
        "django-prometheus",
        "django_http_responses_total_by_status_view_method_total",
        "django_http_requests_latency_seconds_by_view_method",
    ),
    Known("Micrometer (Spring Boot)", "http_server_requests_seconds_count", "http_server_requests_seconds"),
    Known("OpenTelemetry", "http_server_request_duration_seconds_count", "http_server_request_duration_seconds"),
    Known("OpenTelemetry, older", "http_server_duration_milliseconds_count", "http_server_duration_milliseconds"),
    Known("prometheus-net", "http_requests_received_total", "http_request_duration_seconds"),
)
# a histogram or summary with a status label counts as well
_REQUESTS = tuple(dict.fromkeys((*(one.requests for one in KNOWN), *(f"{one.duration}_count" for one in KNOWN))))
_DURATIONS = tuple(dict.fromkeys(one.duration for one in KNOWN))

_REQUESTS_FORM = re.compile(r"(?:^|_)(?:requests?|responses?)(?:_|$)")
_DURATION_FORM = re.compile(
    r"(?=.*(?:^|_)(?:http|requests?|responses?)(?:_|$)).*(?:^|_)(?:duration|latency|time)(?:_|$)"
)
# what an app asks of others, and what promhttp counts of the metrics page itself, are no users' requests
_NOT_THEIRS = re.compile(r"(?:^|_)(?:client|outgoing|outbound|upstream|metric_handler|grpc|sql|db|redis)(?:_|$)")
# some of the requests, of which nearly all may have failed
_NOT_ALL = re.compile(
    r"(?:^|_)(?:errors?|fail(?:ed|ures?)|exceptions?|rejected|retr(?:y|ies)|dropped|aborted|slow|throttled|limited|cached?|"
    r"timeouts?|size|bytes)(?:_|$)"
)
_UNITS = {"milliseconds": 0.001, "ms": 0.001, "microseconds": 0.000_001, "seconds": 1.0}
_SHOWN = 3
_LONGEST = 200
_WORTH_SHOWING = re.compile(r"http|request|response|hit|call", re.IGNORECASE)


@dataclass(frozen=True)
class Requests:
    """The samples that count requests, and the labels that tell status, path and method ("" where none does)."""

    name: str
    samples: tuple[Sample, ...]
    status: str
    path: str
    method: str


@dataclass(frozen=True)
class Durations:
    """The buckets that time requests, the label that tells the path, and how many seconds their unit is."""

    name: str
    samples: tuple[Sample, ...]
    path: str
    seconds: float


@dataclass(frozen=True)
class Found:
    """What a page has. `words` says it to people; `declared`: a known counter is there, without any series yet;
    `lacking`: in words what `services.metrics` names besides and the page does not have, empty when it has all."""

    requests: Requests | None
    durations: Durations | None
    declared: bool
    words: str
    lacking: str = ""


def find(families: Sequence[Metric], asked: MetricNames | None = None) -> Found:
    """The one counter and the one histogram that stand for the app's requests, the project's own names first.

    Only one counter, so that an app that exports a counter and a histogram of the same requests has each once: known
    names before names of a clear form, and among them one that tells the path before one that does not.
    """
    names = asked or MetricNames()
    counts, buckets = _counts(families), _buckets(families)
    requests, durations = _requests(counts, names), _durations(buckets, names)
    declared = requests is None and bool(_declared(families, names, counts, buckets))
    words = _words(requests, durations, declared, counts, names)
    return Found(requests, durations, declared, words, _lacking(requests, durations, families, names))


def _lacking(
    requests: Requests | None, durations: Durations | None, families: Sequence[Metric], names: MetricNames
) -> str:
    there = {family.name for family in families}
    histogram = names.duration.removesuffix("_bucket") if names.duration else ""
    missing = [f"no histogram {histogram}"] if histogram and not durations and histogram not in there else []
    if requests and names.path_label and not requests.path:
        missing.append(f"no label {names.path_label} on {requests.name}")
    return _printable(" and ".join(missing))


def _counts(families: Sequence[Metric]) -> Mapping[str, tuple[Sample, ...]]:
    """Sample names to samples, of all that can be a count."""
    found: dict[str, list[Sample]] = {}
    for family in families:
        for sample in family.samples:
            if _is_count(family, sample.name):
                found.setdefault(sample.name, []).append(sample)
    return {name: tuple(samples) for name, samples in found.items()}


def _is_count(family: Metric, name: str) -> bool:
    match family.type:
        case "counter":
            return not name.endswith("_created")
        case "histogram" | "summary":
            return name == f"{family.name}_count"
        case "unknown":
            return not name.endswith(("_bucket", "_sum", "_created", "_max"))
        case _:
            return False


def _buckets(families: Sequence[Metric]) -> Mapping[str, tuple[Sample, ...]]:
    """Histogram names to their buckets."""
    found: dict[str, list[Sample]] = {}
    for family in families:
        for sample in family.samples:
            if sample.name.endswith("_bucket") and family.type in ("histogram", "unknown"):
                found.setdefault(sample.name.removesuffix("_bucket"), []).append(sample)
    return {name: tuple(samples) for name, samples in found.items()}


def _requests(counts: Mapping[str, tuple[Sample, ...]], names: MetricNames) -> Requests | None:
    if names.requests:
        wanted: tuple[str, ...] = (names.requests, f"{names.requests}_total", f"{names.requests}_count")
    elif names.duration and (own := f"{names.duration.removesuffix('_bucket')}_count") in counts:
        wanted = (own,)
    else:
        wanted = tuple(name for name in counts if name in _REQUESTS or _has_form(name, _REQUESTS_FORM))
    every = (_with_labels(name, counts[name], names) for name in wanted if name in counts)
    return min((one for one in every if one), key=_requests_rank, default=None)


def _with_labels(name: str, samples: tuple[Sample, ...], names: MetricNames) -> Requests | None:
    """None where no label tells a status: then nothing is known of errors."""
    given = (names.status_label,) if names.status_label else STATUS_LABELS
    status = next((label for label in given if any(STATUS.fullmatch(one.labels.get(label, "")) for one in samples)), "")
    if not status:
        return None
    path = _label((names.path_label,) if names.path_label else PATH_LABELS, samples)
    return Requests(name, samples, status, path, _label(METHOD_LABELS, samples))


def _durations(buckets: Mapping[str, tuple[Sample, ...]], names: MetricNames) -> Durations | None:
    if names.duration:
        wanted: Iterable[str] = (names.duration.removesuffix("_bucket"),)
    else:
        wanted = (name for name in buckets if name in _DURATIONS or (_has_form(name, _DURATION_FORM) and _unit(name)))
    every = (
        Durations(name, buckets[name], names.path_label or _label(PATH_LABELS, buckets[name]), _unit(name) or 1.0)
        for name in wanted
        if name in buckets
    )
    return min(every, key=_durations_rank, default=None)


def _has_form(name: str, form: re.Pattern[str]) -> bool:
    """Whether a name is plainly one for requests that an app serves."""
    return bool(form.search(name)) and not _NOT_THEIRS.search(name) and not _NOT_ALL.search(name)


def _requests_rank(one: Requests) -> tuple[bool, bool, int, str]:
    known = one.name in _REQUESTS
    return (not known, not one.path, _REQUESTS.index(one.name) if known else 0, one.name)


def _durations_rank(one: Durations) -> tuple[bool, bool, int, str]:
    known = one.name in _DURATIONS
    return (not known, not one.path, _DURATIONS.index(one.name) if known else 0, one.name)


def _label(known: Sequence[str], samples: Sequence[Sample]) -> str:
    """The first label that is there, one with something like a path in it before others."""
    there = [label for label in known if any(label in one.labels for one in samples)]
    return next((label for label in there if any("/" in one.labels.get(label, "") for one in samples)), [*there, ""][0])


def _unit(name: str) -> float | None:
    """Seconds of the unit that a name ends in or has a word for; None where it has none."""
    return next((_UNITS[word] for word in reversed(name.split("_")) if word in _UNITS), None)


def _declared(families: Sequence[Metric], names: MetricNames, *present: Mapping[str, object]) -> str:
    """A known or named counter or histogram with HELP or TYPE and nothing else: nobody has asked the app anything
    yet."""
    there = {name for one in present for name in one}
    named = names.requests or names.duration
    known = (named, f"{named}_total") if named else (*_REQUESTS, *_DURATIONS)
    for family in families:
        for name in (f"{family.name}_total", family.name):
            if name in known and not {name, f"{name}_count"} & there and not family.samples:
                return name
    return ""


def _words(
    requests: Requests | None,
    durations: Durations | None,
    declared: bool,
    counts: Mapping[str, tuple[Sample, ...]],
    names: MetricNames,
) -> str:
    if requests:
        labels = ", ".join(label for label in (requests.method, requests.path, requests.status) if label)
        timed = f" and {durations.name}" if durations else ", no durations"
        return _printable(f"{requests.name}{{{labels}}}{timed}")
    if declared:
        return "request counters that have counted nothing yet"
    return f"found {_listed(counts)}; needed: {_needed(names)}"


def _needed(names: MetricNames) -> str:
    if names.requests:
        status = names.status_label or "status_code"
        return f"{names.requests}{{{status}}}, as services.metrics says, with a status such as 200 or 2xx"
    if names.status_label:
        return f"a counter of requests with the label {names.status_label}, as services.metrics says"
    return "a counter with a status label, such as http_requests_total{status_code}; or name yours in services.metrics"


def _listed(counts: Mapping[str, tuple[Sample, ...]]) -> str:
    """Names and labels of what people may take for request counters; else how many others there are."""
    likely = sorted(name for name in counts if _WORTH_SHOWING.search(name) and not _NOT_THEIRS.search(name))
    shown = [_printable(f"{name}{{{', '.join(sorted(counts[name][0].labels))}}}") for name in likely[:_SHOWN]]
    if likely[_SHOWN:]:
        shown.append(f"{len(likely) - _SHOWN} more")
    if shown:
        return ", ".join(shown)
    return f"no counter of requests among {len(counts)} counters" if counts else "no counter at all"


def _printable(text: str) -> str:
    """Names may hold any character since UTF-8 is allowed in them, and none of an app's may steer a terminal."""
    short = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
    return "".join(one if one.isprintable() else "?" for one in short)
