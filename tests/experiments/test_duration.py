"""Days until enough users came, where most of them come back."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import NotEnoughData, UsageError
from workbench.experiments.power.duration import Arrivals, arrivals, steady, whole_weeks

START = date(2024, 1, 1)


class Visits:
    """Tables of which only the events are filled."""

    dialect, currency = "duckdb", None

    def __init__(self, users: list[int], days: list[int], event: str = "campaign_viewed") -> None:
        self.connection = duckdb.connect()
        rows = pa.table(
            {
                "user_key": pa.array(users, pa.int64()),
                "day": pa.array([START + timedelta(days=int(day)) for day in days], pa.date32()),
                "event_type": [event] * len(users),
            }
        )
        self.connection.register("facts", rows)
        self.names = frozenset({"facts"} if users else ())
        self.last_day = START + timedelta(days=max(days)) if users else None

    def query(self, sql: str) -> pa.Table:
        return self.connection.sql(sql).to_arrow_table()


def visits(days: int, *, users: int = 20_000, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return who came on which day: everybody at a rate of her own, for 120 days, fewer at weekends."""
    generator = np.random.default_rng(seed)
    rate = generator.beta(0.6, 6.0, users)
    since = generator.integers(-120, days, users)
    weekly = np.where(np.arange(days) % 7 >= 5, 0.6, 1.1)
    came = generator.random((users, days)) < rate[:, None] * weekly
    age = np.arange(days) - since[:, None]
    came &= (age >= 0) & (age < 120)
    return np.nonzero(came)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_days_are_those_that_a_later_test_takes(seed: int) -> None:
    who, day = visits(112, seed=seed)
    past = day < 56
    known = arrivals(Visits(who[past].tolist(), day[past].tolist()))
    assert known.days == 56
    later_who, later_day = who[~past], day[~past] - 56
    first = np.full(who.max() + 1, 10_000)
    np.minimum.at(first, later_who, later_day)
    for days in (4, 8, 15, 22):
        users = int((first < days).sum())
        assert abs(known.days_for(users) - days) <= 1
        naive = users / (np.unique(later_who * 1000 + later_day).size / 56)
        assert naive < known.days_for(users), "daily users times days would promise too much"


def test_reach_counts_each_user_once() -> None:
    tables = Visits([1, 1, 2, 1, 3, 2, 3, 3], [0, 0, 0, 1, 1, 2, 3, 6])
    known = arrivals(tables)
    assert known.new_users == (2, 1, 0, 0, 0, 0, 0)
    assert known.daily_users == pytest.approx(7 / 7)
    assert (known.first_day, known.last_day) == (START, START + timedelta(days=6))
    assert arrivals(tables, window="3d").new_users == (0, 0, 1)
    assert list(known.to_frame()["reach"]) == [2, 3, 3, 3, 3, 3, 3]


def test_only_events_that_lead_into_the_test_count() -> None:
    tables = Visits([1, 2, 3], [0, 1, 6])
    with pytest.raises(NotEnoughData, match="no campaign_delivered of a user"):
        arrivals(tables, events=["campaign_delivered"])
    with pytest.raises(UsageError, match="Did you mean 'campaign_viewed'"):
        arrivals(tables, events=["campaign_view"])
    with pytest.raises(NotEnoughData, match="no event of a user"):
        arrivals(Visits([1, 2], [0, 1], "dashboard_accessed"))
    with pytest.raises(NotEnoughData, match="no events loaded"):
        arrivals(Visits([], []))


def test_nobody_new_is_said() -> None:
    dried = Arrivals(new_users=(100.0, *(0.0,) * 13))
    assert dried.days_for(100) == 1
    assert dried.days_for(101) is None
    assert steady(0.001).days_for(1000) is None
    assert "if nobody came back" in Arrivals(new_users=(50.0,) + (10.0,) * 6, daily_users=50.0).sentence


@settings(deadline=None)
@given(st.lists(st.integers(0, 500), min_size=1, max_size=40), st.integers(1, 60))
def test_reach_and_days_fit_together(new: list[int], days: int) -> None:
    known = Arrivals(new_users=tuple(map(float, new)))
    reached = [known.reach(day) for day in range(61)]
    assert all(one <= other for one, other in pairwise(reached))
    if known.reach(days) > 0:
        needed = known.days_for(known.reach(days) * (1 - 1e-12))
        assert needed is not None
        assert needed <= days


def test_tests_take_whole_weeks() -> None:
    assert [whole_weeks(days) for days in (1, 7, 8, 28)] == [7, 7, 14, 28]


@pytest.mark.parametrize("wrong", [(), (-1.0,), (float("nan"),), (float("inf"),)])
def test_numbers_of_users_are_numbers(wrong: tuple[float, ...]) -> None:
    with pytest.raises(UsageError):
        Arrivals(new_users=wrong)
