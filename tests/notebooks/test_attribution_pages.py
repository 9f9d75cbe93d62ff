"""The pages of attribution and journeys say what the analysis says, and no more than the data carry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import workbench as wb
from workbench import attribution, charts
from workbench.attribution.models import MODELS
from workbench.charts import mime
from workbench.charts.drawing import DataTable, Drawing, Nothing

from .test_notebooks import as_shipped, bundles, run


def figures(found: list[dict[str, Any]], kind: str) -> list[list[dict[str, Any]]]:
    return [bundle[mime.FIGURES] for bundle in found if kind in bundle and mime.FIGURES in bundle]


@pytest.fixture(scope="module")
def credit(workspaces: dict[str, Path]) -> Any:
    return attribution.model_credit(wb.open(workspaces["everything"]), window="90d")


def test_each_model_shares_out_all_conversions(workspaces: dict[str, Path]) -> None:
    found = bundles(as_shipped("attribution", workspaces["everything"]))
    rows = next(rows for rows in figures(found, mime.CHART) if "model" in rows[0])
    assert {row["model"] for row in rows} == set(MODELS)
    for model in MODELS:
        assert sum(row["credit"] for row in rows if row["model"] == model) == pytest.approx(1)
    spoken = " ".join(str(bundle.get("text/plain")) for bundle in found)
    assert "only an experiment can say" in spoken
    assert "convention" in spoken
    assert "had no touch" in spoken


def test_every_channel_of_the_table_is_drawn(credit: Any) -> None:
    picture, table = charts.model_comparison(credit), charts.credit_table(credit)
    assert isinstance(picture, Drawing)
    assert isinstance(table, DataTable)
    listed = [row[0] for row in table.to_json()["rows"]]
    assert listed[:-1] == [name.replace("_", " ") for name in credit.channels]
    assert listed[-1] == "(unattributed)"
    assert all(name.replace("_", " ") in picture.description for name in credit.channels)


def test_one_model_alone_cannot_disagree(workspaces: dict[str, Path]) -> None:
    alone = attribution.model_credit(wb.open(workspaces["everything"]), models="linear")
    assert isinstance(charts.model_spread(alone), Nothing)
    assert isinstance(charts.credit_beside(alone), Nothing)
    assert isinstance(charts.model_comparison(alone), Drawing)


def test_spend_of_campaigns_goes_by_name(workspaces: dict[str, Path]) -> None:
    tables = wb.open(workspaces["everything"])
    found = attribution.model_credit(tables, models="last_touch", by="campaign")
    returns = attribution.credit_returns(tables, found)
    spent = {row.channel: row.spend for row in returns.rows if row.spend is not None}
    whole = wb.measure(tables, "spend").rows[0].value
    assert sum(spent.values()) == pytest.approx(whole)
    assert set(spent) & set(found.channels)


@pytest.mark.parametrize("kind", ["spend", "orders", "nothing"])
def test_totals_of_platforms_say_why_there_is_no_credit(workspaces: dict[str, Path], kind: str) -> None:
    tables = wb.open(workspaces[kind])
    for missing in (
        attribution.model_credit(tables).missing,
        attribution.ways(tables).missing,
        attribution.model_checks(tables).missing,
    ):
        assert missing.startswith("Not enough data: ")


def test_the_order_asked_for_is_shown(workspaces: dict[str, Path]) -> None:
    tables = wb.open(workspaces["everything"])
    newest = attribution.ways(tables)
    assert newest.order is not None
    (order,) = newest.order.rows
    again = attribution.ways(tables, order=order.conversion_id)
    assert again.order is not None
    assert again.order.rows[0].touches == order.touches
    for model in order.touches[0].credit:
        assert sum(touch.credit[model] for touch in order.touches) == pytest.approx(1)
    none = attribution.ways(tables, order="<script>" * 50)
    assert none.order is None
    assert "no order" in none.order_missing
    assert isinstance(charts.order_timeline(none), Nothing)
    assert isinstance(charts.way_table(none), DataTable)


def test_moves_in_and_out_of_a_touch_are_equally_many(workspaces: dict[str, Path]) -> None:
    found = attribution.ways(wb.open(workspaces["everything"])).moves
    assert found is not None
    for name in found.names:
        entered = sum(row.count for row in found.rows if row.target == name)
        assert entered == sum(row.count for row in found.rows if row.source == name)


@pytest.mark.parametrize("name", ["attribution", "journeys"])
def test_the_same_data_give_the_same_page(workspaces: dict[str, Path], name: str) -> None:
    first, second = (bundles(make(name, workspaces["everything"])) for make in (as_shipped, run))
    assert first == second
