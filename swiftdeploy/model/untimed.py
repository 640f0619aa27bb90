"""What does not count for p99: answers that stream, and the paths of `canary.exclude_paths`."""

from __future__ import annotations

from collections.abc import Collection

# Answers that go on as long as somebody listens: how long they took says nothing of how fast the app is.
STREAMS = ("text/event-stream", "multipart/x-mixed-replace", "application/grpc", "application/x-ndjson")
SWITCHING = 101


def streams(status: int, content_type: str) -> bool:
    """Whether an answer streams by its head: one of `STREAMS` (with or without a suffix such as `+proto` or
    `; charset`), or an upgrade to another protocol. nginx.conf.tmpl asks the same in its `$window_streams`."""
    kind = content_type.partition(";")[0].partition("+")[0].strip().lower()
    return status == SWITCHING or kind in STREAMS


def is_excluded(path: str, excluded: Collection[str]) -> bool:
    """Whether a path (without query) is one of those, or begins with one that ends in `*`."""
    return any(path.startswith(one[:-1]) if one.endswith("*") else path == one for one in excluded)
