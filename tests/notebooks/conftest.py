"""Workspaces as customers have them: everything, spend only, orders only, nothing yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from workbench.events.simulation import MarketSpec, simulate
from workbench.store import Workspace
from workbench.store.ingest import ingest

Write = Callable[..., list[Path]]
LOADED = {"everything": "", "spend": "daily_performance", "orders": "orders", "nothing": None}


@pytest.fixture(scope="session")
def workspaces(write_few: Write, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the folder of each workspace."""
    home = tmp_path_factory.mktemp("market")
    files = write_few(simulate(replace(MarketSpec.small(), days=75, users=300)), home / "files")
    for name, table in LOADED.items():
        workspace = Workspace.create(home / name, name=name)
        workspace.set_currency("EUR")
        if table is not None:
            ingest(workspace, [file for file in files if table in file.name], backfill=True)
    return {name: home / name for name in LOADED}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Add sums up in one order, to the last digit, as in a run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_THREADS", "1")
        yield
