"""Figures of model runs are stored once, and the newest of them are what the metric reads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import workbench as wb
from workbench.store import Workspace
from workbench.store.model_results import keep_results

NOW = datetime(2024, 5, 1, 8, tzinfo=UTC)
_FACT = """
    SELECT 'campaign_clicked' AS event_type, DATE '2024-04-30' AS day, 1.0 AS lag_minutes,
        TIMESTAMPTZ '2024-04-30 10:00:00+00' AS timestamp, 7 AS user_key, 'mobile' AS source,
        FALSE AS late_arrival, 'a' AS load_id, '2024-04' AS month
"""


def row(value: float, *, name: str | None = None, after: int = 0) -> dict[str, Any]:
    return {
        "model": "attribution",
        "figure": "spread",
        "slice": name,
        "value": value,
        "low": None,
        "high": None,
        "computed_at": NOW + timedelta(hours=after),
    }


def test_the_metric_reads_the_newest_figure(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "acme")
    with workspace.writer() as writer, writer.transaction("a") as load:
        load.append("facts", _FACT)
        load.commit()
    assert keep_results(workspace, [row(0.4), row(0.9, name="channel=email")]) == 2
    assert keep_results(workspace, [row(0.3, after=1)]) == 1
    found = wb.measure(wb.open(workspace.path), "attribution_spread")
    assert [measured.value for measured in found.rows] == [0.3]


def test_the_same_figures_are_stored_once(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "acme")
    keep_results(workspace, [row(0.4)])
    version = workspace.tables().version
    assert keep_results(workspace, [row(0.4, after=3)]) == 0
    assert keep_results(workspace, []) == 0
    assert workspace.tables().version == version


def test_a_figure_that_returns_to_what_it_was_is_the_newest_again(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "acme")
    for after, value in enumerate([0.4, 0.7, 0.4, 0.4, 0.7]):
        assert keep_results(workspace, [row(value, after=after)]) == (after != 3)
        newest = workspace.tables().query("SELECT value FROM model_results ORDER BY computed_at DESC LIMIT 1")
        assert newest["value"].to_pylist() == [value]


def test_hostile_names_stay_values(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "acme")
    name = "channel='); DROP TABLE model_results; --"
    keep_results(workspace, [row(0.4, name=name)])
    found = workspace.tables().query("SELECT slice FROM model_results").to_pylist()
    assert [some["slice"] for some in found] == [name]
