"""All views on a simulated market, and against what is true of it."""

from __future__ import annotations

from dataclasses import astuple
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from workbench import explore

VIEWS = {
    "kpi_cards": lambda t: explore.kpi_cards(t, window="90d"),
    "trends": lambda t: explore.trends(t, "revenue"),
    "trends by channel": lambda t: explore.trends(t, "roas", by="channel"),
    "compare_campaigns": lambda t: explore.compare_campaigns(t, window="90d"),
    "compare_channels": lambda t: explore.compare_channels(t, window="90d"),
    "target_vs_actual": explore.target_vs_actual,
    "pacing": lambda t: explore.pacing(t, as_of=t.last_day - timedelta(days=60)),
    "funnel": lambda t: explore.funnel(t, window="90d"),
    "awareness": lambda t: explore.funnel(t, "awareness"),
    "heatmap": lambda t: explore.heatmap(t, time_zone="Europe/Berlin"),
    "creatives": lambda t: explore.creatives(t, window="90d"),
    "frequency": lambda t: explore.frequency(t, window="90d"),
    "cohorts": explore.cohorts,
    "segments": explore.segments,
    "compare_segments": lambda t: explore.compare_segments(t, ["HIGH_SPENDER", "GENERAL"]),
    "leads": lambda t: explore.leads(t, window="150d"),
    "leaderboard": lambda t: explore.leaderboard(t, window="90d"),
    "alerts": explore.alerts,
}


@pytest.mark.parametrize("name", VIEWS)
def test_every_view_answers(market_tables, name: str) -> None:
    view = VIEWS[name](market_tables)
    assert not view.missing
    assert "None" not in view.sentence
    assert "<table" in view._repr_html_()
    if name != "alerts":
        assert len(view.to_frame())


def test_the_largest_segments_are_compared_unless_others_are_named(market_tables) -> None:
    largest = [row.segment for row in explore.segments(market_tables).rows[:3]]
    unnamed = explore.compare_segments(market_tables)
    assert unnamed == explore.compare_segments(market_tables, largest)
    assert {pair.first for pair in unnamed.pairs} | {pair.second for pair in unnamed.pairs} == set(largest)


def test_the_same_question_has_the_same_answer(market_tables) -> None:
    for ask in VIEWS.values():
        once, again = (repr(astuple(ask(market_tables))) for _ in range(2))
        assert once == again


def test_channels_earn_what_was_credited(market, market_tables) -> None:
    view = explore.compare_channels(market_tables, window=None)
    credited = dict(market.truth.attribution.select("channel", "last_touch_revenue").iter_rows())
    for row in view.rows:
        if credited.get(row.channel):
            assert row.revenue == pytest.approx(credited[row.channel], abs=0.01)
    spent = market.tables["daily_performance"].group_by("channel").agg(pl.col("spend").sum())
    for channel, spend in spent.iter_rows():
        row = next((row for row in view.rows if row.channel == channel), None)
        assert row is not None
        assert (row.spend or 0.0) == pytest.approx(spend or 0.0)


def test_credit_is_not_effect(market, market_tables) -> None:
    """Search collects orders that would have come anyway: the truth knows, credited figures do not."""
    truth = market.truth.channels.with_columns(
        true=pl.col("expected_revenue") / pl.col("spend"),
        shown=pl.col("last_touch_revenue") / pl.col("spend"),
    )
    paid = {row["channel"]: row for row in truth.iter_rows(named=True)}
    view = explore.compare_channels(market_tables, window=None)
    for row in view.rows:
        if row.channel in paid:
            assert row.roas == pytest.approx(paid[row.channel]["shown"], rel=1e-3)
            assert row.incremental_return is None
    assert paid["paid_search"]["shown"] > 1.5 * paid["paid_search"]["true"]


def test_users_of_the_funnel_are_those_of_the_events(market, market_tables) -> None:
    view = explore.funnel(market_tables, window=None)
    shown = market.events.filter(
        (pl.col("event_type") == "campaign_delivered")
        & (pl.col("properties").str.json_path_match("$.is_holdout") == "false")
    )
    assert view.stages[0].count == shown["user_id"].n_unique()
    counts = [stage.count for stage in view.stages]
    assert counts == sorted(counts, reverse=True)


def test_cohorts_hold_all_users(market, market_tables) -> None:
    view = explore.cohorts(market_tables)
    months = market.tables["users"]["signup_at"].dt.strftime("%Y-%m").value_counts()
    sizes = dict(months.iter_rows())
    for cell in view.cells:
        assert cell.users == sizes[f"{cell.cohort:%Y-%m}"]
    by = explore.cohorts(market_tables, by="channel")
    for cohort in {cell.cohort for cell in by.cells}:
        parts = {cell.slice: cell.users for cell in by.cells if cell.cohort == cohort}
        assert sum(parts.values()) == sizes[f"{cohort:%Y-%m}"]


def test_no_week_is_called_a_change_too_often(market, market_tables) -> None:
    """Revenue follows the seasons of the simulation only: few weeks differ beyond that."""
    from workbench.explore.change import step_between

    orders = (
        market.tables["orders"]
        .group_by(pl.col("ordered_at").dt.date().alias("day"))
        .agg(pl.col("order_value").sum())
    )
    daily = orders.sort("day").upsample("day", every="1d").fill_null(0.0)["order_value"].to_numpy()
    found = [step_between(daily[:end], np.ones(end), days=7, lag=7).p_value for end in range(60, len(daily))]
    told = [p for p in found if p is not None]
    assert len(told) > 60
    assert np.mean(np.array(told) < 0.05) < 0.12
