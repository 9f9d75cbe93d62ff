"""One interval that is much wider than all others does not squeeze them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench import charts
from workbench.charts.drawing import Drawing
from workbench.charts.lanes import lanes
from workbench.charts.reach import GOES_ON, within_reach
from workbench.insights.returns import CREDITED, HOLDOUT, METHODS, MethodReturn, ReturnsByMethod

NARROW = {"email": (3.0, 2.5, 3.5), "tv": (1.2, 0.8, 1.6), "paid_search": (2.0, 1.0, 3.0)}


def drawn(**holdouts: tuple[float, float, float]) -> Drawing:
    rows = [(name, CREDITED, ends) for name, ends in NARROW.items()]
    rows += [(name, HOLDOUT, ends) for name, ends in holdouts.items()]
    found = [
        MethodReturn(channel=name, method=method, value=value, low=low, high=high, level=0.95)
        for name, method, (value, low, high) in rows
    ]
    picture = charts.method_returns(
        ReturnsByMethod(rows=tuple(sorted(found, key=lambda row: METHODS.index(row.method))))
    )
    assert isinstance(picture, Drawing)
    return picture


def test_the_number_stays_where_the_picture_ends() -> None:
    picture = drawn(email=(1.5, -60.0, 75.0))
    assert GOES_ON in picture.note
    assert "1.50x (−60.00x to 75.00x)" in str(picture.table.rows)
    assert "−60.00x to 75.00x" in picture.description
    assert {row["high"] for row in picture.table.figures if row["method"] == HOLDOUT} == {75.0}
    ends = {tuple(scale["domain"]) for scale in _scales(picture.to_json())}
    assert ends == {(-3.0, 6.0)}  # the values, 0 and 1 lie from 0 to 3


def test_intervals_that_fit_are_drawn_whole() -> None:
    picture = drawn(email=(1.5, -1.0, 4.0))
    assert GOES_ON not in picture.note
    assert _scales(picture.to_json()) == []


def _scales(value: Any) -> list[Any]:
    """Return every scale of a horizontal axis that has ends of its own."""
    if isinstance(value, list):
        return [found for part in value for found in _scales(part)]
    if not isinstance(value, dict):
        return []
    own = [value["x"]["scale"]] if "domain" in value.get("x", {}).get("scale", {}) else []
    return own + [found for part in value.values() for found in _scales(part)]


spans = st.tuples(st.floats(-50, 50), st.floats(0, 1000), st.floats(0, 1000))


@given(st.lists(spans, min_size=1, max_size=12))
def test_every_value_is_seen_and_every_cut_is_told(given_: list[tuple[float, float, float]]) -> None:
    points = [{"value": at, "low": at - less, "high": at + more} for at, less, more in given_]
    seen, ends = within_reach(points)
    if ends is None:
        assert seen == points
        return
    assert any(one["before"] or one["beyond"] for one in seen)
    for before, after in zip(points, seen, strict=True):
        assert ends[0] <= after["low"] <= after["value"] <= after["high"] <= ends[1]
        assert after["value"] == before["value"]
        assert after["before"] == (after["low"] > before["low"])
        assert after["beyond"] == (after["high"] < before["high"])


@pytest.mark.parametrize("low", [None, 1.0])
def test_without_intervals_there_is_nothing_to_cut(low: float | None) -> None:
    points = [{"value": 1.0, "low": low, "high": None}] * 2
    assert within_reach(points) == (points, None)


MODELS = ("Last touch", "Position based", "Markov", "Shapley, coverage")


@pytest.mark.parametrize(
    ("words", "label", "columns"),
    [(METHODS, "paid search", 1), (MODELS, "tv", 2), (MODELS, "A campaign of summer", 1)],
)
def test_the_words_of_a_legend_fit_on_a_phone(words: tuple[str, ...], label: str, columns: int) -> None:
    points = [
        {"label": label, "series": name, "value": 1.0, "low": None, "high": None, "said": "", "interval": ""}
        for name in words
    ]
    spec = str(lanes(points, [], order=[label], series=words))
    assert f"'columns': {columns}" in spec
