"""Whether the promises of holdout figures are kept: false alarms, coverage, p that fits its interval."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.experiments.holdout.contrast import Student, by_normal, by_permutation, estimate_of, ratio_of
from workbench.experiments.holdout.effects import effect_of
from workbench.experiments.holdout.pairs import Pairs, joined, pairs_of
from workbench.experiments.inference.permutation import permutation_test
from workbench.metrics.window import Window

DAYS = Window(date(2024, 1, 1), date(2024, 1, 31))
LEVEL = 0.95


def shop(
    rng: np.random.Generator, *, users: int = 5000, share: float = 0.1, rate: float = 0.03, lift: float = 0.0
) -> Pairs:
    """Return users of one campaign whose orders are lognormal."""
    held = np.arange(users) < round(share * users)
    buys = rng.random(users) < np.where(held, rate, rate + lift)
    return pairs_of(held=held, revenue=np.where(buys, rng.lognormal(3, 1.2, users), 0.0), window=DAYS)


def campaigns(rng: np.random.Generator, *, lift: float = 0.0, shared: bool = False) -> Pairs:
    """Return campaigns that hold out other shares of people who buy at other rates; users may be the same."""
    parts = [
        shop(rng, users=2000, share=share, rate=rate, lift=lift)
        for share, rate in ((0.05, 0.02), (0.5, 0.2), (0.1, 0.05))
    ]
    size = len(parts[0])
    users = [rng.permutation(size) if shared else np.arange(size) + at * size for at in range(len(parts))]
    return joined([replace(part, user=some) for part, some in zip(parts, users, strict=True)], "abc")


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    lift=st.floats(-0.02, 0.05),
    level=st.sampled_from([0.8, 0.9, 0.95, 0.99]),
    several=st.booleans(),
)
def test_p_is_small_exactly_where_the_interval_leaves_out_nothing(
    seed: int, lift: float, level: float, several: bool
) -> None:
    rng = np.random.default_rng(seed)
    pairs = campaigns(rng, lift=lift) if several else shop(rng, users=1500, lift=lift)
    for method in ("t", "permutation", "auto"):
        found = effect_of(replace(pairs, cost=pairs.cost + 5.0), level=level, method=method)
        for estimate in (
            found.lift,
            found.relative,
            found.incrementality,
            found.revenue,
            found.net,
            found.iroas,
        ):
            if np.isfinite(estimate.p):
                assert (estimate.p < 1 - level) == estimate.significant
        if found.relative_revenue.known:
            assert (found.relative_revenue.p < 1 - level) == found.relative_revenue.significant


def test_permutation_is_the_one_of_single_tests() -> None:
    pairs = shop(np.random.default_rng(2), users=6000, lift=0.02)
    values, place = np.unique(pairs.revenue, return_inverse=True)
    counts = np.column_stack(
        [np.bincount(place[pairs.held == side], minlength=len(values)) for side in (1, 0)]
    )
    users = (int(pairs.held.sum()), int((~pairs.held).sum()))
    other = permutation_test(values, counts, users=users).difference.scaled(users[1])
    mine = estimate_of(by_permutation(pairs, pairs.revenue))
    assert mine.value == pytest.approx(other.value)
    assert mine.error == pytest.approx(other.error)
    assert mine.p == pytest.approx(other.p, abs=0.01)


def test_an_unbounded_lift_is_said_to_be_so() -> None:
    held = np.arange(1100) < 100
    revenue = np.zeros(1100)
    revenue[[5, 200, 300, 400, 500, 600, 700, 800, 900, 1000, 1050]] = 20.0
    found = ratio_of(by_normal(pairs_of(held=held, revenue=revenue, window=DAYS), revenue))
    assert np.isinf(found.high)
    assert found.low < 0
    assert not found.significant


def tails(pairs: list[Pairs], method: str) -> tuple[float, float]:
    """Return how often gains and losses are found."""
    found = []
    for one in pairs:
        judge = by_normal if method == "t" else by_permutation
        more = {} if method == "t" else {"times": 999}
        found.append(estimate_of(judge(one, one.revenue, level=LEVEL, **more)))
    return (
        float(np.mean([estimate.low > 0 for estimate in found])),
        float(np.mean([estimate.high < 0 for estimate in found])),
    )


def test_a_small_skewed_holdout_gives_no_false_gains() -> None:
    rng = np.random.default_rng(11)
    pairs = [shop(rng) for _ in range(600)]
    gains, losses = tails(pairs, "permutation")
    assert max(gains, losses) <= 0.025 + 3 * (0.025 * 0.975 / 600) ** 0.5
    assert tails(pairs, "t")[0] > 0.05  # what the permutation is for


@pytest.mark.slow
@pytest.mark.data
def test_so_it_is_with_the_control_of_a_real_experiment(public_data: Path) -> None:
    frame = pl.read_csv(public_data / "ab_tests/hillstrom_email/hillstrom.csv", infer_schema_length=None)
    spend = frame.filter(pl.col("segment") == "No E-Mail")["spend"].cast(pl.Float64).to_numpy()
    rng = np.random.default_rng(3)
    held = np.arange(len(spend)) < len(spend) // 10
    pairs = [pairs_of(held=held, revenue=rng.permutation(spend), window=DAYS) for _ in range(1500)]
    gains, losses = tails(pairs, "permutation")
    assert max(gains, losses) <= 0.035
    assert tails(pairs, "t")[0] > 0.07


def test_intervals_of_a_small_skewed_holdout_hold_the_truth() -> None:
    rng, missed = np.random.default_rng(5), []
    mean = np.exp(3 + 1.2**2 / 2)
    for _ in range(300):
        pairs = shop(rng, lift=0.015)
        found = estimate_of(by_permutation(pairs, pairs.revenue, times=999))
        truth = 0.015 * mean * (~pairs.held).sum()
        missed.append((truth < found.low, truth > found.high))
    low, high = np.mean(missed, axis=0)
    assert max(low, high) <= 0.025 + 3 * (0.025 * 0.975 / 300) ** 0.5


@pytest.mark.parametrize("shared", [False, True])
def test_intervals_of_several_campaigns_hold_the_truth(shared: bool) -> None:
    rng = np.random.default_rng(7)
    treated = np.array([1900, 1000, 1800])
    truth, held = 0.02 * treated.sum(), []
    for _ in range(300):
        pairs = campaigns(rng, lift=0.02, shared=shared)
        found = estimate_of(by_normal(pairs, pairs.buys, level=LEVEL))
        held.append((found.low <= truth, truth <= found.high))
    low, high = 1 - np.mean(held, axis=0)
    assert low + high <= 0.05 + 3 * (0.05 * 0.95 / 300) ** 0.5
    assert abs(low - high) < 0.04


def test_unequal_shares_held_out_are_no_effect() -> None:
    rng = np.random.default_rng(1)
    pairs = campaigns(rng)
    together = pairs.buys[~pairs.held].mean() - pairs.buys[pairs.held].mean()
    found = effect_of(pairs)
    assert together < -0.05  # the half that is held out of a campaign of frequent buyers
    assert found.lift.low < 0 < found.lift.high
    parts = [effect_of(pairs.of(name)) for name in "abc"]
    assert found.revenue.value == pytest.approx(sum(part.revenue.value for part in parts))
    assert found.treated == sum(part.treated for part in parts)


def test_a_holdout_of_all_campaigns_alike_is_not_drawn_again_campaign_by_campaign() -> None:
    rng = np.random.default_rng(4)
    one = shop(rng, users=3000, rate=0.2)
    double = joined([one, one], "ab")
    found = by_normal(double, double.revenue)
    assert found.error == pytest.approx(2 * by_normal(one, one.revenue).error, rel=0.01)
    assert isinstance(found.surprise, Student)
    assert "several campaigns alike" in effect_of(double).revenue.note


def test_campaigns_that_held_out_too_few_are_left_out_and_counted() -> None:
    pairs = campaigns(np.random.default_rng(1))
    few = pairs.taken(
        ~(pairs.held & (pairs.campaign == 2) & (np.cumsum(pairs.held & (pairs.campaign == 2)) > 9))
    )
    found = effect_of(few)
    assert (found.campaigns, found.treated) == (2, 2900)
    assert found.note == "1 of 3 campaigns held out too few users to be compared"
