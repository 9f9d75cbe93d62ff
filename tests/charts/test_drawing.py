"""What every chart function returns, with names as attackers write them."""

from __future__ import annotations

import functools
import json
import re
import runpy
import unicodedata
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest
from altair.vegalite.v6.schema import Root
from hypothesis import given
from hypothesis import strategies as st
from nbformat import v4

from workbench import charts
from workbench.charts import mime
from workbench.charts.cards import Alerts, period
from workbench.charts.drawing import DataTable, Drawing, Nothing, shown
from workbench.charts.shapes import labels
from workbench.charts.tables import cell
from workbench.charts.theme import DARK, LIGHT
from workbench.explore.funnels import compare_funnels
from workbench.result import format_value

SAMPLES = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("samples.py"))))
HOSTILE, RESULTS, START = SAMPLES.HOSTILE, SAMPLES.RESULTS, SAMPLES.START
funnel, kpi_cards, trend = SAMPLES.funnel, SAMPLES.kpi_cards, SAMPLES.trend


def draw(kind: str) -> Any:
    return getattr(charts, kind)(RESULTS[kind](HOSTILE))


@functools.cache
def drawn(kind: str) -> Any:
    """Return a picture that is drawn once for all tests; not to be changed."""
    return draw(kind)


@functools.cache
def bundle_of(kind: str) -> dict[str, Any]:
    """Return what a notebook takes of that picture; not to be changed."""
    bundle: dict[str, Any] = drawn(kind)._repr_mimebundle_()
    return bundle


def texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for key, part in value.items() for text in (str(key), *texts(part))]
    return [text for part in value for text in texts(part)] if isinstance(value, list | tuple) else []


BUDGETS = {name for name in charts.__all__ if name.startswith("budget_")} | {"simulator_block"}


def test_every_public_function_is_tested() -> None:
    assert set(charts.__all__) - BUDGETS == set(RESULTS)
    theirs = Path(__file__).with_name("test_budget.py").read_text(encoding="utf-8")
    assert all(f"charts.{name}" in theirs or f"import {name}" in theirs for name in BUDGETS)


def test_a_notebook_takes_the_output(kind: str) -> None:
    bundle = bundle_of(kind)
    notebook = v4.new_notebook(
        cells=[v4.new_code_cell("x", outputs=[v4.new_output("display_data", data=bundle)])]
    )
    nbformat.validate(notebook)
    assert json.loads(json.dumps(bundle, allow_nan=False)) == json.loads(json.dumps(bundle))
    assert set(bundle) <= {
        mime.CHART,
        mime.KPI,
        mime.TABLE,
        mime.SENTENCE,
        mime.ALERTS,
        mime.FIGURES,
        "text/plain",
    }


def test_the_same_result_gives_the_same_output(kind: str) -> None:
    assert json.dumps(draw(kind)._repr_mimebundle_()) == json.dumps(bundle_of(kind))


def test_what_is_read_is_short_and_has_no_hidden_controls(kind: str) -> None:
    bundle = {key: part for key, part in bundle_of(kind).items() if key != mime.FIGURES}
    for text in texts(bundle):
        assert len(text) <= 1200
        assert not [c for c in text if unicodedata.category(c) in {"Cc", "Cf"}]


def test_a_chart_says_what_it_shows(kind: str) -> None:
    result = drawn(kind)
    if not isinstance(result, Drawing):
        return
    spec = result.to_json()
    assert len(spec["title"]["text"]) > 10
    assert len(spec["title"]["subtitle"]) > 10
    assert len(spec["description"]) > 20
    table = spec["usermeta"]["workbench"]["table"]
    assert table["rows"]
    assert all(len(row) == len(table["columns"]) for row in table["rows"])


def test_a_chart_keeps_the_schema_of_vega_lite(kind: str) -> None:
    result = drawn(kind)
    if isinstance(result, Drawing):
        Root.validate(result.to_json())


def test_a_chart_uses_the_colours_of_the_theme_only(kind: str) -> None:
    result = drawn(kind)
    if isinstance(result, Drawing):
        spec = {k: part for k, part in result.to_json().items() if k not in {"datasets", "usermeta", "title"}}
        found = set(re.findall(r"#[0-9a-f]{6}", json.dumps(spec)))
        assert found <= set(LIGHT.values())


def test_a_result_with_nothing_says_why(kind: str) -> None:
    result = RESULTS[kind](("a",))
    if kind in {"sentence", "table"}:
        return
    nothing = getattr(charts, kind)(replace(result, missing="Not enough data: no rows."))
    assert isinstance(nothing, Nothing)
    assert nothing._repr_mimebundle_()[mime.EMPTY]["reason"] == "Not enough data: no rows."


