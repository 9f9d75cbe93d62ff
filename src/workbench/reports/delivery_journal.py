"""What became of every delivery: one file each, a line per step, on disk before the step is taken.

A line that a crash cut off is no line. The file is locked by the operating system for as long as somebody
delivers; the lock goes with the process. So "sending" in a file that nobody holds means: ended in between.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Literal

from workbench.errors import WorkspaceError

FOLDER = "deliveries"
_ENDING = ".jsonl"
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
        content = json.dumps(asdict(step)).encode() + b"\n"
        # What a crash cut off must not become the beginning of this line.
        self._file.seek(0)
        earlier = self._file.read()
        self._file.write(content if earlier.endswith(b"\n") or not earlier else b"\n" + content)
        self._file.flush()
        os.fsync(self._file.fileno())


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
        file = (folder / f"{id_}{_ENDING}").open("a+b")
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
    return sorted(found, key=lambda step: (step.at, step.id), reverse=True)


def interrupted(step: Step) -> Step:
    """Return what is to be said of a delivery that was begun and never ended."""
    values = asdict(step) | {
        "state": "unknown",
        "runs": step.runs,
        "reason": "the process ended while it was sending, so it may have arrived",
    }
    return Step(**values)


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
