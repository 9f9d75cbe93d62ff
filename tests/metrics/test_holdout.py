"""The figures of a holdout are the same, however the campaigns are looked at."""

from __future__ import annotations

import math
import random
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from metric_tables import Memory, event

from workbench.metrics import measure
from workbench.metrics.conditions import conditions
from workbench.metrics.derived import HOLDOUT, derived
from workbench.metrics.plan import plan
from workbench.metrics.values import fetch
from workbench.metrics.window import Window, parse_window

LEAVES = [derived("holdout", figure) for figure in HOLDOUT.figures]


def campaigns(seed: int = 4) -> Memory:
    """Return users in several campaigns with a holdout, some moved from one side to the other."""
    draw = random.Random(seed)  # noqa: S311 - data, no secrets
    start = datetime(2024, 3, 1)

    def at() -> datetime:
        return start + timedelta(minutes=draw.randrange(60 * 24 * 60))

    rows = []
    for _ in range(400):
        user, campaign = draw.randrange(40), draw.choice(["a", "b", "c", "none held"])
        held = campaign != "none held" and (user + ord(campaign)) % 3 == 0
        rows.append(
            event(
                "campaign_delivered",
                user,
                at(),
                campaign_id=campaign,
                segment=draw.choice(["A", "B", None]),
                is_holdout=(held if draw.random() < 0.95 else not held) if campaign != "none held" else None,
            )
        )
    rows += [
        event("user_purchased", draw.randrange(40), at(), value=draw.choice([10.0, 20.5, None]))
        for _ in range(120)
    ]
    return Memory(facts=rows)


def figures(
    tables: Memory, by: tuple[str, ...], window: Window, **where: str
) -> dict[tuple[str, ...], list[float]]:
    needed = plan(LEAVES, by=by, where=conditions(where), loaded=["facts", "campaign_delivered"])
    values = fetch(tables, needed, by, window)
    return {key: [values.totals[leaf][row] for leaf in LEAVES] for row, key in enumerate(values.slices)}


@pytest.mark.parametrize("window", ["2024-03-01:2024-04-29", "2024-03-20:2024-04-05"])
def test_a_campaign_by_itself_is_its_slice(window: str) -> None:
    tables, span = campaigns(), parse_window(window, None)
    sliced = figures(tables, ("campaign",), span)
    assert set(sliced) == {("a",), ("b",), ("c",)}
    for (campaign,), found in sliced.items():
        (alone,) = figures(tables, (), span, campaign=campaign).values()
        assert found == pytest.approx(alone, rel=1e-12)
        assert min(found[:9]) >= 0
    assert sliced["a",][HOLDOUT.figures.index("treated_buyers")] > 3


def test_so_is_a_segment_of_a_campaign() -> None:
    tables, span = campaigns(), parse_window("2024-03-01:2024-04-29", None)
    sliced = figures(tables, ("segment", "campaign"), span)
    assert len(sliced) == 9
    for (segment, campaign), found in sliced.items():
        where = {"campaign": campaign, "segment": segment}
        (alone,) = figures(tables, (), span, **where).values()
        assert found == pytest.approx(alone, rel=1e-12)


