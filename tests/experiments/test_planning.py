"""The plan of a test: figures that fit together, and warnings where something is wrong."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtri

from workbench.errors import NotEnoughData, UsageError
from workbench.experiments.inference.means import mean_arms
from workbench.experiments.inference.relative import relative
from workbench.experiments.inference.sums import Sums
from workbench.experiments.power.duration import Arrivals
from workbench.experiments.power.planning import design


def test_the_published_plan() -> None:
    plan = design("proportion", baseline=0.008, mde=0.15)
    assert plan.n_per_group == 92_944
    assert plan.total == 185_888
    assert plan.sentence == (
        "92,944 users in each of 2 groups find a change of the rate from 0.8% to 0.92% (+15%) with a "
        "probability of 80% at alpha 0.05."
    )
    assert design("proportion", baseline=0.008, mde=0.0012, relative=False).n_per_group == 92_944


def test_a_plan_is_one_thing_from_three_sides() -> None:
    plan = design(baseline=0.05, mde=0.1, variants=3, correction="dunnett", looks=4)
    found = design(baseline=0.05, users=plan.total, variants=3, correction="dunnett", looks=4)
    assert found.relative == pytest.approx(0.1, rel=1e-3)
    power = design(baseline=0.05, mde=0.1, users=plan.total, variants=3, correction="dunnett", looks=4).power
    assert power == pytest.approx(0.8, abs=1e-3)
    assert power >= 0.8


def test_the_power_curve_passes_through_the_plan() -> None:
    plan = design("mean", baseline=20.0, sd=35.0, mde=0.05)
    frame = plan.to_frame()
    at = frame.iloc[(frame.relative - 0.05).abs().argmin()]
    assert at.power == pytest.approx(0.8, abs=1e-3)
    assert frame.power.is_monotonic_increasing
    assert frame.power.iloc[-1] > 0.999


def test_days_come_from_users_who_come_for_the_first_time() -> None:
    known = Arrivals(new_users=tuple(4000 * 0.9**day for day in range(56)), daily_users=4000.0)
    plan = design(baseline=0.05, mde=0.2, arrivals=known)
    assert plan.needed_days == 5  # 16,316 of 40,000; 4,000 a day would be 16,000 in 4 days
    assert plan.days == 14
    long = design(baseline=0.05, mde=0.13, arrivals=known)
    assert long.needed_days is not None
    assert long.needed_days > 23
    assert [point.days for point in plan.durations] == list(range(7, 57, 7))
    sizes = [point.effect for point in plan.durations]
    assert sizes == sorted(sizes, reverse=True)
    within = next(point for point in plan.durations if point.users >= plan.total)
    assert within.effect <= plan.effect


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"baseline": 0.5, "mde": 0.5}, "take 100 at least"),
        ({"baseline": 0.0001, "mde": 20.0}, "events (or non-events)"),
        ({"kind": "mean", "baseline": 1.0, "sd": 9.0, "mde": 0.1}, "9 times the mean"),
        ({"baseline": 0.05, "mde": 0.2, "daily_users": 100}, "longer than the usual two to four"),
        ({"baseline": 0.05, "mde": 0.2, "daily_users": 0.001}, "do not come within ten years"),
        ({"baseline": 0.05, "mde": 0.2, "daily_users": 9000}, "2 days would bring enough users"),
        ({"baseline": 0.05, "mde": 0.2, "variants": 4}, "in up to 14% of tests"),
        ({"baseline": 0.05, "mde": 0.2, "split": (0.9, 0.1)}, "equal groups would need 16,316"),
        ({"baseline": 0.05, "mde": 0.2, "power": 0.5}, "in 50% of cases"),
        ({"baseline": 0.05, "mde": 0.2, "daily_users": 1200}, "first of 14 looks"),
    ],
)
def test_what_is_wrong_with_a_plan_is_said(options: dict[str, object], said: str) -> None:
    assert any(said in text for text in design(**options).warnings)  # type: ignore[arg-type]


def test_a_sound_plan_has_no_warning() -> None:
    assert design(baseline=0.05, mde=0.2, daily_users=1000, looks=3).warnings == ()
    assert design(baseline=0.05, mde=0.2, variants=3, correction="dunnett").warnings == ()


def test_history_that_is_too_short_is_said() -> None:
    from datetime import date

    known = Arrivals(new_users=(900.0,) * 7, first_day=date(2024, 1, 1), last_day=date(2024, 1, 7))
    assert any(
        "7 days of the past" in text for text in design(baseline=0.05, mde=0.2, arrivals=known).warnings
    )
    known = Arrivals(new_users=(900.0,), first_day=date(2024, 1, 1), last_day=date(2024, 1, 1))
    said = design(baseline=0.05, mde=0.2, arrivals=known).warnings
    assert any(text.startswith("1 day of the past is known; ") for text in said)


def test_noninferiority_names_its_margin() -> None:
    plan = design(baseline=0.5, mde=0.0, margin=0.02)
    assert "not worse by more than 1 pp" in plan.sentence
    # Closed form of two shares without pooling (Chow, Shao, Wang 2008, section 4.2.2).
    assert plan.n_per_group == math.ceil(0.5 * (1.959964 + 0.841621) ** 2 / 0.01**2)


def test_peeking_is_priced() -> None:
    plan = design(baseline=0.05, mde=0.2, daily_users=1200)
    daily = next(point for point in plan.peeking if point.looks == 14)
    assert daily.false_alarms == pytest.approx(0.22, abs=0.005)
    assert 1.02 < daily.inflation < 1.06
    assert plan.peeking[0].false_alarms == pytest.approx(0.05)


@pytest.mark.parametrize(("variants", "correction"), [(3, "dunnett"), (3, "none"), (5, "bonferroni")])
def test_peeking_at_several_variants_counts_the_alarms_of_all(variants: int, correction: Any) -> None:
    """Simulated tests of nothing that end at the first look at which any variant seems clear."""
    plan = design("mean", baseline=19.0, sd=50.0, mde=0.1, variants=variants, correction=correction)
    chance = np.random.default_rng(1).standard_normal((4000, 10, variants))
    sums = chance.cumsum(axis=1) / np.sqrt(np.arange(1, 11))[:, None]
    z = np.abs(sums[..., 1:] - sums[..., :1]) / math.sqrt(2)
    wrong = (z > -ndtri(plan.procedure.comparison_alpha / 2)).any(axis=(1, 2)).mean()
    ten = next(point for point in plan.peeking if point.looks == 10)
    assert wrong - 0.01 < ten.false_alarms < wrong * 1.2
    once = next(point for point in plan.peeking if point.looks == 1)
    assert once.false_alarms == pytest.approx(0.0975 if correction == "none" else 0.05, abs=0.0015)
    days = design("mean", baseline=19.0, sd=50.0, mde=0.1, variants=variants, daily_users=900).warnings
    assert any("seems clear is wrong in up to " in said for said in days)


def test_a_document_is_json_and_says_unknown_as_null() -> None:
    document = design("mean", baseline=0.0, sd=1.0, mde=0.1, relative=False).to_document()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["mde_relative"] is None
    assert document["n_per_group"] == 1571
    assert document["days"] is None
    uneven = design(baseline=0.1, mde=0.1, split=(0.8, 0.2)).to_document()
    assert uneven["n_per_group"] == uneven["n_by_variant"]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"baseline": 0.05}, UsageError),
        ({"baseline": 5.0, "mde": 0.1}, UsageError),
        ({"baseline": 0.05, "mde": math.nan}, UsageError),
        ({"baseline": 0.05, "mde": math.inf}, UsageError),
        ({"baseline": 0.9, "mde": 0.2}, UsageError),
        ({"baseline": 0.05, "mde": 0.0}, UsageError),
        ({"kind": "mean", "baseline": 0.0, "sd": 1.0, "mde": 0.1}, UsageError),
        ({"kind": "mean", "baseline": 3.0, "mde": 0.1}, UsageError),
        ({"baseline": 0.05, "mde": 0.1, "variants": 1}, UsageError),
        ({"baseline": 0.05, "mde": 0.1, "variants": 1000}, UsageError),
        ({"baseline": 0.05, "mde": 0.1, "variants": 3, "split": (0.5, 0.5)}, UsageError),
        ({"baseline": 0.05, "mde": 0.1, "correlation": 1.0}, UsageError),
        ({"baseline": 0.05, "mde": 0.1, "daily_users": -5}, UsageError),
        (
            {"baseline": 0.05, "mde": 0.1, "daily_users": 5, "arrivals": Arrivals(new_users=(1.0,))},
            UsageError,
        ),
        ({"baseline": 0.05, "users": 3}, NotEnoughData),
        ({"baseline": 0.99, "users": 40}, NotEnoughData),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        design(**options)  # type: ignore[arg-type]


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from(["proportion", "mean", "ratio"]),
    st.floats(0.001, 0.6),
    st.floats(0.02, 0.4),
    st.integers(2, 6),
    st.integers(1, 6),
    st.sampled_from(["none", "bonferroni", "dunnett"]),
)
def test_every_plan_keeps_its_promise(
    kind: str, baseline: float, mde: float, variants: int, looks: int, correction: str
) -> None:
    options = {"variants": variants, "looks": looks, "correction": correction, "sd": 2.0}
    plan = design(kind, baseline=baseline, mde=mde, **options)  # type: ignore[arg-type]
    again = design(kind, baseline=baseline, mde=mde, users=plan.total, **options)  # type: ignore[arg-type]
    assert again.power >= 0.8 - 1e-6
    fewer = design(kind, baseline=baseline, mde=mde * 1.1, **options)  # type: ignore[arg-type]
    assert fewer.total <= plan.total


def test_guardrails_keep_the_power_of_their_plan() -> None:
    plan = design("mean", baseline=20.0, sd=30.0, mde=0.0, margin=0.04)
    generator, runs = np.random.default_rng(3), 4000
    (size, _) = plan.sizes
    n = np.full((runs, 2), float(size))
    means = 20 + 30 / np.sqrt(size) * generator.standard_normal((runs, 2))
    products = 900 * generator.chisquare(size - 1, (runs, 2))[..., None, None]
    sums = Sums(variants=("a", "b"), columns=("y",), n=n, means=means[..., None], products=products)
    low = relative(mean_arms(sums, "y")).low[:, 0]
    # The margin is 4 % of a control that is measured too, which asks for a little less than the fixed one.
    assert (low > -0.04).mean() == pytest.approx(0.8, abs=0.03)


def test_a_decrease_is_planned_as_one() -> None:
    plan = design(baseline=0.05, mde=-0.2, daily_users=1000)
    assert "from 5% to 4% (−20%)" in plan.sentence
    assert all(point.effect < 0 for point in plan.durations)
    assert all(point.effect < 0 for point in plan.powers)
    assert plan.total < design(baseline=0.05, mde=0.2).total  # fewer events vary less


def test_a_guardrail_may_expect_a_small_loss() -> None:
    plan = design("mean", baseline=10.0, sd=20.0, mde=-0.03, margin=0.05, daily_users=1000)
    none = design("mean", baseline=10.0, sd=20.0, mde=0.0, margin=0.05, daily_users=1000)
    assert plan.total == pytest.approx(none.total * 2.5**2, rel=0.01)
    assert plan.alternatives == ()
    assert none.powers[-1].power > 0.99 > 0.05 > none.powers[0].power
