"""What a caller asks rows to meet: checked, and taken as a slice of which no more is known than of slices."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from workbench.errors import UsageError
from workbench.events.tables import TABLES
from workbench.metrics.assignment import is_plain_sum, mismatch
from workbench.metrics.conditions import Condition, Scalar, Where, conditions
from workbench.metrics.measures import Count, Leaf, Measure, Total
from workbench.metrics.mixed_channels import mixed_campaigns
from workbench.metrics.own_records import is_own
from workbench.metrics.plan import plan
from workbench.metrics.slices import DIMENSIONS
from workbench.metrics.tracking import blank_untracked, limiting
from workbench.metrics.values import Values, fetch

if TYPE_CHECKING:
    from workbench.metrics.window import Window
    from workbench.source import Tables

_EXACT = ("==", "!=", "in", "is not")
_OF_MONTHS = ("cohort",)  # of no day of a row, but of its user's signup


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What there is of sums by the dimensions of which conditions keep some values.

    Parameters
    ----------
    values : Values
        The sums, of all values of these dimensions.
    unnamed : bool
        Whether rows are kept that have no value: of a sum that no slice knows, they are all.
    """

    values: Values
    unnamed: bool

    def mismatch(self, formula: Measure) -> str:
        """Return why a formula cannot be trusted of the rows that are kept; an empty text where it can."""
        return "" if self.unnamed and is_plain_sum(formula) else mismatch(formula, self.values)


def filters(where: Where) -> tuple[Condition, ...]:
    """Return what a caller wrote as conditions, each on a dimension or a column, and on values it can have.

    Raises
    ------
    UsageError
        If there is no such dimension or column, or a value cannot be one of it.

    Examples
    --------
    >>> from datetime import date
    >>> [str(one) for one in filters({"channel": "email", "cohort": date(2024, 3, 1)})]
    ["channel == 'email'", "cohort == '2024-03-01'"]
    """
    return tuple(map(_checked, conditions(where)))


def sliced(
    tables: Tables,
    wanted: Iterable[Leaf],
    kept: tuple[Condition, ...],
    window: Window,
    there: Collection[str],
) -> Kept | None:
    """Return what is known by the dimensions of which conditions keep values; None where there is none."""
    by = limiting(kept)
    sums = [leaf for leaf in wanted if isinstance(leaf, Count | Total) and not is_own(leaf)]
    if not by or not sums:
        return None
    others = tuple(condition for condition in kept if condition.column not in by)
    mixed = mixed_campaigns(tables, sums, by, others)
    values = fetch(tables, plan(sums, by=by, where=others, loaded=there, mixed=mixed), by, window)
    blank_untracked(tables, values, others, tables.names, window)
    unnamed = any(condition.test == "is null" for condition in kept if condition.column in by)
    return Kept(values=values, unnamed=unnamed)


def _checked(condition: Condition) -> Condition:
    column, value = condition.column, condition.value
    if column not in DIMENSIONS:
        if not any(column in table.columns for table in TABLES.values()):
            DIMENSIONS[column]  # says what there is
        return condition
    for one in value if isinstance(value, tuple) else (value,):
        _check(column, one, exact=condition.test in _EXACT)
    return condition


def _check(column: str, value: Scalar | None, *, exact: bool) -> None:
    if DIMENSIONS[column].grain:  # what is counted a day, or looks back, needs to know which days are meant
        raise UsageError(f"A {column} is chosen by the window, as 2024-01-01:2024-01-31, not by a condition.")
    if value is None:
        return
    if not isinstance(value, str):
        raise UsageError(f"{column} is compared with text, as {str(value)!r}, not with {value!r}.")
    if column in _OF_MONTHS:
        _check_month(column, value, exact=exact)


def _check_month(column: str, value: str, *, exact: bool) -> None:
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise UsageError(f"{column}: {value!r} is no day. Write days as 2024-01-31.") from None
    if exact and day.day > 1:
        raise UsageError(
            f"{column}: no month begins on {day}. Name it by its first day, {day.replace(day=1)}."
        )
