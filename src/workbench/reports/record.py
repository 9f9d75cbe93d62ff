"""What is known of a run: which notebook with which parameters, how far it came, how it ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any, Literal

from workbench.errors import WorkspaceError
from workbench.reports.execution import Failure
from workbench.reports.notebook import to_bytes

Status = Literal["queued", "running", "completed", "failed", "cancelled"]
RECORD, RECEIPT, NOTEBOOK = "record.json", "receipt.json", "notebook.ipynb"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run, as its folder keeps it.

    Parameters
    ----------
    id : str
        The notebook's name and a hash of everything the result depends on.
    notebook, title : str
        The notebook's name and first heading.
    parameters : mapping
        Every parameter with its value.
    tenant : str
        The workspace's name.
    data_version : int
        The version of the workspace that was read.
    status : str
        ``queued``, ``running``, ``completed``, ``failed`` or ``cancelled``.
    started, ended : str, optional
        UTC, ISO 8601.
    duration : float, optional
        Seconds.
    progress : float
        The share of cells that are done.
    error : Failure, optional
        Why it failed, and in which cell.
    attempts : tuple of Failure
        Why earlier attempts of the same run ended, each of which was followed by another.
    measured : mapping, optional
        Of its kernel: whether it was warm or plain, CPU seconds, most memory in bytes. No hash depends on it.
    wanted_by : str, optional
        Until when the schedule that asked for it wanted it, ISO 8601; None where a person asked.
    filled_in : tuple of str
        The parameters whose value nobody gave: the newest media mix run stands there.
    """

    id: str
    notebook: str
    title: str
    parameters: Mapping[str, Any]
    tenant: str
    data_version: int
    status: Status
    started: str | None = None
    ended: str | None = None
    duration: float | None = None
    progress: float = 0.0
    error: Failure | None = None
    label: str = ""
    wanted_by: str | None = None
    attempts: tuple[Failure, ...] = ()
    measured: Mapping[str, Any] | None = None
    filled_in: tuple[str, ...] = ()

    @property
    def report(self) -> bytes:
        """Return what all runs of one report share: the notebook, and the parameters that were given."""
        given = {name: value for name, value in self.parameters.items() if name not in self.filled_in}
        return to_bytes([self.notebook, given])

    @property
    def sentence(self) -> str:
        """Return what became of the run."""
        what = f"{self.title} ({self.label[:60]})" if self.label else self.title
        if self.status == "completed":
            again = f" at attempt {len(self.attempts) + 1}" if self.attempts else ""
            return f"{what} completed in {self.duration or 0:.1f} s{again}: {self.id}."
        if self.error is not None:
            return f"{what} {self.status}, {str(self.error).rstrip('.')}."
        return f"{what} is {self.status}."

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON values."""
        return asdict(self) | {"parameters": dict(self.parameters)}

    def ending(self, status: Status, error: Failure | None = None) -> RunRecord:
        """Return the record of the same run, ended now."""
        now = datetime.now(UTC)
        began = datetime.fromisoformat(self.started) if self.started else now
        return replace(
            self,
            status=status,
            error=error,
            started=began.isoformat(timespec="milliseconds"),
            ended=now.isoformat(timespec="milliseconds"),
            duration=round((now - began).total_seconds(), 3),
            progress=1.0 if status == "completed" else self.progress,
        )


def now() -> str:
    """Return this moment, UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def read_record(folder: Path) -> RunRecord | None:
    """Return the record in a run's folder; None where there is none that can be read, or it is but a link."""
    if folder.is_symlink():  # it may lead to a run of another workspace
        return None
    try:
        values = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        error = values.pop("error", None)
        attempts = tuple(Failure(**one) for one in values.pop("attempts", ()))
        filled_in = tuple(values.pop("filled_in", ()))
        error = Failure(**error) if error else None
        record = RunRecord(**values, error=error, attempts=attempts, filled_in=filled_in)
        dict(record.parameters)
        for moment in filter(None, (record.started, record.ended)):
            datetime.fromisoformat(moment)
    except (OSError, ValueError, TypeError):
        return None
    return record


def write_record(folder: Path, record: RunRecord) -> None:
    """Write the record into a run's folder, whole or not at all."""
    write_whole(folder / RECORD, json.dumps(record.to_json(), indent=1).encode() + b"\n")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old or the new content, and never a part."""
    draft = path.with_name(f".{token_hex(8)}.part")
    try:
        with draft.open("xb") as file:  # who may read it is as the user's umask says
            file.write(content)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def run_folder(runs: Path, id_: str) -> Path:
    """Return the folder of a finished run, found by its id or by the beginning of its id.

    Raises
    ------
    WorkspaceError
        If no run, or more than one, is meant.
    """
    found = runs.iterdir() if runs.is_dir() else ()
    finished = sorted(p.name for p in found if not p.name.startswith(".") and not p.is_symlink())
    matching = [name for name in finished if name == id_] or [
        n for n in finished if id_ and n.startswith(id_)
    ]
    if len(matching) == 1:
        return runs / matching[0]
    problem = f"{len(matching)} runs begin with" if matching else "There is no run"
    raise WorkspaceError(f"{problem} {id_[:80]!r}. `workbench runs` lists them.")