def two_campaigns(*, effect: float = 0.0) -> Memory:
    """Return campaigns that hold out 10 % and 50 %, and whose users buy at 2 % and 20 %."""
    rows = []
    for campaign, share, rate in (("a", 10, 50), ("b", 2, 5)):
        for i in range(4000):
            user, held = i + (0 if campaign == "a" else 10_000), i % share == 0
            rows.append(
                event("campaign_delivered", user, "2024-03-01", campaign_id=campaign, is_holdout=held)
            )
            if (i // share) % rate == 0 and (held or (i // 100) % 10 >= 10 * effect):
                rows.append(event("user_purchased", user, "2024-03-02", value=20.0))
    return Memory(facts=rows)


NAMES = ("incrementality", "holdout_lift")


def test_campaigns_with_other_shares_held_out_and_no_effect_show_none() -> None:
    for row in measure(two_campaigns(), NAMES).rows:
        assert row.value == pytest.approx(0, abs=1e-12)
        assert row.low < 0 < row.high
        assert row.p == pytest.approx(1)


def test_several_campaigns_are_the_sum_of_each_against_its_own_holdout() -> None:
    tables = two_campaigns(effect=0.3)
    by = measure(tables, NAMES, by="campaign")
    share, lift = measure(tables, NAMES).rows
    parts = [by.row("holdout_lift", campaign=name) for name in "ab"]
    treated = np.array([3600, 2000])
    caused = sum(part.value * n for part, n in zip(parts, treated, strict=True))
    bought = sum(row.denominator for row in by.rows if row.metric == "incrementality")
    assert lift.value == pytest.approx(caused / treated.sum())
    assert share.value == pytest.approx(caused / bought)
    # Independent strata: the variance is the sum of theirs (Cochran 1977, 5.9), here without pooling.
    rates = [(x / n, y / m) for x, n, y, m in counts(tables)]
    strata = [
        p * (1 - p) * n + (n / m) ** 2 * q * (1 - q) * m
        for (p, q), (_, n, _, m) in zip(rates, counts(tables), strict=True)
    ]
    half = 1.959964 * np.sqrt(sum(strata)) / treated.sum()
    assert (lift.high - lift.low) / 2 == pytest.approx(half, rel=1e-6)


def counts(tables: Memory) -> list[tuple[float, ...]]:
    found = figures(tables, ("campaign",), parse_window("2024-03-01:2024-03-31", None))
    names = ("treated_buyers", "treated", "holdout_buyers", "holdout")
    return [tuple(row[HOLDOUT.figures.index(name)] for name in names) for _, row in sorted(found.items())]


def test_campaigns_that_cannot_be_compared_are_left_out_and_said() -> None:
    tables = two_campaigns()
    more = [event("campaign_delivered", 50_000 + i, "2024-03-01", campaign_id="c") for i in range(1000)]
    more += [
        event("campaign_delivered", 60_000 + i, "2024-03-01", campaign_id="d", is_holdout=i < 9)
        for i in range(409)
    ]
    more += [event("user_purchased", 60_000 + i, "2024-03-02", value=20.0) for i in range(400)]
    tables.connection.register(
        "more", Memory(facts=more).connection.sql("SELECT * FROM facts").to_arrow_table()
    )
    tables.connection.execute("INSERT INTO facts SELECT * FROM more")
    alone, with_others = measure(two_campaigns(), NAMES).rows, measure(tables, NAMES).rows
    for before, after in zip(alone, with_others, strict=True):
        figures_ = (after.value, after.low, after.high)
        assert figures_ == pytest.approx((before.value, before.low, before.high), rel=1e-9)
        assert "of 2 of 4 campaigns, with 80% of the treated users" in after.note


@pytest.mark.parametrize("by", ["", "channel", "campaign", "segment"])
def test_the_spend_is_that_of_the_campaigns_compared(by: str) -> None:
    rows = [
        event(
            "campaign_delivered",
            100 * place + i,
            "2024-03-01",
            campaign_id=name,
            channel=channel,
            segment="A",
            is_holdout=i < held,
        )
        for place, (name, channel, held) in enumerate(
            [("a", "email", 20), ("b", "email", 3), ("c", "sms", 4), ("d", "push", 0)]
        )
        for i in range(50)
    ]
    spend = [
        {"date": date(2024, 3, 1), "campaign_id": name, "channel": channel, "segment": "A", "spend": money}
        for name, channel, money in [
            ("a", "email", 1.0),
            ("b", "email", 10),
            ("c", "sms", 100),
            ("d", "push", 1e3),
        ]
    ]
    tables = Memory(facts=rows, daily_performance=spend)
    found = {row.slice: row.value for row in measure(tables, "net_incremental_revenue", by=by).rows}
    known = {key[0] if key else "": value for key, value in found.items() if not np.isnan(value)}
    assert (
        known
        == {
            "": {"": -1.0},
            "channel": {"email": -1.0, "sms": -100.0},
            "campaign": {"a": -1.0, "b": -10.0, "c": -100.0},
            "segment": {"A": -1.0},
        }[by]
    )


def test_users_in_both_campaigns_carry_less_evidence() -> None:
    at = "2024-03-01"
    rows = [
        event("campaign_delivered", i, at, campaign_id=campaign, is_holdout=i % 4 == 0)
        for i in range(4000)
        for campaign in "ab"
    ]
    rows += [event("user_purchased", i, "2024-03-02", value=20.0) for i in range(0, 4000, 7)]
    tables = Memory(facts=rows)
    both = measure(tables, "holdout_lift").rows[0]
    one = measure(tables, "holdout_lift", by="campaign").rows[0]
    assert both.value == pytest.approx(one.value)
    # Counted twice, the same people say no more than once.
    assert both.high - both.low == pytest.approx(one.high - one.low, rel=0.01)


@pytest.mark.parametrize("seed", range(2))
def test_the_variance_over_users_is_that_of_every_user_by_hand(seed: int) -> None:
    tables, span = campaigns(seed), parse_window("2024-03-01:2024-04-29", None)
    (found,) = figures(tables, (), span).values()
    got = dict(zip(HOLDOUT.figures, found, strict=True))
    frame = pairs_of(tables)
    sides = frame.groupby(["what", "held"])[["bought", "worth"]].mean()
    n = frame.groupby(["what", "held"]).size()
    weight = {what: n[what, 0] / n[what, 1] for what in sides.index.get_level_values(0)}
    frame["w"] = [
        weight[what] if held else 1.0 for what, held in zip(frame["what"], frame["held"], strict=True)
    ]
    for column, what in (("bought", "buyers"), ("worth", "revenue")):
        mean = [sides.loc[key, column] for key in zip(frame["what"], frame["held"], strict=True)]
        frame["off"] = frame["w"] * (frame[column] - mean)
        users = frame.pivot_table(index="who", columns="held", values="off", aggfunc="sum", fill_value=0.0)
        for name, product in {
            "tt": users[0] * users[0],
            "th": users[0] * users[1],
            "hh": users[1] ** 2,
        }.items():
            assert got[f"{what}_{name}"] == pytest.approx(product.sum(), rel=1e-9)
        held = frame[frame["held"] == 1]
        assert got[f"expected_{what}"] == pytest.approx((held["w"] * held[column]).sum())


def pairs_of(tables: Memory) -> pd.DataFrame:
    return tables.connection.sql(
        """
        WITH pairs AS (
            SELECT campaign_id AS what, user_key AS who, min(timestamp) AS since,
                   max(CASE WHEN is_holdout THEN 1 ELSE 0 END) AS held
            FROM facts WHERE event_type = 'campaign_delivered' AND campaign_id IN ('a', 'b', 'c') GROUP BY ALL
        )
        SELECT what, who, held, CAST(count(f.user_key) > 0 AS INT) AS bought,
               coalesce(sum(f.value), 0.0) AS worth
        FROM pairs LEFT JOIN facts f ON f.user_key = who AND f.event_type = 'user_purchased'
            AND f.timestamp >= since AND f.timestamp < since + INTERVAL 30 DAY
        GROUP BY ALL
        """
    ).df()


@pytest.mark.parametrize("by", ["", "campaign"])
def test_where_all_were_held_out_nothing_was_caused_and_nothing_lost(by: str) -> None:
    held = [
        event("campaign_delivered", user, "2024-03-04", campaign_id="m", channel="email", is_holdout=True)
        for user in range(50)
    ]
    spend = {"date": date(2024, 3, 4), "campaign_id": "m", "channel": "email", "spend": 50.0}
    found = measure(
        Memory(facts=held, daily_performance=[spend]), ["incrementality", "net_incremental_revenue"], by=by
    ).rows
    assert all(math.isnan(row.value) for row in found)
    assert [row.note for row in found] == ["all users were held out", "nobody was treated"]
