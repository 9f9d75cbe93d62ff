"""Shares against statsmodels, scipy, published experiments, and simulated truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import chi2_contingency, fisher_exact
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint, proportions_ztest

from workbench.errors import UsageError
from workbench.experiments.inference import proportions
from workbench.experiments.inference.sums import Sums, sums_of
from workbench.metrics.two_proportions import difference_interval

from .cells import REPETITIONS, band, cookie_cats, hillstrom, shares, shop, tails


def table(x: int, n: int, y: int, m: int) -> Sums:
    """Return the sums of x of n in the variant, and y of m in the control."""
    share, users = np.array([y / m, x / n]), np.array([float(m), float(n)])
    products = (users * share * (1 - share))[:, None, None]
    return Sums(variants=("a", "b"), columns=("y",), n=users, means=share[:, None], products=products)


def test_the_test_is_statsmodels_pooled_z() -> None:
    found = proportions.differences(table(120, 1000, 90, 1100), "y")
    assert found.p[0] == pytest.approx(proportions_ztest([120, 90], [1000, 1100])[1], rel=1e-12)
    ratio = confint_proportions_2indep(120, 1000, 90, 1100, method="score", compare="ratio", correction=False)
    relative = proportions.relatives(table(120, 1000, 90, 1100), "y")
    assert (relative.low[0] + 1, relative.high[0] + 1) == pytest.approx(ratio, rel=1e-6)
    wilson = proportion_confint(90, 1100, method="wilson")
    own = proportions.own(table(120, 1000, 90, 1100), "y")
    assert (own.low[0], own.high[0]) == pytest.approx(wilson, rel=1e-9)


@pytest.mark.parametrize(
    ("cells", "low", "high"), [((56, 70, 48, 80), 0.0533, 0.3377), ((9, 10, 3, 10), 0.1821, 0.8370)]
)
def test_published_intervals_of_a_difference(cells: tuple[int, ...], low: float, high: float) -> None:
    # Newcombe (1998), Statistics in Medicine 17, table II, method 5 (Mee). statsmodels' score method is no
    # reference for differences: its shares under a difference are not the likeliest.
    found = difference_interval(*cells)
    assert (float(found.low), float(found.high)) == pytest.approx((low, high), abs=5.1e-5)


def test_conversion_of_the_documented_shop() -> None:
    sums, data = shop()
    found = proportions.differences(sums, "converted")
    assert found.p[0] == pytest.approx(0.0106195, abs=5e-8)
    relative = proportions.relatives(sums, "converted")
    assert (relative.low[0] + 1, relative.high[0] + 1) == pytest.approx((1.02515, 1.20785), abs=2e-5)
    # tea-tasting corrects for continuity unless told not to, which finds less than was promised.
    import tea_tasting as tt

    counts = proportions.counts(sums, "converted")
    parts = [[counts[1], sums.n[1] - counts[1]], [counts[0], sums.n[0] - counts[0]]]
    assert chi2_contingency(parts, correction=True).pvalue == pytest.approx(0.0116651, abs=5e-8)
    share = data.to_pandas().assign(converted=lambda frame: (frame["orders"] > 0).astype(int))  # type: ignore[attr-defined]
    theirs = tt.Experiment(c=tt.Proportion("converted", method="pearson", correction=False)).analyze(share)[
        "c"
    ]
    assert found.p[0] == pytest.approx(theirs.pvalue, rel=1e-6)


@pytest.mark.data
def test_published_shares_of_e_mails(public_data: Path) -> None:
    sums = hillstrom(public_data)
    visit, conversion = (proportions.differences(sums, name) for name in ("visit", "conversion"))
    assert visit.value == pytest.approx([0.0765896, 0.0452331], abs=5e-8)
    assert proportions.scores(sums, "visit") == pytest.approx([22.486041, 13.949181], abs=5e-7)
    assert conversion.value == pytest.approx([0.0068050, 0.0031111], abs=5e-8)
    assert proportions.scores(sums, "conversion") == pytest.approx([7.385114, 3.779561], abs=5e-7)
    assert conversion.p[0] == pytest.approx(1.523e-13, rel=5e-4)
    assert conversion.p[1] == pytest.approx(1.571e-4, rel=5e-4)
    assert visit.p[0] == pytest.approx(5.7e-112, rel=0.01)


@pytest.mark.data
def test_published_retention_of_players(public_data: Path) -> None:
    sums = cookie_cats(public_data)
    one, seven = (proportions.differences(sums, name) for name in ("retention_1", "retention_7"))
    assert proportions.scores(sums, "retention_7")[0] == pytest.approx(-3.164359, abs=5e-7)
    assert (seven.value[0], seven.p[0]) == pytest.approx((-0.0082013, 0.0015542), abs=5e-8)
    assert (one.p[0], proportions.scores(sums, "retention_1")[0]) == pytest.approx(
        (0.0744097, -1.784086), abs=5e-7
    )
    # Newcombe's interval is another one, and with so many players nearly the same.
    assert (seven.low[0], seven.high[0]) == pytest.approx((-0.0132819, -0.0031213), abs=2e-6)
    assert proportions.relatives(sums, "retention_7").value[0] == pytest.approx(-0.043119, abs=5e-7)


def test_few_conversions_are_tested_exactly() -> None:
    sums = table(7, 40, 1, 45)
    assert proportions.few(sums, "y")[0]
    found = proportions.differences(sums, "y")
    assert found.p[0] == pytest.approx(fisher_exact([[7, 33], [1, 44]]).pvalue)
    assert (found.p[0] < 0.05) == (found.low[0] > 0)


def test_all_none_and_nobody() -> None:
    everybody, none = (
        proportions.differences(table(50, 50, 60, 60), "y"),
        proportions.relatives(table(3, 50, 0, 60), "y"),
    )
    assert everybody.value[0] == 0.0
    assert everybody.p[0] == 1.0
    assert everybody.low[0] < 0 < everybody.high[0]
    assert np.isnan([none.value[0], none.low[0], none.p[0]]).all()
    nobody = sums_of(["b"] * 3, {"y": [0, 1, 1]}, variants=("a", "b"))
    assert np.isnan(
        [proportions.differences(nobody, "y").value[0], proportions.differences(nobody, "y").p[0]]
    ).all()
    assert proportions.own(nobody, "y").value[1] == pytest.approx(2 / 3)


def test_other_values_than_0_and_1_are_refused() -> None:
    for values in ([0, 1, 2, 1], [0.5, 0.5, 0, 1], [0, 0, 0, 4], [-1, 1, 0, 1]):
        with pytest.raises(UsageError, match="no share"):
            proportions.differences(sums_of(["a", "a", "b", "b"], {"y": values}, variants=("a", "b")), "y")


@pytest.mark.parametrize(("n", "p"), [((1000, 1000), 0.05), ((500, 4500), 0.02), ((20_000, 20_000), 0.005)])
def test_false_positives(n: tuple[int, int], p: float) -> None:
    sums = shares(np.random.default_rng(6), n, (p, p), REPETITIONS)
    found = proportions.differences(sums, "y")
    below, above = tails(found.p[:, 0], found.value[:, 0])
    assert below + above == pytest.approx(0.05, abs=band(0.05, REPETITIONS))
    if n[0] == n[1]:
        assert below == pytest.approx(0.025, abs=band(0.025, REPETITIONS))


@pytest.mark.parametrize(
    ("n", "p", "least", "most"),
    [
        ((1000, 1000), (0.05, 0.06), 0.94, 0.96),
        ((500, 4500), (0.05, 0.075), 0.94, 0.96),
        # With few conversions there are few possible p.
        ((300, 300), (0.01, 0.02), 0.93, 0.985),
    ],
)
def test_intervals_cover(n: tuple[int, int], p: tuple[float, float], least: float, most: float) -> None:
    sums = shares(np.random.default_rng(7), n, p, 6000)
    for found, truth in (
        (proportions.differences(sums, "y"), p[1] - p[0]),
        (proportions.relatives(sums, "y"), p[1] / p[0] - 1),
    ):
        known = np.isfinite(found.low[:, 0])
        low, high = np.mean(found.low[known] > truth), np.mean(found.high[known] < truth)
        assert least <= 1 - low - high <= most
        assert abs(low - high) <= (0.015 if min(n) * p[0] > 5 else 0.035)