def test_figures_for_machines_are_complete_and_exact() -> None:
    result = trend(days=500)
    drawing = charts.trend(result)
    assert isinstance(drawing, Drawing)
    figures = drawing._repr_mimebundle_()[mime.FIGURES]
    assert len(figures) == 500
    assert [row["value"] for row in figures] == [point.value for point in result.points]
    table = drawing.to_json()["usermeta"]["workbench"]["table"]
    assert (len(table["rows"]), table["left_out"]) == (72, 0)
    assert table["rows"][-1][0] == cell(result.points[-1].day, None, None), "the last day is one of them"
    assert "figures have all days" in drawing.note
    several = trend(("a", "b"), days=500)
    picture = charts.trend(several).spec["concat"][0]["layer"][0]
    assert picture["encoding"]["y"]["field"] == "mean"
    assert picture["encoding"]["x"]["axis"]["format"] == "%b %Y"
    domain = picture["encoding"]["y"]["scale"]["domain"]
    assert domain[1] >= max(point.rolling or 0 for point in several.points[-8::7]) > 1
    result = trend(days=400)
    drawing = charts.trend(result)
    assert len(drawing.table.to_json()["rows"]) == 400
    whole = charts.trend(replace(result, points=tuple(replace(p, complete=True) for p in result.points)))
    marks = [[layer["mark"]["type"] for layer in made.spec["layer"]] for made in (drawing, whole)]
    assert ["point" in found for found in marks] == [True, False], "no layer without a row"


def test_funnel_shows_the_published_vector() -> None:
    table = charts.funnel(funnel())
    assert isinstance(table, Drawing)
    assert table.table.rows[0][:2] == ("impression", "384,230")
    assert [row[2] for row in table.table.rows[1:]] == ["3.79%", "85.4%", "78.1%", "13.2%"] or [
        row[2] for row in table.table.rows[1:]
    ] == ["3.79%", "85.39%", "78.09%", "13.22%"]


def test_a_funnel_of_a_channel_names_it_as_one_reads_it() -> None:
    of_one = replace(funnel(), label="contact_form")
    tables = charts.funnel(of_one).table, charts.funnel_steps(compare_funnels(of_one, funnel()))
    assert tables[0].caption == "Funnel: contact form"
    assert tables[1].columns[1].label == "contact form"
    assert "contact_form" not in tables[1].caption


def test_card_says_value_change_target_and_streak() -> None:
    (card,) = charts.kpi_cards(kpi_cards())._repr_mimebundle_()[mime.KPI]["cards"]
    assert (card["value"], card["interval"], card["change"]) == ("2.87x", "2.61x to 3.10x", "+6.3%")
    assert (card["change_is"], card["target"], card["target_is"], card["streak"]) == (
        "good",
        "3.50x",
        "missed",
        5,
    )


def test_falling_cost_is_good_news() -> None:
    cards = kpi_cards()
    falling = replace(cards.cards[0], better="lower", change=-0.1)
    (card,) = charts.kpi_cards(replace(cards, cards=(falling,)))._repr_mimebundle_()[mime.KPI]["cards"]
    assert card["change_is"] == "good"
    assert card["change"].startswith("−")


@pytest.mark.parametrize(
    ("change", "said"),
    [(0.16824, "+16.8%"), (-0.095, "−9.5%"), (0.00759, "+0.8%"), (0.0003, "+0.03%"), (19.063, "+1,906.3%")],
)
def test_changes_of_neighbouring_cards_have_the_same_decimals(change: float, said: str) -> None:
    cards = kpi_cards()
    moved = replace(cards.cards[0], change=change)
    (card,) = charts.kpi_cards(replace(cards, cards=(moved,)))._repr_mimebundle_()[mime.KPI]["cards"]
    assert card["change"] == said


@pytest.mark.parametrize("p", [None, 0.05, 0.4])
def test_a_change_that_may_be_chance_is_no_news(p: float | None) -> None:
    cards = kpi_cards()
    unsure = replace(cards.cards[0], change_p=p)
    (card,) = charts.kpi_cards(replace(cards, cards=(unsure,)))._repr_mimebundle_()[mime.KPI]["cards"]
    assert card["change_is"] == "even"
    assert card["change"] == "+6.3%"


def test_a_change_beyond_chance_is_no_chance_where_it_is_neither_good_nor_bad() -> None:
    cards = kpi_cards()
    spend = replace(cards.cards[0], better="neither", change_p=0.01)
    (card,) = charts.kpi_cards(replace(cards, cards=(spend,)))._repr_mimebundle_()[mime.KPI]["cards"]
    assert card["change_is"] == "told"


