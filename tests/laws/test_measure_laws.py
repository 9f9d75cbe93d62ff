"""Laws that hold for every measure, on data that hypothesis invents."""

from __future__ import annotations

import math
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent.parent / "metrics"))

from metric_tables import Memory, event

from workbench.metrics import METRICS, measure
from workbench.metrics.measures import Arithmetic, Constant, Days, Leaf, Measure, leaves, walk
from workbench.metrics.window import Window, parse_window

TYPES = ("campaign_delivered", "campaign_clicked", "campaign_converted", "user_engaged")
ADDITIVE = ("clicks", "impressions", "conversions")
RATIOS = ("ctr", "click_conversion_rate", "funnel_efficiency")
few = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])

rows = st.lists(
    st.builds(
        lambda kind, user, day, campaign, value: event(
            kind, user, f"2024-03-{day:02d}", campaign_id=campaign, value=value, is_holdout=False
        ),
        st.sampled_from(TYPES),
        st.integers(1, 6),
        st.integers(1, 9),
        st.sampled_from(["a", "b", "c"]),
        st.floats(0, 1e6),
    ),
    min_size=1,
    max_size=40,
)
WINDOW = "2024-03-01:2024-03-09"
# Each type has occurred, if not in the window: what never occurred is unknown rather than zero.
EARLIER = [event(kind, 99, "2024-02-01", campaign_id="z", value=1.0, is_holdout=False) for kind in TYPES]


def values(lines: list[dict[str, Any]], names: tuple[str, ...], by: str = "") -> dict[Any, float]:
    found = measure(Memory(facts=EARLIER + lines), names, by=by, window=WINDOW)
    return {(row.metric, row.slice): row.value for row in found.rows}


def same(one: dict[Any, float], other: dict[Any, float]) -> bool:
    return one.keys() == other.keys() and all(
        math.isclose(one[key], other[key], rel_tol=1e-12) or (math.isnan(one[key]) and math.isnan(other[key]))
        for key in one
    )


@few
@given(rows)
def test_slices_of_an_additive_measure_sum_to_the_whole(lines: list[dict[str, Any]]) -> None:
    whole = values(lines, ADDITIVE)
    for by in ("campaign", "day", "week"):
        parts = values(lines, ADDITIVE, by)
        for name in ADDITIVE:
            total = sum(value for (metric, _), value in parts.items() if metric == name)
            assert total == pytest.approx(whole[name, ()], rel=1e-12)


@few
@given(rows)
def test_a_ratio_is_a_sum_over_a_sum_at_every_grain(lines: list[dict[str, Any]]) -> None:
    for by in ("", "campaign", "day"):
        for row in measure(Memory(facts=EARLIER + lines), RATIOS, by=by, window=WINDOW).rows:
            if row.denominator:
                assert row.value == row.numerator / row.denominator
            else:
                assert math.isnan(row.value)


@few
@given(rows, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(lines: list[dict[str, Any]], random: Any) -> None:
    shuffled = list(lines)
    random.shuffle(shuffled)
    names = (*ADDITIVE, *RATIOS, "conversion_rate", "frequency")
    assert same(values(lines, names, "campaign"), values(shuffled, names, "campaign"))


@few
@given(rows, st.integers(1, 9))
def test_events_of_another_type_change_nothing(lines: list[dict[str, Any]], day: int) -> None:
    other = [event("dashboard_accessed", 3, f"2024-03-{day:02d}", campaign_id="a")]
    names = (*ADDITIVE, *RATIOS, "conversion_rate")
    assert same(values(lines, names, "campaign"), values(lines + other, names, "campaign"))


def test_what_never_occurred_is_unknown() -> None:
    lines = [event("campaign_clicked", 1, "2024-03-01", campaign_id="a")]
    found = measure(Memory(facts=lines), ["clicks", "conversions", "roas"], window=WINDOW)
    assert found.value("clicks") == 1
    assert math.isnan(found.value("conversions"))
    assert "no campaign converted event recorded" in next(
        row.note for row in found.rows if row.metric == "conversions"
    )


@few
@given(rows)
def test_users_of_slices_are_at_least_those_of_the_whole(lines: list[dict[str, Any]]) -> None:
    whole = values(lines, ("users_reached",))["users_reached", ()]
    assert sum(values(lines, ("users_reached",), "campaign").values()) >= whole
    assert not METRICS["users_reached"].is_.additive


@pytest.mark.parametrize("name", METRICS)
def test_the_printed_formula_is_the_computed_one(name: str) -> None:
    """With a number in place of every leaf, the text evaluates to what the formula computes."""
    formula = METRICS[name].is_
    figures = {leaf: 2.0 + 3 * place for place, leaf in enumerate(leaves(formula))}
    text = str(formula)
    for leaf, figure in sorted(figures.items(), key=lambda item: -len(str(item[0]))):
        text = text.replace(str(leaf), repr(figure))
    printed = eval(text, {"__builtins__": {}})  # noqa: S307 - numbers and operators only
    assert printed == pytest.approx(computed(formula, figures), rel=1e-5)


def computed(formula: Measure, figures: dict[Leaf, float]) -> float:
    if isinstance(formula, Constant):
        return formula.value
    if isinstance(formula, Leaf):
        return figures[formula]
    assert isinstance(formula, Arithmetic)
    left, right = computed(formula.left, figures), computed(formula.right, figures)
    return {"+": left + right, "-": left - right, "*": left * right, "/": left / right}[formula.operator]


@pytest.mark.parametrize("name", METRICS)
def test_measures_are_values(name: str) -> None:
    formula = METRICS[name].is_
    assert hash(formula) == hash(METRICS[name].is_)
    assert all(isinstance(node, Measure) for node in walk(formula))
    assert all(isinstance(leaf, Days) or leaf.needs for leaf in leaves(formula))


@given(st.dates(date(1925, 1, 1), date(2200, 12, 31)), st.integers(1, 4000))
def test_windows_of_a_length_lie_side_by_side(last: date, length: int) -> None:
    window = Window.ending(last, length)
    before = window.previous
    assert before.days == window.days == length
    assert before.after == window.first
    assert parse_window(str(window), None) == window
