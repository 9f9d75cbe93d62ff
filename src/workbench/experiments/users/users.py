"""The users of an experiment as an analysis asks for them: of a workspace, or of one's own table."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Protocol, get_args

from workbench.errors import BadInput, NotEnoughData, UsageError
from workbench.events.definitions import EVENT_TYPES
from workbench.events.tables import TABLES
from workbench.experiments.definition import Experiment
from workbench.experiments.users.contamination import Contamination, overlaps
from workbench.experiments.users.joining import joined_by_day
from workbench.experiments.users.metric import UserMetric, user_metrics
from workbench.experiments.users.outcomes import Outcome, outcome
from workbench.experiments.users.question import Question, Several
from workbench.experiments.users.reading import (
    Reading,
    assigned_users,
    pairs_of_values,
    read,
    until,
    values_of,
)
from workbench.experiments.users.table import UserTable
from workbench.metrics.definitions import METRICS
from workbench.metrics.measures import leaves
from workbench.metrics.mixed_channels import mixed_campaigns
from workbench.metrics.presence import loaded
from workbench.metrics.window import Window
from workbench.source import given

if TYPE_CHECKING:
    from workbench.catalog import Catalog
    from workbench.metrics.metric import Metric
    from workbench.source import Tables

_BEGINNING = date(1970, 1, 1)
_OF_USERS = frozenset({*TABLES, *EVENT_TYPES} - {"daily_performance"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """When the users of an experiment were seen.

    Parameters
    ----------
    window : Window, optional
        The days that count; None where nobody knows.
    days_per_user : float
        Mean time since the assignment of a user; NaN where nobody knows.
    ended : bool
        Whether the data reach the end of the experiment.
    """

    window: Window | None = None
    days_per_user: float = float("nan")
    ended: bool = True


class Users(Protocol):
    """What an analysis asks of the users of an experiment."""

    @property
    def metrics(self) -> tuple[UserMetric, ...]:
        """Return what is compared; the primary metric comes first."""
        ...

    @property
    def seen(self) -> Seen:
        """Return the days that count."""
        ...

    def read(self, by: str = "") -> Reading:
        """Return the sums of all columns by variant, and by stratum where one is named."""
        ...

    def values(self, column: str) -> dict[str, tuple[Any, Any]]:
        """Return for each variant the distinct values of a column and how many users have each."""
        ...

    def pairs(self, value: str, of: str) -> dict[str, tuple[Any, Any]]:
        """Return for each variant the distinct pairs of two columns and how many users have each."""
        ...

    def read_until(self, day: int) -> Reading | None:
        """Return the sums as they were after so many days; None where nobody knows."""
        ...

    def contamination(self, reading: Reading) -> Contamination:
        """Return who saw several variants, and what was left out."""
        ...


@dataclass(frozen=True, kw_only=True)
class RecordedUsers:
    """The users of an experiment of a workspace."""

    tables: Tables
    question: Question
    variants: tuple[str, ...]
    metrics: tuple[UserMetric, ...]
    seen: Seen
    assigned: dict[str, Any] = field(default_factory=dict)

    def read(self, by: str = "") -> Reading:
        """Return the sums of all columns by variant, and by stratum where one is named."""
        return read(self.tables, replace(self.question, by=by), variants=self.variants)

    def values(self, column: str) -> dict[str, tuple[Any, Any]]:
        """Return for each variant the distinct values of a column and how many users have each."""
        return values_of(self.tables, self._alone(column), column)

    def pairs(self, value: str, of: str) -> dict[str, tuple[Any, Any]]:
        """Return for each variant the distinct pairs of two columns and how many users have each."""
        return pairs_of_values(self.tables, self._alone(value), value, of)

    def _alone(self, column: str) -> Question:
        holds = [one for one in self.question.outcomes if column in self.question.columns(one).all]
        return replace(self.question, outcomes=tuple(holds[:1]), before_days=0)

    def read_until(self, day: int) -> Reading | None:
        """Return the sums of the first metric as they were after so many days."""
        first = replace(self.question, outcomes=self.question.outcomes[:1])
        try:
            return read(self.tables, until(first, day), variants=self.variants)
        except NotEnoughData:
            return None

    def joined(self) -> dict[date, int]:
        """Return how many users joined on each day."""
        return joined_by_day(self.tables, self.question)

    def contamination(self, reading: Reading) -> Contamination:
        """Return who saw several variants, what was left out, and the other experiments of the users."""
        return Contamination(
            users=int(self.assigned["users"]),
            several=int(self.assigned["several"] or 0),
            treated_as=self.question.several,
            before=int(self.assigned["before"] or 0),
            early=reading.early,
            others=reading.others,
            overlaps=overlaps(self.tables, self.question.experiment),
        )


@dataclass(frozen=True, kw_only=True)
class TableUsers:
    """The users of one's own table."""

    table: UserTable
    seen: Seen = field(default_factory=Seen)

    @property
    def metrics(self) -> tuple[UserMetric, ...]:
        """Return what is compared."""
        return self.table.metrics

    def read(self, by: str = "") -> Reading:
        """Return the sums of all columns by variant, and by stratum where a column is named."""
        return self.table.read(by)

    def values(self, column: str) -> dict[str, tuple[Any, Any]]:
        """Return for each variant the distinct values of a column and how many users have each."""
        return self.table.values(column)

    def pairs(self, value: str, of: str) -> dict[str, tuple[Any, Any]]:
        """Return for each variant the distinct pairs of two columns and how many users have each."""
        return self.table.pairs(value, of)

    def read_until(self, day: int) -> Reading | None:  # noqa: ARG002 - a table knows no days
        """Return None: a table of users does not say when."""
        return None

    def contamination(self, reading: Reading) -> Contamination:
        """Return the rows that were left out."""
        return Contamination(
            users=int(reading.sums.n.sum() + sum(reading.others.values())), others=reading.others
        )