@pytest.mark.parametrize("kind", ["loads", "table_ages"])
def test_no_two_columns_of_loads_are_called_alike(kind: str) -> None:
    names = [column.label for column in drawn(kind).columns]
    assert len(set(names)) == len(names)


def test_parts_are_called_alike_in_the_picture_and_its_table() -> None:
    made = charts.lift_parts(RESULTS["lift_parts"](("INACTIVE", "30-34, M")))
    assert sorted(row[0] for row in made.table.rows) == ["30-34, M", "Inactive"]
    assert "Inactive" in made.description


def test_cards_say_that_the_report_on_holdouts_has_other_intervals() -> None:
    cards = kpi_cards()
    of_holdouts = replace(cards.cards[0], name="incrementality")
    said = "Those of holdouts come by a quicker method than in the report on holdouts, so they may differ."
    assert said in charts.kpi_cards(replace(cards, cards=(*cards.cards, of_holdouts))).caption
    for told in (cards.cards[0], replace(of_holdouts, low=None)):
        assert said not in charts.kpi_cards(replace(cards, cards=(told,))).caption


def test_cards_in_the_lab_name_their_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", "executive.ipynb")
    monkeypatch.delenv("WORKBENCH_OUTPUT", raising=False)
    cards = kpi_cards()
    unsure = replace(cards.cards[0], change_p=0.4, target_by_chance=True)
    table = charts.kpi_cards(replace(cards, cards=(unsure,)))._repr_mimebundle_()["text/html"]
    heads = ["Value", "95% interval", "Change", "Target"]
    assert re.findall(r"<th scope='col'>([^<]*)<", table) == heads
    said = ["", "2.87x", "2.61x to 3.10x", "+6.3% (may be chance)"]
    assert re.findall(r"<td>([^<]*)<", table) == [*said, "3.50x missed, within what chance could do"]


def test_changes_are_left_out_on_request() -> None:
    (card,) = charts.kpi_cards(kpi_cards(), compare=False)._repr_mimebundle_()[mime.KPI]["cards"]
    assert card["change"] == card["before"] == ""


def test_any_result_becomes_a_table() -> None:
    table = charts.table(trend(days=10))
    assert isinstance(table, DataTable)
    assert len(table.rows) == 10
    assert table.columns[1].label == "Day"


