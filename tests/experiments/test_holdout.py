"""What campaigns caused: published figures, the dictionary's figures, and the truth of a simulated market."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.stats import norm

import workbench as wb
from workbench.errors import UsageError
from workbench.events.simulation import Market, MarketSpec, simulate
from workbench.experiments import held_out, holdouts, lift_by
from workbench.experiments.holdout.effects import effect_of
from workbench.experiments.holdout.figures import Effect
from workbench.experiments.holdout.pairs import Pairs, pairs_of
from workbench.metrics import measure
from workbench.metrics.window import Window

NAMES = ("incrementality", "holdout_lift", "net_incremental_revenue")
DAYS = Window(date(2024, 1, 1), date(2024, 1, 31))


@pytest.fixture(scope="module")
def market() -> Market:
    return simulate(replace(MarketSpec.small(), users=1500))


@pytest.fixture(scope="module")
def tables(held_out_market: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return wb.open(shutil.copytree(held_out_market, tmp_path_factory.mktemp("holdout") / "market"))


@pytest.fixture(scope="module")
def hillstrom(public_data: Path) -> Callable[[str | None, str], Pairs]:
    """Return the pairs of an e-mail against none, of a column."""
    frame = pl.read_csv(public_data / "ab_tests/hillstrom_email/hillstrom.csv", infer_schema_length=None)

    def chosen(mail: str | None, column: str) -> Pairs:
        rows = frame if mail is None else frame.filter(pl.col("segment").is_in([mail, "No E-Mail"]))
        held = (rows["segment"] == "No E-Mail").to_numpy()
        return pairs_of(held=held, revenue=rows[column].cast(pl.Float64).to_numpy(), window=DAYS)

    return chosen


@pytest.mark.data
@pytest.mark.parametrize(
    ("mail", "spend", "t", "caused", "low", "high"),
    [
        ("Mens E-Mail", 0.7698272, 5.300140, 16_402.71, 10_336.87, 22_468.54),
        ("Womens E-Mail", 0.4244122, 3.256372, 9_076.90, 3_613.48, 14_540.33),
        (None, 0.5967961, 5.302205, 25_479.61, 16_060.85, 34_898.37),
    ],
)
def test_hillstrom_revenue(
    hillstrom: Any, mail: str | None, spend: float, t: float, caused: float, low: float, high: float
) -> None:
    found = effect_of(hillstrom(mail, "spend"), method="t")
    assert found.revenue.value / found.treated == pytest.approx(spend, abs=5e-8)
    assert found.revenue.value / found.revenue.error == pytest.approx(t, abs=5e-7)
    assert found.revenue.value == pytest.approx(caused, abs=0.005)
    assert (found.revenue.low, found.revenue.high) == (
        pytest.approx(low, abs=0.005),
        pytest.approx(high, abs=0.005),
    )
    assert found.net.value == found.revenue.value
    assert not found.iroas.known


@pytest.mark.data
def test_hillstrom_relative_figures(hillstrom: Any) -> None:
    men = effect_of(hillstrom("Mens E-Mail", "spend"), method="t")
    assert men.revenue.df == pytest.approx(36_671.16, abs=0.005)
    ends = (men.relative_revenue.value, men.relative_revenue.low, men.relative_revenue.high)
    assert ends == pytest.approx((1.179289, 0.64368, 1.97748), abs=5e-6)
    women = effect_of(hillstrom("Womens E-Mail", "spend"), method="t")
    assert women.revenue.p == pytest.approx(0.001129, abs=5e-7)
    anyone = effect_of(hillstrom(None, "spend"), method="t")
    assert anyone.revenue.value / anyone.treated_revenue == pytest.approx(0.47760, abs=5e-6)


@pytest.mark.data
@pytest.mark.parametrize(
    ("mail", "lift", "z"),
    [
        ("Mens E-Mail", 0.0068050, 7.385114),
        ("Womens E-Mail", 0.0031111, 3.779561),
        (None, 0.0049546, 6.243765),
    ],
)
def test_hillstrom_conversion(hillstrom: Any, mail: str | None, lift: float, z: float) -> None:
    found = effect_of(hillstrom(mail, "conversion"))
    assert found.lift.value == pytest.approx(lift, abs=5e-8)
    assert norm.isf(found.lift.p / 2) == pytest.approx(z, abs=5e-7)
    assert found.lift.significant
    assert found.relative.significant
    assert found.incrementality.significant


@pytest.mark.data
def test_few_buyers_of_hillstrom_are_judged_by_permutation(hillstrom: Any) -> None:
    found = effect_of(hillstrom("Mens E-Mail", "spend"))
    assert found.revenue.method == "studentised permutation"
    assert found.revenue.low == pytest.approx(10_336.87, rel=0.03)
    assert found.revenue.p <= 0.0002


def test_figures_are_those_of_the_dictionary(tables: Any) -> None:
    found = holdouts(tables, window="120d")
    assert found.overall is not None
    share, lift, net = measure(tables, NAMES, window="120d").rows
    assert found.overall.lift.value == pytest.approx(lift.value, rel=1e-9)
    assert (found.overall.lift.low, found.overall.lift.high) == pytest.approx((lift.low, lift.high), rel=1e-6)
    assert found.overall.lift.p == pytest.approx(lift.p, rel=1e-6)
    assert found.overall.incrementality.value == pytest.approx(share.value, rel=1e-9)
    assert found.overall.net.value == pytest.approx(net.value, rel=1e-9)


def test_so_are_those_of_each_campaign(tables: Any) -> None:
    by = measure(tables, NAMES, by="campaign")
    ids = {row.slice[0] if isinstance(row.slice, tuple) else row.slice["campaign"] for row in by.rows} - {
        None
    }
    assert len(ids) > 3
    for campaign in sorted(ids):
        found = holdouts(tables, campaign=campaign).overall
        assert found is not None
        share, lift, net = (by.row(name, campaign=campaign) for name in NAMES)
        assert (found.lift.value, found.net.value) == pytest.approx((lift.value, net.value), rel=1e-9)
        ends = (found.lift.low, found.lift.high, found.lift.p)
        assert ends == pytest.approx((lift.low, lift.high, lift.p), rel=1e-9)
        of_buyers = (found.incrementality.value, found.incrementality.low, found.incrementality.high)
        assert of_buyers == pytest.approx((share.value, share.low, share.high), rel=1e-9)


def test_and_of_each_segment(tables: Any) -> None:
    by = measure(tables, ["holdout_lift"], by="segment")
    parts = lift_by(tables, by="segment")
    for row in parts.rows:
        assert row.lift.value == pytest.approx(by.row("holdout_lift", segment=row.name).value, rel=1e-9)


def test_intervals_hold_the_truth(market: Market, tables: Any) -> None:
    truth = {row["campaign_id"]: row["buyers_lift"] for row in market.truth.campaigns.to_dicts()}
    found = {name: holdouts(tables, campaign=name).overall for name in truth}
    held = [e.lift.low <= truth[name] <= e.lift.high for name, e in found.items() if e and e.lift.known]
    assert len(held) >= 5
    assert sum(held) >= len(held) - 1


def test_what_happened_with_and_without(tables: Any) -> None:
    found = holdouts(tables)
    treated, held, scaled = found.sides
    assert found.overall is not None
    assert treated.users == scaled.users == found.overall.treated
    assert treated.revenue - scaled.revenue - treated.cost == pytest.approx(found.overall.net.value)
    assert held.impressions == held.clicks == 0 < treated.clicks < treated.impressions
    assert treated.roas == pytest.approx(treated.revenue / treated.cost)
    with_, without = found.rates
    assert with_.value - without.value == pytest.approx(found.overall.lift.value)
    assert found.coverage.with_holdout == len(found.campaigns)
    assert found.coverage.share == 1
    assert len(found.to_frame()) == 1 + len(found.campaigns)
    assert "brought" in found.sentence


def test_without_an_answer_the_reason_is_said(tables: Any) -> None:
    found = holdouts(tables, campaign="no such campaign")
    assert found.overall is None
    assert "nobody was held out from the campaign 'no such campaign'" in found.sentence
    assert found.to_frame().empty
    assert "nobody was held out" in lift_by(tables, window="2023-01-01:2023-01-31").missing
    with pytest.raises(UsageError, match="slice of a holdout"):
        lift_by(tables, by="source")
    with pytest.raises(UsageError, match="level"):
        holdouts(tables, level=95)


def arrays(held: list[int], revenue: list[float], **more: Any) -> Effect:
    return effect_of(pairs_of(held=np.array(held, bool), revenue=np.array(revenue), window=DAYS, **more))


def test_nobody_bought() -> None:
    found = arrays([1] * 50 + [0] * 450, [0.0] * 500)
    assert found.lift.note == found.net.note == "nobody bought"
    assert found.lift.value == found.revenue.value == 0
    assert math.isnan(found.revenue.p)
    assert math.isnan(found.revenue.low)
    assert math.isnan(found.incrementality.value)


def test_an_empty_holdout_and_an_empty_treatment() -> None:
    assert "held out" in arrays([0] * 100, [1.0] * 100).note
    assert arrays([1] * 100, [1.0] * 100).note == "nobody was treated"


def test_the_holdout_bought_nothing() -> None:
    found = arrays([1] * 300 + [0] * 2700, [0.0] * 300 + [10.0] * 200 + [0.0] * 2500)
    assert found.lift.value == pytest.approx(200 / 2700)
    assert not found.relative.known
    assert not found.relative_revenue.known
    assert found.incrementality.value == 1
    assert found.revenue.value == 2000


def test_cost_is_taken_off_and_divided_by() -> None:
    rng = np.random.default_rng(5)
    held = rng.random(20_000) < 0.3
    revenue = np.where(rng.random(20_000) < np.where(held, 0.10, 0.12), rng.gamma(4, 10, 20_000), 0.0)
    free = effect_of(pairs_of(held=held, revenue=revenue, window=DAYS))
    paid = effect_of(pairs_of(held=held, revenue=revenue, window=DAYS, cost=2000.0))
    assert paid.net.value == pytest.approx(free.revenue.value - 2000)
    assert paid.net.low == pytest.approx(free.revenue.low - 2000)
    assert paid.iroas.high == pytest.approx(free.revenue.high / 2000)
    assert free.revenue.significant != (free.revenue.p >= 0.05)
    assert paid.net.significant != (paid.net.p >= 0.05)
    unknown = effect_of(pairs_of(held=held, revenue=revenue, window=DAYS, cost=math.nan))
    assert unknown.net.note == "no spend is loaded"


def test_users_are_held_out_by_a_hash() -> None:
    users = [f"user {number}" for number in range(20_000)]
    tenth, fifth = held_out("spring", users), held_out("spring", users, share=0.2)
    assert tenth.mean() == pytest.approx(0.1, abs=0.007)
    assert (fifth | ~tenth).all()
    other = held_out("summer", users)
    assert (tenth & other).mean() == pytest.approx(0.01, abs=0.003)
    assert (held_out("spring", users[::-1])[::-1] == tenth).all()
    with pytest.raises(UsageError, match="usual"):
        held_out("spring", users, share=1.0)
