"""Reconciliation: planted differences are found, and nothing else is."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import polars as pl
import pytest

from workbench.errors import BadInput, UsageError
from workbench.explore.reconciliation import reconcile

START = date(2024, 2, 1)


def _rows() -> list[dict]:
    rng = np.random.default_rng(2)
    return [
        {
            "date": START + timedelta(days=day),
            "campaign_id": campaign,
            "channel": "social",
            "impressions": int(rng.integers(1000, 9000)),
            "clicks": int(rng.integers(10, 90)),
            "spend": float(rng.uniform(10, 90)),
            "conversions": float(rng.integers(1, 9)),
        }
        for day in range(10)
        for campaign in ("a", "b")
    ]


def test_equal_sides_agree(base) -> None:
    rows = _rows()
    export = pd.DataFrame(rows).assign(date=lambda frame: frame.date.astype(str))
    view = reconcile(base(daily_performance=rows), export)
    assert (view.compared, view.agreeing, view.mismatches) == (100, 100, ())
    assert "all totals agree" in view.sentence


def test_an_export_may_be_any_frame_and_no_path(base) -> None:
    rows = _rows()
    tables, export = base(daily_performance=rows), pl.DataFrame(rows)
    assert reconcile(tables, export) == reconcile(tables, export.to_pandas())
    assert reconcile(tables, export.to_arrow()).agreeing == 100
    with pytest.raises(UsageError, match="An export is a frame of pandas, Polars or Arrow"):
        reconcile(tables, "export.csv")


def test_planted_differences_are_found(base) -> None:
    rows = _rows()
    export = pd.DataFrame(rows)
    export.loc[3, "spend"] *= 1.02
    export.loc[5, "spend"] *= 1.005
    export.loc[7, "clicks"] += 30
    export = export.drop(index=12)
    extra = {
        "campaign_id": "c",
        "date": START,
        "impressions": 10,
        "clicks": 1,
        "spend": 1.0,
        "conversions": 1,
    }
    export = pd.concat([export, pd.DataFrame([extra])])
    view = reconcile(base(daily_performance=rows), export)
    found = {(row.campaign_id, row.day, row.figure) for row in view.mismatches}
    gone = (rows[12]["campaign_id"], rows[12]["date"])
    assert found == {
        (rows[3]["campaign_id"], rows[3]["date"], "spend"),
        (rows[7]["campaign_id"], rows[7]["date"], "clicks"),
        (rows[7]["campaign_id"], rows[7]["date"], "ctr"),
        *((*gone, name) for name in ("impressions", "clicks", "spend", "conversions", "ctr")),
        *(("c", START, name) for name in ("impressions", "clicks", "spend", "conversions", "ctr")),
    }
    spend = next(row for row in view.totals if row.figure == "spend")
    assert spend.ours == pytest.approx(sum(row["spend"] for row in rows))
    assert spend.theirs == pytest.approx(export.spend.sum())


def test_rows_of_a_day_are_added_up(base) -> None:
    rows = _rows()
    halves = pd.concat([pd.DataFrame(rows).assign(spend=lambda frame: frame.spend / 2)] * 2)
    view = reconcile(base(daily_performance=rows), halves[["campaign_id", "date", "spend"]])
    assert (view.compared, view.mismatches) == (20, ())


@pytest.mark.parametrize(
    ("export", "words"),
    [
        (pd.DataFrame({"date": ["2024-02-01"], "spend": [1.0]}), "campaign_id"),
        (pd.DataFrame({"campaign_id": ["a"], "date": ["2024-02-01"]}), "nothing to compare"),
        (pd.DataFrame({"campaign_id": ["a"], "date": ["1 Feb"], "spend": [1.0]}), "not a date"),
        (
            pd.DataFrame({"campaign_id": ["a"], "date": ["2024-02-01"], "spend": ["12,5"]}),
            "row 2.*not a number",
        ),
    ],
)
def test_bad_exports_are_named(base, export: pd.DataFrame, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        reconcile(base(daily_performance=_rows()), export)


def test_empty_sides(base) -> None:
    empty = pd.DataFrame({"campaign_id": [], "date": [], "spend": []})
    assert "no row" in reconcile(base(), empty).sentence
    view = reconcile(base(), pd.DataFrame(_rows()))
    assert view.agreeing == 0
    assert all(row.ours is None for row in view.totals)
    with pytest.raises(UsageError):
        reconcile(base(), empty, tolerance=-1)


def test_totals_that_one_side_lacks_do_not_agree(base) -> None:
    rows = [
        {"date": date(2024, 1, 1), "campaign_id": "a", "channel": "social", "clicks": 20, "conversions": 2.0}
    ]
    ours = base(daily_performance=rows)
    day = {"date": ["2024-01-01"]}
    strange = reconcile(ours, pd.DataFrame({"campaign_id": ["x"], **day, "clicks": [5]}))
    assert strange.sentence == "0 of 1 figures agree within 1%; in total they differ in clicks (only theirs)."
    none = reconcile(ours, pd.DataFrame({"campaign_id": ["a"], **day, "clicks": [20], "conversions": [0]}))
    assert none.sentence.endswith("in total they differ in conversions (only ours).")


def test_ids_and_days_that_a_gap_has_bent(base) -> None:
    """With a gap in its column a whole id is read as 123.0; the gap itself is no campaign, and no day."""
    rows = [{"date": date(2024, 1, 1), "campaign_id": "123", "channel": "social", "clicks": 20}]
    ours = base(daily_performance=rows)
    read = pd.DataFrame({"campaign_id": [123.0], "date": [pd.Timestamp("2024-01-01")], "clicks": [20]})
    assert reconcile(ours, read).agreeing == 1
    for column, gap in (
        ("campaign_id", None),
        ("campaign_id", float("nan")),
        ("date", None),
        ("date", pd.NaT),
    ):
        with pytest.raises(BadInput, match=column):
            reconcile(ours, pd.concat([read, read.assign(**{column: gap})]))


def test_a_difference_at_the_limit_is_within_it(base) -> None:
    rows = [{"date": date(2024, 1, 1), "campaign_id": "a", "channel": "social"}]
    ours = base(daily_performance=[rows[0] | {"impressions": 1000, "clicks": 20}])
    theirs = pd.DataFrame(
        {"campaign_id": ["a"], "date": ["2024-01-01"], "impressions": [1010], "clicks": [20]}
    )
    assert reconcile(ours, theirs).sentence == "3 of 3 figures agree within 1%; all totals agree."
