"""Touchpoints from frames of any kind; what is wrong with a frame is said in one clear error."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from workbench.attribution.counting import count_journeys
from workbench.attribution.crediting import credit_of
from workbench.attribution.reading import Columns, touchpoints_of
from workbench.errors import BadInput, NotEnoughData

T = pd.to_datetime(["2024-01-01", "2024-01-02"])
TOUCHES = pd.DataFrame({"user_id": ["x", "y"], "timestamp": T, "channel": ["a", "b"]})
ORDERS = pd.DataFrame(
    {"user_id": ["x", "z"], "timestamp": T, "value": [10, 5], "conversion_id": ["o1", "o2"]}
)


@pytest.mark.parametrize(
    "frame",
    [
        lambda some: some,
        pl.from_pandas,
        lambda some: pl.from_pandas(some).with_columns(pl.col("user_id").cast(pl.Categorical)),
        lambda some: pa.Table.from_pandas(some, preserve_index=False),
        lambda some: iter(pa.Table.from_pandas(some, preserve_index=False).to_batches(max_chunksize=1)),
    ],
    ids=["pandas", "polars", "categorical", "arrow", "batches"],
)
def test_every_kind_of_frame_is_the_same(frame: Any) -> None:
    found = touchpoints_of(frame(TOUCHES), frame(ORDERS))
    assert found.names == ("a", "b")
    assert (found.touch.tolist(), found.value.tolist()) == ([0, -1, 1, -1], [10.0, 5.0])
    assert found.conversion_ids is not None
    assert found.conversion_ids.to_pylist() == ["o1", "o2"]
    assert [found.user_id(code) for code in found.user] == ["x", "x", "y", "z"]
    counted = count_journeys(found)
    assert counted.unattributed.sum(axis=0)[0].tolist() == [1.0, 5.0]
    assert counted.journeys == 2


def without(column: str) -> pd.DataFrame:
    return TOUCHES.drop(columns=column)


@pytest.mark.parametrize(
    ("touches", "orders", "said"),
    [
        (without("user_id"), None, "column 'user_id': there is no such column; expected one of 'timestamp'"),
        (without("channel"), None, "column 'channel'"),
        (TOUCHES.assign(timestamp=["2024-01-01"] * 2), None, "is no instant"),
        (TOUCHES.assign(timestamp=[T[0], None]), None, "row 2, column 'timestamp': there is no value"),
        (TOUCHES, ORDERS.assign(value=[1.0, None]), "row 2, column 'value': a conversion has no value"),
        (
            TOUCHES,
            ORDERS.assign(value=[1.0, np.inf]),
            "row 2, column 'value': a conversion has an infinite value",
        ),
        (TOUCHES, ORDERS.assign(value=["1", "2"]), "is no number"),
        (TOUCHES, ORDERS.assign(user_id=[1, 2]), "numbers in one place and text in another"),
        (TOUCHES.assign(user_id=[1.5, 2.0]), None, "no whole number"),
        (TOUCHES.assign(is_conversion=["yes", "no"]), None, "does not say yes or no"),
        (TOUCHES.assign(is_conversion=[True, None]).convert_dtypes(), None, "there is no value"),
        (5, None, "no frame"),
        ([{"user_id": 1}], None, "no record batch"),
    ],
)
def test_what_is_wrong_is_said(touches: Any, orders: Any, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        touchpoints_of(touches, orders)


def test_duplicates_count_once_and_are_counted() -> None:
    touches = pd.concat([TOUCHES.assign(event_id=["e1", "e2"])] * 2)
    touches = pd.concat([touches, TOUCHES.assign(event_id=["e1", "e1"], channel="other")])
    orders = pd.concat([ORDERS, ORDERS, ORDERS.assign(value=-1)])
    found = touchpoints_of(touches, orders).provenance
    assert (found.touches, found.conversions, found.duplicates, found.negative) == (4, 4, 4, 2)
    assert "4 rows were there twice" in found.sentence
    assert "negative value" in found.sentence


def test_nameless_touches_and_unknown_users() -> None:
    touches = TOUCHES.assign(channel=[None, "b"], user_id=["x", None])
    found = touchpoints_of(touches, ORDERS.assign(user_id=["x", None]))
    assert found.names == ("(not set)",)
    assert (found.provenance.not_set, found.provenance.nobody, found.provenance.conversions) == (1, 1, 2)
    assert "no user" in found.provenance.sentence
    assert count_journeys(found).unattributed.sum(axis=0)[0].tolist() == [1.0, 5.0]


def test_a_touch_that_calls_itself_unattributed_is_none_of_what_has_no_touch() -> None:
    found = touchpoints_of(TOUCHES.assign(channel=["(unattributed)", "b"]), ORDERS)
    assert found.names == ("(not set)", "b")
    assert found.provenance.not_set == 1
    credit = credit_of(count_journeys(found), "linear", replicates=0)
    assert credit.unattributed == 1  # of the user "z"
    assert sum(row.conversions for row in credit.of("linear")) == len(ORDERS)


def test_returns_have_negative_credit() -> None:
    found = count_journeys(touchpoints_of(TOUCHES, ORDERS.assign(user_id=["x", "y"], value=[10, -5])))
    assert found.credited("linear", "any").tolist() == [[1.0, 10.0], [1.0, -5.0]]


def test_times_of_other_zones_are_the_same_instants() -> None:
    there = TOUCHES.assign(timestamp=T.tz_localize("UTC").tz_convert("Asia/Tokyo"))
    assert touchpoints_of(there).instant.tolist() == touchpoints_of(TOUCHES).instant.tolist()


def test_names_are_sorted_and_none_is_there_without_a_touch() -> None:
    frame = pl.DataFrame(
        {
            "user_id": [1, 1],
            "timestamp": list(T.to_pydatetime()),
            "channel": ["b", "order"],
            "is_conversion": [0, 1],
        }
    ).with_columns(pl.col("channel").cast(pl.Enum(["z", "order", "b"])))
    assert touchpoints_of(frame).names == ("b",)


def test_ties_by_name_do_not_depend_on_arrival() -> None:
    same = TOUCHES.assign(user_id="x", timestamp=T[0])
    found = [touchpoints_of(some, ties="name").touch.tolist() for some in (same, same[::-1])]
    assert found == [[0, 1], [0, 1]]
    assert touchpoints_of(same[::-1]).touch.tolist() == [1, 0]


def test_columns_may_be_called_otherwise() -> None:
    renamed = TOUCHES.rename(columns={"user_id": "who", "timestamp": "when", "channel": "campaign"})
    found = touchpoints_of(renamed, by="campaign", columns=Columns(user="who", time="when"))
    assert found.attribute == "campaign"
    with pytest.raises(NotEnoughData):
        found.user_code("nobody")


def test_buckets_depend_on_the_id_alone() -> None:
    numbers = TOUCHES.assign(user_id=[7, 3])
    wide = TOUCHES.assign(user_id=[7, 2**40])
    small, large = touchpoints_of(numbers), touchpoints_of(wide)
    assert small.buckets(64)[small.user_code(7)] == large.buckets(64)[large.user_code(7)]
    many = touchpoints_of(
        pd.DataFrame({"user_id": range(64_000), "timestamp": T[0], "channel": "a"}), also=()
    )
    sizes = np.bincount(many.buckets(64))
    assert sizes.min() > 850
    assert sizes.max() < 1150


def test_an_order_of_nobody_moves_no_user_to_another_bucket() -> None:
    large = [2**60 + 1, 2**60 + 2, 2**60 + 3]
    rows = {"timestamp": pd.to_datetime(["2024-01-01"] * 3), "channel": "email"}
    touches = pd.DataFrame({"user_id": pd.array(large, "Int64"), **rows})
    order = pd.DataFrame({"user_id": pd.array([None], "Int64"), "timestamp": pd.to_datetime(["2024-01-02"])})
    alone, beside = touchpoints_of(touches), touchpoints_of(touches, order)
    assert beside.buckets(4096)[:3].tolist() == alone.buckets(4096).tolist()
    assert len(set(beside.keys().tolist())) == 4