def test_html_for_people_at_a_notebook_is_escaped(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", "x.ipynb")
    html = drawn(kind)._repr_mimebundle_().get("text/html", "")
    assert "<script" not in html
    assert "<img" not in html


@given(st.text(max_size=300), st.integers(min_value=2, max_value=200))
def test_shown_is_one_line_of_printable_text(text: str, limit: int) -> None:
    line = shown(text, limit)
    assert len(line) <= limit
    assert line.isprintable()
    assert shown(line, limit) == line


@given(st.lists(st.text(max_size=80), max_size=20))
def test_labels_are_told_apart(names: list[str]) -> None:
    found = labels(names)
    assert len(found) == len(names)
    assert len(set(found)) == len(found)


def test_names_that_begin_alike_are_told_apart_within_what_an_axis_shows() -> None:
    begun = "Search – brand terms – audience"
    names = [f"{begun} {n:02d} of the autumn reach programme" for n in range(9)] + [begun, "tv"]
    found = labels(names)
    assert len({label[:20] for label in found}) == len(names)
    assert [label[-9:] for label in found[:2]] == ["00 of the", "01 of the"]
    assert found[-1] == "tv"


def test_a_page_lists_the_largest_budgets_and_their_total() -> None:
    plan = SAMPLES.pacing()
    rows = tuple(replace(plan.rows[0], campaign_id=f"c{n}") for n in range(60))
    many = replace(plan, rows=rows, total=replace(rows[0], name="Total"))
    table = charts.pacing_table(many)
    listed = table.to_json()
    assert [len(listed["rows"]), listed["left_out"], len(table.figures)] == [52, 10, 61]
    assert [row[0] for row in listed["rows"][-2:]] == ["10 others", "Total"]
    assert listed["rows"][-2][1] == format_value(10 * rows[0].spent, "money", currency=plan.currency)
    assert table.caption == "All running campaigns, the 50 largest budgets of 60; the figures have all"
    assert charts.pacing(many).note == "The largest budgets are drawn; the figures have all."
    assert len(charts.pacing_table(plan).rows) == len(plan.rows)


def test_period_reads_like_one() -> None:
    assert period(START, START) == "1 March 2025"
    assert period(None, None) == ""


def test_the_dark_theme_is_no_part_of_a_chart() -> None:
    drawing = charts.trend(trend())
    assert isinstance(drawing, Drawing)
    assert not set(re.findall(r"#[0-9a-f]{6}", json.dumps(drawing.to_json()))) & set(DARK.values())


def test_the_ticks_of_weeks_stand_where_weeks_begin() -> None:
    """An axis left to itself puts them on Sundays, a day before the points."""
    weeks = [date(2024, 11, 18) + timedelta(days=7 * n) for n in range(13)]
    claims, day = RESULTS["claimed_weeks"](), SAMPLES.trend()
    sold = replace(claims, weeks=tuple(replace(claims.weeks[0], week=week) for week in weeks))
    by_week = replace(day, grain="week", points=tuple(replace(day.points[0], day=week) for week in weeks))
    for picture in (charts.claimed_weeks(sold), charts.trend(by_week)):
        spec = picture.to_json()
        axis = spec["layer"][0]["encoding"]["x"]["axis"]
        ticks = [datetime.fromtimestamp(at / 1000, UTC).date() for at in axis["values"]]
        assert 4 <= len(ticks) <= 6
        assert set(ticks) <= set(weeks)
    assert "values" not in charts.trend(day).to_json()["layer"][0]["encoding"]["x"]["axis"]


def test_a_page_lists_the_first_alerts_and_counts_the_others() -> None:
    levels = ["critical"] * 12 + ["info"] * 488
    many = Alerts(items=tuple((level, f"c{n}", "spends") for n, level in enumerate(levels)), calm="", most=10)
    bundle = many._repr_mimebundle_()
    said = bundle[mime.ALERTS]["items"]
    assert (len(said), said[-1]["title"], len(bundle[mime.FIGURES])) == (11, "490 more", 500)
    assert said[-1]["level"] == "critical", "of what is not shown, some is as severe as what is"
    assert said[-1]["text"].startswith("(2 critical, 488 info) ")


def test_a_page_has_one_word_for_one_thing() -> None:
    """A rate of users is no rate of clicks, and what has a touch is not all that was ordered."""
    headings = [column.label for column in charts.creative_table(SAMPLES.creatives()).columns]
    assert "Conversion rate" not in headings
    sold = [charts.channel_table(SAMPLES.channels()), charts.campaign_table(SAMPLES.campaigns())]
    assert all("Credited revenue" in [column.label for column in made.columns] for made in sold)
    for picture in (drawn("way_lengths"), drawn("way_days")):
        assert "of orders with a touch" in picture.finding
    geo = charts.geo_estimates(SAMPLES.geo_test())
    said = [row[[column.label for column in geo.table.columns].index("p")] for row in geo.table.rows]
    assert "0" not in said
    assert re.search(r" touch(es)? and [\d.]+ (day|hour)s?$", drawn("order_timeline").finding)
    course = charts.geo_course(SAMPLES.geo_test())
    assert re.fullmatch(r"\d+ [A-Z][a-z]{2} \d{4}", course.table.rows[0][0]), "a day as on all other pages"
    assert isinstance(course.table.figures[0]["day"], str)
    aims = charts.targets(SAMPLES.targets())
    assert "roas" not in {row[1] for row in aims.rows}


@pytest.mark.parametrize(("draw", "field"), [("campaign_returns", "roas"), ("channel_returns", "roi")])
def test_the_ends_of_a_picture_that_may_be_alike_are_not_told_apart(draw: str, field: str) -> None:
    result = SAMPLES.campaigns() if field == "roas" else SAMPLES.channels()
    rows = [replace(row, days=30) for row in result.rows]
    wide = [replace(row, **{f"{field}_low": -9.0, f"{field}_high": 9.0}) for row in rows]
    bare = [replace(row, **{f"{field}_low": None}) for row in rows]
    findings = [
        getattr(charts, draw)(replace(result, rows=tuple(some))).finding for some in (rows, wide, bare)
    ]
    assert [said.endswith(", not clearly apart") for said in findings] == [False, True, True]


def test_what_is_not_there_is_not_explained() -> None:
    """No interval is promised where none is drawn, and no comparison missed where there is no figure."""
    rows = [replace(row, roas_low=None, roas_high=None) for row in SAMPLES.campaigns().rows]
    bare = charts.campaign_returns(replace(SAMPLES.campaigns(), rows=tuple(rows)))
    assert bare.subtitle.endswith("no intervals")
    assert drawn("campaign_returns").subtitle.endswith("bars are 95% intervals")
    said = "no spend loaded; no comparison: the window before begins earlier than the records"
    (one, *_) = kpi_cards().cards
    for value, note in ((None, "no spend loaded"), (1.0, said)):
        cards = charts.kpi_cards(replace(kpi_cards(), cards=(replace(one, value=value, note=said),)))
        assert cards.items[0]["note"] == note
