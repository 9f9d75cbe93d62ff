"""Movements against their own past: a jump is found, noise is not, and many figures count as many."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from workbench.errors import UsageError
from workbench.explore import movements, trends

CHANNELS = ("email", "paid_search", "video")


def _market(*, jump: float = 1.0, days: int = 140, seed: int = 1) -> list[dict]:
    rng = np.random.default_rng(seed)
    first = date(2024, 1, 1)
    return [
        {
            "date": first + timedelta(days=day),
            "campaign_id": channel,
            "channel": channel,
            "spend": 100
            * float(rng.lognormal(0, 0.1))
            * (jump if channel == "email" and day >= days - 7 else 1),
            "revenue": 300 * float(rng.lognormal(0, 0.1)),
            "clicks": int(rng.poisson(50)),
            "impressions": 5000,
            "conversions": 10.0,
        }
        for day in range(days)
        for channel in CHANNELS
    ]


def test_a_jump_stands_out_and_is_named(base) -> None:
    view = movements(base(daily_performance=_market(jump=3.0)), ("spend", "ctr"), by=("spend",))
    assert [(row.metric, row.slice) for row in view.outstanding] == [("spend", ""), ("spend", "email")]
    assert [row.change for row in view.outstanding] == pytest.approx([2 / 3, 2.0], rel=0.2)
    assert "Spend of email rose by" in view.sentence


def test_the_p_values_are_those_of_holm_over_all_figures(base) -> None:
    tables = base(daily_performance=_market())
    names = ("spend", "ctr", "roas")
    view = movements(tables, names, by=("spend",))
    alone = [c.p_value for n in names for c in trends(tables, n).changes if c.kind == "WoW"]
    alone += [c.p_value for c in trends(tables, "spend", by="channel").changes if c.kind == "WoW"]
    known = [p for p in alone if p is not None]
    assert sorted(row.p_value for row in view.rows if row.p_value is not None) == pytest.approx(
        sorted(multipletests(known, method="holm")[1])
    )
    assert view.sentence == f"None of {len(known)} figures left its usual range against the week before."


def test_what_cannot_be_judged_is_said(base) -> None:
    short = movements(base(daily_performance=_market(days=10)), ("spend", "leads"), by=())
    assert "no figure has enough days" in short.sentence
    assert [title for title, _ in short.unknown] == ["Leads"]
    assert all(row.reason for row in short.rows if row.p_value is None)
    assert "Not enough data" in movements(base(), ("spend",), by=()).sentence
    with pytest.raises(UsageError, match="not 'daily'"):
        movements(base(), kind="daily")


def test_what_leaves_zero_behind_is_told_from_and_to(base) -> None:
    """A loss that becomes a gain has no relative change, and did not fall by 0%."""
    rng = np.random.default_rng(1)
    rows = [
        {
            "date": date(2024, 1, 1) + timedelta(days=day),
            "campaign_id": "c",
            "channel": "email",
            "spend": 10.0,
        }
        | {"revenue": float(rng.normal(2 if day < 84 else 30, 1))}
        for day in range(91)
    ]
    tables = base(daily_performance=rows)
    view = movements(tables, ("net_gain",), by=())
    assert view.rows[0].change is None
    assert view.rows[0].good is True
    said = "rose from −€8.56 a day to €20.39 a day"
    assert view.sentence.endswith(f"Net gain {said}.")
    assert trends(tables, "net_gain").sentence == f"Net gain {said} against the week before."
