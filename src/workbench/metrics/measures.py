"""The arithmetic of measures: leaves that one query answers, and formulas over them.

Words: a *leaf* is what data is asked for (a count, a sum, a number of distinct users, a quantile, a figure of
a model); a *measure* is a leaf or a formula over leaves. Both are frozen, hashable values: the formula that
is printed is the value that is computed. *Additive* means that the parts of a whole sum to the whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from workbench.events.definitions import EVENT_TYPES
from workbench.events.rollups import STEPS
from workbench.metrics.conditions import Condition, printed

Operator = Literal["+", "-", "*", "/"]
_RANK = {"+": 1, "-": 1, "*": 2, "/": 2}


class Measure:
    """A leaf or a formula. Formulas are written with ``+ - * /`` and plain numbers.

    ``+`` adds what there is: a part whose table is not loaded counts as nothing. ``-``, ``*`` and ``/`` need
    both sides, and ``/`` by zero gives null.

    Examples
    --------
    >>> clicks, shown = count("campaign_clicked"), total("impressions", of="daily_performance")
    >>> print(1000 * clicks / shown)
    1000 * count(campaign_clicked) / total(daily_performance.impressions)
    >>> (clicks + shown).additive, (clicks / shown).additive
    (True, False)
    """

    __slots__ = ()

    def __add__(self, other: Measure | float) -> Arithmetic:
        return Arithmetic("+", self, _measure(other))

    def __radd__(self, other: float) -> Arithmetic:
        return Arithmetic("+", _measure(other), self)

    def __sub__(self, other: Measure | float) -> Arithmetic:
        return Arithmetic("-", self, _measure(other))

    def __rsub__(self, other: float) -> Arithmetic:
        return Arithmetic("-", _measure(other), self)

    def __mul__(self, other: Measure | float) -> Arithmetic:
        return Arithmetic("*", self, _measure(other))

    def __rmul__(self, other: float) -> Arithmetic:
        return Arithmetic("*", _measure(other), self)

    def __truediv__(self, other: Measure | float) -> Arithmetic:
        return Arithmetic("/", self, _measure(other))

    def __rtruediv__(self, other: float) -> Arithmetic:
        return Arithmetic("/", _measure(other), self)

    @property
    def additive(self) -> bool:
        """Return whether the values of slices sum to the value of the whole."""
        return False


@dataclass(frozen=True, slots=True)
class Constant(Measure):
    """A plain number in a formula."""

    value: float

    def __str__(self) -> str:
        return f"{self.value:g}"


@dataclass(frozen=True, slots=True)
class Arithmetic(Measure):
    """Two measures and what is done with them."""

    operator: Operator
    left: Measure
    right: Measure

    def __str__(self) -> str:
        return f"{self._side(self.left)} {self.operator} {self._side(self.right, is_right=True)}"

    def _side(self, side: Measure, *, is_right: bool = False) -> str:
        if not isinstance(side, Arithmetic):
            return str(side)
        rank, own = _RANK[side.operator], _RANK[self.operator]
        # Brackets on the right of equal rank keep the order of floating-point operations readable
        # from the text.
        return f"({side})" if rank < own or (is_right and rank == own) else str(side)

    @property
    def additive(self) -> bool:
        """Return whether the values of slices sum to the value of the whole."""
        if self.operator in ("+", "-"):
            return self.left.additive and self.right.additive
        if self.operator == "*" and isinstance(self.left, Constant):
            return self.right.additive
        return self.left.additive and isinstance(self.right, Constant)


class Leaf(Measure):
    """What one column of one query answers."""

    __slots__ = ()

    @property
    def table(self) -> str:
        """Return the table the leaf is read from."""
        raise AttributeError

    @property
    def needs(self) -> frozenset[str]:
        """Return the tables and event types without which the leaf has no value."""
        return frozenset({self.table})


def table_of(of: str) -> str:
    """Return the table that holds an event type (facts), or the table of that name.

    Examples
    --------
    >>> table_of("campaign_clicked"), table_of("orders")
    ('facts', 'orders')
    """
    return "facts" if of in EVENT_TYPES else of


@dataclass(frozen=True, slots=True)
class _Rows(Leaf):
    """Rows of an event type (or several), or of a table, that meet every condition."""

    of: tuple[str, ...]
    where: tuple[Condition, ...] = ()

    @property
    def table(self) -> str:
        """Return the table the leaf is read from."""
        return table_of(self.of[0])

    @property
    def needs(self) -> frozenset[str]:
        """Return the table and, where it is one, the event type without which the leaf has no value."""
        one = self.event_types if len(self.of) == 1 else ()
        if one and EVENT_TYPES[one[0]].family == "system":
            return frozenset(one)  # facts that only the workbench itself recorded are no loaded table
        return frozenset({self.table, *one})

    @property
    def event_types(self) -> tuple[str, ...]:
        """Return the event types that are read; empty for a table that has none."""
        return self.of if self.table == "facts" else ()

    def _source(self, column: str = "") -> str:
        names = " or ".join(self.of)
        inside = (
            f"{names}.{column}"
            if column and len(self.of) == 1
            else f"{column} of {names}"
            if column
            else names
        )
        return f"{inside} where {printed(self.where)}" if self.where else inside


@dataclass(frozen=True, slots=True)
class Count(_Rows):
    """The number of rows."""

    def __str__(self) -> str:
        return f"count({self._source()})"

    @property
    def additive(self) -> bool:
        """Return True: counts of parts sum to the count of the whole."""
        return True


@dataclass(frozen=True, slots=True)
class Total(_Rows):
    """The sum of a column, or of its product with another column of the same row."""

    column: str = field(kw_only=True)
    times: str = field(default="", kw_only=True)

    def __str__(self) -> str:
        product = f"{self.column} * {self.times}" if self.times else self.column
        return f"total({self._source(product)})"

    @property
    def additive(self) -> bool:
        """Return True: sums of parts sum to the sum of the whole."""
        return True


@dataclass(frozen=True, slots=True)
class Distinct(_Rows):
    """The number of distinct values of a column, users as a rule. Exact, and not additive."""

    column: str = field(default="user_key", kw_only=True)

    def __str__(self) -> str:
        return f"distinct({self._source(self.column)})"


@dataclass(frozen=True, slots=True)
class Quantile(_Rows):
    """A quantile of a column, interpolated between neighbours; 0.5 is the median.

    A column that is told in steps (`workbench.events.rollups.STEPS`) is rounded up to its step first.
    """

    column: str = field(kw_only=True)
    share: float = field(kw_only=True)

    def __str__(self) -> str:
        name = "median" if self.share == 0.5 else f"p{100 * self.share:g}"
        return f"{name}({self._source(f'step of {self.column}' if self.stepped else self.column)})"

    @property
    def stepped(self) -> bool:
        """Return whether its column is told in steps."""
        return self.table == "facts" and self.column in STEPS


@dataclass(frozen=True, slots=True)
class Stored(Leaf):
    """The newest stored figure of a model; null until the model has run."""

    model: str
    figure: str

    def __str__(self) -> str:
        return f"stored({self.model}.{self.figure})"

    @property
    def table(self) -> str:
        """Return the table the leaf is read from."""
        return "model_results"


@dataclass(frozen=True, slots=True)
class Derived(Leaf):
    """One figure of a documented query over whole users or leads, which sums and counts cannot express.

    `workbench.metrics.derived.derived` returns it with the table it is sliced by and the tables it needs.
    """

    query: str
    figure: str
    # Both follow from the query: they tell no two leaves apart, nor two cached texts.
    table: str = field(kw_only=True, repr=False, compare=False)
    needs: frozenset[str] = field(kw_only=True, repr=False, compare=False)

    def __str__(self) -> str:
        return f"{self.query}.{self.figure}"


@dataclass(frozen=True, slots=True)
class Days(Leaf):
    """The number of days of the window; by day, week or month, of those of the window that belong to it."""

    def __str__(self) -> str:
        return "days(window)"

    @property
    def table(self) -> str:
        """Return an empty name: the window is known without a table."""
        return ""

    @property
    def needs(self) -> frozenset[str]:
        """Return nothing: the window is known without a table."""
        return frozenset()


def _measure(value: Measure | float) -> Measure:
    return value if isinstance(value, Measure) else Constant(float(value))


def _names(of: str | tuple[str, ...]) -> tuple[str, ...]:
    return (of,) if isinstance(of, str) else of


def count(of: str | tuple[str, ...], *, where: tuple[Condition, ...] = ()) -> Count:
    """Return the number of events of a type, or of rows of a table."""
    return Count(_names(of), where)


def total(
    column: str, *, of: str | tuple[str, ...], times: str = "", where: tuple[Condition, ...] = ()
) -> Total:
    """Return the sum of a column; `times` multiplies it by another column of the same row first."""
    return Total(_names(of), where, column=column, times=times)


def distinct(
    of: str | tuple[str, ...], column: str = "user_key", *, where: tuple[Condition, ...] = ()
) -> Distinct:
    """Return the exact number of distinct users, or of distinct values of another column."""
    return Distinct(_names(of), where, column=column)


def median(column: str, *, of: str | tuple[str, ...], where: tuple[Condition, ...] = ()) -> Quantile:
    """Return the median of a column."""
    return Quantile(_names(of), where, column=column, share=0.5)


def quantile(
    column: str, share: float, *, of: str | tuple[str, ...], where: tuple[Condition, ...] = ()
) -> Quantile:
    """Return the quantile of a column below which `share` of the values lie."""
    return Quantile(_names(of), where, column=column, share=share)


def walk(measure: Measure) -> Iterator[Measure]:
    """Yield the measure and everything inside it."""
    yield measure
    if isinstance(measure, Arithmetic):
        yield from walk(measure.left)
        yield from walk(measure.right)


def leaves(measure: Measure) -> tuple[Leaf, ...]:
    """Return the leaves of a formula, each once, in the order read.

    Examples
    --------
    >>> spend = total("spend", of="daily_performance")
    >>> [str(leaf) for leaf in leaves((count("user_purchased") - spend) / spend)]
    ['count(user_purchased)', 'total(daily_performance.spend)']
    """
    return tuple(dict.fromkeys(node for node in walk(measure) if isinstance(node, Leaf)))
