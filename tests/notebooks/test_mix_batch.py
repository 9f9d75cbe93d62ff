"""Reports on a media mix run made by a batch: once, kept, and made again byte for byte."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

from workbench.reports.batches import batch
from workbench.reports.mix_fitting import keep_mix
from workbench.reports.publication import publish
from workbench.reports.verification import verify
from workbench.store import Workspace

HAND = SimpleNamespace(**runpy.run_path(str(Path(__file__).parents[1] / "mmm" / "handmade.py")))
PLAN = """
name: Monday
runs:
  - notebook: mmm
    parameters: {run: weekly}
  - notebook: budget_simulator
    rows:
      - {run: weekly, more: 500}
"""


def test_a_nightly_batch_reads_a_kept_run_and_is_made_again_byte_for_byte(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "shop", name="shop")
    workspace.set_currency("EUR")
    first = keep_mix(workspace, HAND.fitted(HAND.market(periods=80, channels=3)))
    plan = tmp_path / "monday.yaml"
    plan.write_text(PLAN.replace("weekly", first.id), encoding="utf-8")
    done = batch(workspace, plan)
    assert [(run.completed, run.cached) for run in done.runs] == [(True, False), (True, False)]
    again = batch(workspace, plan)
    assert [run.cached for run in again.runs] == [True, True]
    assert {run.id for run in again.runs} == {run.id for run in done.runs}
    for run in done.runs:
        found = verify(workspace, run.id)
        assert found.same, found.sentence
    published = publish(workspace, tmp_path / "reports")
    assert "2" in published.sentence
    pages = {path.name.partition("-")[0] for path in (tmp_path / "reports").glob("*.html")}
    assert pages == {"index.html", "mmm", "budget_simulator"}
