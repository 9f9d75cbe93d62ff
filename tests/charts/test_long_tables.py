"""Tables of large accounts: a page lists what matters most and sums up the others; the figures have all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import charts
from workbench.charts.cards import small_line
from workbench.charts.drawing import MOST_LISTED
from workbench.charts.tables import figure, tabulate, text
from workbench.explore.kpis import Point

COUNT = st.none() | st.integers(0, 10**6)


@dataclass(frozen=True, kw_only=True)
class _Campaign:
    name: str
    clicks: int | None
    rate: float


@settings(max_examples=30, deadline=None)
@given(st.lists(COUNT, min_size=1, max_size=40), st.integers(1, 20))
def test_what_is_listed_and_the_others_add_up_to_all(clicks: list[int | None], most: int) -> None:
    rows = [_Campaign(name=f"c{n}", clicks=some, rate=0.5) for n, some in enumerate(clicks)]
    columns = [
        text("name", "Campaign"),
        figure("clicks", "Clicks", "count", adds=True),
        figure("rate", "R", "%"),
    ]
    whole = tabulate(rows, columns, most=most)
    page = whole.to_json()
    assert len(whole.figures) == len(whole.rows) == len(clicks)
    assert page["left_out"] == max(0, len(clicks) - most)
    if any(some is not None for some in clicks):
        said = [row[1].replace(",", "") for row in page["rows"]]
        assert sum(int(some) for some in said if some != "–") == sum(some or 0 for some in clicks)
        if page["left_out"]:
            assert page["rows"][-1][0].split()[0] == str(page["left_out"])
            assert page["rows"][-1][2] == "", "a rate has no sum"
    else:
        assert len(page["rows"]) == min(most, len(clicks)), "nothing adds up"


def test_totals_end_a_table_behind_the_others() -> None:
    rows = [_Campaign(name=f"c{n}", clicks=2, rate=0.1) for n in range(MOST_LISTED + 3)]
    total = _Campaign(name="Total", clicks=2 * len(rows), rate=0.1)
    columns = [text("name", "Campaign"), figure("clicks", "Clicks", "count", bars=True, adds=True)]
    table = tabulate(rows, columns, totals=[total])
    page = table.to_json()
    assert page["rows"][MOST_LISTED:] == [["3 others", "6"], ["Total", "106"]]
    assert [page["bars"][0], *page["bars"][MOST_LISTED:]] == [[1.0], [None], [None]]
    assert table.figures[-1]["name"] == "Total"
    assert "<td>3 others</td>" in table.to_html()


@pytest.mark.parametrize("kind", ["campaign_table", "channel_table", "segment_table", "returns_by_model"])
def test_a_page_of_a_thousand_names_stays_short(samples: Any, kind: str) -> None:
    result = samples.RESULTS[kind](tuple(f"name {n:04d} of the autumn programme" for n in range(1000)))
    table = getattr(charts, kind)(result)
    page = table.to_json()
    assert len(page["rows"]) <= MOST_LISTED + 2
    assert len(table.figures) >= 1000
    assert page["left_out"] >= 1000 - MOST_LISTED


@given(st.lists(st.none() | st.integers(-9, 9).map(float), min_size=401, max_size=1200))
@settings(max_examples=15, deadline=None)
def test_a_small_line_of_years_reaches_as_far_as_all_its_days(values: list[float | None]) -> None:
    start = date(2022, 1, 1)
    points = tuple(Point(day=start + timedelta(days=n), value=value) for n, value in enumerate(values))
    drawn = [point for run in small_line(points) for point in run]
    known = [value for value in values if value is not None]
    assert len(drawn) <= 2 * 121 + 2 * values.count(None)
    if len(set(known)) > 1 and None not in values:
        assert {min(y for _, y in drawn), max(y for _, y in drawn)} == {0.0, 28.0}
        assert [x for x, _ in drawn] == sorted(x for x, _ in drawn)


def test_the_newest_cohorts_are_drawn_and_the_figures_have_all(samples: Any) -> None:
    result = samples.RESULTS["retention"]()
    one = next(cell for cell in result.cells if cell.retention is not None and cell.age > 0)
    months = [date(2022 + n // 12, 1 + n % 12, 1) for n in range(36)]
    cells = tuple(replace(one, cohort=month, age=age) for month in months for age in (1, 2))
    drawn = charts.retention(replace(result, cells=cells))
    assert drawn.note == "Drawn are the 24 newest cohorts; the figures have all."
    assert [len(drawn.table.rows), len(drawn.table.figures)] == [48, 72]
    assert drawn.table.rows[0][0] == "Jan 2023"


def test_of_sixty_tests_the_many_left_out_are_one_line_and_variants_are_told_apart(samples: Any) -> None:
    result = samples.RESULTS["summary_doubts"]()
    left_out = tuple((f"test_{n}", "Only the 12 newest tests are analysed here.") for n in range(48))
    known = next(row for row in result.rows if row.relative is not None and row.low is not None)
    name = "order_confirmation_with_a_long_name"
    rows = tuple(replace(known, experiment=name, variant=f"variant_{n}") for n in "bcd")
    many = replace(result, rows=rows, left_out=left_out)
    said = [item for item in charts.summary_doubts(many).items if "newest" in item[2]]
    assert said == [
        (
            "info",
            "48 tests",
            "Only the 12 newest tests are analysed here. These are test 0, test 1, test 2 and 45 more.",
        )
    ]
    few = charts.summary_doubts(replace(many, left_out=left_out[:3])).items
    assert [item[1] for item in few if "newest" in item[2]] == ["test 0", "test 1", "test 2"]
    drawn = [part.split(": ")[1] for part in charts.summary_changes(many).description.split("; ")]
    assert [name[:9] for name in drawn] == ["variant b", "variant c", "variant d"]
