"""A small workspace with awkward names, and small notebooks to run on it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from shutil import copytree
from typing import Any

import pyarrow as pa
import pytest

from workbench.events.tables import DAILY_PERFORMANCE, ORDERS
from workbench.reports.warm import client
from workbench.store.loads import LoadRecord
from workbench.store.schema import arrow_schema
from workbench.store.workspace import Workspace

NASTY = (
    "<script>alert(1)</script>",
    '=HYPERLINK("http://x.test","click")',
    "../../x",
    "{{7*7}}",
    "$(id)",
    "\u202egnp.exe",
    "x" * 10_000,
    "it's",
)
HEAD = "# Small report\n\nWhat was spent? For the tests. Decide nothing."
OPEN = "import workbench as wb\nws = wb.open(workspace, data_version)"
TOTALS = (
    "t = ws.query('SELECT campaign_id, sum(spend) AS spend FROM daily_performance "
    "GROUP BY 1 ORDER BY 1').to_pylist()\nt"
)

Write = Callable[..., Path]
_KERNELS_OWN = client.PRELOAD.index("numpy")  # what comes before is what a kernel itself imports


def notebook(*code: str, parameters: str = "", head: str = HEAD) -> dict[str, Any]:
    """Return a notebook of a heading, a parameters cell and code cells."""
    first = f'workspace = "../data/demo"\ndata_version = None\n{parameters}'.strip()
    cells: list[dict[str, Any]] = [{"cell_type": "markdown", "id": "head", "metadata": {}, "source": head}]
    for number, source in enumerate([first, *code]):
        cells.append(
            {
                "cell_type": "code",
                "id": f"c{number}",
                "metadata": {"tags": ["parameters"]} if number == 0 else {},
                "source": source,
                "execution_count": None,
                "outputs": [],
            }
        )
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def write_notebook(folder: Path, name: str, *code: str, **options: Any) -> Path:
    """Write a notebook file and return its path."""
    path = folder / f"{name}.ipynb"
    path.write_text(json.dumps(notebook(*code, **options)))
    return path


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes a notebook file and returns its path."""
    return partial(write_notebook, tmp_path)


def add_spend(workspace: Workspace, campaigns: dict[str, float], load_id: str = "load-1") -> None:
    """Load one row of spend per campaign."""
    first = date(2024, 1, 1)
    rows = [
        {
            "date": first + timedelta(days=n % 28),
            "campaign_id": name,
            "channel": "social",
            "spend": spend,
            "clicks": 10 + n,
            "impressions": 1000,
            "conversions": 1.0,
            "revenue": 2 * spend,
        }
        for n, (name, spend) in enumerate(campaigns.items())
    ]
    _load(workspace, DAILY_PERFORMANCE, rows, load_id)


def add_orders(workspace: Workspace) -> None:
    """Load two orders and nothing else."""
    rows = [
        {
            "order_id": f"o{n}",
            "line": 1,
            "ordered_at": 1_700_000_000_000_000 + n,
            "order_value": 10.5 * (n + 1),
            "is_return": False,
        }
        for n in range(2)
    ]
    _load(workspace, ORDERS, rows, "orders-1")


def _load(workspace: Workspace, table: Any, rows: list[dict[str, Any]], load_id: str) -> None:
    with workspace.writer() as writer:
        transaction = writer.transaction(load_id, operation="ingest", file="test", table_name=table.name)
        frame = pa.Table.from_pylist(rows, schema=arrow_schema(table))
        writer.connection.register("given", frame)
        transaction.append(table.name, "SELECT * FROM given")
        transaction.commit(LoadRecord(rows_read=len(rows), accepted=len(rows)))


def make_workspace(folder: Path) -> Workspace:
    """Return a workspace with the spend of campaigns whose names attack."""
    made = Workspace.create(folder, "small")
    add_spend(made, {name: 100.0 - n for n, name in enumerate(NASTY)})
    return made


@pytest.fixture(scope="session")
def one_workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a workspace that is only copied."""
    return make_workspace(tmp_path_factory.mktemp("one") / "w").path


@pytest.fixture
def workspace(one_workspace: Path, tmp_path: Path) -> Workspace:
    """Return a workspace of the test's own."""
    return Workspace.open(copytree(one_workspace, tmp_path / "w"))


@pytest.fixture(autouse=True)
def warmed_a_little(request: pytest.FixtureRequest) -> Iterator[None]:
    """Spare the warm parents of small notebooks what these do not import: it takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        if request.module.__name__ != f"{__package__}.test_warm_kernels":
            patch.setattr(client, "PRELOAD", (*client.PRELOAD[:_KERNELS_OWN], "workbench.store.opening"))
        yield


def kernels_below(folder: Path) -> list[str]:
    """Return the processes whose working directory is in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink().is_relative_to(folder):
                found.append(process.name)
        except OSError:
            continue
    return found
