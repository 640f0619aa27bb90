"""history.jsonl on disk: appended under a lock and fsynced, read forwards as a stream and backwards by blocks."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from swiftdeploy.model import journal
from swiftdeploy.model.errors import Busy, EnvironmentMissing, Unreadable
from swiftdeploy.model.event import Entry, Event, JournalRepaired

_BLOCK = 1 << 16
_BEGINNING = b'{"seq":'
_SCRAPE = re.compile(rb'\{"seq":\d+,"timestamp":"[^"]*","event":"status_scrape"')
_LOCK_SECONDS = 10.0  # an append takes milliseconds; only a stopped or hanging process holds the lock longer
_LOCAL_DISK = "put the project on a disk that knows file locks"


@dataclass(frozen=True)
class _End:
    """Where the next line goes: after `offset` bytes, which end in `last`; `torn` bytes behind it are cut off first."""

    offset: int
    last: Entry | None
    torn: int
    unended: bool


class History:
    """The journal of one project; fulfils `flow.world.Journal`. Any number of processes may append at once."""

    def __init__(
        self,
        path: Path,
        run: str,
        actor: str,
        clock_utc: Callable[[], str] | None = None,
        *,
        sync: Callable[[int], None] = os.fsync,
        on_repair: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._path = path
        self._run = run
        self._actor = actor
        self._clock_utc = clock_utc or utc_now
        self._sync = sync
        self._on_repair = on_repair

    def append(self, event: Event) -> Entry:
        """Write one line and fsync it; a torn last line is cut off first, and that is recorded before it.

        Raises Unreadable when the file or its last line is no journal, EnvironmentMissing when the disk refuses and
        Busy when another process sits on the file; then nothing was recorded.
        """
        with self._open(os.O_RDWR | os.O_CREAT) as fd:
            _lock(fd, self._path)  # ends with the descriptor
            end = self._end(fd)
            text, entry = self._lines([JournalRepaired(end.torn), event] if end.torn else [event], end.last)
            self._write(fd, end, text)
        if end.torn:
            self._on_repair(f"{self._path.name}: a torn last line ({end.torn} bytes) was cut off, and that is recorded")
        return entry

    def entries(self) -> Iterator[Entry]:
        """All, oldest first, as a stream; raises BadLine (Unreadable). A torn last line is passed over."""
        return journal.read(self._whole_lines(), self._path.name)

    def backwards(self) -> Iterator[Entry]:
        """All, newest first, reading only as far as asked; raises BadLine (Unreadable)."""
        return self._backwards(lambda _: False)

    def changes(self) -> Iterator[Entry]:
        """As `backwards` without the dashboard's `status_scrape` events, which are passed over unread: a dashboard
        that ran for a week leaves 120,000 of them."""
        return self._backwards(lambda raw: _SCRAPE.match(raw) is not None)

    def head(self) -> str:
        """Hash of the last entry; `0` * 64 when there is none."""
        last = next(self.backwards(), None)
        return last.hash if last else journal.GENESIS

    def _whole_lines(self) -> Iterator[str]:
        if self._absent():
            return
        with self._open(os.O_RDONLY) as fd, open(fd, "rb", closefd=False) as file:
            for raw in file:
                if not raw.endswith(b"\n"):
                    if not _is_torn(raw):
                        yield _text(raw)
                    return  # what a writer adds from now on is not the rest of a line
                yield _text(raw[:-1])

    def _backwards(self, passed_over: Callable[[bytes], bool]) -> Iterator[Entry]:
        if self._absent():
            return
        with self._open(os.O_RDONLY) as fd:
            size = os.fstat(fd).st_size
            for number, (offset, raw) in enumerate(_lines_backwards(fd, size)):
                if not passed_over(raw) and not (number == 0 and _is_torn(raw)):
                    yield self._decode(fd, offset, raw)

    def _lines(self, new: list[Event], last: Entry | None) -> tuple[str, Entry]:
        text = ""
        for event in new:
            seq, prev = (last.seq, last.hash) if last else (0, journal.GENESIS)
            line = journal.encode(event, seq + 1, self._clock_utc(), self._run, self._actor, prev)
            last = journal.decode(line)  # what could not be read back must never be written
            text += line + "\n"
        assert last is not None
        return text, last

    def _end(self, fd: int) -> _End:
        size = os.fstat(fd).st_size
        lines = _lines_backwards(fd, size)
        offset, raw = next(lines, (0, b""))
        if size and not _is_torn(raw):
            return _End(size, self._decode(fd, offset, raw), 0, offset + len(raw) == size)
        before = next(lines, None)
        return _End(offset, self._decode(fd, *before) if before else None, size - offset, False)

    def _decode(self, fd: int, offset: int, raw: bytes) -> Entry:
        try:
            return journal.decode(_text(raw))
        except ValueError as wrong:
            line = _read_at(fd, 0, offset).count(b"\n") + 1
            raise journal.BadLine(self._path.name, line, str(wrong)) from wrong

    def _write(self, fd: int, end: _End, text: str) -> None:
        data = (b"\n" if end.unended else b"") + text.encode("ascii")
        try:
            if end.torn:
                os.ftruncate(fd, end.offset)
            _write_at(fd, data, end.offset)
            self._settle(fd, data, end.offset)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(fd, end.offset)
            if _read_at(fd, end.offset, len(data)) == data:
                return  # it cannot be taken back: whoever reads from now on sees it, so it counts as written
            raise EnvironmentMissing(
                f"{self._path} could not be written: {error.strerror}", "make room on the disk and repeat the command"
            ) from error

    def _settle(self, fd: int, data: bytes, offset: int) -> None:
        try:
            self._sync(fd)
        except OSError:
            # After a failed fsync Linux takes the lost pages for clean: only writing again makes a second try count.
            _write_at(fd, data, offset)
            self._sync(fd)
        if offset == 0:
            _sync_folder(self._path.parent)

    def _absent(self) -> bool:
        try:
            self._path.stat()
        except FileNotFoundError:
            return True
        except OSError as error:
            raise self._unreadable(error.strerror or str(error)) from error
        return False

    @contextlib.contextmanager
    def _open(self, flags: int) -> Iterator[int]:
        try:
            fd = os.open(self._path, flags | os.O_CLOEXEC | os.O_NONBLOCK, 0o644)  # a FIFO must not hang us
        except OSError as error:
            raise self._unreadable(error.strerror or str(error)) from error
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise self._unreadable("it is not a file")
            yield fd
        finally:
            os.close(fd)

    def _unreadable(self, why: str) -> Unreadable:
        return Unreadable(f"{self._path} cannot be used as the journal: {why}", "make it a file that you may write to")


def utc_now() -> str:
    """Now in UTC, ISO 8601 with milliseconds and Z."""
    now = time.time_ns() // 1_000_000
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(now // 1000))}.{now % 1000:03}Z"


def _lines_backwards(fd: int, size: int) -> Iterator[tuple[int, bytes]]:
    """Lines without line ends, last first, each with the offset of its first byte."""
    rest, end, position = b"", size, size
    while position:
        start = max(0, position - _BLOCK)
        rest, *pieces = (_read_at(fd, start, position - start) + rest).split(b"\n")
        position = start
        for piece in reversed(pieces):
            if end != size or piece:  # nothing follows the last line end
                yield end - len(piece), piece
            end -= len(piece) + 1
    if size:
        yield 0, rest


def _is_torn(raw: bytes) -> bool:
    """Whether a last line is what a crash left of one of ours: it begins like one, or with the zeros that some file
    systems leave, and is no JSON. Anything else is damage that nobody may cut off unasked."""
    if b"\0" not in raw and not (_BEGINNING.startswith(raw) or raw.startswith(_BEGINNING)):
        return False
    try:
        json.loads(raw)
    except (ValueError, RecursionError):
        return True
    return False


def _text(raw: bytes) -> str:
    return raw.decode("ascii", "replace")


def _lock(fd: int, path: Path) -> None:
    give_up = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise EnvironmentMissing(f"{path} cannot be locked: {error.strerror}", _LOCAL_DISK) from error
        if time.monotonic() > give_up:
            raise Busy(f"another process has held {path} for {_LOCK_SECONDS:.0f} s", "see who it is with `fuser`")
        time.sleep(0.001)


def _read_at(fd: int, offset: int, count: int) -> bytes:
    parts = []
    while count > 0 and (part := os.pread(fd, count, offset)):
        parts.append(part)
        offset, count = offset + len(part), count - len(part)
    return b"".join(parts)


def _write_at(fd: int, data: bytes, offset: int) -> None:
    if os.pwrite(fd, data, offset) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
