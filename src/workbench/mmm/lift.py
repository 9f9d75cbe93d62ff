"""What an experiment says about a model: the lift that the model foretells for the test, against its finding.

A test over a few weeks sees only the effect that comes while it runs, and at the level of spend of that
time. So the lift is computed through carry-over and saturation over the test's own periods and regions, with
and without its change of spend; the curve's steady state would promise more than a short test can see.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pymc.dims as pmd
from pytensor.xtensor import as_xtensor

from workbench.errors import BadInput
from workbench.mmm.market import Market
from workbench.mmm.priors import carried_of, shape_of
from workbench.mmm.scaling import Scaling
from workbench.mmm.spec import LiftTest, MixSpec

Array = npt.NDArray[np.float64]
_CUBE = ("lift_test", "lift_period", "region")
_DAYS = {"day": 1, "week": 7}
_SLACK = 0.02  # books and experiments round
_TOO_MUCH = "it changed more than the table says was spent"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trials:
    """Lift tests as arrays: N tests, P periods (lead-in of the carry-over included), R regions.

    Parameters
    ----------
    channel : array of int, shape (N,)
        Position of each test's channel.
    usual, changed : array, shape (N, P, R)
        Exposure without and with the test where it ran.
    weight : array, shape (N, P, R)
        Share of each cell's outcome that the test counted: 0 before it and elsewhere.
    """

    channel: npt.NDArray[np.int64]
    usual: Array
    changed: Array
    weight: Array


def trials_of(spec: MixSpec, market: Market) -> Trials:
    """Return the exposure that every lift test compares.

    The table holds what was spent with the test in it. Without the test a cell would have seen its exposure
    less the change; where the test reached only a share of the people, those saw the change in full:
    ``usual = exposure - change`` and ``changed = usual + change / share``.

    Raises
    ------
    BadInput
        If a test lies outside the market's dates or regions, or changed more than was spent.
    """
    cells = [_cells(one, market, spec.carry_over) for one in spec.lift_tests]
    longest = max(weight.shape[0] for _, _, weight in cells)
    padded = [[_padded(part, longest) for part in parts] for parts in cells]
    usual, changed, weight = (np.stack(parts) for parts in zip(*padded, strict=True))
    names = market.channels
    return Trials(
        channel=np.array([names.index(one.channel) for one in spec.lift_tests]),
        usual=usual,
        changed=changed,
        weight=weight,
    )


def add_lift_tests(model: Any, spec: MixSpec, market: Market, scaling: Scaling) -> None:
    """Add ``finding ~ Normal(lift that the model foretells, standard error)`` for every test."""
    trials = trials_of(spec, market)
    tests = spec.lift_tests
    error = np.array([one.error for one in tests])
    found = np.array([one.outcome_change for one in tests])
    unit = scaling.exposure[:, trials.channel].T[:, None, :]
    cubes = {"changed": trials.changed / unit, "usual": trials.usual / unit, "weight": trials.weight}
    with model:
        model.add_coord("lift_test", [f"{i}: {one.channel}" for i, one in enumerate(tests)])
        model.add_coord("lift_period", np.arange(trials.weight.shape[1]))
        channel = as_xtensor(trials.channel, dims=("lift_test",))
        data = {name: pmd.Data(f"lift_{name}", cube, dims=_CUBE) for name, cube in cubes.items()}
        changed, usual = (
            shape_of(spec, carried_of(spec, _in_time(data[name]), channel=channel), channel=channel)
            for name in ("changed", "usual")
        )
        effect = model["saturation_beta"].isel(channel=channel) * model["target_scale"]
        lift = _in_time(data["weight"]) * effect * (changed - usual)
        foretold = pmd.Deterministic("lift", lift.sum(["date", "region"]))
        errors = pmd.Data("lift_error", error, dims="lift_test")
        observed = pmd.Data("lift_result", found / error, dims="lift_test")
        pmd.Normal("lift_found", mu=foretold / errors, sigma=1.0, observed=observed)


def _in_time(values: Any) -> Any:
    return values.rename(lift_period="date")


def _cells(test: LiftTest, market: Market, carry_over: int) -> tuple[Array, Array, Array]:
    """Return usual and changed exposure and weight of one test, from what is carried into it to its end."""
    where, covered = _where(test, market), _covered(test, market, test.end)
    paid = _covered(test, market, test.spent_until or test.end)
    inside = np.flatnonzero(covered)
    seen = slice(max(int(inside[0]) - carry_over + 1, 0), int(inside[-1]) + 1)
    position = market.channels.index(test.channel)
    spend, exposure = market.spend[:, seen, position], market.exposure[:, seen, position]
    cell = where[:, None] * covered[None, seen]
    moved = where[:, None] * paid[None, seen]
    pattern = moved * (spend if _visible(test, moved * spend) else _ordinary(market, position)[:, None])
    if pattern.sum() <= 0:
        raise _outside(test, "the channel spent nothing there and then")
    money = test.spend_change * pattern / pattern.sum()
    if test.spend_change > 0:
        money = _within(test, money, spend * (moved > 0))
    change = money * _exposure_per_money(market, position, spend, exposure)
    usual = exposure - change
    changed = usual + change / test.share
    slack = _SLACK * max(float(exposure.max()), 1e-12)
    if min(usual.min(), changed.min()) < -slack:
        raise _outside(test, _TOO_MUCH)
    weight = cell * test.share
    return np.maximum(usual, 0.0).T, np.maximum(changed, 0.0).T, weight.T


def _visible(test: LiftTest, spent: Array) -> bool:
    """Return whether the table shows when money was spent: not where the test cut nearly all of it."""
    return test.spend_change > 0 or test.share < 1 or float(spent.sum()) > -0.2 * test.spend_change


def _within(test: LiftTest, money: Array, spent: Array) -> Array:
    """Return money of a test that is in no cell more than was spent there; what is over goes to the others.

    Of a period that lasted longer than the test, all the spend may have been the test's.
    """
    given = np.minimum(money, spent)
    over, left = float(money.sum() - given.sum()), spent - given
    if over > float(left.sum()) + _SLACK * test.spend_change:
        raise _outside(test, _TOO_MUCH)
    return np.asarray(given + left * min(over / max(float(left.sum()), 1e-12), 1.0))


def _exposure_per_money(market: Market, position: int, spend: Array, exposure: Array) -> Array:
    """Return what a unit of money bought in each cell, where none was spent what it bought in all."""
    overall = market.exposure[..., position].sum() / market.spend[..., position].sum()
    return np.asarray(np.divide(exposure, spend, out=np.full(spend.shape, overall), where=spend > 0))


def _ordinary(market: Market, position: int) -> Array:
    return np.asarray(market.spend[:, :, position].mean(axis=1))


def _where(test: LiftTest, market: Market) -> Array:
    if not test.regions:
        return np.ones(len(market.regions))
    if len(market.regions) == 1 and market.regions[0] not in test.regions:
        if test.share >= 1:
            raise _outside(
                test, "it ran in some regions, the model has one: say which share of the market they are"
            )
        return np.ones(1)
    unknown = [one for one in test.regions if one not in market.regions]
    if unknown:
        raise _outside(test, f"the model has no region {unknown[0]!r}")
    return np.array([float(one in test.regions) for one in market.regions])


def _covered(test: LiftTest, market: Market, last: date) -> Array:
    """Return the share of each period's days from the test's start to a day of it."""
    days = _DAYS[market.period]
    first = market.dates.astype("datetime64[D]").astype(int)
    start, end = (int(np.datetime64(one, "D").astype(int)) for one in (test.start, test.end))
    if start < first[0] or end >= first[-1] + days:
        raise _outside(
            test, f"the data go from {market.dates[0]} to {np.datetime64(int(first[-1] + days - 1), 'D')}"
        )
    until = int(np.datetime64(last, "D").astype(int))
    overlap = np.minimum(first + days, until + 1) - np.maximum(first, start)
    return np.asarray(np.maximum(overlap, 0) / days)


def _outside(test: LiftTest, why: str) -> BadInput:
    return BadInput(
        f"the lift test of {test.channel!r} from {test.start} to {test.end} does not fit the data: {why}",
        fix="Correct the test or leave it out.",
    )


def _padded(values: Array, periods: int) -> Array:
    """Put periods of nothing in front, so that all tests have as many."""
    return np.concatenate([np.zeros((periods - len(values), values.shape[1])), values])
