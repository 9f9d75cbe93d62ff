"""Notebooks are thin, and say why a section is empty instead of failing."""

from __future__ import annotations

import ast
import functools
import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode, v4

from workbench.charts import mime
from workbench.charts.stack import Stack
from workbench.reports.definitions import NOTEBOOKS
from workbench.reports.exporter import ReportExporter

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NAMES = (
    *("executive", "campaign", "channels", "attribution", "journeys", "leads", "cohorts", "data_quality"),
    "holdout",
    "experiment_design",
    "ab_test",
    "geo_experiment",
    "custom",
    "system_health",
    "roi",
    "ab_summary",
    "anomalies",
    "reconciliation",
    "segments",
)
MODELLED = ("budget_simulator", "mmm")  # of a media mix model that was fitted before
_LOGIC = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.For, ast.AsyncFor, ast.While,
    ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.If, ast.Try, ast.With,
)  # fmt: skip
_CALLS = {
    "groupby",
    "group_by",
    "merge",
    "join",
    "query",
    "execute",
    "pivot",
    "pivot_table",
    "apply",
    "agg",
    "aggregate",
}


def read(name: str) -> NotebookNode:
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def code(notebook: NotebookNode) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def test_all_notebooks_are_here() -> None:
    assert {path.stem for path in FOLDER.glob("*.ipynb")} >= set(NAMES)
    assert set(NAMES) <= set(NOTEBOOKS)


@pytest.mark.parametrize("name", [*NAMES, *MODELLED])
def test_notebook_is_thin(name: str) -> None:
    notebook = read(name)
    assert len(notebook.cells) <= 25
    for source in code(notebook):
        assert len(source.splitlines()) <= 10
        tree = ast.parse(source)
        assert not [node for node in ast.walk(tree) if isinstance(node, _LOGIC)]
        calls = {
            n.func.attr
            for n in ast.walk(tree)
            if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)
        }
        assert not calls & _CALLS


@pytest.mark.parametrize("name", [*NAMES, *MODELLED])
def test_notebook_is_stored_clean(name: str) -> None:
    notebook = read(name)
    nbformat.validate(notebook)
    for place, cell in enumerate(notebook.cells):
        assert cell.id == f"{name.replace('_', '-')}-{place:02d}"
        assert set(cell.metadata) <= {"tags"}
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


@pytest.mark.parametrize("name", [*NAMES, *MODELLED])
def test_notebook_opens_with_title_question_and_parameters(name: str) -> None:
    notebook = read(name)
    first, second = notebook.cells[:2]
    assert first.cell_type == "markdown"
    assert first.source.startswith(f"# {NOTEBOOKS[name].title}\n")
    assert NOTEBOOKS[name].says in first.source
    assert "**Decision:**" in first.source
    assert second.metadata.tags == ["parameters"]
    assert second.source.splitlines()[:2] == ['workspace = "../data/demo"', "data_version = None"]


@pytest.mark.parametrize("name", [*NAMES, *MODELLED])
def test_parameters_are_those_of_the_model_with_its_defaults(name: str) -> None:
    given = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in ast.parse(read(name).cells[1].source).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    assert (given.pop("workspace"), given.pop("data_version")) == ("../data/demo", None)
    assert given == NOTEBOOKS[name].parameters().model_dump()


def test_no_cell_stands_in_two_notebooks() -> None:
    openings = {source for name in NAMES for source in code(read(name)) if source.endswith("data_version)")}
    assert len(openings) <= 2
    sources = [source for name in NAMES for source in code(read(name))[1:] if source not in openings]
    longer = [source for source in sources if len(source.splitlines()) > 2]
    assert len(longer) == len(set(longer))


