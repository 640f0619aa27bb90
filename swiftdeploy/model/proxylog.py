"""The proxy's own log of a window: its lines in, what clients of one instance met out.

One line a request, written when it ends, fields separated by tabs (`log_format swiftdeploy_window` in nginx.conf):
mark, unix time, instance, path (decoded, without query, cut), seconds, then addresses, statuses and seconds of each
try, whether the answer streamed (`1` or `0`; lines of older templates lack it), and the status that the client got. The
status is last, so that a torn line is no line. nginx escapes tabs and line ends within a field, so nothing that a
client sends can look like a line.

The instance is the one that the request was meant for: what an old worker hands over after a switch, because its
instance is gone, is a matter of that old instance and of nobody who is judged now.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from swiftdeploy.model import untimed
from swiftdeploy.model.figures import Figures, exact

MARK = "swiftdeploy-window"
NEXT_TRY = re.compile(", | : ")  # nginx writes the latter where the app redirected it internally
_SECONDS = "[0-9]{1,12}[.][0-9]{1,6}"
_STATUS = "[0-9]{3}"
_NONE = ("", "-")


def _each(one: str) -> str:
    """The pattern of a list with an entry a try."""
    return f"(?:{one}|-|)(?:(?:{NEXT_TRY.pattern})(?:{one}|-|))*"


TIME = re.compile(rf"{MARK}\t({_SECONDS})\t")
LINE = re.compile(
    rf"{TIME.pattern}([^\t]+)\t([^\t]*)\t({_SECONDS})\t([^\t]+)\t({_each(_STATUS)})\t({_each(_SECONDS)})"
    rf"(?:\t([01]))?\t({_STATUS})"
)


@dataclass(frozen=True)
class Request:
    """What became of one request. `at`: unix seconds, when it ended. `status`: what the client got, 499 when it gave
    up. `addresses` and `statuses` of each try; a status is 0 where there was none. `seconds`: see `_waited`.
    `streams`: see model.untimed."""

    at: float
    instance: str
    path: str
    status: int
    seconds: float
    addresses: tuple[str, ...]
    statuses: tuple[int, ...]
    streams: bool = False


def written_at(line: str) -> float | None:
    """The time of a line, unix seconds by the proxy's clock; None when it is none of this log."""
    found = TIME.match(line)
    return float(found[1]) if found else None


def requests(lines: Iterable[str], since: float) -> tuple[Request, ...]:
    """The requests that ended at `since` (unix seconds by the proxy's clock) or later and for which an instance was
    tried; anything else among the lines is passed over."""
    return tuple(one for one in map(_request, lines) if one and one.at >= since)


def figures(
    found: Sequence[Request],
    instance: str,
    ignored: Collection[str],
    stable: str | None = None,
    excluded: Collection[str] = (),
) -> Figures:
    """What clients of `instance` met, requests to the `ignored` paths left out. `stable`: the instance that serves in
    its place when it cannot. Streams and requests to the `excluded` paths (model.untimed) do not count for p99."""
    others = {one.addresses[0] for one in found if one.instance == stable} if stable != instance else frozenset()
    mine = [one for one in found if one.instance == instance and one.path not in ignored]
    errors = sum(_failed(one, others) for one in mine)
    timed = [one for one in mine if not (one.streams or untimed.is_excluded(one.path, excluded))]
    return exact(len(mine), errors, [one.seconds * 1000 for one in timed])


def _failed(one: Request, others: Collection[str]) -> bool:
    """Whether the client got a 5xx, from the app or from the proxy itself, or was only spared one because another
    instance stood in. nginx tries again only after a failure, and passes an instance over only when its name leads
    nowhere. A client that gave up (499) is no error by itself: people close pages. Its time so far counts all the same,
    so a slow instance whose clients do not wait cannot hide."""
    passed_over = one.addresses[0].startswith("unix:") or one.addresses[0] in others
    return passed_over or any(code >= 500 for code in (one.status, *one.statuses))


def _request(line: str) -> Request | None:
    found = LINE.fullmatch(line)
    if found is None:
        return None
    at, instance, path, seconds, tried, answered, took, streams, status = found.groups()
    addresses, statuses, times = (NEXT_TRY.split(field) for field in (tried, answered, took))
    if not len(addresses) == len(statuses) == len(times) or addresses[0] in _NONE:
        return None  # the proxy answered by itself before it tried anybody: a private path, a body too large
    codes = tuple(0 if code in _NONE else int(code) for code in statuses)
    waited = _waited(times, float(seconds))
    return Request(float(at), instance, path, int(status), waited, tuple(addresses), codes, streams == "1")


def _waited(times: Iterable[str], whole: float) -> float:
    """Seconds that the client waited for instances, all tries together; the whole time where that is not known. Not the
    whole time always: it has the client's own sending and receiving in it, and one phone on a bad line in a hundred
    would be the p99 of any release."""
    known = [float(one) for one in times if one not in _NONE]
    return sum(known) if known else whole
