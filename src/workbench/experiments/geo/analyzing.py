"""From a geo test and a panel to its analysis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.errors import NotEnoughData, UsageError, wrong_kind
from workbench.experiments.geo.analysis import GeoAnalysis, Method
from workbench.experiments.geo.augmented import augmented_synthetic_control
from workbench.experiments.geo.conformal import ConformalTest, conformal_test
from workbench.experiments.geo.course import course_of
from workbench.experiments.geo.differences import differences
from workbench.experiments.geo.measured_size import measured_size
from workbench.experiments.geo.panel import Panel
from workbench.experiments.geo.placebo import placebo_test
from workbench.experiments.geo.power import PowerCurve, power_curve
from workbench.experiments.geo.returns import Returns, returns, returns_on_spend
from workbench.experiments.geo.split import Split, refuse_still
from workbench.experiments.geo.synthetic_control import synthetic_control
from workbench.experiments.geo.time_based_regression import time_based_regression
from workbench.experiments.geo.verdict import WORTH_FINDING, checks_of, doubts, verdict_of

if TYPE_CHECKING:
    from workbench.experiments.geo.effect import Effect
    from workbench.experiments.geo.plan import GeoTest
    from workbench.experiments.geo.synthetic_control import Counterfactual


MONEY = "revenue"


def analyze_geo(
    test: GeoTest,
    panel: Panel,
    *,
    method: Method = "synthetic control",
    seed: int = 0,
    cost: float | None = None,
    currency: str | None = None,
    runs: int | None = None,
) -> GeoAnalysis:
    """Return what a geo test found, and what may be concluded.

    The effect is observed less what the controls say; p and interval are those of placebo in space. Beside it
    stand conformal inference over blocks of days, difference in differences, time-based regression and the
    other form of synthetic control; the false positive rate and the power are measured on the pre-period.

    Parameters
    ----------
    test : GeoTest
        What was tried: stored, read from a file, or made on the spot.
    panel : Panel
        All geos and days.
    method : str
        ``"synthetic control"``; or ``"augmented synthetic control"``, which corrects what the former misses
        before the test by a ridge regression, at the price of weights below 0.
    seed : int
        Which placebo groups are drawn.
    cost : float, optional
        What was spent on top of what would have been. The panel's spend where not given, else the budget.
    currency : str, optional
        ISO 4217 code of the metric where it is money, and of the cost.
    runs : int, optional
        Tests of nothing by which the false positive rate is measured; as in `measured_size` if not given.

    Raises
    ------
    UsageError, BadInput
        If test and panel do not fit together.
    NotEnoughData
        If there are too few controls or periods, or the controls match the treated geos without a miss. Where
        a figure can be had that should not be believed, the verdict is "cannot tell" and says why.
    """
    _check_trials(seed, runs)
    split = _split(test, panel)
    refuse_still(split)
    plain, augmented = synthetic_control(split), augmented_synthetic_control(split)
    found, other = (plain, augmented) if method == "synthetic control" else (augmented, plain)
    placebo = placebo_test(found, level=test.level, seed=seed)
    size = measured_size(split, weighting=found.weighting, level=test.level, runs=runs, seed=seed)
    power, no_rehearsal = _power(test, split)
    second, no_second = _second(found, test.level)
    brought, no_returns = _returns(found, placebo.effect, cost, test, seed, currency)
    worth = test.minimum_effect or WORTH_FINDING
    checks = checks_of(found, placebo, size, power, worth=worth, no_rehearsal=no_rehearsal)
    # Only of money it can be said whether it is more than was spent: three orders for 20 EUR may be plenty.
    money = currency is not None or test.metric == MONEY
    did, regression = differences(split, level=test.level), time_based_regression(split, level=test.level)
    lifts = {own.method: own.lift for own in (found, other, did.found, regression.found)}
    notes = (
        *doubts(placebo.effect, checks, second, lifts),
        no_second,
        no_returns,
        *placebo.notes,
        *panel.notes,
    )
    return GeoAnalysis(
        test=test,
        found=found,
        other=other,
        placebo=placebo,
        course=course_of(found, level=test.level, seed=seed),
        second=second,
        differences=did,
        regression=regression,
        size=size,
        power=power,
        returns=brought,
        checks=checks,
        verdict=verdict_of(placebo.effect, checks, worth=worth, returns=brought if money else None),
        notes=tuple(dict.fromkeys(note for note in notes if note)),
        currency=currency,
    )


def _split(test: GeoTest, panel: Panel) -> Split:
    if not hasattr(test, "split"):
        raise wrong_kind("What is analysed", test, "a GeoTest, and the panel comes second")
    return test.split(Panel.given(panel))


def _check_trials(seed: int, runs: int | None) -> None:
    if seed < 0:
        raise UsageError(f"A seed is a whole number from 0, not {seed}.")
    if runs is not None and runs < 1:
        raise UsageError(f"It takes at least one trial, not {runs}.")


def _power(test: GeoTest, split: Split) -> tuple[PowerCurve | None, str]:
    before = split.panel.cut(0, split.pre).only([*split.treated_names, *split.control_names])
    try:
        curve = power_curve(
            before, split.treated_names, periods=[split.post], level=test.level, power=test.power
        )
    except NotEnoughData as error:
        return None, str(error)
    return curve, ""


def _second(found: Counterfactual, level: float) -> tuple[ConformalTest | None, str]:
    try:
        second = conformal_test(found, level=level)
    except NotEnoughData as error:
        return None, f"There is no second opinion. {error}"
    return second, " ".join(second.notes)


def _returns(
    found: Counterfactual,
    effect: Effect,
    cost: float | None,
    test: GeoTest,
    seed: int,
    currency: str | None,
) -> tuple[Returns | None, str]:
    """Return what it brought for its cost, or why that is not known."""
    spend = found.split.panel.spend
    if cost is None and spend is not None and spend.any():
        try:
            return returns_on_spend(found, level=test.level, seed=seed, currency=currency), ""
        except NotEnoughData as error:
            return None, str(error)
    cost = test.budget if cost is None else cost
    if cost is None:
        return None, "What it cost is not known, so neither is its return."
    return returns(effect, cost=cost, currency=currency), ""
