"""The experiment that an analysis is asked for: as it was defined, or as its assignments suggest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from workbench.errors import NotEnoughData, UsageError
from workbench.events.definitions import EVENT_TYPES
from workbench.events.tables import TABLES
from workbench.experiments.definition import Experiment
from workbench.experiments.records.keeping import Kept
from workbench.experiments.users.outcomes import outcome
from workbench.metrics.definitions import METRICS
from workbench.metrics.window import resolve

if TYPE_CHECKING:
    from datetime import date

    import pyarrow as pa

    from workbench.experiments.analysis.monitoring import Monitor
    from workbench.source import Tables

ENDLESS = "Its end is not known: all days with data since its first assignment count."
_OVER = ("completed", "cancelled")
_CONTROLS = ("control", "baseline", "base", "holdout", "original", "old", "a")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An experiment as it will be analysed, on what, what was taken for granted, how it is looked at."""

    experiment: Experiment
    tables: Tables
    notes: tuple[str, ...] = ()
    monitor: Monitor = "auto"


def asked(
    kept: Kept,
    tables: Tables,
    *,
    metrics: Sequence[str] = (),
    window: str | None = None,
    variants: Sequence[str] = (),
    split: Sequence[float] = (),
) -> Asked:
    """Return the experiment to analyse.

    One that was defined stays as it is; further metrics join its secondary ones. Of one that is only known
    by its assignments the variants are those of the assignments, the first metric is the primary one, and
    equal shares are expected.

    Parameters
    ----------
    kept : Kept
        The experiment as the workspace has it.
    tables : Tables
        A workspace's tables.
    metrics : sequence of str
        Metrics of the dictionary.
    window : str, optional
        ``"2024-05-01:2024-05-28"`` or ``"30d"``: the days that count, in place of those planned.
    variants, split : sequence of str and float
        The control first, and the shares, of an experiment that was not defined.

    Raises
    ------
    UsageError
        If the variants of one that was defined are given, or are not those of the assignments.
    NotEnoughData
        If there are no two variants, or neither orders nor events.
    """
    if not {"orders", "facts"} & set(tables.names):
        raise NotEnoughData("Not enough data: there are neither orders nor events to compare variants by.")
    plan = kept.experiment
    notes: list[str] = []
    if plan is None:
        plan, notes = _inferred(kept, tables, metrics, variants, split)
    else:
        if variants:
            raise UsageError(f"{kept.name} was defined with the variants {', '.join(plan.variants)}.")
        plan, notes = named_once(plan)
        named = {plan.primary, *plan.secondary, *(rail.metric for rail in plan.guardrails)}
        plan = replace(plan, secondary=(*plan.secondary, *(name for name in metrics if name not in named)))
    monitor: Monitor = "auto"
    if window is None:
        plan, tables, said = until_ended(kept, plan, tables)
        notes += said
        if kept.experiment is None:
            notes.append(ENDLESS)
    else:
        days = resolve(window, tables)
        if plan.status in ("running", "paused"):
            monitor = "any time"  # days of one's choice are no planned end
        if (plan.start, plan.end) != (days.first, days.last) and kept.experiment is not None:
            notes.append(f"The days are those {days.told}, not those planned.")
        plan = replace(plan, start=days.first, end=days.last)
    return Asked(experiment=plan, tables=tables, notes=tuple(notes), monitor=monitor)


def named_once(plan: Experiment) -> tuple[Experiment, list[str]]:
    """Return the experiment with each metric in one part, as definitions once could name one in several.

    Examples
    --------
    >>> plan, notes = named_once(Experiment(name="subject", primary="ctr", secondary=("ctr", "orders")))
    >>> plan.secondary, len(notes)
    (('orders',), 1)
    """
    rails = {rail.metric: rail for rail in reversed(plan.guardrails) if rail.metric != plan.primary}
    others = [name for name in dict.fromkeys(plan.secondary) if name != plan.primary and name not in rails]
    guardrails = tuple(
        rails[name] for name in dict.fromkeys(own.metric for own in plan.guardrails) if name in rails
    )
    if (len(others), len(guardrails)) == (len(plan.secondary), len(plan.guardrails)):
        return plan, []
    said = "A metric that was named twice counts once: as the primary one, else as the guardrail named first."
    return replace(plan, secondary=tuple(others), guardrails=guardrails), [said]


