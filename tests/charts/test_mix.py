"""Charts of media mix models: a missed gate first, marks where the results have them, odd models."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from tests.mmm import handmade

from workbench import charts
from workbench.charts.cards import Alerts
from workbench.charts.drawing import DataTable, Drawing, Nothing
from workbench.mmm.fitted import MixFit
from workbench.mmm.report import MixReport, mix_report

DRAWN = (
    "mix_returns",
    "mix_shares",
    "mix_learning",
    "mix_decomposition",
    "mix_parts",
    "mix_fit",
    "mix_curves",
)


@pytest.fixture(scope="module")
def fit() -> MixFit:
    """Return a healthy fit of two channels."""
    return handmade.fitted()


def drawing(kind: str, report: MixReport) -> Drawing:
    found = getattr(charts, kind)(report)
    assert isinstance(found, Drawing)
    return found


@pytest.mark.parametrize("kind", DRAWN)
def test_a_missed_gate_comes_before_the_finding(kind: str) -> None:
    assert drawing(kind, mix_report(handmade.fitted(bad=True))).finding.startswith("Not to decide on yet: ")


@pytest.mark.parametrize("kind", DRAWN)
def test_a_healthy_model_is_drawn_without_a_warning(kind: str, fit: MixFit) -> None:
    assert not drawing(kind, mix_report(fit)).finding.startswith("Not to decide")


def test_advice_of_a_bad_model_begins_with_what_it_missed() -> None:
    found = charts.mix_advice(mix_report(handmade.fitted(bad=True)))
    assert isinstance(found, Alerts)
    assert found.items[0][:2] == ("critical", "A gate was missed")
    gates = charts.mix_gates(mix_report(handmade.fitted(bad=True)))
    assert isinstance(gates, Alerts)
    assert [level for level, _, _ in gates.items] == ["critical"] * 4 + ["info"]


def test_advice_names_a_channel_once_and_as_it_is_read() -> None:
    of = handmade.market(media=("paid_search", "tv"), periods=60)
    found = charts.mix_advice(mix_report(handmade.fitted(of)))
    assert isinstance(found, Alerts)
    assert {name for _, name, _ in found.items} == {"paid search", "tv"}
    assert all(text.startswith("Returned ") for _, _, text in found.items)


def test_returns_are_told_as_the_results_tell_them(fit: MixFit) -> None:
    report = mix_report(fit)
    assert report.results is not None
    table = drawing("mix_returns", report).table
    figures = {row["channel"]: row for row in table.figures}
    for one in report.results.channels:
        assert figures[one.channel]["roi"] == one.roi.value
        assert figures[one.channel]["next_roi"] == one.marginal_roi.value


def test_conversions_are_counted_per_thousand(fit: MixFit) -> None:
    report = mix_report(replace(fit, spec=replace(fit.spec, kind="conversions")))
    assert report.results is not None
    found = drawing("mix_returns", report)
    assert "per €1,000" in found.subtitle
    rows = {row["channel"]: row for row in found.table.figures}
    assert rows["tv"]["roi"] == pytest.approx(1000 * report.results["tv"].roi.value)
    assert "Revenue is no profit" not in found.note


def test_a_channel_that_spent_nothing_is_in_the_table_only() -> None:
    market = handmade.market(periods=60)
    spend = market.spend * [0.0, 1.0]
    silent = replace(market, spend=spend, exposure=spend)
    draws = replace(handmade.draws(market, count=200), exposure_scale=np.array([[1.0, 100.0]]))
    report = mix_report(handmade.fitted(silent, draws=draws))
    found = drawing("mix_returns", report)
    assert len(found.table.rows) == 2
    assert "1 channel is only in the table" in found.note
    assert len(drawing("mix_curves", report).table.rows) == 1


def test_many_channels_are_drawn_up_to_a_number_and_long_series_to_their_end() -> None:
    names = tuple(f"channel {place}" for place in range(15))
    market = handmade.market(periods=450, channels=15, media=names, period="day")
    report = mix_report(handmade.fitted(market))
    assert "3 channels are only in the table" in drawing("mix_returns", report).note
    assert len(drawing("mix_curves", report).spec["concat"]) == 6
    assert "last 400 of 450" in drawing("mix_decomposition", report).note
    assert len(drawing("mix_fit", report).table.rows) == 400


def test_areas_and_bars_add_up_to_the_fitted_outcome(fit: MixFit) -> None:
    report = mix_report(fit)
    made = report.decomposition
    assert made is not None
    spec = drawing("mix_decomposition", report).to_json()
    rows = [row for data in _data(spec) for row in data if "part" in row]
    assert sum(row["value"] for row in rows) == pytest.approx(made.fitted.sum())
    bars = [row for data in _data(drawing("mix_parts", report).to_json()) for row in data if "start" in row]
    assert bars[-1]["end"] == pytest.approx(made.fitted.sum())
    assert bars[-2]["end"] == pytest.approx(bars[-1]["end"])


def test_words_at_the_edges_have_room_on_a_phone(fit: MixFit) -> None:
    """The first places of a logarithmic axis stood on each other; a legend of three columns was cut."""
    learning, parts = (
        json.dumps(drawing(name, mix_report(fit)).spec) for name in ("mix_learning", "mix_decomposition")
    )
    assert '"labelFlush": false' in learning
    assert '"legend": {"columnPadding": 8, "columns": 2' in parts


def test_what_is_not_there_says_why(fit: MixFit) -> None:
    report = mix_report(fit)
    moved = charts.mix_moved(report)
    assert isinstance(moved, Nothing)
    assert moved.reason == "There is no earlier run to compare with; the parameter before names one."
    for left_out in (charts.mix_regions(report), charts.mix_reasons(report)):
        assert isinstance(left_out, Nothing)
        assert str(left_out) == ""
    nothing = MixReport(missing="No run yet.")
    assert nothing.sentence == "No run yet."
    for kind in (*DRAWN, "mix_advice", "mix_table", "mix_gates", "mix_fit_figures", "mix_moved"):
        assert getattr(charts, kind)(nothing).reason == "No run yet."


def test_a_comparison_names_who_moved_and_what_was_changed(fit: MixFit) -> None:
    louder = replace(fit.draws, effect=fit.draws.effect * [2.0, 1.0])
    report = mix_report(fit, before=replace(fit, draws=louder, versions=(("pymc", "5"),)))
    assert drawing("mix_moved", report).finding == "Tv returned something else than in the earlier run"
    reasons = charts.mix_reasons(report)
    assert isinstance(reasons, DataTable)
    assert reasons.rows == (("Pymc is 6 instead of 5",),)


def _data(spec: dict[str, object]) -> list[list[dict[str, float]]]:
    found: list[list[dict[str, float]]] = []

    def walk(value: object) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("values"), list):
                found.append(value["values"])
            for part in value.values():
                walk(part)
        elif isinstance(value, list):
            for part in value:
                walk(part)

    walk({key: part for key, part in spec.items() if key != "usermeta"})
    found.extend(spec.get("datasets", {}).values())  # type: ignore[attr-defined]
    return [rows for rows in found if rows and isinstance(rows[0], dict)]


def test_sentences_spell_channels_as_pictures_do() -> None:
    found = mix_report(handmade.fitted(handmade.market(channels=2, media=("paid_social", "paid_search"))))
    said = [found.sentence, *found.results.sentences, found.decomposition.sentence]
    assert "paid social" in " ".join(said)
    assert not [text for text in said if "paid_" in text]
