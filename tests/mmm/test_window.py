"""The periods that decisions refer to."""

from __future__ import annotations

from datetime import date

import pytest
from tests.mmm import handmade

from workbench.errors import UsageError
from workbench.mmm.window import whole, window_of


def test_the_window_is_the_last_year_where_there_is_more() -> None:
    market = handmade.market(periods=60)
    window = window_of(market)
    assert (window.start, window.stop, window.periods) == (8, 60, 52)
    assert (window.last - window.first).days == 52 * 7 - 1
    days = window_of(handmade.market(periods=400, period="day"))
    assert days.periods == 364
    assert (days.last - days.first).days == 363


def test_the_window_is_all_periods_where_there_are_fewer() -> None:
    market = handmade.market(periods=30)
    assert window_of(market) == whole(market)


def test_bounds_are_included() -> None:
    market = handmade.market(periods=30)
    window = window_of(market, first=date(2023, 1, 9), last=date(2023, 1, 23))
    assert (window.start, window.stop) == (1, 4)
    assert (window.first, window.last) == (date(2023, 1, 9), date(2023, 1, 29))


def test_a_window_without_a_period_is_refused() -> None:
    with pytest.raises(UsageError, match="2023-01-02"):
        window_of(handmade.market(), first=date(2030, 1, 1))
