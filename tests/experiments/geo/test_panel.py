from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from workbench.errors import BadInput, NotEnoughData, UsageError
from workbench.experiments.geo.panel import Panel, panel_of


@pytest.fixture
def rows() -> pd.DataFrame:
    days = [f"2026-03-{day:02d}" for day in range(1, 15)]
    return pd.DataFrame(
        [
            {"geo": geo, "day": day, "value": float(10 * place + turn), "cost": 1.0}
            for place, geo in enumerate(["west", "east", "north"])
            for turn, day in enumerate(days)
        ]
    )


def test_reads_pandas_polars_and_arrow_alike_in_any_order(rows: pd.DataFrame) -> None:
    first = panel_of(rows, spend="cost")
    assert first.geos == ("east", "north", "west")
    assert first.days[0] == date(2026, 3, 1)
    assert first.values[2].tolist() == list(range(14))
    assert first.spend is not None
    assert first.spend.sum() == 42
    mixed = rows.sample(frac=1, random_state=1).reset_index(drop=True)
    dated = mixed.assign(day=pd.to_datetime(mixed["day"]))
    for table in (mixed, pl.from_pandas(mixed), pa.Table.from_pandas(mixed), dated, pl.from_pandas(dated)):
        again = panel_of(table)
        assert again.geos == first.geos
        assert again.days == first.days
        np.testing.assert_array_equal(again.values, first.values)


def test_names_gaps_and_fills_them_only_when_asked(rows: pd.DataFrame) -> None:
    holed = rows.drop(index=[3, 20])
    with pytest.raises(
        BadInput, match=r"2 of 42 geo-days have no row: east on 2026-03-07, west on 2026-03-04"
    ):
        panel_of(holed)
    filled = panel_of(holed, gaps="zero")
    assert filled.values[2, 3] == 0
    assert filled.notes[0].startswith("2 of 42 geo-days have no row")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda rows: pd.concat([rows, rows.iloc[:2]]),
            "2 geo-days have more than one row, the first is west on",
        ),
        (lambda rows: rows[rows["day"] != "2026-03-05"], "nothing between 2026-03-04 and 2026-03-06"),
        (
            lambda rows: rows.assign(value=np.where(rows.index == 4, np.inf, 1.0)),
            "values of west on 2026-03-05 is inf",
        ),
        (lambda rows: rows.assign(value=np.where(rows.index == 4, np.nan, 1.0)), "is nan"),
        (lambda rows: rows.assign(day="soon"), "'day': not every value is a day"),
        (lambda rows: rows.assign(value="much"), "'value': not every value is a number"),
        (lambda rows: rows.assign(geo=np.where(rows.index == 4, None, "a")), "1 rows have no geo"),
    ],
)
def test_refuses_with_the_place(rows: pd.DataFrame, change: object, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        panel_of(change(rows))  # type: ignore[operator]


def test_refuses_unknown_columns_and_empty_tables(rows: pd.DataFrame) -> None:
    with pytest.raises(UsageError, match="Did you mean 'value'"):
        panel_of(rows, value="valu")
    with pytest.raises(NotEnoughData, match="no geo-day"):
        panel_of(rows.iloc[:0])


def test_takes_weeks_months_and_years() -> None:
    weeks = tuple(date.fromisocalendar(2026, week, 1) for week in range(1, 13))
    months = tuple(date(2026, month, 1) for month in range(1, 13))
    years = tuple(date(year, 1, 1) for year in range(1970, 1982))
    for days in (weeks, months, years):
        assert Panel(geos=("a",), days=days, values=np.ones((1, 12))).position(days[4]) == 4
    for days in (weeks, months, years):
        with pytest.raises(BadInput, match="nothing between"):
            Panel(geos=("a",), days=(*days[:5], *days[6:]), values=np.ones((1, 11)))


def test_chooses_geos_and_days(rows: pd.DataFrame) -> None:
    panel = panel_of(rows, spend="cost")
    assert panel.without(["north"]).geos == ("east", "west")
    assert panel.only(["west", "east"]).values[0, 0] == 0
    assert panel.cut(2, 5).days == (date(2026, 3, 3), date(2026, 3, 4), date(2026, 3, 5))
    with pytest.raises(UsageError, match="Did you mean 'north'"):
        panel.without(["nort"])
    with pytest.raises(UsageError, match="shape"):
        Panel(geos=("a",), days=panel.days, values=panel.values)
    with pytest.raises(BadInput, match="twice"):
        Panel(geos=("a", "a", "b"), days=panel.days, values=panel.values)
