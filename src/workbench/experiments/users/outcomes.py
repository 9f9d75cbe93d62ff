"""A metric of the dictionary, per user: the same leaves, summed over a user instead of a slice.

A sum becomes a sum per user, a number of distinct users becomes 0 or 1 per user, a ratio stays a ratio of two
such columns. What has no users, such as the spend that a platform reports, cannot be tested on users.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from workbench.catalog import Catalog
from workbench.errors import UsageError
from workbench.events.tables import TABLES
from workbench.metrics.conditions import Condition
from workbench.metrics.definitions import METRICS
from workbench.metrics.measures import (
    Arithmetic,
    Constant,
    Count,
    Derived,
    Distinct,
    Leaf,
    Measure,
    Total,
    leaves,
)
from workbench.metrics.metric import Metric
from workbench.metrics.own_records import is_own

Kind = Literal["mean", "share", "ratio"]
UserLeaf = Count | Total | Distinct
Terms = tuple[tuple[UserLeaf, float], ...]
# Orders with several lines count once: distinct orders of a user are the baskets of that user.
_BASKETS = Distinct(("orders",), (Condition("is_return", "==", value=False),), column="order_id")
_PER_USER: Mapping[tuple[str, str], UserLeaf] = {("baskets", "orders"): _BASKETS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a metric is per user.

    Parameters
    ----------
    metric : Metric
        The entry of the dictionary.
    numerator, denominator : tuple of (leaf, weight)
        Weighted sums of leaves per user; without a denominator the metric is a mean or a share per user.
    notes : tuple of str
        What was left out of the formula.
    """

    metric: Metric
    numerator: Terms
    denominator: Terms = ()
    notes: tuple[str, ...] = ()

    @property
    def kind(self) -> Kind:
        """Return whether it is a share of users, a mean per user, or a ratio of two means."""
        if self.denominator:
            return "ratio"
        (leaf, weight), *rest = self.numerator
        return "share" if not rest and weight == 1 and isinstance(leaf, Distinct) and _users(leaf) else "mean"

    @property
    def leaves(self) -> tuple[UserLeaf, ...]:
        """Return the leaves of both sides, each once."""
        return tuple(dict.fromkeys(leaf for leaf, _ in (*self.numerator, *self.denominator)))

    @property
    def says(self) -> str:
        """Return what is compared, in words.

        Examples
        --------
        >>> from workbench.metrics.definitions import METRICS
        >>> outcome(METRICS["revenue"], {"orders"}).says
        'revenue per user'
        """
        title = self.metric.title[:1].lower() + self.metric.title[1:]
        return {"mean": f"{title} per user", "share": f"share of users: {title}", "ratio": title}[self.kind]


def outcome(metric: Metric, loaded: Collection[str]) -> Outcome:
    """Return what a metric is per user, given what is loaded.

    Parameters
    ----------
    metric : Metric
        Of the dictionary, or one's own.
    loaded : collection of str
        The tables and event types with rows.

    Raises
    ------
    UsageError
        If a leaf has no users, or the formula is no ratio of sums.

    Examples
    --------
    >>> from workbench.metrics.definitions import METRICS
    >>> found = outcome(METRICS["ctr"], {"facts", "campaign_clicked", "campaign_delivered"})
    >>> found.kind, str(found.numerator[0][0])
    ('ratio', 'count(campaign_clicked)')
    >>> outcome(METRICS["spend"], {"orders"})
    Traceback (most recent call last):
    workbench.errors.UsageError: spend cannot be tested on users: total(daily_performance.spend)...
    """
    formula = metric.measured_as((), loaded)
    notes: list[str] = []
    reduced = _Reduction(metric.name, frozenset(loaded), notes).of(formula)
    top, bottom = reduced
    if not any(isinstance(leaf, Leaf) for leaf in top):
        raise _refused(metric.name, f"{formula} counts nothing of users")
    if notes and bottom is not None:
        notes.append(_ANOTHER)
    return Outcome(
        metric=metric,
        numerator=_terms(top),
        denominator=_terms(bottom) if bottom is not None else (),
        notes=tuple(dict.fromkeys(notes)),
    )


def measurable(loaded: Collection[str], metrics: Catalog[Metric] = METRICS) -> tuple[str, ...]:
    """Return the names of the metrics that can be tested on users, given what is loaded.

    Examples
    --------
    >>> measurable({"orders"})
    ('aov', 'revenue', 'orders')
    """
    found = []
    for metric in metrics.values():
        try:
            needed = outcome(metric, loaded).leaves
        except UsageError:
            continue
        if all(leaf.needs <= set(loaded) for leaf in needed):
            found.append(metric.name)
    return tuple(found)


# A click on an ad has a user, its impression has none: their ratio is no click-through rate.
_ANOTHER = (
    "without these totals it is another figure than in other reports, and may lie far from it: compare "
    "variants by it, not levels"
)

Linear = dict[UserLeaf, float]
Ratio = tuple[Linear, Linear | None]


