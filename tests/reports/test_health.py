"""Roll-ups are said to be current, not kept yet, or wrong."""

from __future__ import annotations

from pathlib import Path

from workbench.reports.health import _workspace, rollups
from workbench.store import Workspace
from workbench.store.ingest import ingest
from workbench.store.schema import user_key


def test_roll_ups_are_held_against_the_facts(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "acme")
    assert rollups(workspace.tables()).status == "well"
    with workspace.writer(threads=1) as writer, writer.transaction("a") as load:
        load.append(
            "facts",
            "SELECT kind AS event_type, DATE '2024-01-01' AS day, TIMESTAMPTZ '2024-01-01 09:00:00+00' AS"
            f' "timestamp", {user_key("'u'")} AS user_key, \'mobile\' AS "source", 0 AS lag_minutes,'
            " false AS late_arrival FROM (VALUES ('user_engaged'), ('anomaly_detected')) AS t(kind)",
        )
        load.commit()
    tables = workspace.tables()
    assert (rollups(tables).status, rollups(tables).says) == ("well", "3 are current: all of 2 events.")
    tables.rows["facts"] = 3
    assert (rollups(tables).status, "of 3" in rollups(tables).says) == ("bad", True)
    tables.versions = {name: at for name, at in tables.versions.items() if name != "rollup_lags"}
    assert (rollups(tables).status, "rollup_lags not kept" in rollups(tables).says) == ("note", True)


def test_rows_are_those_that_were_loaded(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "acme")
    days = "".join(f"2024-03-0{day},c1,email,100\n" for day in range(1, 6))
    (tmp_path / "ads.csv").write_text(f"date,campaign_id,channel,spend\n{days}")
    ingest(workspace, [tmp_path / "ads.csv"])
    says = next(check.says for check in _workspace(workspace.path) if check.name == "workspace")
    assert says.startswith("acme: 5 rows in 1 table at version ")
    files = sorted(workspace.store_path.rglob("daily_performance/**/*.parquet"))
    assert "are as they were written." in _said(workspace, "files")
    whole = files[0].read_bytes()
    files[0].write_bytes(whole[:40] + bytes([whole[40] ^ 1]) + whole[41:])
    assert " changed since they were written: daily_performance/" in _said(workspace, "files")
    files[0].write_bytes(whole)
    max((workspace.store_path / "loads" / "_delta_log").glob("*.json")).unlink()
    assert "does not name the newest version of daily_performance" in _said(workspace, "files")


def _said(workspace: Workspace, name: str) -> str:
    return next(check.says for check in _workspace(workspace.path) if check.name == name)
