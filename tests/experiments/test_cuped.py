"""CUPED against tea-tasting, regression by statsmodels, and simulated truth."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from workbench.experiments.inference.cuped import adjusted, covariate_differences, filled
from workbench.experiments.inference.means import differences, mean_arms
from workbench.experiments.inference.relative import relative
from workbench.experiments.inference.skewness import FEW_ADJUSTED, WORTH_ADJUSTING
from workbench.experiments.inference.sums import Sums, sums_of

from .cells import REPETITIONS, band, cells, shop, tails


def test_adjusted_revenue_of_the_documented_shop() -> None:
    import tea_tasting as tt

    sums, data = shop()
    found = adjusted(sums, "revenue", ["revenue_covariate"])
    difference, lift = differences(found.arms), relative(found.arms)
    assert (difference.value[0], difference.p[0]) == pytest.approx((0.7310144, 0.0067439), abs=5e-8)
    assert (difference.low[0], difference.high[0]) == pytest.approx((0.2022870, 1.2597419), abs=5e-8)
    theirs = tt.Experiment(r=tt.Mean("revenue", covariate="revenue_covariate")).analyze(data)["r"]
    assert difference.p[0] == pytest.approx(theirs.pvalue, rel=1e-9)
    # Over the adjusted control, as theirs; gbstats divides by the raw one and has 13.95 %.
    assert lift.value[0] == pytest.approx(theirs.rel_effect_size, rel=1e-9)
    assert lift.value[0] == pytest.approx(0.1427, abs=5e-5)


def test_adjusted_ratio_of_the_documented_shop() -> None:
    import tea_tasting as tt

    sums, data = shop()
    found = adjusted(sums, ("orders", "sessions"), [("orders_covariate", "sessions_covariate")])
    metric = tt.RatioOfMeans("orders", "sessions", "orders_covariate", "sessions_covariate")
    theirs = tt.Experiment(r=metric).analyze(data)["r"]
    assert differences(found.arms).p[0] == pytest.approx(theirs.pvalue, rel=1e-9)
    assert differences(found.arms).p[0] == pytest.approx(0.0022929, abs=5e-8)
    assert relative(found.arms).value[0] == pytest.approx(0.12133, abs=5e-6)
    apart = adjusted(sums, ("orders", "sessions"), ["orders_covariate", "sessions_covariate"])
    assert apart.reduction[0] > found.reduction[0]  # two coefficients where one ratio has one


def test_several_covariates_are_a_regression() -> None:
    rng = np.random.default_rng(1)
    n = 4000
    one, two = rng.gamma(2, 2, n), rng.normal(size=n)
    treated = np.arange(n) % 2
    y = 3 * one - 2 * two + one * two + 0.3 * treated + rng.normal(0, 2, n)
    columns = {"y": y, "one": one, "two": two, "same": 5 * one + 1, "constant": np.full(n, 7.0)}
    sums = sums_of(np.where(treated, "b", "a").astype(object), columns, variants=("a", "b"))
    found = adjusted(sums, "y", ["one", "two"])
    design = sm.add_constant(np.column_stack([treated, one, two]))
    expected = sm.OLS(y, design).fit(cov_type="HC1")
    difference = differences(found.arms)
    assert difference.value[0] == pytest.approx(expected.params[1], abs=0.02 * expected.bse[1])
    assert difference.error[0] == pytest.approx(expected.bse[1], rel=2e-3)
    # What says the same again, or never varies, adds nothing and breaks nothing.
    more = adjusted(sums, "y", ["one", "two", "same", "constant"])
    assert differences(more.arms).value == pytest.approx(difference.value, rel=1e-9)
    assert more.reduction == pytest.approx(found.reduction, rel=1e-9)


def population(rng: np.random.Generator, n: int, new: float) -> tuple[np.ndarray, np.ndarray]:
    """Return figures before, missing for new users, and after."""
    taste = rng.gamma(2, 2, n)
    before = taste + rng.normal(0, 1, n)
    missing = rng.random(n) < new
    after = taste * np.where(missing, 0.5, 1.0) + rng.normal(0, 1, n)
    return np.where(missing, np.nan, before), after


def test_who_has_no_past_is_kept() -> None:
    rng = np.random.default_rng(2)
    before, after = population(rng, 8000, 0.4)
    variant = np.where(np.arange(8000) % 2, "b", "a").astype(object)
    columns = {"y": after, **filled(before, name="x")}
    sums = sums_of(variant, columns, variants=("a", "b"))
    both, alone = (adjusted(sums, "y", names) for names in (["x", "x_missing"], ["x"]))
    assert sums.n.sum() == 8000
    assert both.reduction[0] > alone.reduction[0] > 0.2
    # Whatever stands for the missing, the indicator takes it up.
    other = columns | {"x": np.nan_to_num(before)}
    zeros = adjusted(sums_of(variant, other, variants=("a", "b")), "y", ["x", "x_missing"])
    assert differences(zeros.arms).p == pytest.approx(differences(both.arms).p, rel=1e-9)


def test_nobody_with_a_past_changes_nothing() -> None:
    columns = {"y": np.arange(200.0), **filled(np.full(200, np.nan))}
    sums = sums_of(["a", "b"] * 100, columns, variants=("a", "b"))
    found = adjusted(sums, "y", ["before", "before_missing"])
    assert not found.adjusted
    assert differences(found.arms).p == pytest.approx(differences(mean_arms(sums, "y")).p)
    assert np.isnan(found.reduction[0])


def test_few_users_are_not_adjusted() -> None:
    rng = np.random.default_rng(3)
    columns = {"y": rng.normal(size=40), "x": rng.normal(size=40)}
    found = adjusted(sums_of(["a", "b"] * 20, columns, variants=("a", "b")), "y", ["x"])
    assert not found.adjusted
    assert found.arms.error.tolist() == found.raw.error.tolist()


def test_a_past_that_differs_is_told() -> None:
    rng = np.random.default_rng(4)
    before = rng.normal(10, 2, 4000)
    after = before + rng.normal(0, 1, 4000)
    treated = np.arange(4000) % 2
    variant = np.where(treated, "b", "a").astype(object)
    good = adjusted(sums_of(variant, {"y": after, "x": before}, variants=("a", "b")), "y", ["x"])
    assert not good.unbalanced[0]
    before, after = before + 0.5 * treated, after + 0.3 * treated
    sums = sums_of(variant, {"y": after, "x": before}, variants=("a", "b"))
    bad = adjusted(sums, "y", ["x"])
    assert bad.unbalanced[0]
    assert bad.flipped[0]
    assert covariate_differences(sums, ["x"])[0].value[0] == pytest.approx(0.5, abs=0.2)


def test_an_offset_takes_no_digits() -> None:
    rng = np.random.default_rng(5)
    x = rng.gamma(2, 2, 3000).round(2)
    y = (x + rng.normal(0, 1, 3000)).round(2)
    near, far = (
        adjusted(sums_of(["a", "b"] * 1500, {"y": y + off, "x": x + off}, variants=("a", "b")), "y", ["x"])
        for off in (0.0, 1e8)
    )
    assert differences(far.arms).value == pytest.approx(differences(near.arms).value, rel=1e-5)
    assert differences(far.arms).p == pytest.approx(differences(near.arms).p, rel=1e-5)


def test_an_empty_variant_leaves_the_others_their_answer() -> None:
    rng = np.random.default_rng(6)
    columns = {"y": rng.normal(size=300), "x": rng.normal(size=300)}
    three = adjusted(sums_of(["a", "b"] * 150, columns, variants=("a", "c", "b")), "y", ["x"])
    two = adjusted(sums_of(["a", "b"] * 150, columns, variants=("a", "b")), "y", ["x"])
    found = differences(three.arms)
    assert np.isnan(found.value[0])
    assert found.p[1] == pytest.approx(differences(two.arms).p[0], rel=1e-12)


def drawn(rng: np.random.Generator, effect: float, repetitions: int, n: int = 100) -> Sums:
    parts = []
    for lift in (0.0, effect):
        x = rng.gamma(2, 1, (repetitions, n))
        parts.append({"x": x, "y": x + rng.normal(0, 1, (repetitions, n)) + lift})
    return cells(*parts)


def test_false_positives() -> None:
    found = adjusted(drawn(np.random.default_rng(7), 0.0, REPETITIONS), "y", ["x"])
    difference = differences(found.arms)
    below, above = tails(difference.p[:, 0], difference.value[:, 0])
    assert below == pytest.approx(0.025, abs=band(0.025, REPETITIONS))
    assert above == pytest.approx(0.025, abs=band(0.025, REPETITIONS))
    assert np.mean(found.unbalanced) == pytest.approx(0.001, abs=band(0.001, REPETITIONS))
    assert np.median(found.reduction) == pytest.approx(2 / 3, abs=0.02)


def test_intervals_of_figures_and_lifts_cover() -> None:
    from workbench.experiments.inference.means import own

    found = adjusted(drawn(np.random.default_rng(8), 0.4, 10_000), "y", ["x"])
    for estimates, truth in ((relative(found.arms), 0.2), (own(found.arms), np.array([2.0, 2.4]))):
        inside = (estimates.low <= truth) & (estimates.high >= truth)
        assert inside.mean(axis=0) == pytest.approx(np.full(inside.shape[1], 0.95), abs=0.01)


def test_false_positives_of_adjusted_ratios() -> None:
    rng = np.random.default_rng(9)
    parts = []
    for _ in range(2):
        rate, visits = rng.beta(2, 6, (10_000, 100)), rng.gamma(3, 1, (10_000, 100))
        columns = {}
        for when in ("", "_before"):
            sessions = 1 + rng.poisson(visits)
            columns["z" + when] = sessions.astype(float)
            columns["y" + when] = rng.binomial(sessions, rate).astype(float)
        parts.append(columns)
    found = adjusted(cells(*parts), ("y", "z"), ["y_before", "z_before"])
    difference = differences(found.arms)
    below, above = tails(difference.p[:, 0], difference.value[:, 0])
    assert below == pytest.approx(0.025, abs=band(0.025, 10_000))
    assert above == pytest.approx(0.025, abs=band(0.025, 10_000))
    assert np.median(found.reduction) > 0.1


@pytest.mark.parametrize(("users", "share", "lift"), [(60, 1.0, 1.3), (150, 1.0, 1.3), (300, 0.4, 1.5)])
def test_few_users_of_even_groups_keep_the_level_where_the_past_explains_much(
    users: int, share: float, lift: float
) -> None:
    rng, runs = np.random.default_rng(17), 6000

    def drawn(factor: float) -> dict[str, np.ndarray]:
        kept = rng.normal(0, 1.0, (runs, users))  # what a user keeps from one time to the next
        came = [rng.random((runs, users)) < share * np.exp(kept / 2 - 0.2) for _ in range(2)]
        came = came if share < 1 else [np.ones((runs, users), bool)] * 2
        y, x = (bought * np.exp(3 + kept + rng.normal(0, 0.6, (runs, users))) for bought in came)
        return {"y": y * factor, "x": x}

    control = drawn(1.0)
    nothing = adjusted(cells(control, drawn(1.0)), "y", ["x"])
    assert (nothing.reduction >= WORTH_ADJUSTING).mean() > 0.9
    assert control["y"].astype(bool).sum(axis=1).mean() >= FEW_ADJUSTED
    found = differences(nothing.arms)
    for tail in tails(found.p, found.value):
        assert tail <= 0.025 + band(0.025, runs)
    effect = adjusted(cells(control, drawn(lift)), "y", ["x"])
    power = [tails(one.p, one.value)[1] for one in (differences(effect.arms), differences(effect.raw))]
    assert power[0] > power[1] + 0.05
