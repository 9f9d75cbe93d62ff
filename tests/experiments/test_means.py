"""Welch's t against scipy, published experiments, the laws it must obey, and simulated truth."""

from __future__ import annotations

from decimal import Decimal, getcontext
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student_distribution
from scipy.stats import ttest_ind

from workbench.experiments.inference.means import differences, mean_arms, own, student_p
from workbench.experiments.inference.sums import Sums, sums_of

from .cells import REPETITIONS, band, cells, hillstrom, shop, sparse, tails


def sums(*parts: np.ndarray, names: str = "abc") -> Sums:
    variant = np.concatenate(
        [np.full(len(part), name, object) for part, name in zip(parts, names, strict=False)]
    )
    return sums_of(variant, {"y": np.concatenate(parts)}, variants=tuple(names[: len(parts)]))


def test_welch_is_scipys() -> None:
    rng = np.random.default_rng(1)
    one, other = rng.gamma(2, 3, 40), rng.gamma(2, 4, 90)
    found = differences(mean_arms(sums(one, other), "y"))
    expected = ttest_ind(other, one, equal_var=False)
    interval = expected.confidence_interval(0.95)
    assert found.p[0] == pytest.approx(expected.pvalue, rel=1e-12)
    assert found.df[0] == pytest.approx(expected.df, rel=1e-12)
    assert (found.low[0], found.high[0]) == pytest.approx(tuple(interval), rel=1e-10)


def test_every_variant_is_compared_with_the_control() -> None:
    rng = np.random.default_rng(2)
    parts = [rng.normal(size=n) for n in (30, 20, 25)]
    found = differences(mean_arms(sums(*parts), "y"))
    expected = [ttest_ind(part, parts[0], equal_var=False).pvalue for part in parts[1:]]
    assert found.p == pytest.approx(expected, rel=1e-12)


def test_revenue_of_the_documented_shop() -> None:
    found = differences(mean_arms(shop()[0], "revenue"))
    assert (found.value[0], found.p[0]) == pytest.approx((0.4890831, 0.1230699), abs=5e-8)
    assert (found.low[0], found.high[0]) == pytest.approx((-0.1326188, 1.1107850), abs=5e-8)


@pytest.mark.data
def test_published_spend_of_e_mails(public_data: Path) -> None:
    found = differences(mean_arms(hillstrom(public_data), "spend"))
    assert found.value == pytest.approx([0.7698272, 0.4244122], abs=5e-8)
    assert found.value / found.error == pytest.approx([5.300140, 3.256372], abs=5e-7)
    assert found.df[0] == pytest.approx(36_671.16, abs=5e-3)
    assert found.low == pytest.approx([0.4851397, 0.1689568], abs=5e-8)
    assert found.high == pytest.approx([1.0545146, 0.6798676], abs=5e-8)
    assert found.p[1] == pytest.approx(0.001129, abs=5e-7)
    assert found.value[0] * 21_307 == pytest.approx(16_402.71, abs=0.005)
    assert found.low[0] * 21_307 == pytest.approx(10_336.87, abs=0.005)
    assert found.high[0] * 21_307 == pytest.approx(22_468.54, abs=0.005)


@pytest.mark.data
def test_published_rounds_of_players_and_their_one_outlier(public_data: Path) -> None:
    table = pd.read_csv(public_data / "ab_tests/cookie_cats/cookie_cats.csv")
    for part, expected in ((table, 0.375924), (table[table["sum_gamerounds"] < 49_854], 0.949469)):
        rounds = {"y": part["sum_gamerounds"].to_numpy(float)}
        both = sums_of(part["version"].to_numpy(object), rounds, variants=("gate_30", "gate_40"))
        assert differences(mean_arms(both, "y")).p[0] == pytest.approx(expected, abs=5e-7)


def test_values_of_gbstats_own_tests() -> None:
    n, total, squares = (
        np.array([3407.0, 3461.0]),
        np.array([1396.87, 2422.7]),
        np.array([52377.9767, 134698.29]),
    )
    published = Sums(
        variants=("a", "b"), columns=("y",), n=n, means=(total / n)[:, None],
        products=(squares - total**2 / n)[:, None, None],
    )  # fmt: skip
    found = differences(mean_arms(published, "y"))
    assert (found.value[0], found.low[0], found.high[0]) == pytest.approx((0.29, 0.04538, 0.53462), abs=6e-6)
    assert found.p[0] == pytest.approx(0.02016, abs=6e-6)


def test_an_offset_takes_no_digits() -> None:
    rng = np.random.default_rng(3)
    one, other = rng.gamma(2, 3, 4000).round(2), rng.gamma(2, 3.2, 3000).round(2)
    near, far = (differences(mean_arms(sums(one + off, other + off), "y")) for off in (0.0, 1e8))
    assert far.value == pytest.approx(near.value, rel=1e-6)
    assert far.p == pytest.approx(near.p, rel=1e-6)