def run(name: str, workspace: Path, *, up_to: str = "", **parameters: object) -> NotebookNode:
    """Return a notebook with its outputs, computed in this process; the first of a kind can be the last."""
    notebook = read(name)
    known: dict[str, Any] = {}
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        *body, last = ast.parse(cell.source).body
        shown = isinstance(last, ast.Expr)
        exec(compile(ast.Module(body if shown else [*body, last], []), name, "exec"), known)  # noqa: S102
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), name, "eval"), known)  # noqa: S307
            parts = value.parts if isinstance(value, Stack) else (value,)
            shown_parts = [json.loads(json.dumps(p._repr_mimebundle_(), allow_nan=False)) for p in parts]
            cell.outputs = [v4.new_output("display_data", data=bundle) for bundle in shown_parts]
            if any(up_to in bundle for bundle in shown_parts):
                break
        if place == 1:
            known |= {"workspace": str(workspace), **parameters}
    return notebook


@functools.cache
def as_shipped(name: str, workspace: Path) -> NotebookNode:
    """Return a notebook with its outputs, all its parameters left as they are; not to be changed."""
    return run(name, workspace)


def bundles(notebook: NotebookNode) -> list[dict[str, Any]]:
    return [output.data for cell in notebook.cells for output in cell.get("outputs", [])]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["everything", "spend", "orders", "nothing"])
def test_every_section_answers_or_says_why_not(workspaces: dict[str, Path], name: str, kind: str) -> None:
    found = bundles(as_shipped(name, workspaces[kind]))
    reasons = [bundle[mime.EMPTY]["reason"] for bundle in found if mime.EMPTY in bundle]
    assert all(len(reason) > 10 for reason in reasons)
    if kind == "everything":
        assert len(reasons) <= len(found) // 2
        assert any(mime.CHART in bundle or mime.TABLE in bundle for bundle in found)
        sentences = {bundle["text/plain"] for bundle in found if mime.SENTENCE in bundle}
        titles = {bundle["text/plain"] for bundle in found if mime.SENTENCE not in bundle}
        assert not sentences & titles, "what a sentence says is not said again by the title below it"
    if kind == "nothing":
        assert reasons


@pytest.mark.parametrize("name", MODELLED)
@pytest.mark.parametrize("kind", ["everything", "nothing"])
def test_without_a_media_mix_model_every_section_says_so(
    workspaces: dict[str, Path], name: str, kind: str
) -> None:
    found = bundles(as_shipped(name, workspaces[kind]))
    assert "No run has completed" in found[0]["text/plain"]
    assert all("No run has completed" in one[mime.EMPTY]["reason"] for one in found[1:])
    html, _ = ReportExporter().from_notebook_node(as_shipped(name, workspaces[kind]))
    assert "workbench mmm fit" in html


@pytest.mark.parametrize("name", NAMES)
def test_a_report_is_small_and_loads_nothing(workspaces: dict[str, Path], name: str) -> None:
    html, _ = ReportExporter().from_notebook_node(as_shipped(name, workspaces["everything"]))
    assert len(html.encode()) <= 600_000
    assert not re.findall(r"https?://", html)
    assert "wb.open" not in html


def test_the_same_data_give_the_same_outputs(workspaces: dict[str, Path]) -> None:
    first, second = (make("executive", workspaces["everything"]) for make in (as_shipped, run))
    assert json.dumps(bundles(first)) == json.dumps(bundles(second))


def test_one_campaign_is_a_part_of_all(workspaces: dict[str, Path]) -> None:
    def spend(notebook: NotebookNode) -> float:
        figures = next(bundle[mime.FIGURES] for bundle in bundles(notebook) if mime.KPI in bundle)
        return next(row["value"] for row in figures if row["name"] == "spend")

    whole = spend(run("executive", workspaces["everything"], up_to=mime.KPI, window=None))
    part = spend(as_shipped("campaign", workspaces["everything"]))
    assert 0 < part < whole


def test_changes_are_left_out_where_nobody_wants_them(workspaces: dict[str, Path]) -> None:
    found = bundles(run("executive", workspaces["everything"], up_to=mime.KPI, compare=False))
    cards = next(bundle[mime.KPI]["cards"] for bundle in found if mime.KPI in bundle)
    assert {card["change"] for card in cards} == {""}
