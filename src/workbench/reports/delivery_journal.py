"""What became of every delivery: one file each, a line per step, on disk before the step is taken.

A line that a crash cut off is no line. The file is locked by the operating system for as long as somebody
delivers; the lock goes with the process. So "sending" in a file that nobody holds means: ended in between.
Of many files those of what was sent long ago become lines of one file, which still say that it was sent.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import IO, Literal

from workbench.errors import WorkspaceError

FOLDER = "deliveries"
_ENDING = ".jsonl"
_EARLIER = "earlier.lines"  # the last steps of deliveries that have no file of their own any more
_MOST_FILES, _MOST_OPEN = 2_000, 500
_YOUNG = timedelta(days=30)
State = Literal["sending", "sent", "failed", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of one delivery.

    Parameters
    ----------
    id : str
        The delivery's id: a hash of the runs, the target and the content.
    state : str
        ``sending``, ``sent``, ``failed`` or ``unknown``.
    at : str
        UTC, ISO 8601.
    channel, target : str
        E-mail, digest, folder or webhook; the address, the folder, or the host.
    title : str
        What is delivered.
    runs : tuple of str
        The runs in it.
    reason : str
        Why it failed, or why nobody can know.
    """

    id: str
    state: State
    at: str
    channel: str
    target: str
    title: str
    runs: tuple[str, ...]
    reason: str = ""

    @property
    def sentence(self) -> str:
        """Return the step as one sentence."""
        what = f"{self.title} to {self.target} ({self.channel})"
        return f"{what}: {self.state}, {self.reason}." if self.reason else f"{what}: {self.state}."


class Book:
    """The open, locked file of one delivery."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    @property
    def last(self) -> Step | None:
        """Return the last step that was written whole."""
        self._file.seek(0)
        return _last(self._file.read())

    def write(self, step: Step) -> None:
        """Add a step; it is on the disk when this returns."""
        _add_lines(self._file, [step])


@contextmanager
def book_of(workspace: Path, id_: str) -> Iterator[Book | None]:
    """Give the file of a delivery, locked; None where another process is delivering it now.

    Raises
    ------
    WorkspaceError
        If the folder cannot be written, or the platform has no such locks: nothing is sent without a record.
    """
    folder = workspace / FOLDER
    try:
        folder.mkdir(exist_ok=True)
        file = _path(workspace, id_).open("a+b")
    except OSError as error:
        raise WorkspaceError(f"Deliveries cannot be recorded in {folder}: {error.strerror}.") from None
    with file:
        if not _lock(file):
            yield None
            return
        _make_durable(folder)
        yield Book(file)


def list_steps(workspace: Path) -> list[Step]:
    """Return the last step of every delivery of a workspace, the newest first.

    One that was begun, not ended, and that nobody is at now is ``unknown``.
    """
    found = []
    for path in sorted((workspace / FOLDER).glob(f"*{_ENDING}")):
        with path.open("rb") as file:
            step = _last(file.read())
            # Locked only where that tells something: who delivers now must not find it taken.
            if step is not None and step.state == "sending" and _lock(file):
                step = interrupted(step)
        found += [step] if step is not None else []
    found += [step for id_ in _earlier_lines(workspace) if (step := sent_earlier(workspace, id_))]
    return sorted(found, key=lambda step: (step.at, step.id), reverse=True)


def sent_earlier(workspace: Path, id_: str) -> Step | None:
    """Return the last step of a delivery whose own file was tidied away; None where there is no such."""
    line = _earlier_lines(workspace).get(id_)
    return _last(line) if line is not None and not _path(workspace, id_).exists() else None


def tidy(workspace: Path, *, most: int = _MOST_FILES, moment: datetime | None = None) -> int:
    """Make one file of those of deliveries that were sent over 30 days ago, where there are many.

    A kill in between leaves a delivery in both places, which say the same. Returns how many files went.
    """
    paths = sorted((workspace / FOLDER).glob(f"*{_ENDING}"))
    before = ((moment or datetime.now(UTC)) - _YOUNG).isoformat(timespec="milliseconds")
    if len(paths) <= most:
        return 0
    with ExitStack() as held:
        old: dict[Path, Step] = {}
        for path in paths:
            file = path.open("rb")
            step = _last(file.read())
            if step is None or step.state != "sent" or step.at >= before or not _lock(file):
                file.close()
                continue
            old[path] = step
            held.callback(file.close)
            if len(old) == _MOST_OPEN:
                break
        with (workspace / FOLDER / _EARLIER).open("a+b") as earlier:
            _add_lines(earlier, old.values())
        for path in old:
            path.unlink()
    return len(old)


def _add_lines(file: IO[bytes], steps: Iterable[Step]) -> None:
    """Add steps at the end of a file; they are on the disk when this returns."""
    content = b"".join(json.dumps(asdict(step)).encode() + b"\n" for step in steps)
    # What a crash cut off must not become the beginning of this line.
    end = file.seek(0, os.SEEK_END)
    whole = end == 0 or os.pread(file.fileno(), 1, end - 1) == b"\n"
    file.write(content if whole else b"\n" + content)
    file.flush()
    os.fsync(file.fileno())


def _earlier_lines(workspace: Path) -> dict[str, bytes]:
    path = workspace / FOLDER / _EARLIER
    try:
        facts = path.stat()
    except OSError:
        return {}
    return _read_earlier(path, facts.st_size, facts.st_mtime_ns)


@lru_cache(maxsize=1)
def _read_earlier(path: Path, _size: int, _changed: int) -> dict[str, bytes]:
    steps = ((line, _last(line)) for line in path.read_bytes().splitlines())
    return {step.id: line for line, step in steps if step is not None}


def interrupted(step: Step) -> Step:
    """Return what is to be said of a delivery that was begun and never ended."""
    values = asdict(step) | {
        "state": "unknown",
        "runs": step.runs,
        "reason": "the process ended while it was sending, so it may have arrived",
    }
    return Step(**values)


def _path(workspace: Path, id_: str) -> Path:
    return workspace / FOLDER / f"{id_}{_ENDING}"


def _last(content: bytes) -> Step | None:
    for line in reversed(content.split(b"\n")):
        try:
            values = json.loads(line)
            return Step(**(values | {"runs": tuple(values["runs"])}))
        except (ValueError, TypeError, KeyError):
            continue
    return None


def _lock(file: IO[bytes]) -> bool:
    try:
        import fcntl
    except ImportError:
        raise WorkspaceError("This platform has no file locks that end with a process.") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _make_durable(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
