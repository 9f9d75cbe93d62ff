"""The same days exported by campaign and again by ad are added up, so it is said."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from metric_tables import Memory, days
from test_told_twice import campaign

from workbench.explore import alerts, compare_campaigns
from workbench.metrics import measure
from workbench.metrics.told_in_parts import told_in_parts

DAYS = days("2024-03-04", 4)
SAID = (
    "4 days of Campaign m (paid social) are told as a whole (spend €204.00) and by creative (spend €202.00):"
    " if they are the same ones, they count twice"
)


def row(day: date, spend: float, **columns: Any) -> dict[str, Any]:
    line = {"date": day, "campaign_id": "m", "channel": "paid_social", "spend": spend}
    return {**line, "impressions": (10 + day.day) * int(spend), **columns}


def market(*more: dict[str, Any]) -> Memory:
    """Return m told as a whole and by its two ads, and n, of which only the ads are told."""
    whole = [row(day, 51.0) for day in DAYS]
    ads = [row(day, 25.25, creative_id=ad) for day in DAYS for ad in ("a", "b")]
    other = [row(day, 40.0, campaign_id="n", creative_id="c") for day in DAYS]
    campaigns = [campaign("m", "paid_social"), campaign("n", "paid_social")]
    return Memory(daily_performance=[*whole, *ads, *other, *more], campaigns=campaigns)


def test_spend_that_two_reports_tell_is_named() -> None:
    (one,) = told_in_parts(market())
    assert (one.campaign, one.ways, one.totals) == ("m", ("as a whole", "by creative"), (204.0, 202.0))
    assert one.days == tuple(DAYS)
    found = measure(market(), "spend").rows[0]
    assert found.value == 204 + 202 + 160
    assert found.caution == SAID
    by_campaign = {r.slice[0]: r.caution for r in measure(market(), "spend", by="campaign").rows}
    assert by_campaign == {"m": SAID, "n": ""}
    (alert,) = [a for a in alerts(market(), window=None).alerts if a.subject == "Reports"]
    assert "of Campaign m (paid social) tell the same days as a whole and by creative" in alert.text
    rows = {r.campaign_id: r.caution for r in compare_campaigns(market(), window=None).rows}
    assert rows == {"m": "may count twice", "n": ""}


@pytest.mark.parametrize(
    ("by", "where"), [("creative", None), ("", {"creative": "a"}), ("", {"campaign": "n"})]
)
def test_figures_of_parts_alone_bear_no_caution(by: str, where: dict[str, str] | None) -> None:
    assert {r.caution for r in measure(market(), "spend", by=by, where=where).rows} == {""}


def test_only_the_days_concerned_bear_the_caution() -> None:
    tables = market(row(date(2024, 3, 1), 7.0))
    by_day = {r.slice[0]: bool(r.caution) for r in measure(tables, "spend", by="day").rows if r.value}
    assert by_day == {date(2024, 3, 1): False, **dict.fromkeys(DAYS, True)}
    assert measure(tables, "spend", window="2024-03-01:2024-03-03").rows[0].caution == ""


def test_rows_without_an_ad_in_the_report_by_ad_are_no_second_report() -> None:
    ads = [row(day, 25.25, creative_id="a") for day in DAYS]
    tables = Memory(daily_performance=[*ads, *(row(day, 4.0) for day in DAYS)])
    assert told_in_parts(tables) == ()
    assert measure(tables, "spend").rows[0].caution == ""


def test_reports_without_money_are_held_against_each_other_by_what_was_shown() -> None:
    whole = [row(day, 51.0) | {"spend": None} for day in DAYS]
    regions = [row(day, 25.5, region=name) | {"spend": None} for day in DAYS for name in ("DE", "FR")]
    (one,) = told_in_parts(Memory(daily_performance=[*whole, *regions]))
    assert (one.what, one.ways, one.totals) == ("impressions", ("as a whole", "by region"), (3162.0, 3100.0))


@pytest.mark.parametrize("counts", ["vary", "bought", "none"])
def test_equal_daily_budgets_are_no_second_report(counts: str) -> None:
    """Of 20 campaigns one part names its ad and one does not; each spends its budget of 50.00 a day."""
    rng = np.random.default_rng(4)
    rows = []
    for place in range(20 * 10 * 2):
        shown, clicks = int(rng.poisson(3000)), int(rng.poisson(60))
        of = {"campaign_id": f"m{place % 20}", "creative_id": "a" if place % 40 < 20 else None}
        told = {"vary": {"clicks": clicks}, "bought": {"impressions": 3000}, "none": {"impressions": None}}
        rows.append(row(DAYS[0] + timedelta(place // 40), 50.0, impressions=shown, **of) | told[counts])
    assert told_in_parts(Memory(daily_performance=rows)) == ()


def test_one_report_is_asked_for_nothing_more_than_which_rows_it_has() -> None:
    tables = Memory(daily_performance=[row(day, 51.0) for day in DAYS])
    assert told_in_parts(tables) == ()
    assert not [sql for sql in tables.queries if "SUM" in sql.upper()]
