"""What to know of a plan before the test begins: too few users, too long, too many looks."""

from __future__ import annotations

import math
from dataclasses import replace

from workbench.experiments.inference.skewness import MOST_SKEW, skewness_of_difference
from workbench.experiments.power.duration import SHORTEST
from workbench.experiments.power.planned import Design
from workbench.experiments.power.sample_size import sample_size
from workbench.result import format_value

LONGEST = 28  # days
FEWEST = 100  # users a group
FEWEST_EVENTS = 10  # and as many non-events, that a group should have for z to hold


def warnings(plan: Design) -> tuple[str, ...]:
    """Return what to know beforehand, the most important first."""
    return tuple(text for check in _CHECKS for text in [check(plan)] if text)


def _too_few(plan: Design) -> str:
    fewest = min(plan.sizes)
    if fewest >= FEWEST:
        return ""
    return f"The smallest group has {fewest} users; take {FEWEST} at least, so that figures hold."


def _few_events(plan: Design) -> str:
    if plan.baseline.kind != "proportion":
        return ""
    rates = (plan.baseline.value, plan.baseline.value + plan.effect)
    fewest = min(min(rate, 1 - rate) * size for rate in rates for size in plan.sizes)
    if fewest >= FEWEST_EVENTS:
        return ""
    return (
        f"Only {fewest:.1f} events (or non-events) are expected in a group: the power is rough, and the "
        "analysis may have to use an exact test, which finds less."
    )


def _skewed(plan: Design) -> str:
    skewness = plan.baseline.skewness
    if plan.baseline.kind == "proportion" or math.isnan(skewness):
        return ""
    control, *others = plan.sizes
    lopsided = max(_of_difference(skewness, control, other) for other in others)
    if lopsided <= MOST_SKEW:
        return ""
    return (
        f"Users are lopsided (skewness {skewness:.1f}) and the groups unequal: a t-test then finds too much "
        "on one side, and the analysis may have to use a permutation test. Equal groups avoid it; "
        "simulate_aa tells how much it matters on your own users."
    )


def _of_difference(skewness: float, one: int, other: int) -> float:
    """Return the skewness of a difference of two means; equal groups cancel each other's."""
    return abs(skewness_of_difference(skewness, (1.0, 1.0), sizes=(other, one)))


def _spread_out(plan: Design) -> str:
    baseline = plan.baseline
    if not math.isnan(baseline.skewness):
        return ""
    if baseline.kind == "proportion" or not baseline.value or baseline.sd < 5 * abs(baseline.value):
        return ""
    times = baseline.sd / abs(baseline.value)
    return (
        f"Users differ a lot: the standard deviation is {times:.0f} times the mean. If few users bring most "
        "of it, try the plan on your own values with simulate_power."
    )


def _short(plan: Design) -> str:
    if plan.needed_days is None or plan.needed_days > SHORTEST - 7:
        return ""
    return (
        f"{plan.needed_days} days would bring enough users; plan two weeks all the same, so that every "
        "weekday counts twice and what is new wears off."
    )


def _long(plan: Design) -> str:
    if plan.arrivals is None:
        return ""
    if plan.days is None:
        return (
            f"So many users do not come within ten years: the last week known brought {_per_day(plan)} a day."
        )
    if plan.days <= LONGEST:
        return ""
    month = next(point for point in plan.durations if point.days == LONGEST)
    found = ""
    if math.isfinite(month.effect):
        relative = f" ({100 * month.relative:.3g}%)" if math.isfinite(month.relative) else ""
        found = f"; {LONGEST // 7} weeks find a change of {plan.shown_change(month.effect)}{relative}"
    return (
        f"{plan.days // 7} weeks are longer than the usual two to four{found}. Look for a larger change, "
        "bring more users in, or reduce the variance with the time before (CUPED)."
    )


def _per_day(plan: Design) -> str:
    return format_value(plan.arrivals.later if plan.arrivals else None, "")


def _beyond(plan: Design) -> str:
    known = plan.arrivals
    if known is None or plan.needed_days is None or known.first_day is None or plan.needed_days <= known.days:
        return ""
    return (
        f"{known.days} day{'s of the past are' if known.days != 1 else ' of the past is'} known; "
        "later ones are taken to bring as many new users as the last week of them. "
        "People come back, so it may take longer."
    )


def _several(plan: Design) -> str:
    comparisons, procedure = len(plan.sizes) - 1, plan.procedure
    if comparisons == 1 or procedure.correction != "none":
        return ""
    return (
        f"{comparisons} variants are compared with the control at alpha {procedure.alpha:g} each: some "
        f"difference is found in up to {1 - (1 - procedure.alpha) ** comparisons:.0%} of tests without any. "
        "The analysis allows for all of them (Holm) and so finds less than this plan promises: plan with "
        "Dunnett's correction."
    )


def _uneven(plan: Design) -> str:
    equal = replace(plan.procedure, split=(1 / len(plan.sizes),) * len(plan.sizes))
    if plan.procedure.split == equal.split or not plan.procedure.alpha < plan.power < 1:
        return ""
    least = sample_size(plan.baseline, plan.effect, equal, power=plan.power)
    if plan.total < 1.1 * least:
        return ""
    return f"The uneven split needs {plan.total:,} users; equal groups would need {math.ceil(least):,}."


def _weak(plan: Design) -> str:
    if plan.power >= 0.8:
        return ""
    missed = plan.shown_change(plan.effect or plan.procedure.margin)
    return f"The test misses a change of {missed} in {1 - plan.power:.0%} of cases; 80 % power is usual."


def _looks_once(plan: Design) -> str:
    if plan.procedure.looks > 1 or plan.days is None:
        return ""
    daily = max(plan.peeking, key=lambda point: point.looks)
    most = "up to " if len(plan.procedure.split) > 2 else ""
    return (
        f"Decide at the end only: whoever stops at the first of {daily.looks} looks that seems clear is "
        f"wrong in {most}{daily.false_alarms:.0%} of tests without an effect. Planned looks allow it "
        f"for {daily.inflation - 1:.1%} more users."
    )


_CHECKS = (
    _too_few, _few_events, _skewed, _spread_out, _long, _beyond, _short, _several, _uneven, _weak,
    _looks_once,
)  # fmt: skip