def recorded_users(
    experiment: Experiment,
    tables: Tables,
    *,
    metrics: Catalog[Metric] = METRICS,
    several: Several = "exclude",
) -> RecordedUsers:
    """Return the users of an experiment of a workspace.

    Parameters
    ----------
    experiment : Experiment
        Names its metrics; the primary one comes first.
    tables : Tables
        With assignments, and what the metrics are read from.
    metrics : Catalog
        Where the metrics are looked up.
    several : {"exclude", "first", "refuse"}
        What becomes of users with several variants.

    Raises
    ------
    NotEnoughData
        If nobody was assigned.
    BadInput
        If users with several variants are refused, and there are some.
    UsageError
        If a metric cannot be tested on users.
    """
    if "experiments" not in given(tables).names:
        raise NotEnoughData("Not enough data: no assignments of experiments are loaded.")
    if several not in get_args(Several):
        raise UsageError(f"Users of several variants: {', '.join(get_args(Several))}, not {several!r:.80}.")
    question = _question(experiment, tables, metrics, "exclude" if several == "refuse" else several)
    assigned = assigned_users(tables, question)
    last = question.window.last
    if not assigned["users"]:
        known = "its end" if experiment.end and last != tables.last_day else "the last day with data"
        raise NotEnoughData(f"Nobody was assigned to {experiment.name} until {last}, {known}.")
    if several == "refuse":
        _refuse_several(experiment, int(assigned["several"] or 0), int(assigned["users"]))
    # Where no start is planned the days begin with the first assignment, before which none can lie.
    first = experiment.start or assigned["first"].date()
    if last < first:
        raise NotEnoughData(f"{experiment.name} starts on {first}, after the last day with data, {last}.")
    question = replace(question, window=Window(first, last))
    ended = experiment.status == "completed" or (experiment.end is not None and last >= experiment.end)
    seen = Seen(window=question.window, days_per_user=float(assigned["days"] or 0.0), ended=ended)
    return RecordedUsers(
        tables=tables,
        question=question,
        variants=experiment.variants,
        metrics=user_metrics(question, tables.currency),
        seen=seen,
        assigned=assigned,
    )


def _refuse_several(experiment: Experiment, several: int, users: int) -> None:
    if several:
        raise BadInput(
            f"{several:,} of {users:,} users of {experiment.name} saw several variants",
            expected="one variant for each user",
            fix="Mend the assignments, leave such users out (exclude), or count them where they came first.",
        )


def _question(experiment: Experiment, tables: Tables, metrics: Catalog[Metric], several: Several) -> Question:
    """Return what is asked of the users, over all days that can count."""
    guarded = [one.metric for one in experiment.guardrails]
    wanted = [metrics[name] for name in dict.fromkeys((experiment.primary, *experiment.secondary, *guarded))]
    formulas = [formula for one in wanted for formula in (one.is_, one.credited) if formula is not None]
    needed = [leaf for formula in formulas for leaf in leaves(formula)]
    there = loaded(tables, needed)
    question = Question(
        experiment=experiment.name,
        outcomes=tuple(_outcome(one, there) for one in wanted),
        window=_days(tables, experiment),
        before_days=experiment.before_days,
        several=several,
        loaded=there,
        mixed=mixed_campaigns(tables, needed, (), ()),
    )
    for leaf in question.leaves:
        if missing := sorted(leaf.needs - there):
            names = ", ".join(missing)
            raise NotEnoughData(f"Not enough data: {leaf} needs {names}, of which there is nothing.")
    return question


def _outcome(metric: Metric, there: frozenset[str]) -> Outcome:
    try:
        return outcome(metric, there)
    except UsageError:
        # Platforms report it too, but of nobody in particular: what users did is not loaded.
        needs = {name for leaf in outcome(metric, _OF_USERS).leaves for name in leaf.needs}
        lacking = ", ".join(sorted(needs - there))
        raise NotEnoughData(
            f"Not enough data: {metric.name} of users needs {lacking}, of which there is nothing."
        ) from None


def _days(tables: Tables, experiment: Experiment) -> Window:
    last = tables.last_day or date(2200, 1, 1) - timedelta(days=1)
    last = min(last, experiment.end) if experiment.end else last
    return Window(min(experiment.start or _BEGINNING, last), last)
