"""One tenant's folder: its tables, its runs, its cache. A process opens it; no function takes rows of two."""

from __future__ import annotations

import os
import shutil
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Self

from workbench.errors import RESTORE, WorkspaceError, wrong_kind
from workbench.events.rollups import STORED
from workbench.events.tables import LOADS, TABLES
from workbench.governance.names import check_plain, check_slug, is_slug, slug
from workbench.store.manifest import MANIFEST, currency_at, read_manifest, state_currency, write_manifest

if TYPE_CHECKING:
    from workbench.store.snapshot import Snapshot
    from workbench.store.writer import Writer

FORMAT = 1
_FOLDERS = ("store", "runs", "cache", "pending", "journal")


@dataclass(frozen=True, slots=True)
class Workspace:
    """One tenant's workspace.

    Parameters
    ----------
    path : Path
        Its folder, links followed. Use `create` and `open`.
    """

    path: Path

    @classmethod
    def create(cls, path: str | PathLike[str], name: str | None = None) -> Self:
        """Make a new, empty workspace and return it.

        Parameters
        ----------
        path : path
            A folder that does not exist, or is empty.
        name : str, optional
            A slug; by default made from the folder's name.

        Raises
        ------
        WorkspaceError
            If the folder is in use, or lies in another workspace.
        UsageError
            If the name is no slug.
        """
        folder = check_plain(Path(path).resolve())
        name = check_slug(name if name is not None else slug(folder.name, "workspace"))
        _refuse_used(folder)
        draft = folder.with_name(f".{folder.name}.{os.getpid()}")
        try:
            _fill(draft, name)
            draft.rename(folder)
        except OSError as error:
            _refuse_used(folder)  # another process was faster
            if error.errno is None:
                raise
            raise OSError(error.errno, error.strerror, str(folder)) from error  # nobody knows of the draft
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return cls(folder)

    @classmethod
    def open(cls, path: str | PathLike[str]) -> Self:
        """Return the workspace of a folder.

        Raises
        ------
        WorkspaceError
            If there is none, it is damaged, of a newer format, or leads out of its folder by a link.
        """
        if not isinstance(path, str | PathLike):
            raise wrong_kind("A workspace", path, "named by its folder, as 'data/acme'")
        folder = Path(path).resolve()
        if not (folder / MANIFEST).is_file():
            raise WorkspaceError(
                f"There is no workspace at {folder}. Make one with: workbench init {quote(str(path))}"
            )
        made = cls(check_plain(folder))
        manifest = read_manifest(folder)
        if manifest.get("format") != FORMAT:
            raise WorkspaceError(
                f"{folder} has the format {manifest.get('format')!r}; this workbench reads {FORMAT}."
            )
        if not is_slug(str(manifest.get("name"))):
            raise WorkspaceError(
                f"{folder / MANIFEST} is damaged: {manifest.get('name')!r:.80} is no name. {RESTORE}"
            )
        for part in (*_FOLDERS, *(f"store/{table}" for table in STORED)):
            inner = folder / part
            if inner.is_symlink():
                raise WorkspaceError(f"{inner} is a link: a workspace's files lie inside of it.")
            if not inner.is_dir():
                if part == "store":
                    raise WorkspaceError(f"{folder} is damaged: {part} is missing. {RESTORE}")
                if part in _FOLDERS:
                    inner.mkdir(exist_ok=True)  # another process may open it, too
        made._check_tables()
        return made

    @property
    def name(self) -> str:
        """Return the workspace's name."""
        return str(read_manifest(self.path)["name"])

    @property
    def currency(self) -> str | None:
        """Return the ISO 4217 code of all money in it, once it is known."""
        return currency_at(read_manifest(self.path))

    @property
    def store_path(self) -> Path:
        """Return the folder of the tables."""
        return self.path / "store"

    @property
    def runs_path(self) -> Path:
        """Return the folder of the runs."""
        return self.path / "runs"

    @property
    def cache_path(self) -> Path:
        """Return a folder whose content can be deleted at any time."""
        return self.path / "cache"

    def set_currency(self, code: str, stated_by: str | None = None) -> None:
        """Say what all money of the workspace is in; it is said once.

        Parameters
        ----------
        code : str
            The currency.
        stated_by : str, optional
            The load whose file says so: it counts from there on, and goes with it again. What is said without
            a load is said of all data versions.

        Raises
        ------
        UsageError
            If it is no currency code, or another one was set.
        """
        from workbench.store.delta import newest_version

        since = newest_version(self.store_path / LOADS.name) + 1 if stated_by else 0
        state_currency(self.path, code, stated_by, since=since)

    def currency_at(self, version: int | None) -> str | None:
        """Return the currency of all money at a data version: what a load stated comes and goes with it."""
        return currency_at(read_manifest(self.path), version)

    def tables(self, version: int | None = None, *, threads: int | None = None) -> Snapshot:
        """Return the tables at a data version, the newest by default.

        Raises
        ------
        WorkspaceError
            If there is no such version, or its files are gone.
        """
        from workbench.store.snapshot import Snapshot

        return Snapshot(self.path, version, threads=threads)

    def writer(self, *, threads: int | None = None) -> AbstractContextManager[Writer]:
        """Return the writer as a context manager: it holds the lock, and first ends what was left unfinished.

        Raises
        ------
        WorkspaceBusy
            On entering, if another writer is at work.
        """
        from workbench.store.writer import open_writer

        return open_writer(self.path, threads)

    def _check_tables(self) -> None:
        """Refuse a workspace that lost a table; one that is older than a table merely lacks it."""
        from workbench.store.loads import head

        missing = [table for table in TABLES if not (self.store_path / table).is_dir()]
        if missing:
            known = {LOADS.name} if LOADS.name in missing else head(self.store_path).named
            for table in missing:
                if table in known:
                    raise WorkspaceError(f"{self.path} is damaged: store/{table} is missing. {RESTORE}")


def _refuse_used(folder: Path) -> None:
    for parent in (folder, *folder.parents):
        if (parent / MANIFEST).exists():
            where = "is a workspace already" if parent == folder else f"lies in the workspace {parent}"
            raise WorkspaceError(f"{folder} {where}.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise WorkspaceError(f"{folder} is in use. Choose a folder that is new or empty.")


def _fill(folder: Path, name: str) -> None:
    from workbench.store.delta import create_table
    from workbench.store.loads import LoadRecord, append_load

    for part in _FOLDERS:
        (folder / part).mkdir(parents=True)
    versions = {}
    for table, definition in STORED.items():
        create_table(folder / "store" / table, definition)
        versions[table] = 0
    del versions["loads"]
    append_load(folder / "store", LoadRecord(load_id="init", operation="init", versions=versions), after=None)
    created = datetime.now(UTC).isoformat(timespec="seconds")
    write_manifest(folder, {"format": FORMAT, "name": name, "currency": None, "created": created})
