"""A campaign that is reported by its name and again by its id is added up, so it is said."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest
from metric_tables import Memory, days
from test_told_twice import campaign

from workbench.explore import alerts, compare_campaigns
from workbench.metrics import measure
from workbench.metrics.told_by_two_names import told_by_two_names

DAYS = days("2024-03-04", 8)


def row(day: date, name: str, spend: float, **columns: Any) -> dict[str, Any]:
    line = {"date": day, "campaign_id": name, "channel": "paid_social", "spend": spend}
    return {**line, "impressions": round(100 * spend), **columns}


def market(alike: int) -> Memory:
    """Return `m` by its name and by its id 17, whose reports are alike on so many of eight days, and n."""
    named = [row(day, "Spring", 12.04 + 4 * place) for place, day in enumerate(DAYS)]
    parts = [
        row(day, "17", part * (12.04 + 4 * place + (place >= alike)), creative_id=str(part))
        for place, day in enumerate(DAYS)
        for part in (0.25, 0.75)
    ]
    other = [row(day, "n", 12.04 + 4 * place, impressions=7) for place, day in enumerate(DAYS)]
    return Memory(daily_performance=[*named, *parts, *other], campaigns=[campaign("17", "paid_social")])


def test_a_campaign_under_two_names_is_found() -> None:
    tables = market(alike=7)
    (one,) = told_by_two_names(tables)
    assert (one.campaigns, one.names, one.days) == (
        ("17", "Spring"),
        ("Campaign 17", "Spring"),
        tuple(DAYS[:7]),
    )
    assert round(one.spend, 2) == 7 * 12.04 + 4 * 21
    (alert,) = [alert for alert in alerts(tables, window=None).alerts if alert.subject == "Reports"]
    assert alert.text == (
        "of Campaign 17 and Spring (7 days) tell the same spend and impressions:"
        " if they are the same ones, they count twice"
    )


def test_campaigns_alike_on_some_days_are_two() -> None:
    assert told_by_two_names(market(alike=6)) == ()
    assert told_by_two_names(market(alike=8), window="2024-03-04:2024-03-07") == ()  # four days may be chance


@pytest.mark.parametrize("shown", [1000, None])
def test_equal_daily_budgets_are_no_second_name(shown: int | None) -> None:
    """Of 20 campaigns each spends 50.00 a day: for impressions that are bought, or for few as they come."""
    rng = np.random.default_rng(5)
    rows = [
        row(day, f"c{place}", 50.0, impressions=shown or int(rng.poisson(2)))
        for day in DAYS
        for place in range(20)
    ]
    assert told_by_two_names(Memory(daily_performance=rows)) == ()


def test_figures_that_add_up_two_names_bear_the_caution() -> None:
    tables = market(alike=8)
    said = (
        "Campaign 17 and Spring tell the same spend and impressions on 8 days (spend €208.32):"
        " if they are the same ones, they count twice"
    )
    assert [row.caution for row in measure(tables, ["spend", "ctr"]).rows] == [said, ""]  # without clicks
    assert {row.caution for row in measure(tables, "spend", by="campaign").rows} == {""}
    assert [row.caution for row in measure(tables, "spend", by="channel").rows] == [said]
    one = measure(tables, "spend", where={"campaign": ["17", "n"]})
    assert [row.caution for row in one.rows] == [""]


def test_a_report_with_and_without_the_types_of_campaigns_is_added_up() -> None:
    """A campaign on display stands on search where the report does not say what type it is."""
    told = [
        row(day, "m", 12.04 + 4 * place, channel=channel)
        for place, day in enumerate(DAYS)
        for channel in ("display", "paid_search")
    ]
    other = [row(day, "n", 9.0 + place, channel="paid_search") for place, day in enumerate(DAYS)]
    tables = Memory(daily_performance=[*told, *other], campaigns=[campaign("m", "display")])
    said = (
        "Campaign m (display) and Campaign m (paid search) tell the same spend and impressions on 8 days"
        " (spend €208.32): if they are the same ones, they count twice"
    )
    for by, cautions in (("campaign", {"m": said, "n": ""}), ("channel", {"display": "", "paid_search": ""})):
        assert {row.slice[0]: row.caution for row in measure(tables, "spend", by=by).rows} == cautions
    days_ = measure(tables, "spend", by="day", window="2024-03-01:2024-03-11")
    assert {row.slice[0]: row.caution for row in days_.rows if row.value} == dict.fromkeys(DAYS, said)
    rows = {row.campaign_id: row.caution for row in compare_campaigns(tables, window=None).rows}
    assert rows == {"m": "may count twice", "n": ""}
    (alert,) = [alert for alert in alerts(tables, window=None).alerts if alert.subject == "Reports"]
    assert alert.text.startswith(
        "of Campaign m (display) and Campaign m (paid search) (8 days) tell the same"
    )
