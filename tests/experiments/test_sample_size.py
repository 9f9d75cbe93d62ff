"""Sample sizes against published figures and other libraries, and as the laws of the thing demand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tea_tasting as tt
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.power import NormalIndPower, TTestIndPower, tt_ind_solve_power
from statsmodels.stats.proportion import samplesize_proportions_2indep_onetail

from workbench.errors import UsageError
from workbench.experiments.power.baseline import Baseline, linearised_sd
from workbench.experiments.power.procedure import Procedure, dunnett_critical
from workbench.experiments.power.sample_size import detectable_effect, inflation, power_of, sample_size

BOTH = Procedure()
rates = st.floats(0.001, 0.6)
lifts = st.floats(0.02, 0.5)


def per_group(value: float, lift: float, **options: float) -> float:
    share = Baseline(kind="proportion", value=value)
    return sample_size(share, value * lift, Procedure(**options)) / 2  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "lift", "needed"),
    [
        (0.008, 0.15, 92_944),
        (0.05, 0.20, 8_158),
        (0.05, 0.10, 31_234),  # Fleiss, without continuity correction
        (0.10, 0.05, 57_763),
        (0.02, 0.20, 21_109),
        (0.30, 0.03, 41_042),
    ],
)
def test_shares_need_what_is_published(value: float, lift: float, needed: int) -> None:
    assert math.ceil(per_group(value, lift)) == needed


@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize("alpha", [0.01, 0.05])
def test_shares_agree_with_statsmodels(alpha: float, sides: int) -> None:
    alternative = "two-sided" if sides == 2 else "larger"
    expected = samplesize_proportions_2indep_onetail(0.02, 0.10, 0.8, alpha=alpha, alternative=alternative)
    share = Baseline(kind="proportion", value=0.10)
    total = sample_size(share, 0.02, Procedure(alpha=alpha, sides=sides))
    # There the variance without effect is taken at the mean of both rates too; it is the same formula.
    assert total / 2 == pytest.approx(expected, rel=1e-9)


def test_means_agree_with_statsmodels() -> None:
    mean = Baseline(kind="mean", value=5.0, sd=2.0)
    assert sample_size(mean, 0.2, BOTH) / 2 == pytest.approx(1570.733, abs=5e-4)
    for split, n in (((0.5, 0.5), 300), ((0.2, 0.8), 1000)):
        power = TTestIndPower().power(0.15, n * split[0], 0.05, ratio=split[1] / split[0])
        procedure = Procedure(split=split)
        # Welch's degrees of freedom differ from the pooled ones where groups do.
        tolerance = 1e-9 if split[0] == split[1] else 2e-3
        assert float(power_of(mean, 0.3, n, procedure)) == pytest.approx(power, abs=tolerance)
    small = tt_ind_solve_power(effect_size=1.2, alpha=0.05, power=0.9)
    assert sample_size(mean, 2.4, BOTH, power=0.9) / 2 == pytest.approx(small, rel=1e-8)


def test_large_samples_agree_with_the_normal_distribution() -> None:
    mean = Baseline(kind="mean", value=1.0, sd=30.0)
    expected = NormalIndPower().solve_power(0.0005, alpha=0.05, power=0.8)
    assert sample_size(mean, 0.015, BOTH) / 2 == pytest.approx(expected, rel=1e-6)


def test_ratios_and_cuped_agree_with_tea_tasting() -> None:
    data = tt.make_users_data(
        rng=42,
        sessions_uplift=0,
        orders_uplift=0,
        revenue_uplift=0,
        covariates=True,
        return_type="pandas",
    )
    orders, sessions = data["orders"], data["sessions"]
    value = orders.mean() / sessions.mean()
    variances = (orders.var(), sessions.var())
    sd = linearised_sd(orders.mean(), sessions.mean(), variances=variances, covariance=orders.cov(sessions))
    ratio = Baseline(kind="ratio", value=value, sd=sd)
    assert float(power_of(ratio, 0.1 * value, 4000, BOTH)) == pytest.approx(0.521182, abs=1e-6)
    theirs = tt.RatioOfMeans("orders", "sessions", n_obs=10_000).solve_power(data).to_dicts()[0]
    assert detectable_effect(ratio, 10_000, BOTH) == pytest.approx(theirs["effect_size"], rel=1e-8)

    revenue, before = data["revenue"], data["revenue_covariate"]
    mean = Baseline(kind="mean", value=revenue.mean(), sd=revenue.std(), reduction=revenue.corr(before) ** 2)
    assert detectable_effect(mean, 10_000, BOTH) / mean.value == pytest.approx(0.092197, abs=1e-6)
    reduced = linearised_sd(
        0.0, 1.0, variances=(_adjusted_variance(data, value, sessions.mean()), 0.0), covariance=0.0
    )
    assert detectable_effect(Baseline(kind="ratio", value=value, sd=reduced), 10_000, BOTH) / value == (
        pytest.approx(0.068037, abs=1e-6)
    )


def _adjusted_variance(data: object, value: float, sessions: float) -> float:
    """Return the variance of the linearised ratio after a regression on the one of the time before."""
    frame = data  # a pandas frame
    after = (frame["orders"] - value * frame["sessions"]) / sessions
    own = frame["orders_covariate"].sum() / frame["sessions_covariate"].sum()
    before = frame["orders_covariate"] - own * frame["sessions_covariate"]
    left = after - stats.linregress(before, after).slope * before
    return float(left.var())


@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize("variants", [3, 5])
def test_dunnett_is_the_multivariate_normal(variants: int, sides: int) -> None:
    split = (1 / variants,) * variants
    critical = dunnett_critical(split, 0.05, sides)
    cov = np.full((variants - 1,) * 2, 0.5) + 0.5 * np.eye(variants - 1)
    low = None if sides == 1 else [-critical] * (variants - 1)
    inside = stats.multivariate_normal(cov=cov, seed=1, abseps=1e-7).cdf(
        [critical] * (variants - 1), lower_limit=low
    )
    assert 1 - inside == pytest.approx(0.05, abs=2e-5)


def test_dunnett_is_the_table_of_his_paper() -> None:
    assert dunnett_critical((1 / 3,) * 3, 0.05) == pytest.approx(2.21, abs=0.005)
    assert dunnett_critical((0.25,) * 4, 0.05, 1) == pytest.approx(2.06, abs=0.005)


def test_corrections_cost_users_in_their_order() -> None:
    share, split = Baseline(kind="proportion", value=0.1), (0.25,) * 4
    none, dunnett, bonferroni = (
        sample_size(share, 0.01, Procedure(split=split, correction=name))
        for name in ("none", "dunnett", "bonferroni")
    )
    assert none < dunnett < bonferroni
    assert none == pytest.approx(2 * sample_size(share, 0.01, BOTH))


def test_noninferiority_of_means_agrees_with_statsmodels() -> None:
    mean = Baseline(kind="mean", value=10.0, sd=4.0)
    procedure = Procedure(alpha=0.025, sides=1, margin=0.5)
    expected = TTestIndPower().solve_power(0.125, alpha=0.025, power=0.9, alternative="larger")
    assert sample_size(mean, 0.0, procedure, power=0.9) / 2 == pytest.approx(expected, rel=1e-6)
    assert detectable_effect(mean, 2 * expected, procedure, power=0.9) == pytest.approx(0.5, rel=1e-6)
    both = Procedure(alpha=0.05, margin=0.5)  # the end of an interval of 95 %
    assert sample_size(mean, 0.0, both, power=0.9) == sample_size(mean, 0.0, procedure, power=0.9)
    with pytest.raises(UsageError, match="cannot be found"):
        sample_size(mean, -0.6, procedure)


@settings(deadline=None)
@given(rates, lifts, st.floats(0.55, 0.95), st.sampled_from([(0.5, 0.5), (0.1, 0.9), (0.4, 0.3, 0.3)]))
def test_size_power_and_effect_are_one_thing(
    value: float, lift: float, power: float, split: tuple[float, ...]
) -> None:
    share, procedure = Baseline(kind="proportion", value=value), Procedure(split=split)
    total = sample_size(share, value * lift, procedure, power=power)
    assert float(power_of(share, value * lift, total, procedure)) == pytest.approx(power, abs=1e-7)
    assert detectable_effect(share, total, procedure, power=power) == pytest.approx(value * lift, rel=1e-5)


@settings(deadline=None)
@given(rates, lifts, st.floats(1.01, 1.8))
def test_larger_effects_need_fewer_users(value: float, lift: float, more: float) -> None:
    assert per_group(value, lift * more / 2) < per_group(value, lift / 2)


@settings(deadline=None)
@given(st.floats(0.05, 0.95), st.floats(0.02, 1.0))
def test_a_split_and_its_mirror_need_the_same(share: float, effect: float) -> None:
    mean = Baseline(kind="mean", value=0.0, sd=1.0)
    one, other = (
        sample_size(mean, effect, Procedure(split=split))
        for split in ((share, 1 - share), (1 - share, share))
    )
    assert one == pytest.approx(other, rel=1e-9)
    assert one >= sample_size(mean, effect, BOTH) * (1 - 1e-9)


@settings(deadline=None)
@given(st.floats(0.0, 0.95), st.sampled_from(["mean", "ratio"]))
def test_what_is_explained_beforehand_saves_its_part(reduction: float, kind: str) -> None:
    plain = Baseline(kind=kind, value=1.0, sd=3.0)  # type: ignore[arg-type]
    less = Baseline(kind=kind, value=1.0, sd=3.0, reduction=reduction)  # type: ignore[arg-type]
    ratio = sample_size(less, 0.05, BOTH) / sample_size(plain, 0.05, BOTH)
    assert ratio == pytest.approx(1 - reduction, abs=1e-3)


@pytest.mark.parametrize("looks", [2, 5, 10])
def test_planned_looks_cost_a_little(looks: int) -> None:
    procedure = Procedure(looks=looks)
    share = Baseline(kind="proportion", value=0.05)
    total = sample_size(share, 0.005, procedure)
    assert float(power_of(share, 0.005, total, procedure)) == pytest.approx(0.8, abs=1e-6)
    assert total / sample_size(share, 0.005, BOTH) == pytest.approx(inflation(procedure), rel=1e-4)
    # Jennison and Turnbull (2000), table 7.2 region: O'Brien-Fleming spending costs 1 to 5 % of users.
    assert 1.0 < inflation(procedure) < 1.06


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Baseline(kind="proportion", value=5.0),
        lambda: Baseline(kind="mean", value=5.0),
        lambda: Baseline(kind="mean", value=math.inf, sd=1.0),
        lambda: Baseline(kind="mean", value=1.0, sd=-1.0),
        lambda: Baseline(kind="share", value=0.5),  # type: ignore[arg-type]
        lambda: Baseline(kind="mean", value=1.0, sd=1.0, reduction=1.0),
        lambda: Procedure(alpha=0.0),
        lambda: Procedure(alpha=math.nan),
        lambda: Procedure(sides=3),
        lambda: Procedure(looks=0),
        lambda: Procedure(split=(1.0,)),
        lambda: Procedure(split=(0.5, 0.6)),
        lambda: Procedure(split=(1.5, -0.5)),
        lambda: Procedure(correction="holm"),  # type: ignore[arg-type]
        lambda: Procedure(margin=-0.1),
        lambda: Procedure(margin=math.nan),
        lambda: sample_size(Baseline(kind="proportion", value=0.5), 0.0, BOTH),
        lambda: sample_size(Baseline(kind="proportion", value=0.5), 0.6, BOTH),
        lambda: sample_size(Baseline(kind="proportion", value=0.5), 0.1, BOTH, power=0.04),
        lambda: sample_size(Baseline(kind="proportion", value=0.5), 0.1, BOTH, power=1.0),
    ],
)
def test_what_makes_no_sense_is_refused(wrong: object) -> None:
    with pytest.raises(UsageError):
        wrong()  # type: ignore[operator]


def test_too_few_users_detect_nothing() -> None:
    assert math.isnan(detectable_effect(Baseline(kind="proportion", value=0.9), 20, BOTH))
    assert math.isnan(detectable_effect(Baseline(kind="mean", value=0.9, sd=1.0), 2, BOTH))
