"""Is everything here that runs need? Each check says what it found and, where it is not well, the way out."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from workbench.errors import RESTORE, WorkbenchError
from workbench.events.rollups import ROLLUPS
from workbench.events.tables import TABLES
from workbench.reports.definitions import NOTEBOOKS
from workbench.reports.execution import Limits, execute
from workbench.reports.inputs import lock_file
from workbench.reports.notebook import bare, notebooks_folder
from workbench.reports.pdf import find_browser
from workbench.reports.schedule_health import schedule_findings

if TYPE_CHECKING:
    from workbench.store.snapshot import Snapshot
    from workbench.store.workspace import Workspace

_OLDEST = (3, 12)
_LEAST_SPACE = 2**30
_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check.

    Parameters
    ----------
    name : str
        What was looked at.
    status : str
        ``well``, ``note`` (something optional is missing) or ``bad``.
    says : str
        What was found.
    fix : str
        What to do; empty where it is well.
    """

    name: str
    status: Literal["well", "note", "bad"]
    says: str
    fix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """All checks."""

    checks: tuple[Check, ...]

    @property
    def well(self) -> bool:
        """Return whether nothing is bad."""
        return all(check.status != "bad" for check in self.checks)

    @property
    def sentence(self) -> str:
        """Return whether runs can be made here."""
        bad = [check.name for check in self.checks if check.status == "bad"]
        return f"Not well: {', '.join(bad)}." if bad else f"All well: {len(self.checks)} checks."

    def to_json(self) -> dict[str, Any]:
        """Return the checks as JSON values."""
        return {"checks": [asdict(check) for check in self.checks], "well": self.well}


def examine(workspace: Path | None = None) -> Health:
    """Return what is well and what is not, of this installation and of a workspace where one is given."""
    checks: list[Callable[[], Check]] = [_python, _packages, _notebooks, _kernel, _browser]
    found = [check() for check in checks]
    found.append(_space(workspace or Path.cwd()))
    if workspace is not None:
        found += _workspace(workspace)
    return Health(checks=tuple(found))


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < _OLDEST:
        return Check(name="Python", status="bad", says=f"{version}.", fix="Use Python 3.12 or newer.")
    return Check(name="Python", status="well", says=f"{version} at {sys.executable}.")


def _packages() -> Check:
    lock = lock_file()
    if lock is None:
        return Check(name="packages", status="note", says="There is no lock file beside this installation.")
    locked: dict[str, str] = {}
    for package in tomllib.loads(lock.read_text(encoding="utf-8"))["package"]:
        if "version" in package:
            locked[package["name"]] = package["version"]
    installed = {_normal(d.name): d.version for d in metadata.distributions()}
    wrong = [
        f"{name} {installed[name]} (locked {version})"
        for name, version in sorted(locked.items())
        if name != "workbench" and name in installed and installed[name] != version
    ]
    if wrong:
        told = ", ".join(wrong[:_SHOWN]) + (f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else "")
        return Check(name="packages", status="bad", says=f"Not as locked: {told}.", fix="Run: make setup")
    return Check(name="packages", status="well", says=f"{len(locked.keys() & installed)} as locked.")


