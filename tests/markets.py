"""Simulated markets in few files, and workspaces that are loaded once for all tests of a run.

Each file that is loaded takes as long as several small tests do, whatever is in it.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from workbench.events.simulation import Market, write_market
from workbench.store import Workspace
from workbench.store.ingest import ingest


def write_few(market: Market, folder: Path, **options: Any) -> list[Path]:
    """Return the files that `write_market` makes, the months of each format of events in one."""
    written = write_market(market, folder, **options)
    months = [path for path in written if path.parent.name == "events"]
    kept = [path for path in written if path not in months]
    for ending, join in ((".parquet", _join_parquet), (".jsonl", _join_lines)):
        first, *others = [path for path in months if path.suffix == ending] or [None]
        if first is not None:
            join(first, others)
            kept.append(first)
    return kept


def _join_parquet(first: Path, others: list[Path]) -> None:
    months = [pl.read_parquet(path) for path in (first, *others)]
    pl.concat(months).write_parquet(first, compression="zstd", row_group_size=65_536)
    for path in others:
        path.unlink()


def _join_lines(first: Path, others: list[Path]) -> None:
    with first.open("ab") as file:
        for path in others:
            file.write(path.read_bytes())
            path.unlink()


def load(market: Market, home: Path) -> Path:
    """Return the folder of a workspace that holds everything of a market."""
    workspace = Workspace.create(home / "market", name="market")
    workspace.set_currency(market.spec.currency)
    ingest(workspace, write_few(market, home / "files"), backfill=True)
    return Path(workspace.path)


def once(home: Path, make: Callable[[Path], Path]) -> Path:
    """Return what is made in a folder, made by the first process that asks; others wait for it."""
    home.mkdir(exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ready = home / "ready"
        if not ready.exists():
            ready.write_text(str(make(home)))
        return Path(ready.read_text())
