"""What there is to bear in mind of a figure is the same on Postgres as on DuckDB."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from workbench.explore import trends
from workbench.metrics import measure
from workbench.metrics.sold_twice import sold_twice
from workbench.metrics.told_by_two_names import told_by_two_names
from workbench.metrics.told_in_parts import told_in_parts
from workbench.metrics.told_twice import told_twice
from workbench.metrics.unfinished import finished, unfinished
from workbench.metrics.window import Window
from workbench.store import Workspace
from workbench.store.ingest import ingest
from workbench.store.postgres import PostgresTables, copy_to_postgres

pytestmark = pytest.mark.postgres


def _purchase(order: str, day: date, value: float) -> str:
    given: dict[str, object] = {"value": {"double_value": value}, "transaction_id": {"string_value": order}}
    moment = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
    event = {"event_name": "purchase", "event_timestamp": moment * 1_000_000, "user_pseudo_id": order}
    return json.dumps(event | {"event_params": [{"key": key, "value": it} for key, it in given.items()]})


def test_cautions_agree(postgres_dsn: str, tmp_path: Path) -> None:
    today = datetime.now(UTC).date()
    days = [today - timedelta(days=back) for back in range(20)]
    files = {
        "daily_performance.csv": "date,campaign_id,channel,creative_id,spend,impressions,leads\n"
        + "\n".join(
            f"{day},m,email,,10.0,{n},2\n{day},m,email,a,10.0,{n},\n{day},also m,email,,20.0,{2 * n},"
            for n, day in zip(range(90, 490, 20), days, strict=True)
        ),
        "leads.csv": "lead_id,created_at,stage,channel,campaign_id\n"
        + "\n".join(f"l{day},{day}T00:00:01Z,new,email,m" for day in days),
        "orders.csv": "order_id,ordered_at,order_value\n"
        + "\n".join(f"#{n},{day}T00:00:0{n % 9}Z,{n}.5" for n, day in enumerate(days[9:])),
        "events.jsonl": "\n".join(_purchase(f"T{n}", day, n + 0.5) for n, day in enumerate(days[9:])),
    }
    workspace = Workspace.create(tmp_path / "acme")
    for name, text in files.items():
        (tmp_path / name).write_text(text + "\n")
        ingest(workspace, [tmp_path / name])
    if datetime.now(UTC).date() != today:
        pytest.skip("midnight came between")
    tables, window = workspace.tables(), Window.ending(today, 14)
    copy_to_postgres(tables, postgres_dsn, schema="cautions")
    other = PostgresTables(postgres_dsn, schema="cautions")
    assert unfinished(other, window) == unfinished(tables, window)
    assert set(unfinished(tables, window)) == {"daily_performance", "leads"}
    assert finished(other, window).last == finished(tables, window).last == today - timedelta(days=1)
    assert told_twice(other) == told_twice(tables)
    assert [one.what for one in told_twice(tables)] == ["leads"]
    assert told_in_parts(other) == told_in_parts(tables)
    assert [one.totals for one in told_in_parts(tables)] == [(200.0, 200.0)]
    assert told_by_two_names(other) == told_by_two_names(tables)
    assert [one.campaigns for one in told_by_two_names(tables)] == [("also m", "m")]
    assert sold_twice(other) == (told := sold_twice(tables))
    assert told is not None
    assert (sum(told.purchases), sum(told.listed)) == (11, 11)
    for by in ("", "campaign", "week", "day"):
        ours, theirs = (measure(t, ["leads", "cost_per_lead"], by=by, window=window) for t in (tables, other))
        assert [(r.slice, r.note, r.caution, r.partial) for r in ours.rows] == [
            (r.slice, r.note, r.caution, r.partial) for r in theirs.rows
        ]
    assert trends(other, "leads", window=window).sentence == trends(tables, "leads", window=window).sentence
