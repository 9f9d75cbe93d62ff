"""A report on a test of a workspace: which one, what it found, how it settled; or why there is nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from workbench.errors import NotEnoughData, UsageError
from workbench.experiments.analysis.analysis import Analysis
from workbench.experiments.analysis.analyzing import analyze
from workbench.experiments.analysis.asked import ENDLESS, named_once, until_ended
from workbench.experiments.analysis.daily import DailyEffects, daily_effects
from workbench.experiments.definition import Experiment
from workbench.experiments.records.keeping import Kept
from workbench.experiments.records.kept import kept_experiments
from workbench.experiments.users.users import recorded_users
from workbench.result import shown, told

if TYPE_CHECKING:
    import pandas as pd

    from workbench.source import Tables

METRICS = "orders,revenue,aov"
_CONTROLS = re.compile(r"(?i)(control|baseline|default|original|old|off|none|a)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ABTest:
    """A test of a workspace with its analysis.

    Parameters
    ----------
    name : str
        The experiment; empty where there is none.
    analysis : Analysis, optional
        What it found.
    daily : DailyEffects, optional
        How the effect settled.
    missing : str
        Why there is nothing.
    """

    name: str = ""
    analysis: Analysis | None = None
    daily: DailyEffects | None = None
    missing: str = ""

    @property
    def sentence(self) -> str:
        """Return the verdict, or why there is none."""
        return self.analysis.sentence if self.analysis else self.missing

    __repr__ = told
    _repr_html_ = shown

    def to_frame(self) -> pd.DataFrame:
        """Return one row per metric and variant."""
        import pandas as pd

        return self.analysis.to_frame() if self.analysis else pd.DataFrame()


def ab_test(
    tables: Tables,
    name: str | None = None,
    *,
    metrics: str | Sequence[str] = METRICS,
    days: int | None = None,
    level: float = 0.95,
    before_days: int = 28,
    daily: bool = True,
) -> ABTest:
    """Return a test of a workspace, analysed.

    Parameters
    ----------
    tables : Tables
        A workspace's tables.
    name : str, optional
        The experiment; None is the one that began last, one that was defined before one only loaded.
    metrics : str or sequence of str
        Of an experiment that was not defined: its metrics, the first decides. A defined one has its own.
    days : int, optional
        Of an experiment that was not defined: how many days from its first assignment count; None is all.
    level, before_days
        Of an experiment that was not defined: as in `Experiment`.
    daily : bool
        Whether it is also told how the effect settled, which takes most of the time.

    Raises
    ------
    UsageError
        If the experiment or a metric does not exist, or cannot be tested.
    """
    if "experiments" not in tables.names:
        return ABTest(name=name or "", missing="No assignments of experiments are loaded.")
    kept = chosen_experiment(tables, name)
    plan, note = kept.experiment, ""
    if not kept.users:
        return ABTest(name=kept.name, missing=f"Nobody was assigned to {kept.name} yet.")
    if plan is not None and plan.status == "draft":
        return ABTest(name=kept.name, missing=f"{kept.name} is a draft: it has not been started.")
    if plan is None:
        listed = [one.strip() for one in metrics.split(",")] if isinstance(metrics, str) else list(metrics)
        plan = undefined_experiment(
            kept, tables, metrics=listed, days=days, level=level, before_days=before_days
        )
        note = "The experiment was not defined here: equal shares are taken as its planned split."
        if days is None:
            note += f" {ENDLESS}"
    else:
        plan, twice = named_once(plan)
        plan, tables, said = until_ended(kept, plan, tables)
        note = " ".join([*twice, *said])
    try:
        found = analyze(plan, tables)
        settled = _settled(plan, tables, found) if daily else None
    except NotEnoughData as error:
        return ABTest(name=kept.name, missing=str(error))
    if note:
        found = replace(found, notes=(note, *found.notes))
    return ABTest(name=kept.name, analysis=found, daily=settled)


def _settled(plan: Experiment, tables: Tables, found: Analysis) -> DailyEffects:
    running = found.monitoring.kind == "any time"
    return daily_effects(
        recorded_users(plan, tables),
        level=plan.level,
        decided=[one.comparison for one in found.primary],
        planned_users=found.monitoring.planned_users if running else None,
    )


def chosen_experiment(tables: Tables, name: str | None = None) -> Kept:
    """Return the experiment of a name, or the one that began last.

    Raises
    ------
    UsageError
        If there is none of that name, or none at all.
    """
    from workbench.experiments.records.kept import kept_experiment

    if name is not None:
        return kept_experiment(tables, name)
    found = [
        kept
        for kept in kept_experiments(tables).rows
        if kept.users and kept.geo_test is None and kept.status not in ("draft", "unreadable")
    ]
    if not found:
        raise UsageError("There is no experiment with users yet.")
    began = {
        row["experiment"]: row["began"]
        for row in tables.query(
            "SELECT experiment, max(assigned_at) AS began FROM experiments GROUP BY experiment"
        ).to_pylist()
    }
    return max(found, key=lambda kept: (kept.experiment is not None, began[kept.name], kept.name))


def undefined_experiment(
    kept: Kept,
    tables: Tables,
    *,
    metrics: Sequence[str],
    days: int | None = None,
    level: float = 0.95,
    before_days: int = 28,
) -> Experiment:
    """Return what an experiment of which only assignments are known is taken for.

    The control is the variant called so, else the first by name; the shares are equal.

    Raises
    ------
    UsageError
        If it has fewer than two variants.
    """
    names = sorted(kept.users)
    if len(names) < 2:
        raise UsageError(f"{kept.name} has one variant only, {', '.join(names)}: nothing to compare it with.")
    control = next((name for name in names if _CONTROLS.fullmatch(name)), names[0])
    variants = (control, *(name for name in names if name != control))
    plan = Experiment(
        name=kept.name,
        primary=metrics[0],
        secondary=tuple(metrics[1:]),
        variants=variants,
        split=(1 / len(variants),) * len(variants),
        level=level,
        before_days=before_days,
        status="completed",
    )
    if days is None:
        return plan
    first = recorded_users(plan, tables).seen.window
    start = first.first if first else None
    return replace(plan, start=start, end=start + timedelta(days=days - 1)) if start else plan
