"""What a workspace remembers of its schedule, so that a kill loses nothing and repeats nothing that is done.

::

    schedule/
      lock             held, by the operating system, by the one scheduler at work
      state.json       for each entry: since when it is known, and the last occurrence that was done
      history.jsonl    a line for each occurrence: when it began and ended, and what became of it
      alerts.jsonl     the lines among them that somebody should look at
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from workbench.errors import WorkspaceError
from workbench.governance.names import check_plain
from workbench.store.staging import write_durably

if TYPE_CHECKING:
    from workbench.store.workspace import Workspace

FOLDER, LOCK, STATE, HISTORY, ALERTS = "schedule", "lock", "state.json", "history.jsonl", "alerts.jsonl"
Status = Literal["completed", "failed", "skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one occurrence of an entry.

    Parameters
    ----------
    entry : str
        The entry's name.
    due : str
        When it fell due, ISO 8601 in the entry's time zone.
    status : str
        ``completed``, ``failed`` or ``skipped``.
    started, ended : str
        ISO 8601.
    late : float
        The seconds between due and started.
    says : str
        What happened, as one sentence.
    """

    entry: str
    due: str
    status: Status
    started: str
    ended: str
    late: float
    says: str

    @property
    def sentence(self) -> str:
        """Return what became of it, as one line."""
        opening = "ALERT: " if self.status == "failed" else ""
        return f"{opening}{self.entry}, due {self.due}, {self.status}: {self.says}"

    def to_json(self) -> dict[str, Any]:
        """Return the outcome as JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryState:
    """How far an entry came.

    Parameters
    ----------
    times : str
        The cron line and time zone this holds for; other times begin anew.
    done : datetime
        The last occurrence that needs nothing more, or when the entry was first seen.
    attempts : int
        How often the next occurrence was begun and cut off.
    """

    times: str
    done: datetime
    attempts: int = 0


def schedule_folder(workspace: Workspace) -> Path:
    """Return the folder of the schedule's memory, made where there is none."""
    folder = check_plain(workspace.path / FOLDER)
    if folder.is_symlink():
        raise WorkspaceError(f"{folder} is a link: a workspace's files lie inside of it.")
    folder.mkdir(exist_ok=True)
    return folder


@contextmanager
def only_scheduler(folder: Path, waiting: Callable[[str], None]) -> Iterator[None]:
    """Hold the workspace's schedule; where another process does, say so and wait until it ends."""
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(handle, 200, 0).decode(errors="replace").strip() or "another process"
            waiting(f"{holder} works on the schedule of this workspace; waiting until it has ended.")
            fcntl.flock(handle, fcntl.LOCK_EX)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)


def read_states(folder: Path) -> dict[str, EntryState]:
    """Return how far each entry came; nothing where no scheduler was at work yet.

    Raises
    ------
    WorkspaceError
        If what is there cannot be read: to begin anew is a person's decision.
    """
    path = folder / STATE
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return {
            name: EntryState(
                times=str(one["times"]), done=_instant(one["done"]), attempts=int(one["attempts"])
            )
            for name, one in values.items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise WorkspaceError(
            f"{path} is damaged. Remove it to begin anew: what was missed is not caught up then."
        ) from None


def write_states(folder: Path, states: dict[str, EntryState]) -> None:
    """Keep how far each entry came, whole or not at all."""
    values = {
        name: asdict(replace(state)) | {"done": state.done.isoformat()} for name, state in states.items()
    }
    write_durably(folder / STATE, json.dumps(values, indent=1) + "\n")


def keep_outcome(folder: Path, outcome: Outcome) -> None:
    """Add an outcome to the history and, if it failed, to the alerts."""
    for name in (HISTORY, *([ALERTS] if outcome.status == "failed" else [])):
        with (folder / name).open("a+b") as file:
            # A line that a kill cut off stays by itself.
            if file.tell() and os.pread(file.fileno(), 1, file.tell() - 1) != b"\n":
                file.write(b"\n")
            file.write(json.dumps(outcome.to_json()).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def read_outcomes(folder: Path, name: str = HISTORY) -> list[Outcome]:
    """Return the outcomes in the history, or the alerts, the oldest first; cut-off lines are left out."""
    outcomes = []
    if (folder / name).is_file():
        for line in (folder / name).read_text(encoding="utf-8").splitlines():
            try:
                outcomes.append(Outcome(**json.loads(line)))
            except (ValueError, TypeError):
                continue
    return outcomes


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(text)
    return found
