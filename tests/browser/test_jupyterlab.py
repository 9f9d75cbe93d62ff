"""The notebooks in JupyterLab itself, offline: each cell runs, charts are drawn, sliders reach the kernel."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from nbformat import v4

from workbench.charts import mime
from workbench.events.simulation import MarketSpec, simulate, write_market
from workbench.reports.warm import provisioner
from workbench.store import Workspace
from workbench.store.ingest import ingest

pytestmark = pytest.mark.browser
NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


@pytest.fixture(scope="module")
def served(lab):
    """Return the lab with the project's notebooks, and a small workspace where they look for it."""
    shutil.copytree(NOTEBOOKS, lab.folder / "notebooks", ignore=shutil.ignore_patterns(".*"))
    spec = replace(MarketSpec.small(), days=60, users=200)
    files = write_market(simulate(spec), lab.folder / "files")
    workspace = Workspace.create(lab.folder / "data" / "demo")
    workspace.set_currency("EUR")
    ingest(workspace, files, backfill=True)
    return lab


@pytest.mark.parametrize(
    "name",
    [
        "executive",
        *(
            pytest.param(path.stem, marks=pytest.mark.slow)
            for path in sorted(NOTEBOOKS.glob("*.ipynb"))
            if path.stem != "executive"
        ),
    ],
)
def test_a_notebook_runs_and_draws(served, name: str) -> None:
    page = served.open(f"notebooks/{name}.ipynb")
    served.run(page)
    stored = nbformat.read(served.folder / "notebooks" / f"{name}.ipynb", as_version=4)
    cells = [cell for cell in stored.cells if cell.cell_type == "code"]
    outputs = [output for cell in cells for output in cell.outputs]
    assert all(cell.execution_count for cell in cells)
    assert [output.get("evalue", "") for output in outputs if output.output_type == "error"] == []
    charts = sum(mime.LAB_CHART in output.get("data", {}) for output in outputs)
    # What a widget draws is no output of a cell.
    pictures = ".jp-OutputArea-output .vega-embed :is(canvas, svg.marks):not(.jupyter-widgets *)"
    drawn = page.locator(pictures)
    assert drawn.count() == charts
    assert charts >= 4 or name != "executive"
    assert all(drawn.nth(place).bounding_box()["height"] > 50 for place in range(charts))
    assert served.foreign == []


KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
SLIDER = """import ipywidgets
slider = ipywidgets.IntSlider(value=3, description="Budget")
said = ipywidgets.Label("untouched")
slider.observe(lambda change: setattr(said, "value", f"the kernel got {change.new}"), "value")
ipywidgets.VBox([slider, said])"""


def test_a_slider_reaches_the_kernel_and_back(lab) -> None:
    notebook = v4.new_notebook(cells=[v4.new_code_cell(SLIDER)], metadata=KERNEL)
    nbformat.write(notebook, lab.folder / "slider.ipynb")
    page = lab.open("slider.ipynb")
    lab.run(page)
    handle = page.locator(".widget-slider .noUi-handle")
    handle.focus()
    handle.press("ArrowRight")
    page.get_by_text("the kernel got 4").wait_for()
    assert lab.foreign == []


SPECIFICATION = Path(provisioner.__file__).parent / "kernelspec" / "kernel.json"
ASK = """async code => {
  const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const sent = kernel.requestExecute({code, user_expressions: {told: "told"}});
  sent.onIOPub = message => { window.shown ||= message.header.msg_type === "stream"; };
  const reply = await sent.done;
  return [reply.content.ename ?? "", reply.content.user_expressions?.told?.data?.["text/plain"] ?? ""];
}"""
WHO = "import os, pathlib\ntold = pathlib.Path(f'/proc/{os.getppid()}/cmdline').read_text().split('\\0')[2]"
DO = "name => jupyterapp.shell.currentWidget.sessionContext.session.kernel[name]()"


def test_a_warm_kernel_is_interrupted_and_restarted(lab) -> None:
    specification = json.loads(SPECIFICATION.read_text())
    specification["metadata"]["kernel_provisioner"]["config"] = {"preload": ["ipykernel.ipkernel"]}
    place = lab.folder.parent / "data" / "kernels" / "few"
    place.mkdir(parents=True)
    (place / "kernel.json").write_text(json.dumps(specification))
    warm = {"kernelspec": {"name": "few", "display_name": "Few"}}
    nbformat.write(v4.new_notebook(cells=[v4.new_code_cell("1")], metadata=warm), lab.folder / "warm.ipynb")
    page = lab.open("warm.ipynb")
    assert page.evaluate(ASK, WHO) == ["", "'workbench.reports.warm.parent'"]
    page.evaluate(
        "code => { (" + ASK + ")(code).then(told => window.ended = told); }", "print(1)\nwhile 1: pass"
    )
    page.wait_for_function("window.shown")
    page.evaluate(DO, "interrupt")
    page.wait_for_function("window.ended")
    assert page.evaluate("window.ended") == ["KeyboardInterrupt", ""]
    page.evaluate(DO, "restart")
    assert page.evaluate(ASK, "left = told") == ["NameError", ""]
    assert page.evaluate(ASK, WHO) == ["", "'workbench.reports.warm.parent'"]
    assert lab.foreign == []
