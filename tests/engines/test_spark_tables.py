"""Spark gives DuckDB's answers on the same files, where `workbench[spark]` and Java are installed."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import pytest

from workbench.events.simulation import MarketSpec, simulate, write_market
from workbench.metrics import measure
from workbench.store import Workspace
from workbench.store.dialects import open_engine
from workbench.store.ingest import ingest

pytestmark = pytest.mark.slow
METRICS = [
    "roas",
    "ctr",
    "conversion_rate",
    "incrementality",
    "ltv_12m",
    "hours_to_conversion",
    "cac",
    "orders",
]


def test_spark_agrees_with_duckdb(tmp_path: Path) -> None:
    pytest.importorskip("pyspark", reason="the extra workbench[spark] is not installed")
    if shutil.which("java") is None:
        pytest.skip("Java is not installed")
    files = write_market(simulate(MarketSpec.small()), tmp_path / "files")
    workspace = Workspace.create(tmp_path / "market")
    ingest(workspace, list(files), backfill=True)
    snapshot = workspace.tables()
    ours = measure(snapshot, METRICS)
    theirs = measure(open_engine("spark", snapshot), METRICS)
    assert [row.metric for row in ours.rows] == [row.metric for row in theirs.rows]
    for one, other in zip(ours.rows, theirs.rows, strict=True):
        assert other.value == pytest.approx(one.value, rel=1e-12, nan_ok=True), one.metric
    # Nobody of a small market is a year old: the first year's revenue has no users yet, on either engine.
    assert [row.metric for row in ours.rows if not math.isfinite(row.value)] == ["ltv_12m"]
