"""What the files say agrees with the truth that is told beside them, within the error that chance allows."""

import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy import optimize, stats

from workbench.errors import UsageError
from workbench.events.simulation import PAID, ChannelTruth, ExperimentTruth, MarketSpec, simulate
from workbench.events.simulation.media import marginal, response


def arms(market, of_type, days=30):
    """Return, per campaign and side, users and those with any order within so many days: from events."""
    sent = of_type("campaign_delivered", "campaign_id", "is_holdout")
    pairs = sent.group_by("user_id", "campaign_id", "is_holdout").agg(since=pl.col("timestamp").min())
    orders = market.tables["orders"].select("user_id", "ordered_at")
    until = pl.col("since") + pl.duration(days=days)
    buyers = pairs.join(orders, on="user_id").filter(
        pl.col("ordered_at").is_between("since", until, closed="left")
    )
    buyers = buyers.select("user_id", "campaign_id").unique().with_columns(bought=pl.lit(1))
    pairs = pairs.join(buyers, on=["user_id", "campaign_id"], how="left").with_columns(
        pl.col("bought").fill_null(0)
    )
    return pairs.group_by("campaign_id", held=pl.col("is_holdout") == "true").agg(
        n=pl.len().cast(pl.Int64), x=pl.col("bought").sum().cast(pl.Int64)
    )


def test_the_holdout_finds_the_lift(market, of_type):
    sides = arms(market, of_type)
    truth = market.truth.campaigns
    observed = sides.filter(~pl.col("held")).join(sides.filter("held"), on="campaign_id", suffix="_out")
    both = truth.join(observed, on="campaign_id")
    assert (both["treated"] == both["n"]).all()
    assert (both["held_out"] == both["n_out"]).all()
    assert (both["treated_buyers"] == both["x"]).all()
    assert (both["held_out_buyers"] == both["x_out"]).all()
    p, q = both["x"] / both["n"], both["x_out"] / both["n_out"]
    error = (p * (1 - p) / both["n"] + q * (1 - q) / both["n_out"]).sqrt()
    z = ((p - q - both["buyers_lift"]) / error).filter(both["held_out"] >= 30)
    assert z.abs().max() < 4
    weight = both["n"] / both["n"].sum()
    pooled = (weight * (p - q - both["buyers_lift"])).sum()
    assert abs(pooled) < 4 * math.sqrt(((weight * error) ** 2).sum())


def test_expected_rates_happen(market):
    truth = market.truth.campaigns
    for rate, users, happened in (
        (truth["base_rate"] + truth["lift"], truth["treated"], truth["treated_conversions"]),
        (truth["base_rate"], truth["held_out"], truth["held_out_conversions"]),
    ):
        expected = rate * users
        assert abs(happened.sum() - expected.sum()) < 4 * math.sqrt(expected.sum())
        assert ((happened - expected) / expected.sqrt()).abs().max() < 4.5


def test_lifts_differ_and_one_does_harm(market):
    lift = market.truth.campaigns["lift"]
    assert lift.min() < 0 < lift.max()
    assert (lift == 0).any()


def test_holdouts_have_their_share(market):
    truth = market.truth.campaigns
    total = (truth["treated"] + truth["held_out"]).sum()
    assert stats.binomtest(int(truth["held_out"].sum()), total, market.spec.holdout).pvalue > 1e-4


def test_response_follows_spend_through_carry_over_and_saturation(market):
    """Computed again from the spend in the files, by the formula in the docs, one day at a time."""
    campaigns = market.tables["campaigns"].select("campaign_id", media="channel")
    spent = (
        market.tables["daily_performance"]
        .join(campaigns, on="campaign_id")
        .group_by("media", "date")
        .agg(pl.col("spend").sum())
    )
    for row in market.truth.channels.to_dicts():
        daily = market.truth.daily.filter(pl.col("channel") == row["channel"]).sort("date")
        of_files = daily.select("date").join(
            spent.filter(pl.col("media") == row["channel"]), on="date", how="left"
        )
        left, expected = 0.0, []
        for amount in of_files.sort("date")["spend"].fill_null(0):
            left = row["carry_over"] * left + (1 - row["carry_over"]) * amount
            expected.append(row["maximum"] * left / (row["half_saturation"] + left))
        assert np.allclose(daily["expected_conversions"], expected, rtol=0.02, atol=0.02)
        mean, happened = np.array(expected), daily["conversions"].to_numpy()
        assert abs(happened.sum() - mean.sum()) < 4 * math.sqrt(mean.sum())
        spread = ((happened - mean) ** 2 / mean).sum()  # chi-square, a little wider as the days are Poisson
        assert abs(spread - len(mean)) < 5 * math.sqrt((2 + 1 / mean).sum())


