"""What users did lately, and how they came, is the same on Postgres as on DuckDB."""

from __future__ import annotations

import pytest

from workbench.experiments.power.duration import arrivals
from workbench.experiments.power.history import history
from workbench.experiments.power.planning import design_from_tables
from workbench.store import Snapshot
from workbench.store.postgres import PostgresTables


@pytest.mark.postgres
def test_a_plan_is_the_same(market: Snapshot, on_postgres: PostgresTables) -> None:
    tables, theirs = market, on_postgres
    assert arrivals(tables) == arrivals(theirs)
    for name in ("revenue", "aov", "ctr"):
        one, other = (history(some, name).values for some in (tables, theirs))
        assert one.columns == other.columns
        assert one.total == other.total > 30
        assert one.baseline.value == pytest.approx(other.baseline.value, rel=1e-9)
        assert one.baseline.sd == pytest.approx(other.baseline.sd, rel=1e-9)
        assert one.baseline.reduction == pytest.approx(other.baseline.reduction, rel=1e-6, abs=1e-12)
    here, there = (design_from_tables(some, metric="revenue", mde=0.2) for some in (tables, theirs))
    assert (here.sizes, here.days) == (there.sizes, there.days)
