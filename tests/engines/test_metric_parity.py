"""Every metric gives the same figure on Postgres as on DuckDB."""

from __future__ import annotations

import math

import pytest

from workbench.events.simulation import MarketSpec, simulate, write_market
from workbench.metrics import METRICS, count, measure
from workbench.metrics.mixed_channels import mixed_campaigns
from workbench.store import Snapshot, Workspace
from workbench.store.ingest import ingest
from workbench.store.postgres import PostgresTables, copy_to_postgres

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    folder = tmp_path_factory.mktemp("parity")
    write_market(simulate(MarketSpec(seed=3, days=150, users=400)), folder / "files")
    listed = folder / "files" / "campaigns.csv"  # one campaign's messages go by another channel than its own
    listed.write_text(listed.read_text("utf-8").replace(",email,", ",sms,", 1), "utf-8")
    workspace = Workspace.create(folder / "acme")
    ingest(workspace, [*sorted((folder / "files").glob("*.csv")), folder / "files" / "events"], backfill=True)
    return workspace.tables()


@pytest.fixture(scope="module")
def on_postgres(market: Snapshot, postgres_dsn: str) -> PostgresTables:
    copy_to_postgres(market, postgres_dsn, schema="parity")
    return PostgresTables(postgres_dsn, schema="parity", currency=market.currency)


@pytest.mark.parametrize("by", ["", "campaign", "segment", "month", "channel"])
def test_every_metric_agrees(market: Snapshot, on_postgres: PostgresTables, by: str) -> None:
    ours, theirs = (
        measure(tables, list(METRICS), by=by, window="60d").rows for tables in (market, on_postgres)
    )
    if by == "channel":
        assert mixed_campaigns(on_postgres, [count("campaign_clicked")], [by], [])
    known = 0
    for one, other in zip(ours, theirs, strict=True):
        assert (one.metric, one.slice, one.note) == (other.metric, other.slice, other.note)
        for name in ("value", "low", "high", "p"):
            a, b = getattr(one, name), getattr(other, name)
            assert a == pytest.approx(b, rel=1e-9, abs=1e-9) or (math.isnan(a) and math.isnan(b)), one.metric
        known += math.isfinite(one.value)
    assert known > 25
