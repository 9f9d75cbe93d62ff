"""Pairs of a holdout are the same from DuckDB and from a real Postgres server."""

from pathlib import Path

import pytest

from workbench.experiments import holdouts, lift_by
from workbench.experiments.holdout.reading import read_pairs
from workbench.store import Snapshot, Workspace
from workbench.store.postgres import PostgresTables, copy_to_postgres

_SENT = """
    SELECT 'campaign_delivered' AS event_type, CAST(t AS DATE) AS day, t AS "timestamp", u AS user_key,
        'backend' AS "source", c AS campaign_id,
        CASE u % 3 WHEN 0 THEN 'new' WHEN 1 THEN 'loyal' END AS segment,
        u % 5 = 0 AS is_holdout, NULL AS value, 0.5 AS lag_minutes, false AS late_arrival
    FROM (SELECT u, c, TIMESTAMPTZ '2024-03-01 08:00:00+00' + to_hours(CAST(u % 50 AS INTEGER)) AS t
        FROM range(600) AS r(u), (VALUES ('a'), ('b')) AS campaigns(c))
"""
_BOUGHT = """
    SELECT 'user_purchased' AS event_type, CAST(t AS DATE) AS day, t AS "timestamp", u AS user_key,
        'backend' AS "source", NULL AS campaign_id, NULL AS segment, NULL AS is_holdout, 10 + u % 7 AS value,
        0.5 AS lag_minutes, false AS late_arrival
    FROM (SELECT u, TIMESTAMPTZ '2024-02-20 08:00:00+00' + to_hours(CAST(u % 500 AS INTEGER)) AS t
        FROM range(600) AS r(u)) WHERE u % 4 < 2 OR u % 5 > 2
"""


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, postgres_dsn: str) -> tuple[Snapshot, PostgresTables]:
    folder: Path = tmp_path_factory.mktemp("holdout") / "acme"
    workspace = Workspace.create(folder)
    workspace.set_currency("EUR")
    with workspace.writer() as writer, writer.transaction("a") as load:
        load.append("facts", f"{_SENT} UNION ALL {_BOUGHT}")
        load.commit()
    snapshot = workspace.tables()
    copy_to_postgres(snapshot, postgres_dsn)
    return snapshot, PostgresTables(postgres_dsn, currency="EUR")


@pytest.mark.postgres
@pytest.mark.parametrize("by", [None, "segment"])
def test_pairs_agree(both: tuple[Snapshot, PostgresTables], by: str | None) -> None:
    pairs = [read_pairs(tables, by=by) for tables in both]
    assert len(pairs[0]) == 1200
    names = (
        "campaign",
        "user",
        "held",
        "orders",
        "revenue",
        "before_orders",
        "followed",
        "known",
        "deliveries",
    )
    for name in (*names, "weekly"):
        ours, theirs = (getattr(one, name) for one in pairs)
        assert ours == pytest.approx(theirs, rel=1e-12)
    assert pairs[0].slice.names == pairs[1].slice.names
    assert (pairs[0].slice.codes == pairs[1].slice.codes).all()


@pytest.mark.postgres
def test_reports_agree(both: tuple[Snapshot, PostgresTables]) -> None:
    one, other = (holdouts(tables).to_frame() for tables in both)
    for name in ("lift", "lift_high", "revenue_low", "revenue_p"):
        assert one[name].tolist() == pytest.approx(other[name].tolist(), nan_ok=True)
    assert [row.name for row in lift_by(both[0]).rows] == [row.name for row in lift_by(both[1]).rows]
