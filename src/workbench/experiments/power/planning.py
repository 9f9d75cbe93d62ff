"""The plan of a test: how many users, how many days, what it finds, and what to know beforehand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypedDict, Unpack

from workbench.errors import NotEnoughData, UsageError, unknown_name, wrong_kind
from workbench.experiments.power.baseline import Baseline, Kind
from workbench.experiments.power.duration import SHORTEST, Arrivals, arrivals, steady, whole_weeks
from workbench.experiments.power.plan_checks import warnings
from workbench.experiments.power.plan_tables import alternatives, curve, durations, peeking
from workbench.experiments.power.planned import Design
from workbench.experiments.power.procedure import Correction, Procedure
from workbench.experiments.power.sample_size import MOST, detectable_effect, power_of, sample_size
from workbench.result import signed

if TYPE_CHECKING:
    from workbench.source import Tables

MOST_VARIANTS = 50


class Choices(TypedDict, total=False):
    """What else may be chosen of a plan.

    Parameters
    ----------
    alpha, power : float
        Probability of a false alarm and of finding the change: 0.05 and 0.8.
    variants : int
        How many groups, the control included; 2.
    split : sequence of float
        Their shares, control first; equal by default.
    sides : int
        2 for changes either way.
    correction : {"none", "bonferroni", "dunnett"}
        Whether several variants share alpha; ``"none"``.
    looks : int
        Planned looks; 1.
    margin : float
        For non-inferiority: how much worse is accepted, relative or absolute as the change is; 0 for none.
    correlation : float
        Of the metric with its value before the test (CUPED); 0.
    arrivals : Arrivals
        How users come; `daily_users` is the simple form of it.
    users : int
        Users there are in total; then the power for a change is found, or the change where none is given.
    """

    alpha: float
    power: float
    variants: int
    split: tuple[float, ...] | list[float] | None
    sides: int
    correction: Correction
    looks: int
    margin: float
    correlation: float
    arrivals: Arrivals | None
    users: int | None


def design(
    kind: Kind = "proportion",
    *,
    baseline: float,
    mde: float | None = None,
    relative: bool = True,
    sd: float = math.nan,
    daily_users: float | None = None,
    **choices: Unpack[Choices],
) -> Design:
    """Return the plan of a test.

    Parameters
    ----------
    kind : {"proportion", "mean", "ratio"}
        A share of users, a mean per user, or a sum over a sum.
    baseline : float
        The metric without the change; 0.05 for 5 %.
    mde : float
        The smallest change worth finding; with a margin, the change that is expected, usually 0. It may be
        left out where `users` are given: then it is what they find.
    relative : bool
        Whether `mde` and the margin are parts of the baseline, or absolute.
    sd : float
        Standard deviation per user; of a ratio that of its linearised value. A share needs none.
    daily_users : float, optional
        New users a day; `arrivals` is better, since users come back.
    **choices
        See `Choices`.

    Raises
    ------
    UsageError
        If something is out of its range, or contradicts something else.

    Examples
    --------
    >>> plan = design("proportion", baseline=0.008, mde=0.15)
    >>> plan.n_per_group
    92944
    >>> plan = design("proportion", baseline=0.05, mde=0.2, daily_users=1500)
    >>> plan.needed_days, plan.days
    (11, 14)
    """
    for figure in (baseline, mde):
        if isinstance(figure, str):
            raise wrong_kind("A baseline or a change", figure, "a number, as 0.05 for 5 %")
    unit = abs(baseline) if relative else 1.0
    if relative and baseline == 0:
        raise UsageError("A baseline of 0 has no relative change: give an absolute one.")
    margin = choices.get("margin", 0.0) * unit
    correlation = choices.get("correlation", 0.0)
    if not -1 < correlation < 1:
        raise UsageError(f"A correlation lies between -1 and 1, not at {correlation:g}.")
    before = Baseline(kind=kind, value=float(baseline), sd=float(sd), reduction=correlation**2)
    procedure = _procedure(choices, margin)
    known = choices.get("arrivals")
    if known is not None and daily_users is not None:
        raise UsageError("Say how users come once: by daily_users or by arrivals.")
    coming = known if daily_users is None else steady(daily_users)
    effect = None if mde is None else mde * unit
    power, users = choices.get("power", 0.8), choices.get("users")
    return design_of(before, procedure, effect, power=power, arrivals=coming, users=users)


def design_from_tables(
    tables: Tables,
    *,
    metric: str,
    mde: float | None = None,
    relative: bool = True,
    days: int = 28,
    events: Sequence[str] = (),
    **choices: Unpack[Choices],
) -> Design:
    """Return the plan of a test of a metric, from what users did lately.

    Level, spread, what the time before explains (CUPED), and how users come are read from the workspace.

    Parameters
    ----------
    tables : Tables
        Needs facts.
    metric : str
        Of the dictionary, one that users have.
    mde, relative
        As in `design`.
    days : int
        How long the test will be about: spread and level are of so many days.
    events : sequence of str
        The events that would bring a user into the test; by default all that customers cause or receive.
    **choices
        See `Choices`; a `correlation` or `arrivals` given stands instead of what is read.

    Raises
    ------
    UsageError
        If something is unknown or out of its range.
    NotEnoughData
        If nobody came, or all users are alike.
    """
    from workbench.experiments.power.history import history

    found = history(tables, metric, days=days, before_days=days, events=events)
    baseline = found.values.baseline
    if "correlation" in choices:
        baseline = replace(baseline, reduction=choices["correlation"] ** 2)
    if relative and baseline.value == 0:
        raise NotEnoughData(f"Not enough data: {found.outcome.says} was 0 in {found.window}.")
    unit = abs(baseline.value) if relative else 1.0
    if mde is not None and mde * unit < -baseline.value and found.values.column("value").min() >= 0:
        raise UsageError(
            f"{found.outcome.says} of {baseline.value:g} cannot change by {signed(mde * unit, 'g')}: "
            "no user has less than 0."
        )
    procedure = _procedure(choices, choices.get("margin", 0.0) * unit)
    plan = design_of(
        replace(baseline, skewness=found.values.skewness),
        procedure,
        None if mde is None else mde * unit,
        power=choices.get("power", 0.8),
        arrivals=choices.get("arrivals") or arrivals(tables, events=events),
        users=choices.get("users"),
        label=(*found.label, tables.currency),
    )
    notes = [f"{note}." for note in found.outcome.notes]
    if not found.before_days:
        notes.append("The data do not reach back far enough to say what the time before explains (CUPED).")
    return replace(plan, warnings=(*plan.warnings, *notes))


def design_of(
    baseline: Baseline,
    procedure: Procedure,
    effect: float | None = None,
    *,
    power: float = 0.8,
    arrivals: Arrivals | None = None,
    users: int | None = None,
    label: tuple[str, str, str | None] = ("", "", None),
) -> Design:
    """Return the plan of a test from its parts.

    Parameters
    ----------
    baseline, procedure : Baseline, Procedure
        The metric, and how it will be decided.
    effect : float, optional
        The smallest absolute change worth finding; what the users find where it is left out.
    power : float
        The probability to find it; found out where effect and users are given.
    arrivals : Arrivals, optional
        How users come.
    users : int, optional
        Users there are in total.
    label : (str, str, str or None)
        What the metric is called, its unit and its currency.
    """
    if effect is not None and not math.isfinite(effect):
        raise UsageError(f"The smallest change worth finding is a number, not {effect:g}.")
    if baseline.kind == "proportion" and procedure.margin >= baseline.value:
        raise UsageError(
            f"A margin of {procedure.margin:g} is no less than the baseline, {baseline.value:g}: "
            "nothing could break it. Give 0.02 for 2 % of the baseline."
        )
    effect, power, sizes = _solved(baseline, procedure, effect, power, users)
    needed = arrivals.days_for(sum(sizes)) if arrivals else None
    days = max(SHORTEST, whole_weeks(needed)) if needed else None
    plan = Design(
        metric=label[0],
        baseline=baseline,
        procedure=procedure,
        effect=effect,
        power=power,
        sizes=sizes,
        needed_days=needed,
        days=days,
        arrivals=arrivals,
        powers=curve(baseline, procedure, effect, sum(sizes)),
        durations=durations(baseline, procedure, (effect, power), arrivals, days),
        peeking=peeking(procedure, power, days),
        alternatives=alternatives(baseline, procedure, effect, arrivals),
        unit=label[1] or ("%" if baseline.kind == "proportion" else ""),
        currency=label[2],
    )
    return replace(plan, warnings=warnings(plan))


def _solved(
    baseline: Baseline, procedure: Procedure, effect: float | None, power: float, users: int | None
) -> tuple[float, float, tuple[int, ...]]:
    """Return effect, power and sizes, whichever of them was left out."""
    if users is None:
        if effect is None:
            raise UsageError("Give the smallest change worth finding, or the users there are.")
        total = sample_size(baseline, effect, procedure, power=power)
        return effect, power, tuple(math.ceil(total * share - 1e-6) for share in procedure.split)
    sizes = tuple(int(users * share + 1e-6) for share in procedure.split)
    if users > MOST:
        raise UsageError(f"{users:,} users are more than there are anywhere: give at most {MOST:,.0f}.")
    if min(sizes) < 2:
        raise NotEnoughData(f"Not enough data: {users:,} users are fewer than two in each group.")
    if effect is not None:
        return effect, float(power_of(baseline, effect, float(users), procedure)), sizes
    if procedure.margin > 0:
        return 0.0, float(power_of(baseline, 0.0, float(users), procedure)), sizes
    effect = detectable_effect(baseline, float(users), procedure, power=power)
    if not math.isfinite(effect):
        raise NotEnoughData(f"Not enough data: no change is found by {users:,} users with that power.")
    return effect, power, sizes


def _procedure(choices: Choices, margin: float) -> Procedure:
    for name in choices:  # a misspelt one would be planned without
        if name not in Choices.__annotations__:
            raise unknown_name("choice of a plan", name, Choices.__annotations__)
    return Procedure(
        alpha=choices.get("alpha", 0.05),
        sides=choices.get("sides", 2),
        split=_split(choices.get("split"), choices.get("variants")),
        correction=choices.get("correction", "none"),
        looks=choices.get("looks", 1),
        margin=margin,
    )


def _split(split: tuple[float, ...] | list[float] | None, variants: int | None) -> tuple[float, ...]:
    count = variants if variants is not None else 2 if split is None else len(split)
    if not 2 <= count <= MOST_VARIANTS:
        raise UsageError(f"A test has 2 to {MOST_VARIANTS} variants, the control included, not {count}.")
    if split is None:
        return (1 / count,) * count
    if len(split) != count:
        raise UsageError(f"{count} variants need {count} shares, not {len(split)}.")
    return tuple(map(float, split))
