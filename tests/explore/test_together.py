"""Cards and trends of one page, judged together: each is as sure as all of them allow."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from workbench.explore import kpi_cards, together, trends
from workbench.explore.shares import holm
from workbench.explore.trends import Trends


def _with(view: Trends, p: float) -> Trends:
    """Return a trend whose changes that can be judged have this p."""
    changes = [one if one.p_value is None else replace(one, p_value=p) for one in view.changes]
    return replace(view, changes=tuple(changes))


def test_views_of_one_page_are_counted_as_so_many(base) -> None:
    rng = np.random.default_rng(3)
    first = date(2024, 1, 1)
    rows = [
        {
            "date": first + timedelta(days=day),
            "campaign_id": "c",
            "spend": float(rng.lognormal(day > 82, 0.1)),
        }
        for day in range(90)
    ]
    tables = base(daily_performance=rows)
    cards, trend = kpi_cards(tables, ["spend"]), trends(tables, "spend")
    found, sure, doubt, other = together(cards, trend, _with(trend, 0.04), "a funnel")
    alone = [cards.cards[0].change_p, trend.changes[0].p_value, 0.04]
    judged = [found.cards[0].change_p, sure.changes[0].p_value, doubt.changes[0].p_value]
    assert judged == pytest.approx(holm(alone))
    assert other == "a funnel"
    # What is sure beside others is told; of four looks at 3 % each none is.
    assert "Spend rose by" in sure.sentence
    assert "rose" in _with(trend, 0.03).sentence
    assert not [view for view in together(*[_with(trend, 0.03)] * 4) if "rose" in view.sentence]
    assert together(trend)[0] == trend