def test_the_curve_can_be_found_again_from_incremental_orders():
    """Maximum likelihood on the orders that one channel caused finds its curve and carry-over."""
    spec = MarketSpec(
        days=730, users=20_000, channels=(replace(PAID[1], maximum=120.0),), owned_campaigns=2, seed=3
    )
    daily = simulate(spec).truth.daily
    spend, happened = daily["spend"].to_numpy(), daily["conversions"].to_numpy()

    def loss(parameters):
        top, half, keep = np.exp(parameters[0]), np.exp(parameters[1]), 1 / (1 + np.exp(-parameters[2]))
        left, mean = 0.0, np.empty(len(spend))
        for day, amount in enumerate(spend):
            left = keep * left + (1 - keep) * amount
            mean[day] = top * left / (half + left)
        return float((mean - happened * np.log(mean)).sum())

    found = optimize.minimize(
        loss, [math.log(80), math.log(150), 0.0], method="Nelder-Mead", options={"maxiter": 600}
    )
    assert np.exp(found.x[0]) == pytest.approx(120, rel=0.2)
    assert np.exp(found.x[1]) == pytest.approx(220, rel=0.35)
    assert 1 / (1 + np.exp(-found.x[2])) == pytest.approx(0.4, abs=0.08)


def test_returns_and_their_margin_are_those_of_the_curve(market):
    value = market.truth.daily["expected_revenue"].sum() / market.truth.daily["expected_conversions"].sum()
    for row, channel in zip(market.truth.channels.to_dicts(), market.spec.channels, strict=True):
        assert row["roi"] == pytest.approx(row["expected_revenue"] / row["spend"] - 1)
        spend, scale = row["spend"] / market.spec.days, market.spec.scale
        at = [
            scale * channel.maximum * s / (s + scale * channel.half_saturation)
            for s in (spend - 1e-3, spend + 1e-3)
        ]
        assert row["marginal_roas"] == pytest.approx((at[1] - at[0]) / 2e-3 * value, rel=1e-5)


@pytest.mark.parametrize("shape", [0.7, 1.0, 2.5])
def test_a_curve_of_any_shape_has_its_half_and_its_slope(shape):
    channel = replace(PAID[0], shape=shape)
    half = np.array([channel.half_saturation])
    assert response(channel, half)[0] == pytest.approx(channel.maximum / 2)
    assert response(channel, 1e9 * half)[0] == pytest.approx(channel.maximum, rel=1e-5)
    for spend in (30.0, 190.0, 900.0):
        near = (response(channel, np.array([spend + e]))[0] for e in (1e-4, -1e-4))
        assert marginal(channel, np.array([spend]))[0] == pytest.approx(
            (next(near) - next(near)) / 2e-4, rel=1e-4
        )


def test_last_touch_credit_is_what_the_events_say_and_not_what_is_true(market, of_type):
    campaigns = market.tables["campaigns"].select("campaign_id", "channel")
    credited = of_type("campaign_converted", "campaign_id", "order_value").join(campaigns, on="campaign_id")
    by = credited.group_by("channel").agg(n=pl.len(), revenue=pl.col("order_value").cast(pl.Float64).sum())
    both = market.truth.attribution.join(by, on="channel", how="left").fill_null(0)
    assert (both["last_touch_conversions"] == both["n"]).all()
    assert np.allclose(both["last_touch_revenue"], both["revenue"], atol=0.01)
    true = dict(market.truth.attribution.select("channel", "incremental_conversions").iter_rows())
    last = dict(market.truth.attribution.select("channel", "last_touch_conversions").iter_rows())
    assert last["affiliate"] > 2 * true["affiliate"], "it stands beside orders that would happen anyway"
    assert last["paid_social"] < true["paid_social"], "others close what it opens"


