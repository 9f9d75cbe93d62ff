"""How charts go into a notebook: as data in a batch, drawn without a network in the lab."""

from __future__ import annotations

import altair as alt
import nbformat
import pytest
from nbformat import v4

from workbench.charts import mime
from workbench.charts.renderer import render


@pytest.fixture
def chart() -> alt.Chart:
    data = alt.Data(values=[{"x": 1, "y": 2}])
    return alt.Chart(data, title="Spend").mark_bar().encode(x="x:Q", y="y:Q")


@pytest.fixture(autouse=True)
def batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)


def test_altair_finds_the_renderer_by_its_name(chart: alt.Chart) -> None:
    with alt.renderers.enable("workbench"):
        bundle = chart._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert set(data) == {mime.CHART, "text/plain"}
    notebook = v4.new_notebook(cells=[v4.new_code_cell(outputs=[v4.new_output("display_data", data=data)])])
    nbformat.validate(notebook)


def test_a_batch_stores_one_form_only() -> None:
    assert set(render({"mark": "bar"})) == {mime.CHART, "text/plain"}


def test_the_lab_gets_the_form_it_draws_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", "executive.ipynb")
    bundle = render({"mark": "bar", "config": {"font": "Inter"}})
    assert bundle[mime.LAB_CHART]["config"] == {"font": "Inter", "background": "#ffffff"}
    assert "v5" in bundle[mime.LAB_CHART]["$schema"]


def test_the_lab_shows_titles_and_notes_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture in the lab cut its title within an interval, and its note was nowhere."""
    monkeypatch.setenv("JPY_SESSION_NAME", "executive.ipynb")
    finding = "Spend of 7 of 8 campaigns will end near 198,600 (95% interval 191,617 to 205,983)"
    words = {"workbench": {"note": "The largest budgets are drawn."}}
    spec = {"mark": "bar", "title": {"text": finding, "subtitle": "Spend so far"}, "usermeta": words}
    bundle = render(spec)
    lines = bundle[mime.LAB_CHART]["title"]["text"]
    assert len(lines) == 2
    assert " ".join(lines) == finding
    assert max(map(len, lines)) <= 66
    assert bundle[mime.LAB_CHART]["title"]["subtitle"] == ["Spend so far", "The largest budgets are drawn."]
    assert bundle[mime.CHART] == spec


def test_a_run_started_from_the_lab_is_still_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", "executive.ipynb")
    monkeypatch.setenv("WORKBENCH_OUTPUT", "batch")
    assert mime.LAB_CHART not in render({"mark": "bar"})
