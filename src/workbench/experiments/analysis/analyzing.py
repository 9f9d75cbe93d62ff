"""The analysis of an A/B/n test, from the users of a workspace or from one's own table of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import NotEnoughData, UsageError, wrong_kind
from workbench.experiments.analysis.analysis import Analysis
from workbench.experiments.analysis.finding import Finding
from workbench.experiments.analysis.judging import Case, findings_of
from workbench.experiments.analysis.monitoring import PLANNED_USERS, Monitor, Monitoring, monitoring_of
from workbench.experiments.analysis.tested import judged
from workbench.experiments.analysis.verdict import FEWEST, verdict_of
from workbench.experiments.definition import Experiment, check_sound
from workbench.experiments.inference.sample_ratio import SampleRatio, sample_ratio
from workbench.experiments.users.contamination import Contamination
from workbench.experiments.users.metric import UserMetric, own_metrics
from workbench.experiments.users.question import NEW, Several
from workbench.experiments.users.table import Bad, user_table
from workbench.experiments.users.users import RecordedUsers, Seen, TableUsers, recorded_users
from workbench.metrics.definitions import METRICS

if TYPE_CHECKING:
    from workbench.catalog import Catalog
    from workbench.metrics.metric import Metric
    from workbench.source import Tables

WEEK = 7


def analyze(
    experiment: Experiment,
    tables: Tables,
    *,
    metrics: Catalog[Metric] = METRICS,
    several: Several = "exclude",
    monitor: Monitor = "auto",
    planned_users: float = PLANNED_USERS,
    seed: int = 0,
) -> Analysis:
    """Return what an experiment of a workspace found.

    Users who did nothing count; what happened before a user was assigned does not, but for reducing the
    variance. The primary metric decides, adjusted by Holm over the variants; the others are adjusted by
    Benjamini and Hochberg; every guardrail must hold on its own.

    Parameters
    ----------
    experiment : Experiment
        Its variants, metrics, days, level and looks.
    tables : Tables
        With assignments, and what the metrics are read from.
    metrics : Catalog
        Where the metrics are looked up.
    several : {"exclude", "first", "refuse"}
        What becomes of users with several variants.
    monitor : {"auto", "planned", "any time", "none"}
        How a test is read that still runs: see `workbench.experiments.analysis.monitoring.monitoring_of`.
    planned_users : float
        Of looks at any time, the number of users at which they see best.
    seed : int
        Of permutations.

    Raises
    ------
    NotEnoughData
        If nobody was assigned, or a metric has no data.
    UsageError
        If the experiment is a draft, or a metric cannot be tested on users.
    """
    _check_asked(experiment, seed)
    users = recorded_users(experiment, tables, metrics=metrics, several=several)
    watched = monitoring_of(
        experiment, users.seen, monitor=monitor, planned_users=planned_users, joined=users.joined
    )
    return _analysis(experiment, users, watched, seed=seed)


def analyze_users(
    experiment: Experiment,
    frame: Any,
    metrics: Sequence[UserMetric],
    *,
    variant: str = "variant",
    user: str = "",
    bad: Bad = "refuse",
    seed: int = 0,
) -> Analysis:
    """Return what an experiment found, from a table with one row per user.

    Parameters
    ----------
    experiment : Experiment
        Its variants, split and metrics; all that `metrics` has beyond its primary metric and its guardrails
        is secondary.
    frame : pandas, Polars or Arrow frame, or Polars LazyFrame
        One row per user.
    metrics : sequence of UserMetric
        What is compared: see `workbench.experiments.users.metric.own_metric`.
    variant, user : str
        The columns of variant and user; with `user` it is checked that nobody stands twice.
    bad : {"refuse", "leave out"}
        What becomes of rows in which a figure is missing or infinite.
    seed : int
        Of permutations.

    Examples
    --------
    >>> import pandas as pd
    >>> from workbench.experiments.users.metric import own_metric
    >>> bought = [0, 1] * 500 + [0, 1, 1, 1] * 250
    >>> frame = pd.DataFrame({"variant": ["old"] * 1000 + ["new"] * 1000, "bought": bought})
    >>> plan = Experiment(name="form", primary="bought", variants=("old", "new"), status="completed")
    >>> analyze_users(plan, frame, [own_metric("bought")]).verdict.winner
    'new'
    """
    _check_asked(experiment, seed)
    names = [metric.name for metric in own_metrics(metrics)]
    wanted = [experiment.primary, *experiment.secondary, *(rail.metric for rail in experiment.guardrails)]
    if missing := [name for name in wanted if name not in names]:
        raise UsageError(
            f"{experiment.name} names {', '.join(missing)}, which is not among {', '.join(names)}."
        )
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(f"The metric {twice[0]} is given twice: give each once, under a name of its own.")
    ordered = sorted(metrics, key=lambda metric: metric.name != experiment.primary)
    table = user_table(frame, ordered, variants=experiment.variants, variant=variant, user=user, bad=bad)
    notes = (
        (f"Rows left out, since a figure is missing or infinite: {table.left_out:,}.",)
        if table.left_out
        else ()
    )
    users = TableUsers(table=table, seen=Seen(ended=experiment.status == "completed"))
    watched = monitoring_of(experiment, users.seen, monitor="none" if users.seen.ended else "auto")
    return _analysis(experiment, users, watched, seed=seed, notes=notes)


def _check_asked(experiment: Experiment, seed: int) -> None:
    if not isinstance(experiment, Experiment):
        raise wrong_kind(
            "What is analyzed", experiment, "an Experiment, such as kept_experiment(tables, NAME).experiment"
        )
    check_sound(experiment)
    if seed < 0:
        raise UsageError(f"A seed is a whole number from 0, not {seed}.")
    if experiment.status == "draft":
        raise UsageError(
            f"{experiment.name} is a draft: nobody was assigned by its plan. Start it first, or say "
            "status='completed' for one that ran elsewhere."
        )


def _analysis(
    experiment: Experiment,
    users: RecordedUsers | TableUsers,
    monitoring: Monitoring,
    *,
    seed: int,
    notes: tuple[str, ...] = (),
) -> Analysis:
    reading = users.read()
    if not reading.sums.n.sum():
        there = f": users are in {', '.join(map(repr, sorted(reading.others)))}" if reading.others else ""
        raise NotEnoughData(f"Nobody is in {' or '.join(map(repr, experiment.variants))}{there}.")
    case = Case(
        experiment=experiment,
        sums=reading.sums,
        monitoring=monitoring,
        seen=users.seen,
        metrics=users.metrics,
    )
    ratio = sample_ratio([int(n) for n in reading.sums.n], experiment.split, variants=experiment.variants)
    found = [
        one
        for metric in users.metrics
        for one in judged(metric, reading.sums, users, level=experiment.level, seed=seed)
    ]
    findings = tuple(findings_of(case, found))
    contamination = users.contamination(reading)
    verdict = verdict_of(
        experiment, findings, ratio=ratio, contamination=contamination, ended=users.seen.ended
    )
    return Analysis(
        experiment=experiment,
        findings=findings,
        ratio=ratio,
        contamination=contamination,
        monitoring=monitoring,
        seen=users.seen,
        verdict=verdict,
        notes=(*_notes(case, findings, ratio, contamination), *notes),
    )


def _notes(
    case: Case, findings: Sequence[Finding], ratio: SampleRatio, contamination: Contamination
) -> tuple[str, ...]:
    """Return what a reader must know, one sentence each."""
    experiment, found = case.experiment, [*([case.monitoring.note] if case.monitoring.note else [])]
    if ratio.verdict == "warns":
        found.append(ratio.sentence)
    found += contamination.notes
    days = case.seen.window.days if case.seen.window else None
    if days is not None and days < WEEK:
        long = f"{days} day{'' if days == 1 else 's'} long"
        found.append(f"The test is {long}: a week at least shows every day of the week once.")
    if min(ratio.seen) < FEWEST:
        found.append(f"The smallest variant has {min(ratio.seen):,} users of the {FEWEST} that it takes.")
    if NEW in case.sums.columns and (new := round(float(np.nansum(case.sums.n * case.sums.mean(NEW))))):
        known = f"{new:,} of {case.sums.n.sum():,.0f}"
        found.append(f"Users without a time before the test, kept and told apart: {known}.")
    found += _underpowered(experiment, findings)
    if experiment.status == "cancelled":
        found.append("The test was cancelled: its figures are those until then.")
    if any(one.difference.significant != one.clear for one in findings if one.guarded is None):
        found.append("Intervals are of single comparisons; p is adjusted for all of its role, and decides.")
    found += [f"{metric.label.heading}: {note}." for metric in case.metrics for note in metric.notes]
    found += [
        f"{one.comparison.label.heading}, {one.variant}: {note}."
        for one in findings
        for note in one.comparison.notes
    ]
    return tuple(dict.fromkeys(found))


def _underpowered(experiment: Experiment, findings: Sequence[Finding]) -> list[str]:
    smallest, aim = (
        max((f.detectable for f in findings if f.role == "primary"), default=math.nan),
        experiment.minimum_effect,
    )
    if not smallest > aim > 0:
        return []
    times = math.ceil((smallest / aim) ** 2 * 10) / 10
    return [
        f"Under-powered: so many users find a change of {smallest:.1%} with {experiment.power:.0%} power; "
        f"for the planned {aim:.1%} it takes about {times:,.1f} times as many."
    ]
