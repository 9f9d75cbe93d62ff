"""The users of an experiment sum to the same on Postgres as on DuckDB."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from workbench.events.simulation import MarketSpec, simulate, write_market
from workbench.experiments.users.outcomes import outcome
from workbench.experiments.users.question import STRATA, Question
from workbench.experiments.users.reading import read
from workbench.metrics.definitions import METRICS
from workbench.metrics.measures import leaves
from workbench.metrics.presence import loaded
from workbench.metrics.window import Window
from workbench.store import Workspace
from workbench.store.ingest import ingest
from workbench.store.postgres import PostgresTables, copy_to_postgres

NAMES = ("revenue", "orders", "aov", "ctr", "open_rate", "users_reached")


@pytest.mark.postgres
def test_users_sum_to_the_same(tmp_path: Path, postgres_dsn: str) -> None:
    write_market(simulate(MarketSpec(seed=3, days=120, users=300)), tmp_path / "files")
    workspace = Workspace.create(tmp_path / "acme")
    files = [*sorted((tmp_path / "files").glob("*.csv")), tmp_path / "files" / "events"]
    ingest(workspace, files, backfill=True)
    tables = workspace.tables()
    copy_to_postgres(tables, postgres_dsn, schema="experiments")
    theirs = PostgresTables(postgres_dsn, schema="experiments", currency=tables.currency)
    wanted = [METRICS[name] for name in NAMES]
    there = loaded(tables, [leaf for one in wanted for leaf in leaves(one.is_)])
    asked = Question(
        experiment="checkout_layout",
        outcomes=tuple(outcome(one, there) for one in wanted),
        window=Window(date(2024, 1, 1), date(2024, 4, 29)),
        before_days=28,
        several="first",
        loaded=there,
    )
    for by in ("", *STRATA):
        one, other = (
            read(some, replace(asked, by=by), variants=("control", "one_page")) for some in (tables, theirs)
        )
        assert one.strata == other.strata
        assert one.sums.n.sum() > 100
        np.testing.assert_allclose(one.sums.means, other.sums.means, rtol=1e-9)
        np.testing.assert_allclose(one.sums.products, other.sums.products, rtol=1e-8, atol=1e-6)
    assert one.sums.mean("ctr of").max() > 0
