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


def test_a_run_started_from_the_lab_is_still_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", "executive.ipynb")
    monkeypatch.setenv("WORKBENCH_OUTPUT", "batch")
    assert mime.LAB_CHART not in render({"mark": "bar"})
