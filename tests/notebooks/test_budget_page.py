"""The page of budgets: by a kept run, by one that missed its gates, by none."""

from __future__ import annotations

import re
import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from workbench.charts import mime
from workbench.errors import UsageError, WorkspaceError
from workbench.mmm.budget import BudgetQuestion, optimise, response_table
from workbench.reports.exporter import ReportExporter
from workbench.reports.mix_budget import planned_budget
from workbench.reports.mix_fitting import keep_mix
from workbench.store import Workspace

_TESTS = Path(__file__).parents[1]
PAGES = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("test_notebooks.py"))))
HAND = SimpleNamespace(**runpy.run_path(str(_TESTS / "mmm" / "handmade.py")))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a function that makes a workspace with one kept run, or none."""

    def made(name: str, fit: Any = None) -> Path:
        folder = tmp_path_factory.mktemp(name)
        workspace = Workspace.create(folder / "workspace", name=name)
        workspace.set_currency("EUR")
        if fit is not None:
            keep_mix(workspace, fit)
        return folder / "workspace"

    return made


def test_a_run_becomes_a_plan_a_simulator_and_pictures(kept: Callable[..., Path]) -> None:
    fit = HAND.fitted(HAND.market(periods=80, channels=4))
    folder = kept("healthy", fit)
    notebook = PAGES.run("budget_simulator", folder, more=500.0)
    found = PAGES.bundles(notebook)
    plan = optimise(response_table(fit))
    assert not [bundle[mime.EMPTY] for bundle in found if mime.EMPTY in bundle]
    assert sum(mime.CHART in bundle for bundle in found) == 4
    assert found[0]["text/plain"].startswith(plan.sentence)
    assert "By run " in found[0]["text/plain"]
    rows = next(bundle[mime.FIGURES] for bundle in found if mime.SIMULATOR in bundle)
    assert {row["channel"]: row["proposed"] for row in rows} == pytest.approx(plan.split)
    html, _ = ReportExporter().from_notebook_node(notebook)
    assert len(html.encode()) <= 600_000
    assert 'class="simulator"' in html


def test_a_run_that_missed_its_gates_is_shown_and_not_planned_with(kept: Callable[..., Path]) -> None:
    folder = kept("missed", HAND.fitted(bad=True))
    found = PAGES.bundles(PAGES.run("budget_simulator", folder))
    assert "cannot carry a budget" in found[0]["text/plain"]
    assert any(mime.SIMULATOR in bundle for bundle in found)
    assert not any(mime.CHART in bundle for bundle in found)
    despite = PAGES.bundles(PAGES.run("budget_simulator", folder, despite_gates=True))
    assert sum(mime.CHART in bundle for bundle in despite) == 4
    assert any("chains do not agree" in str(bundle.get(mime.ALERTS)) for bundle in despite)


def test_without_a_run_every_section_says_so(kept: Callable[..., Path]) -> None:
    folder = kept("none")
    found = PAGES.bundles(PAGES.run("budget_simulator", folder))
    reasons = [bundle[mime.EMPTY]["reason"] for bundle in found if mime.EMPTY in bundle]
    assert len(reasons) == len(found) - 1
    assert all("No run has completed" in reason for reason in reasons)
    with pytest.raises(WorkspaceError):
        planned_budget(folder, "0123abcd")


def test_what_is_asked_reaches_the_optimiser(kept: Callable[..., Path]) -> None:
    fit = HAND.fitted(HAND.market(periods=80, channels=4))
    folder = kept("asked", fit)
    view = planned_budget(folder, question=BudgetQuestion(locked=("tv",), within=(0.8, 1.2)), more=100.0)
    assert view.plan is not None
    row = next(row for row in view.plan.rows if row.channel == "tv")
    assert row.proposed == pytest.approx(row.current)
    assert max(row.change for row in view.plan.rows) <= 0.2 + 1e-9
    assert re.search(r"on the spend of \d+ [A-Z][a-z]+ .* \d{4}\.$", view.source)
    half = planned_budget(folder, window="182d", more=100.0)
    assert half.table is not None
    assert half.table.spend == pytest.approx(fit.market.spend[0, -26:].sum(axis=0))
    assert (half.table.span, half.table.last) == ("26 weeks", view.table.last)
    with pytest.raises(UsageError, match="No period of the market starts in that window"):
        planned_budget(folder, window="1999-01-01:1999-02-01")
    with pytest.raises(UsageError, match="do not allow a total"):
        planned_budget(folder, question=BudgetQuestion(total=1.0))
