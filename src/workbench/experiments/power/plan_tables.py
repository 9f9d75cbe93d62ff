"""What a plan shows: the power curve, what each week detects, what peeking does, what else would need."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from workbench.experiments.power.baseline import Baseline
from workbench.experiments.power.duration import SHORTEST, Arrivals, whole_weeks
from workbench.experiments.power.peeking import false_alarms
from workbench.experiments.power.planned import Alternative, DurationPoint, PeekingPoint, PowerPoint
from workbench.experiments.power.procedure import Procedure
from workbench.experiments.power.sample_size import detectable_effect, inflation, power_of, sample_size

MOST_WEEKS, MOST_LOOKS = 26, 100
FACTORS, POWERS = (0.5, 0.75, 1.0, 1.5, 2.0), (0.8, 0.9)  # of the alternatives


def curve(baseline: Baseline, procedure: Procedure, effect: float, total: int) -> tuple[PowerPoint, ...]:
    """Return the power for changes up to twice the planned one; with a margin, for changes within it."""
    if procedure.margin > 0:
        effects = np.linspace(-procedure.margin, procedure.margin, 41)
    else:
        effects = effect * np.linspace(0.05, 2.0, 40)
    if baseline.kind == "proportion":
        rates = baseline.value + effects
        effects = effects[(rates >= 0) & (rates <= 1)]
    powers = power_of(baseline, effects, float(total), procedure)
    return tuple(
        PowerPoint(effect=float(some), relative=_relative(float(some), baseline), power=float(power))
        for some, power in zip(effects, powers, strict=True)
    )


def durations(
    baseline: Baseline,
    procedure: Procedure,
    aim: tuple[float, float],
    arrivals: Arrivals | None,
    days: int | None,
) -> tuple[DurationPoint, ...]:
    """Return the smallest change that is found after each week."""
    if arrivals is None:
        return ()
    effect, power = aim
    sign = -1 if effect < 0 else 1
    if not procedure.alpha < power < 1:
        return ()
    found = []
    for week in range(1, min(MOST_WEEKS, max(8, (days or 0) // 7 + 2)) + 1):
        users = int(arrivals.reach(7 * week))
        size = sign * detectable_effect(baseline, users, procedure, power=power, sign=sign)
        point = DurationPoint(days=7 * week, users=users, effect=size, relative=_relative(size, baseline))
        found.append(point)
    return tuple(found)


def peeking(procedure: Procedure, power: float, days: int | None) -> tuple[PeekingPoint, ...]:
    """Return what looking several times does: false alarms of the test, and users that planned looks cost.

    References
    ----------
    Royen (2014), Far East Journal of Theoretical Statistics 48, 139-145: variants that share a control are
    all without an alarm at least as often as if they were apart.
    """
    if not procedure.alpha < power < 1:
        power = 0.8
    sides = 1 if procedure.margin > 0 else procedure.sides
    looks = {1, 2, 5, 10, procedure.looks, *([days // 7, days] if days is not None else [])}
    return tuple(
        PeekingPoint(
            looks=count,
            false_alarms=_of_test(
                false_alarms(count, alpha=sides * procedure.tail, sides=sides), procedure, looks=count
            ),
            inflation=inflation(replace(procedure, looks=count), power=power),
        )
        for count in sorted(count for count in looks if count <= MOST_LOOKS)
    )


def _of_test(comparison: float, procedure: Procedure, *, looks: int) -> float:
    """Return how often, at most, any variant of a test raises a false alarm, by how often one does."""
    most = float(-np.expm1((len(procedure.split) - 1) * np.log1p(-comparison)))
    return min(most, procedure.alpha) if looks == 1 and procedure.correction != "none" else most


def alternatives(
    baseline: Baseline, procedure: Procedure, effect: float, arrivals: Arrivals | None
) -> tuple[Alternative, ...]:
    """Return what half to twice the change would need, at the usual powers."""
    found = []
    for power in POWERS:
        for factor in FACTORS if effect and procedure.margin == 0 else ():
            some = factor * effect
            if baseline.kind == "proportion" and not 0 <= baseline.value + some <= 1:
                continue
            needed = sample_size(baseline, some, procedure, power=power)
            users = sum(math.ceil(needed * share - 1e-6) for share in procedure.split)  # as the plan itself
            days = arrivals.days_for(users) if arrivals else None
            found.append(
                Alternative(
                    effect=some,
                    relative=_relative(some, baseline),
                    power=power,
                    users=users,
                    days=max(SHORTEST, whole_weeks(days)) if days else None,
                )
            )
    return tuple(found)


def _relative(effect: float, baseline: Baseline) -> float:
    return effect / abs(baseline.value) if baseline.value else math.nan
