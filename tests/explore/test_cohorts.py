"""Cohorts against pandas, and the rule of old enough."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from workbench.errors import UsageError
from workbench.explore.cohorts import CohortCell, Cohorts, cohort_table, cohorts


def _people(count: int = 400, seed: int = 3) -> tuple[list[dict], list[dict]]:
    rng = np.random.default_rng(seed)
    start = datetime(2024, 1, 1, 13, 30, tzinfo=UTC)
    users, orders = [], []
    for who in range(count):
        signup = start + timedelta(hours=float(rng.uniform(0, 24 * 120)))
        users.append(
            {"user_id": f"u{who}", "signup_at": signup, "acquisition_channel": ("email", "push")[who % 2]}
        )
        for number in range(rng.poisson(3)):
            at = signup + timedelta(hours=float(rng.uniform(-24, 24 * 150)))
            if at.date() > date(2024, 6, 15):
                continue
            back = rng.random() < 0.1
            value = float(rng.normal(40, 10)) * (-1 if back else 1)
            orders.append(
                {"order_id": f"o{who}.{number}", "line": 1, "user_id": f"u{who}", "ordered_at": at}
                | {"order_value": value, "is_return": bool(back)}
            )
    orders.append(
        {
            "order_id": "g",
            "line": 1,
            "user_id": None,
            "ordered_at": start,
            "order_value": 9.0,
            "is_return": False,
        }
    )
    return users, orders


@pytest.mark.parametrize("by", [None, "channel"])
def test_every_cell_equals_pandas(base, by) -> None:
    users, orders = _people()
    result = cohorts(base(last_day=date(2024, 6, 15), users=users, orders=orders), by=by)
    u, o = pd.DataFrame(users), pd.DataFrame(orders)
    u["cohort"] = u.signup_at.dt.date.map(lambda d: d.replace(day=1))
    u["slice"] = u.acquisition_channel if by else ""
    j = o.merge(u, on="user_id")
    day = lambda s: pd.to_datetime(s.dt.date)  # noqa: E731
    j["days"] = (day(j.ordered_at) - day(j.signup_at)).dt.days
    j = j[j.days >= 0]
    j["age"] = np.ceil(j.days / 30).astype(int)
    frame = result.to_frame()
    assert {(c.year, c.month) for c in frame.cohort} == {(2024, 1), (2024, 2), (2024, 3), (2024, 4)}
    for row in frame.itertuples():
        mine = u[(u.cohort == row.cohort) & (u.slice == row.slice)]
        cell = j[(j.cohort == row.cohort) & (j.slice == row.slice) & (j.age == row.age)]
        assert row.users == len(mine)
        assert row.active == cell[~cell.is_return].user_id.nunique()
        per_user = cell.groupby("user_id").order_value.sum().reindex(mine.user_id, fill_value=0.0)
        assert row.revenue_per_user == pytest.approx(per_user.mean())
        if row.revenue_high is not None and not np.isnan(row.revenue_high):
            student = per_user.std(ddof=1) / np.sqrt(len(mine)) * stats.t.ppf(0.975, len(mine) - 1)
            above = row.revenue_high - row.revenue_per_user
            assert 0.999 * student < above < (2 if row.active > 5 else 5) * student
    for cell in result.activation:
        mine = u[(u.cohort == cell.cohort) & (u.slice == cell.slice)]
        bought = j[~j.is_return & (j.days <= cell.within_days) & j.user_id.isin(mine.user_id)]
        assert cell.activated == bought.user_id.nunique()


def test_only_cohorts_old_enough_are_shown(base) -> None:
    def user(name: str, day: date) -> dict:
        return {"user_id": name, "signup_at": datetime(day.year, day.month, day.day, tzinfo=UTC)}

    order = {"order_id": "1", "line": 1, "user_id": "a", "order_value": 5.0, "is_return": False}
    order["ordered_at"] = datetime(2024, 1, 20, tzinfo=UTC)
    opening = order | {"order_id": "0", "user_id": None, "ordered_at": datetime(2024, 1, 1, tzinfo=UTC)}
    users = [user("a", date(2024, 1, 1)), user("b", date(2024, 1, 31))]
    # 30 days after 31 January is 1 March: the day before, the cohort is not complete.
    last = opening | {"order_id": "2", "ordered_at": datetime(2024, 3, 1, tzinfo=UTC)}
    early = cohorts(base(last_day=date(2024, 2, 29), users=users, orders=[opening, order, last]))
    assert early.cells == ()
    assert "30 days" in early.sentence
    late = cohorts(base(last_day=date(2024, 3, 1), users=users, orders=[opening, order, last]))
    assert [(cell.age, cell.active, cell.retention) for cell in late.cells] == [(0, 0, None), (1, 1, 0.5)]
    assert [cell.within_days for cell in late.activation] == [30]
    assert late.retention_at(1) == 0.5


def test_a_cohort_from_before_the_records_is_not_shown(base) -> None:
    """Its windows without an order are unknown; shown as 0 % they would look like lost customers."""
    users = [
        {"user_id": name, "signup_at": datetime(2023, month, 5, tzinfo=UTC)}
        for name, month in (("a", 3), ("b", 6))
    ]
    order = {"order_id": "1", "line": 1, "user_id": "a", "order_value": 5.0, "is_return": False}
    days = date(2023, 6, 1), date(2023, 6, 20), date(2023, 12, 31)
    orders = [
        order | {"order_id": str(day), "ordered_at": datetime(day.year, day.month, day.day, tzinfo=UTC)}
        for day in days
    ]
    result = cohorts(base(last_day=date(2023, 12, 31), users=users, orders=orders))
    assert {cell.cohort for cell in result.cells} == {date(2023, 6, 1)}


def _sold(buyers: int, uneven: float, rng: np.random.Generator, users: int = 100) -> CohortCell:
    """Return a cohort of which some bought for 1 on average."""
    spent = rng.lognormal(-(uneven**2) / 2, uneven, buyers)
    row = {"cohort": 2024 * 12, "slice": "", "age": 1, "active": buyers, "below": 0}
    powers = {name: (spent**power).sum() for name, power in (("revenue", 1), ("squares", 2), ("cubes", 3))}
    size = {"cohort": 2024 * 12, "slice": "", "users": users}
    cells, _ = cohort_table([size], [row | powers] if buyers else [], [], as_of=date(2024, 3, 5))
    return cells[1]


@pytest.mark.parametrize("users", [100, *(pytest.param(n, marks=pytest.mark.slow) for n in (30, 300, 1000))])
def test_what_few_buyers_bring_is_not_too_sure(users: int) -> None:
    """One in ten buys: the mean and 1.96 errors covered 74 to 91 %, and half of those of 30 began below 0."""
    rng = np.random.default_rng(3)
    cells = [_sold(rng.binomial(users, 0.1), 1.0, rng, users) for _ in range(1000)]
    known = [cell for cell in cells if cell.revenue_low is not None and cell.revenue_high is not None]
    assert len(known) > 0.95 * len(cells)
    assert min(cell.revenue_low for cell in known) >= 0
    assert np.mean([cell.revenue_low <= 0.1 <= cell.revenue_high for cell in known]) > 0.94


def test_a_cohort_that_bought_nothing_has_no_interval() -> None:
    cell = _sold(0, 1.0, np.random.default_rng(1))
    assert (cell.revenue_per_user, cell.revenue_low, cell.revenue_high) == (0.0, None, None)


def test_better_cohorts_are_no_loss_at_later_ages() -> None:
    """Each cohort orders as often at every age, and each next one more often: no window is a worse one."""
    sizes = [{"cohort": 2024 * 12 + month, "slice": "", "users": 1000} for month in range(4)]
    ages = [
        {"cohort": size["cohort"], "slice": "", "age": age, "active": 200 + 100 * month}
        | {"revenue": 1.0, "squares": 1.0, "cubes": 1.0, "below": 0}
        for month, size in enumerate(sizes)
        for age in (1, 2, 3)
    ]
    cells, _ = cohort_table(sizes, ages, [], as_of=date(2024, 5, 31))
    found = Cohorts(basis="signup", by=None, as_of=None, cells=cells, activation=(), currency="EUR")
    assert [found.retention_at(age) for age in (1, 2, 3)] == [0.35, 0.3, 0.25], "of other cohorts each"
    assert found.sentence == (
        "Of the users of 2 monthly cohorts (by signup) seen for 90 days, "
        "25% in days 1-30, 25% in days 31-60 and 25% in days 61-90 ordered."
    )


def test_nobody_is_lost_on_days_of_which_no_orders_came_yet(base) -> None:
    """Orders are exported up to 31 March, events go on to 15 June: April is no month without an order."""
    users, orders = _people()
    exported = [order for order in orders if order["ordered_at"].date() <= date(2024, 3, 31)]
    late = cohorts(base(last_day=date(2024, 6, 15), users=users, orders=exported))
    then = cohorts(base(last_day=date(2024, 3, 31), users=users, orders=exported))
    assert late.as_of == date(2024, 3, 31)
    assert late.cells == then.cells
    assert {(cell.cohort.month, cell.age) for cell in late.cells} == {(1, 0), (1, 1), (1, 2), (2, 0), (2, 1)}


def test_retention_is_not_activation(base) -> None:
    """An order on the day of signup activates, but is no return."""
    at = datetime(2024, 1, 5, 9, tzinfo=UTC)
    users = [{"user_id": "a", "signup_at": at}]
    order = {
        "order_id": "1",
        "line": 1,
        "user_id": "a",
        "ordered_at": at,
        "order_value": 5.0,
        "is_return": False,
    }
    guest = order | {"order_id": "2", "user_id": None, "ordered_at": datetime(2024, 5, 1, tzinfo=UTC)}
    opening = guest | {"order_id": "0", "ordered_at": datetime(2024, 1, 1, tzinfo=UTC)}
    orders = [opening, order, guest]
    result = cohorts(base(last_day=date(2024, 5, 1), users=users, orders=orders))
    assert all(cell.retention == 0 for cell in result.cells if cell.age > 0)
    assert result.activation
    assert all(cell.activation == 1 for cell in result.activation)
    first = cohorts(base(last_day=date(2024, 5, 1), orders=orders))
    assert first.cells
    assert (first.basis, first.activation) == ("first order", ())  # that all of them ordered is no finding


def test_first_orders_stand_in_for_signup(base) -> None:
    _, orders = _people(60)
    result = cohorts(base(orders=orders))
    assert result.basis == "first order"
    first = {cell.cohort: cell for cell in result.cells if cell.age == 0}
    assert all(cell.active == cell.users for cell in first.values())
    assert "users" in cohorts(base(orders=orders), by="channel").missing


def test_nothing_loaded_is_said(base) -> None:
    result = cohorts(base())
    assert result.cells == ()
    assert "orders" in result.sentence
    assert result.to_frame().empty
    assert "<table" in result._repr_html_()


def test_unknown_split_is_refused(base) -> None:
    users, orders = _people(5)
    with pytest.raises(UsageError, match="channel"):
        cohorts(base(users=users, orders=orders), by="shoe size")
