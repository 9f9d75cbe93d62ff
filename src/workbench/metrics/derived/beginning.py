"""Where the records of orders begin: before it nothing was bought, as far as anybody can tell."""

from __future__ import annotations

from workbench.metrics import sql
from workbench.metrics.sql import Expression


def first_on_record() -> Expression:
    """Return one row with the instant of the first order, as `recorded_`.

    A figure of what users did after signup leaves out who signed up earlier: no order of theirs is no
    knowledge that they bought nothing.
    """
    orders = sql.unbound("orders")
    return orders.aggregate(recorded_=orders.ordered_at.min())


def ended(signed: Expression, days: int) -> Expression:
    """Return whether the first days after signup ended in the window."""
    first, after = (sql.literal(mark, "timestamp") - sql.interval(days) for mark in (sql.FIRST, sql.AFTER))
    return (signed > first) & (signed <= after)
