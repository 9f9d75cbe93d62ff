"""What events count and a platform reports of the same campaign is added up, so it is said."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from metric_tables import Memory, days, event, order
from test_rollups import rolled_up

from workbench import charts
from workbench.explore import alerts, compare_campaigns, compare_channels, kpi_cards, leaderboard
from workbench.metrics import measure
from workbench.metrics.told_twice import ToldTwice, told_twice

TWICE = "clicks of Campaign m (paid social) are recorded (90) and reported by a platform (100)"


def campaign(campaign_id: str, channel: str) -> dict[str, Any]:
    return {
        "campaign_id": campaign_id,
        "name": f"Campaign {campaign_id}",
        "campaign_type": "VIP",
        "channel": channel,
        "status": "active",
    }


def clicked(campaign_id: str, n: int) -> list[dict[str, Any]]:
    return [event("campaign_clicked", user, campaign_id=campaign_id) for user in range(n)]


def reported(campaign_id: str, channel: str, **columns: Any) -> dict[str, Any]:
    return {"date": date(2024, 3, 4), "campaign_id": campaign_id, "channel": channel, "spend": 50.0} | columns


def market(**columns: Any) -> Memory:
    """Return m of paid social, whose clicks a site counts, n that is mailed and o that is advertised."""
    return Memory(
        facts=clicked("m", 90) + clicked("n", 5),
        daily_performance=[
            reported("m", "paid_social", impressions=1000, **columns),
            reported("o", "paid_social", impressions=100, clicks=10),
        ],
        campaigns=[campaign("m", "paid_social"), campaign("n", "email"), campaign("o", "paid_social")],
    )


@pytest.mark.parametrize("roll", [False, True])
def test_clicks_that_are_recorded_and_reported_are_named(roll: bool) -> None:
    tables = rolled_up(market(clicks=100)) if roll else market(clicks=100)
    one = ToldTwice(
        what="clicks",
        campaign="m",
        channel="paid_social",
        recorded=90.0,
        reported=100.0,
        name="Campaign m",
        currency="EUR",
    )
    assert told_twice(tables) == (one,)
    row = measure(tables, "clicks").rows[0]
    assert row.value == 205
    assert row.caution.startswith(TWICE)
    assert TWICE in row.note
    assert TWICE in measure(tables, "clicks").sentence


def test_of_many_the_largest_is_named_and_the_others_are_counted() -> None:
    facts = [row for place in range(1500) for row in clicked(f"c{place}", 1 + (place == 7))]
    performance = [reported(f"c{place}", "email", clicks=2) for place in range(1500)]
    tables = Memory(facts=facts, daily_performance=performance)
    said = measure(tables, "clicks").rows[0].caution
    assert said.startswith(
        "clicks of c7 (email) are recorded (2) and reported by a platform (2), as are those of 1,499 more:"
    )
    rows = measure(tables, "clicks", by="campaign").rows
    assert all(row.caution.startswith(f"clicks of {row.slice[0]} (email)") for row in rows)


def test_only_the_slices_concerned_bear_the_caution() -> None:
    by_campaign = {
        row.slice[0]: row.caution for row in measure(market(clicks=100), "clicks", by="campaign").rows
    }
    assert [name for name, said in by_campaign.items() if said] == ["m"]
    by_channel = {
        row.slice[0]: row.caution for row in measure(market(clicks=100), "clicks", by="channel").rows
    }
    assert [name for name, said in by_channel.items() if said] == ["paid_social"]
    assert not measure(market(clicks=100), "clicks", where={"campaign": ["n", "o"]}).rows[0].caution
    assert not measure(market(clicks=100), "spend").rows[0].caution


def test_slices_that_add_nothing_up_are_sound() -> None:
    """What a platform reports names no segment and another creative: there, nothing counts twice."""
    tables = Memory(
        facts=[
            event("campaign_clicked", user, "2024-03-04", campaign_id="m", segment="A", creative_id="k1")
            for user in range(9)
        ]
        + [event("campaign_clicked", 1, "2024-03-14", campaign_id="m", segment="A", creative_id="k1")],
        daily_performance=[reported("m", "paid_social", clicks=10, creative_id="k2")],
        campaigns=[campaign("m", "paid_social")],
    )

    def told(by: str) -> list[Any]:
        rows = measure(tables, "clicks", by=by).rows
        return [row.slice[0] for row in rows if "reported by a platform" in row.caution]

    assert "reported by a platform" in measure(tables, "clicks").rows[0].caution
    assert (told("segment"), told("creative")) == ([], [])
    assert told("campaign") == ["m"]
    assert told("week") == [date(2024, 3, 4)]


@pytest.mark.parametrize("nothing", [{}, {"clicks": 0}])
def test_a_campaign_that_is_told_of_once_is_sound(nothing: dict[str, int]) -> None:
    assert told_twice(market(**nothing)) == ()
    assert not measure(market(**nothing), "ctr").rows[0].caution


def test_channels_of_one_campaign_are_told_apart() -> None:
    """A campaign that is mailed, and advertised on a platform, counts different clicks."""
    sent = [event("campaign_delivered", user, campaign_id="m", channel="email") for user in range(90)]
    tables = Memory(
        facts=sent + clicked("m", 90),
        daily_performance=[reported("m", "paid_social", clicks=100, impressions=1000)],
        campaigns=[campaign("m", "email")],
    )
    assert told_twice(tables) == ()
    assert not measure(tables, "clicks").rows[0].caution


def test_recorded_clicks_whose_channel_nobody_knows_may_be_the_platform_s() -> None:
    tables = Memory(facts=clicked("m", 9), daily_performance=[reported("m", "display", clicks=10)])
    assert [one.place for one in told_twice(tables)] == ["m (display)"]


def test_leads_and_what_was_sold_are_looked_at_too() -> None:
    sold = [
        event("campaign_converted", user, campaign_id="m", value=20.0, order_id=f"o{user}")
        for user in range(3)
    ]
    tables = Memory(
        facts=sold,
        leads=[
            {
                "lead_id": f"l{place}",
                "campaign_id": "m",
                "channel": "paid_social",
                "created_at": datetime(2024, 3, 4, tzinfo=UTC),
                "stage": "new",
            }
            for place in range(5)
        ],
        orders=[order(f"u{user}", "2024-03-04", 20.0) for user in range(3)],
        daily_performance=[reported("m", "paid_social", conversions=4.0, revenue=90.0, leads=2.0)],
        campaigns=[campaign("m", "paid_social")],
    )
    assert [(one.what, one.recorded, one.reported) for one in told_twice(tables)] == [
        ("conversions", 3, 4),
        ("revenue", 60, 90),
        ("leads", 5, 2),
    ]
    assert (
        "revenue of Campaign m (paid social) is recorded (€60.00) and"
        in measure(tables, "roas").rows[0].caution
    )
    assert "leads of Campaign m (paid social)" in measure(tables, "cost_per_lead").rows[0].caution
    assert not measure(tables, "aov").rows[0].caution


def test_the_executive_is_told() -> None:
    found = [alert for alert in alerts(market(clicks=100), window=None).alerts if alert.subject == "Clicks"]
    assert [(alert.severity, "Campaign m (paid social)" in alert.text) for alert in found] == [
        ("warning", True)
    ]
    assert not [alert for alert in alerts(market(), window=None).alerts if alert.subject == "Clicks"]


def migrated(first: str, last: str) -> Memory:
    """Return m, which a platform reported from the 1st to the 10th, and which events tell of from `first`."""
    recorded = [
        event("campaign_clicked", user, day, campaign_id="m")
        for day in map(str, days("2024-03-01", 31))
        if first <= day <= last
        for user in range(9)
    ]
    performance = [reported("m", "paid_social", clicks=10) | {"date": day} for day in days("2024-03-01", 10)]
    return Memory(facts=recorded, daily_performance=performance, campaigns=[campaign("m", "paid_social")])


@pytest.mark.parametrize("roll", [False, True])
def test_what_events_took_over_from_a_platform_counts_once(roll: bool) -> None:
    after = migrated("2024-03-11", "2024-03-31")
    after = rolled_up(after) if roll else after
    assert told_twice(after) == ()
    assert [measure(after, "clicks").value("clicks"), measure(after, "clicks").rows[0].caution] == [289, ""]


def test_only_the_days_of_which_both_tell_are_compared() -> None:
    told = told_twice(migrated("2024-03-09", "2024-03-31"))
    assert [(one.recorded, one.reported) for one in told] == [(18, 20)]
    # A platform dates a conversion by its advertisement: what is rare need not fall on the same day.
    sparse = migrated("2024-03-04", "2024-03-04")
    sparse.connection.execute("DELETE FROM daily_performance WHERE date NOT IN ('2024-03-03', '2024-03-06')")
    assert [(one.recorded, one.reported) for one in told_twice(sparse)] == [(9, 20)]


def test_tables_mark_the_rows_that_may_count_twice() -> None:
    """Of m clicks are told twice, of o they are not; a reader of a table sees which."""
    tables = market(clicks=100, revenue=500.0)
    twice = "may count twice"
    campaigns, channels = compare_campaigns(tables, window=None), compare_channels(tables, window=None)
    assert [(row.campaign_id, row.caution) for row in campaigns.rows] == [("m", twice), ("o", ""), ("n", "")]
    assert {row.channel: row.caution for row in channels.rows} == {"paid_social": twice, "email": ""}
    places = leaderboard(tables, metric="clicks", window=None)
    assert {place.key: place.caution for place in places.places} == {"m": twice, "o": "", "n": ""}
    assert places.sentence.endswith(f"but some of it {twice}.")
    for shown in (
        charts.campaign_table(campaigns),
        charts.channel_table(channels),
        charts.leaderboard(places),
    ):
        assert [column.label for column in shown.columns][-1] == "Caution"
    # Clicks are told twice, revenue is not: a return on ad spend is sound.
    assert not any(place.caution for place in leaderboard(tables, window=None).places)
    sound = charts.campaign_table(compare_campaigns(market(), window=None))
    assert "Caution" not in [column.label for column in sound.columns]


def test_a_card_says_both_on_how_many_days_it_rests_and_what_may_count_twice() -> None:
    """A small shop sells on few days and always will: nothing is `still` to come."""
    tables = market(clicks=100)
    card = charts.kpi_cards(kpi_cards(tables, ["clicks"], window="2024-03-02:2024-03-05")).items[0]
    assert card["remark"] == "Data on 25% of days. Some of it may count twice"
    found = [alert.text for alert in alerts(tables, window="4d").alerts if alert.severity == "info"]
    assert all(text == "rests on data of 25% of the days only" for text in found)