def test_p_far_out_is_the_exact_one() -> None:
    # With two degrees of freedom the distribution is a closed form: p = 1 - t / sqrt(t^2 + 2).
    getcontext().prec = 60
    for t in (3.0, 1e4, 1e9):
        exact = 1 - Decimal(t) / (Decimal(t) ** 2 + 2).sqrt()
        assert student_p(np.array(t), np.array(2.0)) == pytest.approx(float(exact), rel=1e-12)
    for t, df in ((5.3, 36_671.16), (2.0, 1e9), (30.0, 5e4), (37.0, 1e12)):
        assert student_p(np.array(t), np.array(df)) == pytest.approx(
            2 * student_distribution.sf(t, df), rel=1e-6
        )
    assert 0 < student_p(np.array(37.0), np.array(1e6)) < 1e-295
    assert student_p(np.array(1e3), np.array(1e6)) > 0


def test_one_unit_has_no_error() -> None:
    found = differences(mean_arms(sums(np.array([1.0]), np.arange(9.0)), "y"))
    assert found.value[0] == 3.0
    assert np.isnan([found.low[0], found.high[0], found.p[0]]).all()


def test_nobody_has_no_mean() -> None:
    found = differences(mean_arms(sums(np.array([]), np.arange(9.0)), "y"))
    assert np.isnan([found.value[0], found.p[0]]).all()


def test_what_does_not_vary_has_no_p() -> None:
    found = differences(mean_arms(sums(np.full(20, 3.0), np.full(30, 4.0)), "y"))
    assert found.value[0] == 1.0
    assert np.isnan([found.low[0], found.high[0], found.p[0]]).all()
    one_sided = differences(mean_arms(sums(np.full(20, 3.0), np.arange(30.0)), "y"))
    assert one_sided.p[0] < 1e-6
    assert one_sided.df[0] == pytest.approx(29)


def test_own_interval_is_students() -> None:
    from scipy.stats import ttest_1samp

    values = np.array([1.0, 4.0, 2.0, 8.0])
    found = own(mean_arms(sums(values, values), "y"))
    expected = ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.low[0], found.high[1]) == pytest.approx((expected.low, expected.high))
    assert np.isnan(found.p).all()


VALUES = st.lists(st.integers(-50, 50).map(float), min_size=2, max_size=30)


@settings(max_examples=150, deadline=None)
@given(VALUES, VALUES, st.floats(0.5, 20), st.sampled_from([0.8, 0.95, 0.99]))
def test_laws(one: list[float], other: list[float], factor: float, level: float) -> None:
    a, b = np.array(one), np.array(other)
    found = differences(mean_arms(sums(a, b), "y"), level=level)
    swapped = differences(mean_arms(sums(b, a), "y"), level=level)
    scaled = differences(mean_arms(sums(a * factor, b * factor), "y"), level=level)
    assert swapped.value == pytest.approx(-found.value, abs=1e-12)
    assert swapped.low == pytest.approx(-found.high, abs=1e-9, nan_ok=True)
    assert scaled.low == pytest.approx(found.low * factor, rel=1e-9, abs=1e-9, nan_ok=True)
    if np.isfinite(found.p[0]) and abs(found.p[0] - (1 - level)) > 1e-9:
        assert (found.p[0] < 1 - level) == (found.low[0] > 0 or found.high[0] < 0)


@settings(max_examples=50, deadline=None)
@given(VALUES, VALUES, st.integers(0, 30))
def test_parts_together_are_the_whole(one: list[float], other: list[float], cut: int) -> None:
    a, b = np.array(one), np.array(other)
    parts = [sums(a[:cut], b[:cut]), sums(a[cut:], b[cut:])]
    stacked = Sums(
        variants=("a", "b"),
        columns=("y",),
        n=np.stack([part.n for part in parts]),
        means=np.stack([part.means for part in parts]),
        products=np.stack([part.products for part in parts]),
    )
    whole, merged = (differences(mean_arms(s, "y")) for s in (sums(a, b), stacked.merged()))
    assert merged.value == pytest.approx(whole.value, abs=1e-9)
    assert merged.error == pytest.approx(whole.error, abs=1e-9)


def test_false_positives_of_welch() -> None:
    rng = np.random.default_rng(4)
    drawn = cells(
        {"y": rng.gamma(4, 1.0, (REPETITIONS, 150))},
        {"y": 4 + 3 * (rng.gamma(4, 1.0, (REPETITIONS, 150)) - 4)},
    )
    found = differences(mean_arms(drawn, "y"))
    assert np.mean(found.p < 0.05) == pytest.approx(0.05, abs=band(0.05, REPETITIONS))


def test_both_tails_of_welch_where_the_sides_are_equal() -> None:
    found = differences(
        mean_arms(sparse(np.random.default_rng(5), (5000, 5000), 0.05, 1.0, REPETITIONS), "y")
    )
    below, above = tails(found.p[:, 0], found.value[:, 0])
    assert below == pytest.approx(0.025, abs=band(0.025, REPETITIONS))
    assert above == pytest.approx(0.025, abs=band(0.025, REPETITIONS))
