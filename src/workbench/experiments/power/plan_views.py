"""Plans of a workspace as a page shows them; where the data cannot tell, it says why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Unpack

import numpy as np

from workbench.errors import NotEnoughData
from workbench.experiments.power.history import history
from workbench.experiments.power.planned import Design, no_plan
from workbench.experiments.power.planning import Choices, design_from_tables
from workbench.experiments.power.procedure import Procedure
from workbench.experiments.power.simulating import FalseAlarms, SimulatedPower, simulate_aa, simulate_power
from workbench.experiments.power.user_values import UserValues

if TYPE_CHECKING:
    from workbench.source import Tables

# Users of a rehearsal at most: beyond, they are a sample, on which a test keeps its promise less, not more.
MOST_USERS = 50_000
FACTORS = (0.5, 0.75, 1.0, 1.25, 1.5)  # of the planned change


def planned_test(
    tables: Tables,
    *,
    metric: str,
    mde: float,
    relative: bool = True,
    days: int = 28,
    events: Sequence[str] = (),
    **choices: Unpack[Choices],
) -> Design:
    """Return the plan of a test of a metric; its `missing` says why there is none.

    Parameters
    ----------
    tables, metric, mde, relative, days, events, **choices
        As in `design_from_tables`.

    Raises
    ------
    UsageError
        If something is unknown or out of its range.
    """
    try:
        return design_from_tables(
            tables, metric=metric, mde=mde, relative=relative, days=days, events=events, **choices
        )
    except NotEnoughData as reason:
        return no_plan(str(reason), metric=metric)


def rehearsed_nothing(
    tables: Tables, plan: Design, *, metric: str, days: int = 28, runs: int = 5000, seed: int = 0
) -> FalseAlarms:
    """Return what A/A tests find on the users of a workspace; its `missing` says why there are none.

    Parameters
    ----------
    tables : Tables
        The workspace.
    plan : Design
        How it will be decided.
    metric : str
        What is compared.
    days : int
        The last days whose figures are taken.
    runs, seed : int
        Tests, and where chance begins.
    """
    nothing = FalseAlarms(
        runs=0, users=0, alpha=0.05, found=0, low=0.0, high=1.0, above=0, below=0, bins=(), uniform=1.0
    )
    if plan.missing:
        return replace(nothing, missing=plan.missing)
    values = _values(tables, metric, days, seed)
    # The analysis judges several variants together (Holm), whose first step, without which nothing is found,
    # is Bonferroni's.
    procedure = _once(plan)
    if procedure.correction == "none":
        procedure = replace(procedure, correction="bonferroni")
    return simulate_aa(values, procedure, runs=runs, seed=seed)


def rehearsed_power(
    tables: Tables, plan: Design, *, metric: str, days: int = 28, runs: int = 1000, seed: int = 0
) -> SimulatedPower:
    """Return how often changes around the planned one are found on the users of a workspace.

    Parameters
    ----------
    tables, plan, metric, days, runs, seed
        As in `rehearsed_nothing`.
    """
    if plan.missing:
        return SimulatedPower(runs=0, users=0, alpha=0.05, rows=(), missing=plan.missing)
    if not plan.effect:
        reason = "A test of not being worse looks for no change, so none is rehearsed."
        return SimulatedPower(runs=0, users=plan.total, alpha=0.05, rows=(), missing=reason)
    values = _values(tables, metric, days, seed)
    lifts = [factor * plan.relative for factor in FACTORS]
    found = simulate_power(values, lifts, _once(plan), users=plan.total, runs=runs, seed=seed)
    return replace(found, planned=plan.relative, goal=plan.power)


def _values(tables: Tables, metric: str, days: int, seed: int) -> UserValues:
    values = history(tables, metric, days=days, before_days=days).values
    if len(values.rows) <= MOST_USERS:
        return values
    return values.sampled(MOST_USERS, np.random.default_rng(seed))


def _once(plan: Design) -> Procedure:
    """Return the procedure with one look and two sides, which is what can be simulated."""
    return replace(plan.procedure, looks=1, sides=2, margin=0.0)