class _Reduction:
    """A formula as one weighted sum of leaves, or one such sum by another."""

    def __init__(self, name: str, loaded: frozenset[str], notes: list[str]) -> None:
        self.name, self.loaded, self.notes = name, loaded, notes

    def of(self, measure: Measure) -> Ratio:
        """Return numerator and denominator."""
        if isinstance(measure, Arithmetic):
            return self._arithmetic(measure)
        if isinstance(measure, Leaf):
            return {self._leaf(measure): 1.0}, None
        raise _refused(self.name, f"{measure} counts nothing of users")

    def _leaf(self, leaf: Leaf) -> UserLeaf:
        found = per_user(leaf)
        if found is None:
            raise _refused(self.name, f"{leaf} has no users")
        return found

    def _arithmetic(self, measure: Arithmetic) -> Ratio:
        left, right, operator = measure.left, measure.right, measure.operator
        if isinstance(right, Constant) and operator in ("*", "/"):
            return _scaled(self.of(left), right.value if operator == "*" else 1 / right.value)
        if isinstance(left, Constant) and operator == "*":
            return _scaled(self.of(right), left.value)
        if operator == "+":
            parts = self._with_users(left, right)
            if len(parts) == 1:
                return self.of(parts[0])
        if operator in ("+", "-"):
            sign = 1.0 if operator == "+" else -1.0
            if isinstance(left, Constant) or isinstance(right, Constant):
                return self._shifted(left, right, sign)
            return self._summed(self.of(left), self.of(right), sign, measure)
        if operator == "/":
            top, bottom = self.of(left), self.of(right)
            if top[1] is None and bottom[1] is None:
                return top[0], bottom[0]
        raise _refused(self.name, f"{measure} is no ratio of two sums over users")

    def _with_users(self, *parts: Measure) -> tuple[Measure, ...]:
        """Return the parts of a sum that have users, where one of them has an answer in this workspace."""
        apart = {part: [leaf for leaf in leaves(part) if per_user(leaf) is None] for part in parts}
        kept = tuple(part for part in parts if not apart[part])
        carried = [part for part in kept if all(leaf.needs <= self.loaded for leaf in leaves(part))]
        if len(kept) == len(parts) or not carried or isinstance(carried[0], Constant):
            return parts
        self.notes += [
            f"{leaf} has no users and is left out" for part in parts for leaf in apart[part] if leaf.needs
        ]
        return kept

    def _shifted(self, left: Measure, right: Measure, sign: float) -> Ratio:
        (top, bottom), constant, by = (
            (self.of(right), left, sign) if isinstance(left, Constant) else (self.of(left), right, 1.0)
        )
        if bottom is None or not isinstance(constant, Constant):
            raise _refused(self.name, f"{left} and {right} together are no sum over users")
        shift = constant.value if isinstance(left, Constant) else sign * constant.value
        return _added(_times(top, by), bottom, shift), bottom

    def _summed(self, one: Ratio, other: Ratio, sign: float, whole: Measure) -> Ratio:
        if one[1] != other[1]:
            raise _refused(self.name, f"{whole} has parts of different denominators")
        return _added(one[0], other[0], sign), one[1]


def per_user(leaf: Leaf) -> UserLeaf | None:
    """Return the leaf that answers for each user; None where its table has no users, or days.

    Examples
    --------
    >>> from workbench.metrics.measures import count, total
    >>> str(per_user(count("campaign_clicked"))), per_user(total("spend", of="daily_performance"))
    ('count(campaign_clicked)', None)
    """
    if isinstance(leaf, Derived):
        return _PER_USER.get((leaf.query, leaf.figure))
    if not isinstance(leaf, Count | Total | Distinct):
        return None
    definition = TABLES[leaf.table]
    if definition.user is None or definition.day is None or leaf.table == "experiments" or is_own(leaf):
        return None
    if isinstance(leaf, Distinct) and not (_users(leaf) or leaf.column in definition.key):
        return None  # values that users share cannot be summed over users
    return leaf


def _users(leaf: Distinct) -> bool:
    return leaf.column == TABLES[leaf.table].user


def _scaled(ratio: Ratio, factor: float) -> Ratio:
    return _times(ratio[0], factor), ratio[1]


def _times(terms: Linear, factor: float) -> Linear:
    return {leaf: weight * factor for leaf, weight in terms.items()}


def _added(one: Linear, other: Linear, factor: float) -> Linear:
    return {
        leaf: one.get(leaf, 0.0) + factor * other.get(leaf, 0.0) for leaf in dict.fromkeys([*one, *other])
    }


def _terms(terms: Linear) -> Terms:
    return tuple((leaf, weight) for leaf, weight in terms.items() if weight != 0)


def _refused(name: str, why: str) -> UsageError:
    return UsageError(
        f"{name} cannot be tested on users: {why}. Metrics of events or orders can, such as "
        "revenue, orders, aov, ctr, clicks, conversions or conversion_rate."
    )
