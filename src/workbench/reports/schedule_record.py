"""What a workspace remembers of its schedule, so that a kill loses nothing and repeats nothing that is done.

::

    schedule/
      lock             held, by the operating system, by the one scheduler at work
      working          held by whoever runs an entry or delivers what it made
      waiting-*        held by the one call of an entry that waits for it
      state.json       for each entry: since when it is known, and the last occurrence that was done
      history.jsonl    a line for each occurrence: when it began and ended, and what became of it
      alerts.jsonl     the lines among them that somebody should look at
      *-earlier.jsonl  what stood there before; older lines go
      owed/            reports and alerts that are yet to be delivered
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from workbench.errors import WorkspaceError
from workbench.governance.names import check_plain
from workbench.reports.notebook import sha256
from workbench.store.staging import write_durably

if TYPE_CHECKING:
    from workbench.store.workspace import Workspace

FOLDER, LOCK, STATE, HISTORY, ALERTS = "schedule", "lock", "state.json", "history.jsonl", "alerts.jsonl"
WORKING, WAITING, EARLIER = "working", "waiting-", "-earlier"
Status = Literal["completed", "failed", "skipped"]
What = Literal["run", "delivery", "alert"]
_LARGEST = 2**21  # some ten thousand lines


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
    what : str
        ``run``, or ``delivery`` of its reports, or ``alert`` where somebody could not be told.
    """

    entry: str
    due: str
    status: Status
    started: str
    ended: str
    late: float
    says: str
    what: What = "run"

    @property
    def sentence(self) -> str:
        """Return what became of it, as one line."""
        opening = "ALERT: " if self.status == "failed" else ""
        what = "" if self.what == "run" else f"{self.what} "
        return f"{opening}{self.entry}, due {self.due}, {what}{self.status}: {self.says}"

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
    failed : bool
        Whether the last occurrence that was done had failed.
    """

    times: str
    done: datetime
    attempts: int = 0
    failed: bool = False


def schedule_folder(workspace: Workspace) -> Path:
    """Return the folder of the schedule's memory, made where there is none."""
    folder = check_plain(workspace.path / FOLDER)
    if folder.is_symlink():
        raise WorkspaceError(f"{folder} is a link: a workspace's files lie inside of it.")
    folder.mkdir(exist_ok=True)
    return folder


@contextmanager
def only_scheduler(folder: Path, waiting: Callable[[str], None]) -> Iterator[None]:
    """Be the workspace's scheduler; where another process is, say so and wait until it ends."""
    said = "{} works on the schedule of this workspace; waiting until it has ended."
    with _alone(folder / LOCK, lambda holder: waiting(said.format(holder))):
        yield


@contextmanager
def at_work(folder: Path, waiting: Callable[[str], None]) -> Iterator[None]:
    """Be the only one who runs an entry or delivers; where another process does, say so and wait."""
    said = "{} runs an entry of the schedule of this workspace; waiting until that has ended."
    with _alone(folder / WORKING, lambda holder: waiting(said.format(holder))):
        yield


@contextmanager
def at_work_in_turn(folder: Path, entry: str, waiting: Callable[[str], None]) -> Iterator[bool]:
    """Be the only one at work, as the one call of an entry that waits; False where another waits already.

    So calls of a scheduler that knows nothing of a long run do not pile up.
    """
    name = f"{WAITING}{sha256(entry.encode()).rpartition(':')[2][:16]}"
    handle = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with ExitStack() as turn:
        turn.callback(os.close, handle)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        with at_work(folder, waiting):
            turn.close()  # the next may wait now
            yield True


@contextmanager
def _alone(path: Path, waiting: Callable[[str], None]) -> Iterator[None]:
    """Hold a lock that ends with the process; say who has it where that is another."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting(os.pread(handle, 200, 0).decode(errors="replace").strip() or "another process")
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
                times=str(one["times"]),
                done=instant(one["done"]),
                attempts=int(one["attempts"]),
                failed=bool(one.get("failed", False)),
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
    """Add an outcome to the history and, if it failed, to the alerts; each keeps what is newest of it."""
    for name in (HISTORY, *([ALERTS] if outcome.status == "failed" else [])):
        if (folder / name).exists() and (folder / name).stat().st_size > _LARGEST:
            (folder / name).replace(folder / _earlier(name))
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
    for path in (folder / _earlier(name), folder / name):
        for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
            try:
                outcomes.append(Outcome(**json.loads(line)))
            except (ValueError, TypeError):
                continue
    return outcomes


def _earlier(name: str) -> str:
    return name.replace(".", f"{EARLIER}.")


def instant(text: str) -> datetime:
    """Return an instant from its text, which names its offset."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(text)
    return found