def test_experiments_have_their_effects():
    big = ExperimentTruth(
        name="big", variants=("control", "more", "less"), effects=(0.0, 1.0, -0.5), split=(0.4, 0.3, 0.3),
        first_day=0.3, days=0.4,
    )  # fmt: skip
    market = simulate(replace(MarketSpec.sized(150_000), experiments=(big,)))
    assigned, orders = market.tables["experiments"], market.tables["orders"].select("user_id", "ordered_at")
    start, days = int(0.3 * market.spec.days), int(0.4 * market.spec.days)
    until = pl.lit(market.spec.start).cast(pl.Datetime("us", "UTC")) + pl.duration(days=start + days)
    during = orders.join(assigned, on="user_id").filter(
        pl.col("ordered_at").is_between("assigned_at", until, "left")
    )
    count = assigned.join(during.group_by("user_id").len(), on="user_id", how="left").with_columns(
        pl.col("len").fill_null(0)
    )
    seen = {name[0]: rows["len"].to_numpy().astype(float) for name, rows in count.group_by("variant")}
    truth = {row["variant"]: row for row in market.truth.experiments.to_dicts()}
    for variant in ("more", "less"):
        effect = seen[variant].mean() - seen["control"].mean()
        expected = truth[variant]["expected_orders"] - truth["control"]["expected_orders"]
        error = math.sqrt(sum(seen[v].var(ddof=1) / len(seen[v]) for v in (variant, "control")))
        assert abs(effect - expected) < 4 * error
        assert variant != "more" or effect > 2.5 * error, "it can be seen"
        assert truth[variant]["expected_orders"] == pytest.approx(
            truth["control"]["expected_orders"] * (1 + truth[variant]["effect"])
        )
    share = (seen["control"] > 0).mean()
    assert share >= truth["control"]["expected_buyers"] - 4 * math.sqrt(
        share * (1 - share) / len(seen["control"])
    )


def test_assignment_is_fair(market):
    for truth in market.spec.experiments:
        rows = market.tables["experiments"].filter(pl.col("experiment") == truth.name)
        assert rows["user_id"].n_unique() == rows.height
        counts = [rows.filter(pl.col("variant") == v).height for v in truth.variants]
        assert stats.chisquare(counts, [share * rows.height for share in truth.split]).pvalue > 1e-4


def test_segments_have_their_shares_and_values(market):
    users, orders = market.truth.users, market.tables["orders"]
    values = (
        orders.join(users, on="user_id")
        .group_by("segment")
        .agg(mean=pl.col("order_value").mean(), error=pl.col("order_value").std() / pl.len().sqrt())
    )
    for segment in market.spec.segments:
        count = users.filter(pl.col("segment") == segment.name).height
        assert stats.binomtest(count, users.height, segment.share).pvalue > 1e-4
        row = values.row(by_predicate=pl.col("segment") == segment.name, named=True)
        assert abs(row["mean"] - segment.order_value) < 4 * row["error"]


def test_weekend_shoppers_shop_at_weekends(market):
    rows = market.tables["orders"].join(market.truth.users, on="user_id")
    share = rows.group_by("segment").agg(weekend=(pl.col("ordered_at").dt.weekday() >= 6).mean())
    weekend = dict(share.iter_rows())
    assert weekend["WEEKEND_SHOPPER"] > 0.6
    assert max(v for k, v in weekend.items() if k != "WEEKEND_SHOPPER") < 0.4


def test_lost_users_order_no_more_of_their_own_accord():
    spec = replace(MarketSpec.small(), channels=(ChannelTruth(name="display", daily_spend=10, maximum=1e-9,
        half_saturation=10, carry_over=0, click_cost=1, click_rate=0.01),), owned_campaigns=1)  # fmt: skip
    market = simulate(spec)
    rows = market.tables["orders"].join(market.truth.users, on="user_id").sort("ordered_at")
    late = rows.filter(pl.col("ordered_at") > pl.col("lost_at"))
    assert (
        late.height
        <= market.truth.campaigns[["treated_conversions", "held_out_conversions"]].sum_horizontal().sum()
    )
    assert rows.height > 100


def test_a_week_and_a_day_have_their_shape(market):
    at = market.tables["orders"]["ordered_at"]
    hours = np.bincount(at.dt.hour().to_numpy(), minlength=24) / len(at)
    assert hours.argmax() in (19, 20)
    assert hours.max() > 6 * hours.min()
    months = at.dt.month().value_counts().sort("ordered_at")["count"]
    assert months[-2:].min() > 1.2 * months[:9].mean()


def test_more_money_brings_less_for_each_unit():
    base = MarketSpec.sized(20_000)
    more = replace(base, channels=tuple(replace(c, daily_spend=3 * c.daily_spend) for c in base.channels))
    one, two = (simulate(spec).truth.channels for spec in (base, more))
    assert (two["expected_conversions"] > one["expected_conversions"]).all()
    assert (two["expected_conversions"] < 3 * one["expected_conversions"]).all()
    assert (two["marginal_roas"] < one["marginal_roas"]).all()


@pytest.mark.parametrize(
    "change",
    [{"days": 10}, {"users": 5}, {"holdout": 1.0}, {"segments": ()}, {"channels": (PAID[0], PAID[0])},
     {"channels": (replace(PAID[0], carry_over=1.0),)}],
)  # fmt: skip
def test_a_specification_that_makes_no_sense_is_refused(change):
    with pytest.raises(UsageError):
        MarketSpec(**change)
