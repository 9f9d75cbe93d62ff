"""What a run depends on besides its notebook and parameters: data, code, environment, seed."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.reports.notebook import sha256, to_bytes

if TYPE_CHECKING:
    from workbench.store.snapshot import Snapshot
    from workbench.store.workspace import Workspace

# The workbench's own bookkeeping: a run adds to it, so it cannot be what tells runs apart.
BOOKKEEPING = frozenset({"loads", "runs"})
_NAMED = (
    "altair",
    "deltalake",
    "duckdb",
    "ibis-framework",
    "numpy",
    "pandas",
    "papermill",
    "polars",
    "pyarrow",
)
_CODE = frozenset({".py", ".yaml", ".sql"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInputs:
    """What a run reads, and what it runs on.

    Parameters
    ----------
    data_version : int
        The version of the workspace.
    tables : mapping
        Of each table that holds rows: its version and its number of rows.
    data : str
        A hash of the tables' versions and of the loads they are made of, the bookkeeping left out.
    code, environment : str
        Hashes of the package's source, and of the lock file (or else of the installed distributions).
    seed : int
        Seeds the random number generators.
    fits : mapping
        Of each completed media mix run, the newest first: a hash of what it found. Of a planned run, of those
        that it reads.
    books : str
        A hash of the versions of the bookkeeping. Of a planned run that does not read it, empty.
    currency : str, optional
        What all money is in at that version.
    last_day : date, optional
        The last day with data.
    """

    data_version: int
    tables: Mapping[str, Mapping[str, int]]
    data: str
    code: str
    environment: str
    seed: int
    fits: Mapping[str, str] = field(default_factory=dict)
    books: str = ""
    currency: str | None = None
    last_day: date | None = None

    @property
    def key(self) -> dict[str, Any]:
        """Return what goes into a run's id."""
        return {
            "code": self.code,
            "data": self.data,
            "environment": self.environment,
            "seed": self.seed,
            **({"fits": dict(self.fits)} if self.fits else {}),
            **({"books": self.books} if self.books else {}),
            **({"currency": self.currency} if self.currency else {}),
        }

    def run_id(self, notebook: str, source: str, parameters: Mapping[str, Any]) -> str:
        """Return the id of the run of a notebook (its name and hash) with parameters."""
        whole = {"notebook": source, "parameters": dict(parameters), **self.key}
        name = "".join(c if c.isascii() and c.isalnum() else "-" for c in notebook.lower()).strip("-")[:40]
        return f"{name or 'notebook'}-{sha256(to_bytes(whole))[:16]}"


def read_inputs(workspace: Workspace, *, version: int | None = None, seed: int = 0) -> RunInputs:
    """Return what a run of now would depend on; `version` pins the data to an earlier state."""
    snapshot = workspace.tables(version)
    return RunInputs(
        data_version=int(snapshot.version),
        tables=_tables(snapshot),
        data=_data(snapshot),
        code=code_hash(),
        environment=environment_hash(),
        seed=seed,
        fits=fits_of(workspace),
        books=_versions_of(snapshot, BOOKKEEPING),
        currency=snapshot.currency,
        last_day=snapshot.last_day,
    )


def fits_of(workspace: Workspace) -> dict[str, str]:
    """Return the completed media mix runs of a workspace, the newest first, each with a hash."""
    from workbench.reports.mix_runs import mix_runs

    return {
        run.id: sha256(to_bytes({"files": dict(run.files), "key": run.key}))
        for run in mix_runs(workspace).rows
        if run.completed
    }


def _versions_of(snapshot: Snapshot, names: frozenset[str]) -> str:
    versions = {name: int(version) for name, version in snapshot.versions.items() if name in names}
    return sha256(to_bytes(versions))


def _tables(snapshot: Snapshot) -> dict[str, dict[str, int]]:
    return {
        name: {"rows": int(rows), "version": int(snapshot.versions[name])}
        for name, rows in sorted(snapshot.rows.items())
        if rows and name not in BOOKKEEPING
    }


def _data(snapshot: Snapshot) -> str:
    versions = {name: int(v) for name, v in snapshot.versions.items() if name not in BOOKKEEPING}
    # Load ids are hashes of the files loaded: two workspaces with equal version numbers still differ.
    rows = snapshot.listed("SELECT load_id FROM loads WHERE table_name <> 'runs' ORDER BY load_id")
    return sha256(to_bytes({"loads": [load_id for (load_id,) in rows], "versions": versions}))


@cache
def code_hash() -> str:
    """Return the hash of the package's source."""
    root = Path(__file__).parents[1]
    found: dict[str, str] = {}
    for folder, _, names in os.walk(root):  # every run waits for this: plain texts, not paths
        if not folder.endswith("__pycache__"):
            for name in names:
                if os.path.splitext(name)[1] in _CODE:  # noqa: PTH122
                    path = f"{folder}{os.sep}{name}"
                    with open(path, "rb") as file:  # noqa: PTH123
                        found[path[len(str(root)) + 1 :].replace(os.sep, "/")] = sha256(file.read())
    return sha256(to_bytes(found))


@cache
def environment_hash() -> str:
    """Return the hash of the lock file beside the package, or else of what is installed."""
    lock = lock_file()
    if lock is not None:
        return sha256(lock.read_bytes())
    return sha256(to_bytes(sorted({f"{d.name}=={d.version}" for d in metadata.distributions()})))


def lock_file() -> Path | None:
    """Return the project's lock file; None where the package is installed without it."""
    lock = Path(__file__).resolve().parents[3] / "uv.lock"
    return lock if lock.is_file() else None


def platform_facts() -> dict[str, Any]:
    """Return the interpreter, the system, and the versions of the libraries that compute."""
    return {
        "machine": platform.machine(),
        "packages": dict(_installed()),
        "python": ".".join(map(str, sys.version_info[:3])),
        "system": platform.system(),
    }


@cache
def _installed() -> tuple[tuple[str, str], ...]:
    return tuple((name, metadata.version(name)) for name in _NAMED)
