"""Every metric gives the same figure on Postgres as on DuckDB."""

from __future__ import annotations

import math

import pytest

from workbench.metrics import METRICS, count, measure
from workbench.metrics.mixed_channels import mixed_campaigns
from workbench.store import Snapshot
from workbench.store.postgres import PostgresTables

pytestmark = pytest.mark.postgres


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