@dataclass(frozen=True, slots=True)
class _TablesUntil:
    """Tables as if a day had been the last one with data."""

    tables: Tables
    last_day: date | None

    @property
    def dialect(self) -> str:
        return self.tables.dialect

    @property
    def names(self) -> frozenset[str]:
        return self.tables.names

    @property
    def currency(self) -> str | None:
        return self.tables.currency

    def query(self, sql: str) -> pa.Table:
        return self.tables.query(sql)


def until_ended(kept: Kept, plan: Experiment, tables: Tables) -> tuple[Experiment, Tables, list[str]]:
    """Return an experiment and its tables without the days after it was ended, where that came early.

    One with several planned looks keeps its planned end, which says how much each look may spend.

    Parameters
    ----------
    kept : Kept
        With its history.
    plan : Experiment
        Its newest version.
    tables : Tables
        The workspace's.
    """
    over = [change.changed_at.date() for change in kept.changes if change.experiment.status in _OVER]
    if not over or plan.end is None or over[0] >= plan.end:
        return plan, tables, []
    end = max(over[0], plan.start or over[0])
    said = f"It was ended on {over[0]}, before its planned end, {plan.end}: later days do not count"
    if plan.looks > 1:
        known = tables.last_day
        return plan, _TablesUntil(tables, end if known is None else min(known, end)), [f"{said}."]
    why = "p and interval hold only if what was seen on the way was not the reason"
    return replace(plan, end=end), tables, [f"{said}, and {why}."]


def check_metrics(experiment: Experiment) -> None:
    """Check that an experiment's metrics are in the dictionary and can be tested on users.

    Raises
    ------
    UsageError
        Naming the metric and the reason.

    Examples
    --------
    >>> check_metrics(Experiment(name="new_subject", primary="roas"))
    Traceback (most recent call last):
        ...
    workbench.errors.UsageError: roas cannot be tested on users: total(daily_performance.spend) has no...
    """
    of_users = ({*TABLES, *EVENT_TYPES}) - {"daily_performance"}
    for name in (experiment.primary, *experiment.secondary, *(own.metric for own in experiment.guardrails)):
        outcome(METRICS[name], of_users)


def _inferred(
    kept: Kept,
    tables: Tables,
    metrics: Sequence[str],
    variants: Sequence[str],
    split: Sequence[float],
) -> tuple[Experiment, list[str]]:
    if len(kept.users) < 2:
        raise NotEnoughData(
            f"Not enough data: {kept.name!r:.80} has users in {len(kept.users)} variants only."
        )
    if variants and set(variants) != set(kept.users):
        raise UsageError(f"{kept.name} has users in {', '.join(kept.users)}, not in {', '.join(variants)}.")
    names = tuple(variants) or _ordered(kept.users)
    shares = tuple(split) or tuple(1 / len(names) for _ in names)
    chosen = tuple(dict.fromkeys(metrics)) or _default(tables)
    notes = [
        f"{kept.name} was not defined here: {names[0]!r} is taken as the control, {chosen[0]} as the primary "
        "metric, and the test as over."
    ]
    if not split:
        notes.append("Its split is not known: equal shares are expected.")
    plan = Experiment(
        name=kept.name,
        primary=chosen[0],
        secondary=chosen[1:],
        variants=names,
        split=shares,
        status="completed",
    )
    return plan, notes


def control_of(kept: Kept) -> str:
    """Return the control of an experiment: as defined, or by its name; empty where it has no users."""
    if kept.plan is not None:
        return kept.variants[0]
    return _ordered(kept.users)[0] if kept.users else ""


def _ordered(users: Iterable[str]) -> tuple[str, ...]:
    """Return the variants, one that is called like a control first."""
    names = sorted(users)
    known = [name for word in _CONTROLS for name in names if name.lower() == word]
    return tuple(dict.fromkeys([*known[:1], *names]))


def _default(tables: Tables) -> tuple[str, ...]:
    return ("orders", "revenue") if "orders" in tables.names else ("conversions",)