def _normal(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def _notebooks() -> Check:
    missing = [name for name in NOTEBOOKS if not (notebooks_folder() / f"{name}.ipynb").is_file()]
    if missing:
        return Check(
            name="notebooks",
            status="bad",
            says=f"{', '.join(missing)} not in {notebooks_folder()}.",
            fix="Install the package again.",
        )
    return Check(name="notebooks", status="well", says=f"{len(NOTEBOOKS)} in {notebooks_folder()}.")


def _kernel() -> Check:
    first = {"cell_type": "code", "source": "answer = 0", "metadata": {"tags": ["parameters"]}}
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "runs" / "work"
        folder.mkdir(parents=True)
        done = execute(bare({"cells": [first]}), {"answer": 1}, folder=folder, limits=Limits(seconds=60))
    if done.failure is not None:
        return Check(
            name="kernel", status="bad", says=f"It does not start: {done.failure}.", fix="make setup"
        )
    return Check(name="kernel", status="well", says=f"Starts and ends in {time.monotonic() - started:.1f} s.")


def _browser() -> Check:
    found = find_browser()
    if found is None:
        return Check(
            name="browser",
            status="note",
            says="No Chromium was found; tests of how reports look need it.",
            fix="Install chromium.",
        )
    return Check(name="browser", status="well", says=found)


def _space(folder: Path) -> Check:
    nearest = next(parent for parent in (folder.resolve(), *folder.resolve().parents) if parent.exists())
    free = shutil.disk_usage(nearest).free
    says = f"{free / 2**30:.1f} GiB free at {nearest}."
    if free < _LEAST_SPACE:
        return Check(name="disk", status="bad", says=says, fix="Free at least 1 GiB.")
    return Check(name="disk", status="well", says=says)


def _workspace(path: Path) -> Iterator[Check]:
    from workbench.store.workspace import Workspace

    try:
        workspace = Workspace.open(path)
        tables = workspace.tables()
    except WorkbenchError as error:
        yield Check(name="workspace", status="bad", says=str(error))
        return
    # Facts and roll-ups tell of the same events once more, and what the workbench records is no data.
    held = [name for name in tables.names if name == "events" or (name in TABLES and TABLES[name].loadable)]
    rows, some = sum(tables.rows[name] for name in held), "table" if len(held) == 1 else "tables"
    yield Check(
        name="workspace",
        status="well",
        says=f"{workspace.name}: {rows:,} rows in {len(held)} {some} at version {tables.version}.",
    )
    yield _files(workspace, tables)
    yield rollups(tables)
    yield _pending(workspace)
    yield _runs(workspace)
    for found in schedule_findings(workspace):
        yield Check(name=found.name, status=found.status, says=found.says, fix=found.fix)


def _files(workspace: Workspace, tables: Snapshot) -> Check:
    from workbench.store.checksums import compare_all
    from workbench.store.loads import head
    from workbench.store.recovery import ahead

    found = compare_all(workspace.store_path, tables.versions)
    if found.changed:
        says = f"{len(found.changed)} of {found.files:,} changed since they were written: {found.changed[0]}."
        return Check(name="files", status="bad", says=says, fix=RESTORE)
    state = head(workspace.store_path)
    lost, at_work = ahead(workspace.store_path, state), [*(workspace.path / "pending").glob("*.json")]
    if lost and not at_work and head(workspace.store_path) == state:
        says = f"The load log does not name the newest version of {', '.join(lost[:_SHOWN])}."
        return Check(name="files", status="bad", says=says, fix=RESTORE)
    if found.unknown:
        says = f"{found.unknown:,} of {found.files:,} were written without a checksum by an earlier version."
        return Check(
            name="files", status="note", says=says, fix="`workbench compact` writes small ones anew."
        )
    return Check(name="files", status="well", says=f"All {found.files:,} are as they were written.")


def rollups(tables: Snapshot) -> Check:
    """Return whether roll-ups are kept, and tell of as many events as there are facts."""
    missing = [name for name in ROLLUPS if name not in tables.versions]
    if missing:
        return Check(
            name="roll-ups",
            status="note",
            says=f"{', '.join(missing)} not kept yet: figures are read from the events.",
            fix="The next load makes them.",
        )
    held = {
        name: int(tables.query(f"SELECT coalesce(sum(events), 0) AS n FROM {name}")["n"][0].as_py())
        for name in ROLLUPS
    }
    whole = tables.rows["facts"]
    types = tables.query("SELECT event_type, sum(events) AS n FROM rollup_campaigns GROUP BY 1").to_pylist()
    wrong = [
        f"{name} tells of {held[name]:,} events of {due:,}"
        for name, rollup in ROLLUPS.items()
        if held[name]
        != (
            due := sum(int(row["n"]) for row in types if row["event_type"] in rollup.of)
            if rollup.of
            else whole
        )
    ]
    if wrong:
        return Check(name="roll-ups", status="bad", says=f"{'; '.join(wrong)}.", fix=RESTORE)
    return Check(name="roll-ups", status="well", says=f"{len(held)} are current: all of {whole:,} events.")


def _pending(workspace: Workspace) -> Check:
    waiting = sorted(p.name for p in (workspace.path / "pending").glob("[!.]*"))
    if waiting:
        return Check(
            name="loads",
            status="note",
            says=f"{len(waiting)} load{'s' if len(waiting) > 1 else ''} not ended.",
            fix="The next ingest ends or withdraws them.",
        )
    return Check(name="loads", status="well", says="None is unfinished.")


def _runs(workspace: Workspace) -> Check:
    from workbench.reports.runs import list_runs

    records = list_runs(workspace)
    counts = {
        status: sum(r.status == status for r in records) for status in ("completed", "failed", "running")
    }
    says = ", ".join(f"{count} {status}" for status, count in counts.items()) + "."
    if counts["failed"]:
        return Check(name="runs", status="note", says=says, fix="`workbench runs` lists them.")
    return Check(name="runs", status="well", says=says)
