"""The users of an experiment sum to the same on Postgres as on DuckDB."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from workbench.experiments.users.outcomes import outcome
from workbench.experiments.users.question import STRATA, Question
from workbench.experiments.users.reading import read
from workbench.metrics.definitions import METRICS
from workbench.metrics.measures import leaves
from workbench.metrics.presence import loaded
from workbench.metrics.window import Window
from workbench.store import Snapshot
from workbench.store.postgres import PostgresTables

NAMES = ("revenue", "orders", "aov", "ctr", "open_rate", "users_reached")


@pytest.mark.postgres
def test_users_sum_to_the_same(market: Snapshot, on_postgres: PostgresTables) -> None:
    tables, postgres = market, on_postgres
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
            read(some, replace(asked, by=by), variants=("control", "one_page")) for some in (tables, postgres)
        )
        assert one.strata == other.strata
        assert one.sums.n.sum() > 100
        np.testing.assert_allclose(one.sums.means, other.sums.means, rtol=1e-9)
        np.testing.assert_allclose(one.sums.products, other.sums.products, rtol=1e-8, atol=1e-6)
    assert one.sums.mean("ctr of").max() > 0
