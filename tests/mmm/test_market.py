"""Tables that are taken, and every way in which one is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import BadInput, NotEnoughData, WorkbenchError
from workbench.mmm.market import fingerprint_of, market_of
from workbench.mmm.spec import Channel, LiftTest, MixSpec

WEEKS = 104
SPEC = MixSpec(
    name="weekly",
    outcome="revenue",
    date="week",
    channels=(Channel(name="tv", spend="tv_spend"), Channel(name="social", exposure="views")),
    controls=("price",),
)
REGIONAL = replace(SPEC, region="land")


def frame(weeks: int = WEEKS) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    social = np.round(rng.uniform(10, 20, weeks), 2)
    return pd.DataFrame(
        {
            "week": pd.date_range("2022-01-03", periods=weeks, freq="7D").astype(str),
            "tv_spend": np.where(np.arange(weeks) % 5, 0, 100.0),
            "social": social,
            "views": np.round(100 * social),
            "price": rng.normal(0, 1, weeks),
            "revenue": rng.uniform(900, 1100, weeks),
            "note": "whatever",
        }
    )


def regions() -> pd.DataFrame:
    return pd.concat([frame().assign(land="south"), frame().assign(land="north", revenue=7.0)])


def with_value(column: str, value: object, row: int = 4) -> pd.DataFrame:
    table = frame()
    table[column] = table[column].astype(object)
    table.loc[row, column] = value
    return table


def test_columns_stand_where_they_belong() -> None:
    market = market_of(SPEC, frame())
    assert (market.period, market.regions, market.channels) == ("week", ("all",), ("tv", "social"))
    assert market.outcome[0].tolist() == frame().revenue.tolist()
    assert market.spend[0, :, 0].tolist() == frame().tv_spend.tolist()
    assert market.exposure[0, :, 1].tolist() == frame().views.tolist()
    assert market.exposure[0, :, 0].tolist() == frame().tv_spend.tolist()
    assert market.control[0, :, 0].tolist() == frame().price.tolist()


def test_regions_come_by_name() -> None:
    market = market_of(REGIONAL, regions())
    assert market.regions == ("north", "south")
    assert set(market.outcome[0]) == {7.0}
    assert market.outcome[1].tolist() == frame().revenue.tolist()


@pytest.mark.parametrize(
    "turned",
    [
        pl.from_pandas,
        pa.Table.from_pandas,
        lambda table: table.sample(frac=1, random_state=1),
        lambda table: table.assign(week=pd.to_datetime(table.week)),
        lambda table: table.assign(week=pd.to_datetime(table.week, utc=True)),
        lambda table: table.assign(week=pd.to_datetime(table.week).dt.date),
        lambda table: table.assign(week=table.week + " 00:00:00"),
        lambda table: table.to_dict("list"),
        lambda table: pl.from_pandas(table).with_columns(pl.col("week").str.to_date()),
        lambda table: pa.Table.from_batches(
            [pa.RecordBatch.from_pandas(table[:9]), pa.RecordBatch.from_pandas(table[9:])]
        ),
        lambda table: table.assign(tv_spend=table.tv_spend.astype(int)),
        lambda table: table.assign(tv_spend=table.tv_spend.astype(str)),
    ],
)
def test_same_figures_have_the_same_fingerprint(turned: Callable[[pd.DataFrame], Any]) -> None:
    assert market_of(SPEC, turned(frame())).fingerprint == market_of(SPEC, frame()).fingerprint


@settings(max_examples=30, deadline=None)
@given(
    row=st.integers(0, WEEKS - 1),
    column=st.sampled_from(["tv_spend", "social", "views", "price", "revenue"]),
)
def test_every_figure_is_in_the_fingerprint(row: int, column: str) -> None:
    table = frame()
    table.loc[row, column] = np.nextafter(table.loc[row, column], np.inf)
    assert market_of(SPEC, table).fingerprint != market_of(SPEC, frame()).fingerprint


def test_names_and_days_are_in_the_fingerprint() -> None:
    later = frame().assign(week=pd.date_range("2022-01-10", periods=WEEKS, freq="7D"))
    renamed = replace(SPEC, channels=(replace(SPEC.channels[0], name="television"), SPEC.channels[1]))
    found = {
        market_of(SPEC, frame()).fingerprint,
        market_of(SPEC, later).fingerprint,
        market_of(renamed, frame()).fingerprint,
    }
    assert len(found) == 3


def test_a_part_is_what_its_own_table_would_give() -> None:
    part = market_of(SPEC, frame()).between(20, 90)
    alone = market_of(SPEC, frame()[20:90])
    assert part.fingerprint == alone.fingerprint == fingerprint_of(part)


def test_days() -> None:
    days = frame(400).assign(week=pd.date_range("2022-01-01", periods=400))
    assert market_of(SPEC, days).period == "day"
    with pytest.raises(NotEnoughData, match=r"200 days .* at least 364 days"):
        market_of(SPEC, days[:200])


def _dates(days: list[Any]) -> pd.DataFrame:
    return frame(len(days)).assign(week=[str(day)[:10] for day in days])


MIXED = [*pd.date_range("2022-01-01", periods=30), *pd.date_range("2022-01-31", periods=90, freq="7D")]
UNEVEN = [day + pd.Timedelta(days=int(place == 50)) for place, day in enumerate(pd.to_datetime(frame().week))]

BAD: dict[str, tuple[MixSpec, Any, str]] = {
    "missing": (
        SPEC,
        frame().rename(columns={"tv_spend": "tv_spent"}),
        "'tv_spend'.*Did you mean 'tv_spent'",
    ),
    "case": (replace(SPEC, outcome="REVENUE"), frame(), "'REVENUE'.*Did you mean 'revenue'"),
    "twice": (
        SPEC,
        pd.concat([frame(), frame()[["price"]]], axis=1),
        "column 'price': the column stands twice",
    ),
    "no table": (SPEC, [1, 2], "a list is no table"),
    "empty": (SPEC, frame()[:0], "no row"),
    "unreadable": (SPEC, with_value("week", "01/02/2022"), "row 6, column 'week', value '01/02/2022'"),
    "no date": (SPEC, with_value("week", None), "row 6, column 'week': no day"),
    "hour": (SPEC, with_value("week", "2022-01-31 14:00"), "row 6.*not a day"),
    "far": (SPEC, with_value("week", "1022-01-31"), "row 6.*not a day"),
    "number as a date": (SPEC, frame().assign(week=range(WEEKS)), "row 2, column 'week', value '0'"),
    "duplicate": (SPEC, pd.concat([frame(), frame()[5:6]]), "row 106.*2022-02-07 stands more than once"),
    "region twice": (
        REGIONAL,
        pd.concat([regions(), regions()[:1]]),
        "row 210.*2022-01-03 of 'south' stands more than once",
    ),
    "gap": (SPEC, frame().drop(index=[7, 8, 40]), "3 weeks.*are missing, the first is 2022-02-21"),
    "mixed": (SPEC, _dates(MIXED), "days and weeks are mixed: days from 2022-01-01, weeks from 2022-01-31"),
    "weekdays": (SPEC, _dates(UNEVEN), "2022-12-19 is a Monday, 2022-12-20 a Tuesday|different weekdays"),
    "months": (
        SPEC,
        _dates([*pd.date_range("2015-01-01", periods=60, freq="MS")]),
        "neither days nor weeks: 31 days",
    ),
    "region without weeks": (
        REGIONAL,
        regions()[:-3],
        "1 of 2 regions miss periods: 'north' has no row for 2023-12-11 and 2 more",
    ),
    "no region": (REGIONAL, regions().assign(land=[None, *["a"] * 207]), "row 2, column 'land'"),
    "NaN": (SPEC, with_value("revenue", np.nan), "row 6, column 'revenue': no number"),
    "infinite": (SPEC, with_value("social", -np.inf), "row 6, column 'social', value '-inf'"),
    "negative spend": (
        SPEC,
        with_value("tv_spend", -3.0),
        "row 6, column 'tv_spend', value '-3.0': .* below 0",
    ),
    "negative outcome": (SPEC, with_value("revenue", -3.0), "row 6, column 'revenue', value '-3.0'"),
    "NaN in a control": (SPEC, with_value("price", np.nan), "row 6, column 'price'"),
    "text": (SPEC, with_value("social", "12,50"), "row 6, column 'social', value '12,50': not a number"),
    "words": (replace(SPEC, controls=("note",)), frame(), "'whatever': not a number.*column of 0 and 1"),
    "underscores": (SPEC, with_value("social", "1_000"), "row 6, column 'social', value '1_000'"),
    "too large": (SPEC, with_value("price", -1e19), "row 6, column 'price', value '-1e.19': no figure"),
    "beyond": (SPEC, with_value("social", 10**400), "row 6, column 'social'"),
    "hidden infinity": (SPEC, with_value("social", "inf"), "row 6, column 'social'.*not finite"),
    "never spends": (SPEC, frame().assign(tv_spend=0), "'tv_spend': the channel 'tv' never spends"),
    "nothing sold": (SPEC, frame().assign(revenue=0), "'revenue': it is 0 in every period"),
    "spend unseen": (SPEC, frame().assign(views=0), "row 2, column 'social'.*'social' without 'views'"),
    "seen unpaid": (
        SPEC,
        frame().assign(social=[5.0] * 50 + [0.0] * 54),
        "row 52, column 'views'.*'views' without 'social' in 54 rows",
    ),
    "short": (SPEC, frame(51), "51 weeks .* at least 52 weeks"),
    "one week": (SPEC, frame(1), "1 period"),
}


@pytest.mark.parametrize("case", BAD)
def test_one_clear_error(case: str) -> None:
    spec, table, message = BAD[case]
    with pytest.raises(WorkbenchError, match=message) as raised:
        market_of(spec, table, file="sales.csv")
    assert isinstance(raised.value, NotEnoughData) or "sales.csv" in str(raised.value) or case == "no table"


def test_little_money_without_exposure_is_for_the_checks_to_say() -> None:
    market_of(SPEC, with_value("views", 0.0))


def test_the_last_week_may_be_incomplete() -> None:
    market_of(SPEC, frame(), last_day=date(2023, 12, 31))
    with pytest.raises(BadInput, match=r"the week from 2023-12-25 ends on 2023-12-31.*incomplete"):
        market_of(SPEC, frame(), last_day=date(2023, 12, 30))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"start": date(2021, 12, 31)},
            "'spring' runs from 2021-12-31 .* outside of the data from 2022-01-03",
        ),
        ({"end": date(2024, 1, 1)}, "to 2023-12-31"),
        ({"regions": ("nort",)}, "No region named 'nort'. Did you mean 'north'"),
    ],
)
def test_lift_tests_lie_within_the_data(changes: dict[str, Any], message: str) -> None:
    fine = LiftTest(
        channel="tv",
        start=date(2023, 1, 2),
        end=date(2023, 12, 31),
        spend_change=10,
        outcome_change=20,
        error=5,
        regions=("north",),
        source="spring",
    )
    market_of(replace(REGIONAL, lift_tests=(fine,)), regions())
    with pytest.raises(BadInput, match=message):
        market_of(replace(REGIONAL, lift_tests=(replace(fine, **changes),)), regions())
    with pytest.raises(BadInput, match="the model has no regions"):
        market_of(replace(SPEC, lift_tests=(fine,)), frame())


@settings(max_examples=60, deadline=None)
@given(
    value=st.one_of(
        st.none(), st.text(max_size=5), st.floats(), st.integers(), st.binary(max_size=3), st.booleans()
    ),
    column=st.sampled_from(["week", "tv_spend", "revenue", "price"]),
)
def test_any_value_is_taken_or_named(value: object, column: str) -> None:
    found: object = None
    try:
        found = market_of(SPEC, with_value(column, value), file="sales.csv")
    except WorkbenchError as error:
        found = str(error)
    assert "sales.csv" in found if isinstance(found, str) else np.isfinite(found.outcome).all()
