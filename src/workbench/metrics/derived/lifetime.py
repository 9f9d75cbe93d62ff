"""What users bring in: revenue of their first year, and margin by month."""

from __future__ import annotations

from workbench.metrics import sql
from workbench.metrics.derived.beginning import ended, first_on_record
from workbench.metrics.derived.definition import DerivedQuery
from workbench.metrics.queries import Query, aggregated, sliced
from workbench.metrics.sql import Expression

YEAR = 365
MONTH_SECONDS = 86_400 * 365.25 / 12
MARGIN_SUMS = ("customers", "margin_squares", "margin_by_months", "months_squares")


def _first_year(query: Query) -> Expression:
    users, by = _users(query)
    users = users.cross_join(first_on_record())
    users = users.filter(users.signed >= users.recorded_)
    observed = ended(users.signed, YEAR)
    known = users.signed < sql.literal(sql.AFTER, "timestamp")
    young = users.signed > sql.literal(sql.AFTER, "timestamp") - sql.interval(YEAR)
    rows = users.select(
        *by,
        users=sql.when(observed, 1, 0),
        revenue=sql.when(observed, 0.0),
        squares=sql.when(observed, 0.0),
        cubes=sql.when(observed, 0.0),
        below=sql.when(observed, 0),
        signed_up=sql.when(known, 1, 0),
        too_young=sql.when(known & young, 1, 0),
    )
    worth = _spent(users.filter(observed), by)
    bought = worth.select(
        *by,
        users=0,
        revenue=worth.spent_,
        squares=worth.spent_ * worth.spent_,
        cubes=worth.spent_ * worth.spent_ * worth.spent_,
        below=sql.when(worth.spent_ < 0, 1, 0),
        signed_up=0,
        too_young=0,
    )
    rows = rows.union(bought, distinct=False)
    return aggregated(
        rows, {name: rows[name] for name in by}, **{name: rows[name].sum() for name in FIRST_YEAR.figures}
    )


def _spent(users: Expression, by: list[str]) -> Expression:
    """Return what each of some users spent in the first year; those who bought only."""
    orders = sql.unbound("orders").select(buyer="user_id", at_="ordered_at", worth="order_value")
    pairs = users.join(orders, users.user_ == orders.buyer)
    pairs = pairs.filter(pairs.at_ >= pairs.signed, pairs.at_ < pairs.signed + sql.interval(YEAR))
    return pairs.group_by(*by, "user_").agg(spent_=sql.coalesce([pairs.worth.sum(), sql.literal(0.0)]))


def _margin(query: Query) -> Expression:
    users, by = _users(query)
    orders = sql.unbound("orders")
    orders = orders.filter(orders.ordered_at < sql.literal(sql.AFTER, "timestamp"))
    earned = orders.group_by(buyer=orders.user_id).agg(earned_=(orders.order_value - orders.cogs).sum())
    rows = users.join(earned, users.user_ == earned.buyer)
    rows = rows.filter(rows.signed < sql.literal(sql.AFTER, "timestamp")).cross_join(first_on_record())
    since = sql.when(rows.signed < rows.recorded_, rows.recorded_, rows.signed)
    months = (sql.seconds(sql.literal(sql.AFTER, "timestamp")) - sql.seconds(since)) / MONTH_SECONDS
    groups = {name: rows[name] for name in by}
    earned = rows.earned_
    return aggregated(
        rows,
        groups,
        margin=earned.sum(),
        months=months.sum(),
        customers=earned.count(),
        margin_squares=(earned * earned).sum(),
        margin_by_months=(earned * months).sum(),
        months_squares=(months * months).sum(),
    )


def _users(query: Query) -> tuple[Expression, list[str]]:
    users = sliced(sql.unbound("users"), "users", query)
    by = {f"d{place}": users[f"dim_{name}"] for place, name in enumerate(query.by)}
    return users.select(**by, user_=users.user_id, signed=users.signup_at), list(by)


FIRST_YEAR = DerivedQuery(
    name="first_year",
    says=(
        f"Users whose first {YEAR} days ended in the window, what they spent in those days, returns taken "
        "off, the squares and cubes of that for its interval, and who brought less than nothing; and how many"
        " of all users by then had not been seen for a year. Who signed up before the first order on record "
        "is left out."
    ),
    table="users",
    needs=frozenset({"users", "orders"}),
    figures=("users", "revenue", "squares", "cubes", "below", "signed_up", "too_young"),
    build=_first_year,
    time=False,
)

CUSTOMER_MARGIN = DerivedQuery(
    name="customer_margin",
    says=(
        "Users with an order by the end of the window: revenue less cost of goods of all their orders, and "
        "the months since their signup, or since the first order on record where that is later; and the "
        "squares and products of both by customer, for the variance. "
        "By campaign and channel it is the one they were acquired by."
    ),
    table="users",
    needs=frozenset({"users", "orders"}),
    figures=("margin", "months", *MARGIN_SUMS),
    build=_margin,
    time=False,
    grows="it is of all orders so far, and the shorter the records, the more a customer seems to bring",
)
