"""A report that reads the bookkeeping of runs is another one when that has grown; others are not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from workbench.reports.inputs import read_inputs
from workbench.reports.journal import store_ended_runs
from workbench.reports.lease import ENDED
from workbench.reports.notebook import find_notebook
from workbench.reports.record import RunRecord, write_record
from workbench.reports.runs import plan
from workbench.store.workspace import Workspace


@pytest.mark.parametrize(("name", "changes"), [("system_health", True), ("executive", False)])
def test_the_books_are_an_input_of_those_that_read_them(
    workspace: Workspace, name: str, *, changes: bool
) -> None:
    notebook = find_notebook(name)
    before = plan(notebook, {}, read_inputs(workspace))
    ended = workspace.runs_path / ENDED
    ended.mkdir(parents=True)
    record = RunRecord(
        id="a-1",
        notebook="a",
        title="A",
        parameters={},
        tenant="w",
        data_version=1,
        status="completed",
        started="2024-01-01T00:00:00+00:00",
        ended="2024-01-01T00:00:01+00:00",
        duration=1.0,
    )
    write_record(ended, record)
    (ended / "record.json").rename(ended / "a-1.json")
    assert store_ended_runs(workspace) == 1
    after = plan(notebook, {}, read_inputs(workspace))
    assert (before.id != after.id) is changes
    assert plan(notebook, {}, replace(read_inputs(workspace), seed=1)).id != after.id
