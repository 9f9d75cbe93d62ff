"""One metric of an experiment as columns of users: what it is called, its kind, and where it stands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.errors import wrong_kind
from workbench.experiments.inference.comparison import Label
from workbench.experiments.users.outcomes import Kind, Outcome
from workbench.experiments.users.question import Columns, Question
from workbench.metrics.metric import Better

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, kw_only=True)
class UserMetric:
    """A metric that is compared, and the columns of users that hold it.

    Parameters
    ----------
    label : Label
        How it is called and shown.
    columns : Columns
        Where it stands.
    kind : {"mean", "share", "ratio"}
        A mean per user, a share of users (the column is 0 or 1), or a ratio of two means.
    better : {"higher", "lower", "neither"}
        Which direction is good.
    notes : tuple of str
        What was left out of it.
    """

    label: Label
    columns: Columns
    kind: Kind = "mean"
    better: Better = "higher"
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return its name in code."""
        return self.label.metric


def user_metrics(question: Question, currency: str | None) -> tuple[UserMetric, ...]:
    """Return the metrics of a question about the users of a workspace."""
    return tuple(_metric(one, question, currency) for one in question.outcomes)


def _metric(outcome: Outcome, question: Question, currency: str | None) -> UserMetric:
    metric, kind = outcome.metric, outcome.kind
    unit = metric.unit if kind == "ratio" or metric.unit == "money" else "%" if kind == "share" else ""
    title = outcome.says[:1].upper() + outcome.says[1:]
    return UserMetric(
        label=Label(metric=metric.name, title=title, unit=unit, currency=currency),
        columns=question.columns(outcome),
        kind=kind,
        better=metric.better,
        notes=outcome.notes,
    )


def own_metrics(metrics: Iterable[UserMetric]) -> tuple[UserMetric, ...]:
    """Return metrics of one's own table.

    Raises
    ------
    UsageError
        If one is something else, such as the name of a column.
    """
    known = tuple(metrics)
    for metric in known:
        if not isinstance(metric, UserMetric):
            raise wrong_kind("A metric of one's own table", metric, "own_metric(COLUMN)")
    return known


def own_metric(
    name: str,
    *,
    of: str = "",
    before: str = "",
    of_before: str = "",
    label: Label | None = None,
    better: Better = "higher",
) -> UserMetric:
    """Return a metric over columns of one's own table of users.

    Parameters
    ----------
    name : str
        The column of what a user brought; also the metric's name, unless `label` says another.
    of : str
        The column it is divided by, for a ratio.
    before, of_before : str
        The same of the time before the experiment, which reduces the variance.
    label : Label, optional
        How it is called and shown.
    better : str
        Which direction is good.

    Examples
    --------
    >>> own_metric("orders", of="sessions").kind
    'ratio'
    """
    columns = Columns(value=name, of=of, before=before, of_before=of_before)
    return UserMetric(
        label=label or Label(metric=name),
        columns=columns,
        kind="ratio" if of else "mean",
        better=better,
    )


def pairs_of(metrics: Iterable[UserMetric], also: tuple[str, ...] = ()) -> tuple[tuple[str, str], ...]:
    """Return the pairs of columns whose products the metrics need, and those with more columns of all."""
    found: dict[tuple[str, str], None] = {}
    for metric in metrics:
        names = (*metric.columns.all, *also)
        found |= dict.fromkeys((a, b) for place, a in enumerate(names) for b in names[place:])
    return tuple(found)
