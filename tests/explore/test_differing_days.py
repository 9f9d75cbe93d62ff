"""Whether a change of a share of users is told from how days differ: false alarms and power, simulated."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from scipy.stats import norm

from workbench.explore import kpi_cards
from workbench.explore.differing_days import change_p
from workbench.metrics import measure

PER_DAY, SHARE = 300, 0.1


def _told(rng: np.random.Generator, *, days: int, shock: float, rise: float) -> tuple[bool, bool]:
    """Return whether a change is told by users alone, and where days differ, too."""
    moved = np.exp(rng.normal(-(shock**2) / 2, shock, 2 * days)) * np.repeat([1.0, 1.0 + rise], days)
    users = np.full(2 * days, float(PER_DAY))
    above = rng.binomial(PER_DAY, np.minimum(SHARE * moved, 1)).astype(float)
    then, now = above[:days].sum() / users[:days].sum(), above[days:].sum() / users[days:].sum()
    error = np.sqrt((then * (1 - then) + now * (1 - now)) / users[:days].sum())
    p = float(2 * norm.sf(abs(now - then) / error))
    return p < 0.05, change_p(now, then, p, (above[days:], users[days:])) < 0.05


@pytest.mark.parametrize(
    ("days", "pages"), [(30, 400), *(pytest.param(n, 2000, marks=pytest.mark.slow) for n in (7, 14, 30, 90))]
)
def test_days_that_differ_are_no_change(days: int, pages: int) -> None:
    """Where days differ by a quarter, users alone told a change of nothing in a quarter of all pages."""
    rng = np.random.default_rng(9)
    users, both = np.mean([_told(rng, days=days, shock=0.25, rise=0.0) for _ in range(pages)], axis=0)
    assert both < 0.1 + 1.7 * np.sqrt(0.09 / pages)
    assert users > 0.2


def test_a_change_is_found_all_the_same() -> None:
    rng = np.random.default_rng(10)
    alike = [_told(rng, days=30, shock=0.0, rise=0.2)[1] for _ in range(100)]
    unlike = [_told(rng, days=30, shock=0.25, rise=0.3)[1] for _ in range(100)]
    assert sum(alike) > 90
    assert sum(unlike) > 85


def test_a_card_knows_how_days_differ(base, fact) -> None:
    """A third more convert, all of them on three days."""
    rng, rows = np.random.default_rng(1), []
    for day in range(60):
        at = datetime(2024, 3, 1, 12, tzinfo=UTC) + timedelta(days=day)
        rows += [fact("campaign_clicked", 100 * day + user, at, campaign_id="c") for user in range(40)]
        buyers = 30 if day in (40, 45, 50) else int(rng.binomial(40, 0.15))
        rows += [
            fact("campaign_converted", 100 * day + user, at, campaign_id="c", value=9.0)
            for user in range(buyers)
        ]
    tables = base(facts=rows)
    row = measure(tables, "conversion_rate", window="30d", compare=True).rows[0]
    card = kpi_cards(tables, ["conversion_rate"], window="30d").cards[0]
    assert (row.change_p < 0.01, card.change) == (True, row.change)
    assert card.change_p is not None
    assert card.change_p > 0.05
