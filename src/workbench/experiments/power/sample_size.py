"""How many users a test needs, what it can detect, how likely it finds an effect: three sides of one thing.

Words: a *comparison* is one variant against the control; the *total* is all users of all variants; an
*effect* is absolute here, in the unit of the metric.

Shares are tested by their score (z with the variance pooled under no effect), means and ratios by Welch's t,
as the analysis does; so what is promised here is what the analysis delivers. Of shares a finding in the wrong
direction does not count; of means it does, as is usual; at 80 % power it makes a millionth.

References
----------
Fleiss, Levin, Paik (2003), Statistical Methods for Rates and Proportions, section 4.2, without continuity
correction. Deng, Xu, Kohavi, Walker (2013), WSDM: variance less what the time before explains (CUPED).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import nctdtr, ndtr, ndtri, stdtrit

from workbench.errors import NotEnoughData, UsageError
from workbench.experiments.power.baseline import Baseline
from workbench.experiments.power.peeking import power_over_looks, single_look_power
from workbench.experiments.power.procedure import Procedure
from workbench.result import signed

Floats = NDArray[np.float64]
MOST_POWER = 0.999999999
MOST = 1e13  # users; more are nowhere


def power_of(baseline: Baseline, effect: ArrayLike, total: ArrayLike, procedure: Procedure) -> Floats:
    """Return the probability that a test finds an effect, of the variant that has the least.

    Parameters
    ----------
    baseline : Baseline
        The metric.
    effect : array_like
        The true absolute change of every variant; with a margin, usually 0.
    total : array_like
        Users of all variants together; broadcast against `effect`.
    procedure : Procedure
        The test.

    Returns
    -------
    ndarray
        Of the broadcast shape; with several looks, over all of them.

    Examples
    --------
    >>> round(float(power_of(Baseline(kind="proportion", value=0.05), 0.01, 2 * 8158, Procedure())), 4)
    0.8
    """
    fixed = _fixed_power(baseline, effect, total, procedure)
    if procedure.looks == 1:
        return fixed
    found = [power_over_looks(some, tail=procedure.tail, looks=procedure.looks) for some in fixed.flat]
    return np.reshape(np.array(found), fixed.shape)


def sample_size(baseline: Baseline, effect: float, procedure: Procedure, *, power: float = 0.8) -> float:
    """Return the users needed in total, not rounded.

    Raises
    ------
    UsageError
        If there is nothing to find, or the power is not between alpha and 1.
    NotEnoughData
        If no number of users is enough.

    Examples
    --------
    >>> share = Baseline(kind="proportion", value=0.008)
    >>> math.ceil(sample_size(share, 0.15 * 0.008, Procedure()) / 2)
    92944
    """
    _check_power(power, procedure)
    if effect + procedure.margin == 0 or (procedure.margin > 0 and effect + procedure.margin < 0):
        raise UsageError("An effect of 0 cannot be found: say the smallest that matters.")
    if baseline.kind == "proportion" and not 0 <= baseline.value + effect <= 1:
        raise UsageError(
            f"A share of {baseline.value:g} cannot change by {signed(effect, 'g')}: it would leave 0 to 1."
        )
    needed = _single_look(power, procedure)
    least = 2 * len(procedure.split) / min(procedure.split)
    return _root(
        lambda total: float(_fixed_power(baseline, effect, total, procedure)) - needed, least, MOST, "users"
    )


def detectable_effect(
    baseline: Baseline, total: float, procedure: Procedure, *, power: float = 0.8, sign: int = 1
) -> float:
    """Return the size of the smallest absolute change that is found with a probability; NaN where none is.

    `sign` is -1 for a decrease, which of a share is another size than for an increase.

    With a margin (non-inferiority) it is the smallest margin that can be ruled out where nothing changed.

    Examples
    --------
    >>> mean = Baseline(kind="mean", value=10.0, sd=20.0)
    >>> round(detectable_effect(mean, 10_000, Procedure()), 4)
    1.1207
    """
    _check_power(power, procedure)
    needed = _single_look(power, procedure)
    if total * min(procedure.split) < 2:
        return math.nan

    def missing(size: float) -> float:
        if procedure.margin > 0:
            return (
                float(_of_distance(baseline, np.zeros(1), np.array([total]), procedure, margin=size)[0])
                - needed
            )
        return float(_fixed_power(baseline, sign * size, total, procedure)) - needed

    room = math.inf
    if baseline.kind == "proportion":
        room = (1 - baseline.value) if sign > 0 and procedure.margin == 0 else baseline.value
    scale = math.sqrt(float(baseline.variance(np.zeros(1))[0]) / total)
    try:
        return _root(missing, 1e-9 * scale, min(room, 1e6 * scale), "effect")
    except NotEnoughData:
        return math.nan


def inflation(procedure: Procedure, *, power: float = 0.8) -> float:
    """Return how many times the users of a single look are needed at most for several.

    Examples
    --------
    >>> inflation(Procedure(looks=1))
    1.0
    """
    if procedure.looks == 1:
        return 1.0
    critical = float(ndtri(procedure.tail))
    needed = float(ndtri(_single_look(power, procedure)))
    return ((needed - critical) / (float(ndtri(power)) - critical)) ** 2


def _fixed_power(baseline: Baseline, effect: ArrayLike, total: ArrayLike, procedure: Procedure) -> Floats:
    """Return the power of one look at the end."""
    effect_, total_ = np.broadcast_arrays(np.asarray(effect, float), np.asarray(total, float))
    return _of_distance(baseline, effect_, total_, procedure, margin=procedure.margin)


def _of_distance(
    baseline: Baseline, effect: Floats, total: Floats, procedure: Procedure, *, margin: float
) -> Floats:
    """Return the power of one look, of the variant that has the least."""
    users = [np.maximum(total * share, 2.0) for share in procedure.split]
    powers = [
        _of_comparison(baseline, effect, (users[0], treated), procedure, margin=margin)
        for treated in users[1:]
    ]
    return np.asarray(np.min(powers, axis=0))


def _of_comparison(
    baseline: Baseline, effect: Floats, users: tuple[Floats, Floats], procedure: Procedure, *, margin: float
) -> Floats:
    one, other = users
    before, after = baseline.variance(np.zeros_like(effect)), baseline.variance(effect)
    error = np.sqrt(before / one + after / other)
    distance = effect + margin if margin > 0 else np.abs(effect)
    if baseline.kind != "proportion" or baseline.reduction > 0:
        both = procedure.sides == 2 and margin == 0
        df = _welch(before / one, after / other, users)
        return _of_t(distance / error, df, tail=procedure.tail, both=both)
    expected = error
    if margin == 0:
        pooled = baseline.value + effect * other / (one + other)
        expected = np.sqrt(pooled * (1 - pooled) * (1 / one + 1 / other))
    critical = -ndtri(procedure.tail) * expected
    with np.errstate(divide="ignore", invalid="ignore"):
        found = ndtr((distance - critical) / error)
    return np.where(error > 0, found, 1.0)


def _of_t(shift: Floats, df: Floats, *, tail: float, both: bool) -> Floats:
    critical = stdtrit(df, 1 - tail)
    found = 1 - nctdtr(df, shift, critical)
    if both:
        found = found + np.nan_to_num(nctdtr(df, shift, -critical))  # NaN only where it is below 1e-16
    return np.asarray(found)


def _welch(one: Floats, other: Floats, users: tuple[Floats, Floats]) -> Floats:
    return np.asarray((one + other) ** 2 / (one**2 / (users[0] - 1) + other**2 / (users[1] - 1)))


def _single_look(power: float, procedure: Procedure) -> float:
    if procedure.looks == 1:
        return power
    return single_look_power(power, tail=procedure.tail, looks=procedure.looks)


def _check_power(power: float, procedure: Procedure) -> None:
    if not procedure.alpha < power < 1:
        raise UsageError(f"Power lies between alpha ({procedure.alpha:g}) and 1, not at {power:g}.")
    if power > MOST_POWER:
        raise UsageError(f"No test is that sure: give a power up to {MOST_POWER}, 0.8 is usual.")


def _root(missing: Callable[[float], float], low: float, high: float, of: str) -> float:
    """Return where a rising function crosses zero, on a logarithmic scale."""
    if missing(low) >= 0:
        return low
    if not missing(high) >= 0:
        raise NotEnoughData(f"Not enough data: no number of {of} gives that power.")
    found = brentq(lambda x: missing(math.exp(x)), math.log(low), math.log(high), xtol=1e-13, rtol=1e-14)
    return math.exp(found)
