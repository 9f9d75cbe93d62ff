"""A run that reads a media mix run names it by its whole id, and is another run when that is another."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from workbench.errors import BadInput
from workbench.reports.inputs import RunInputs
from workbench.reports.mix_parameters import BudgetSimulatorParameters, MixParameters
from workbench.reports.notebook import find_notebook
from workbench.reports.parameters import name_fits
from workbench.reports.publication import newest_of, others_of, subject_of
from workbench.reports.record import RunRecord, read_record, write_record
from workbench.reports.retention import superseded
from workbench.reports.runs import plan, queued_record
from workbench.store.workspace import Workspace

FITS = {"weekly-2": "bb", "weekly": "aa", "daily": "cc"}


def test_the_newest_fit_is_named_where_none_is() -> None:
    values, named = name_fits(MixParameters(), FITS)
    assert values["run"] == "weekly-2"
    assert values["before"] is None
    assert named == {"weekly-2": "bb"}


def test_both_fits_of_a_comparison_are_named() -> None:
    values, named = name_fits(MixParameters(run="dai", before="weekly"), FITS)
    assert (values["run"], values["before"]) == ("daily", "weekly")
    assert named == {"daily": "cc", "weekly": "aa"}


def test_without_any_fit_nothing_is_named() -> None:
    values, named = name_fits(BudgetSimulatorParameters(), {})
    assert values["run"] is None
    assert named == {}


@pytest.mark.parametrize(("asked", "says"), [("nothing", "no completed"), ("week", "several")])
def test_a_run_that_is_not_one_is_refused_before_it_starts(asked: str, says: str) -> None:
    with pytest.raises(BadInput, match=says) as refused:
        name_fits(MixParameters(run=asked), FITS, source="mix.yaml")
    assert "mix.yaml" in str(refused.value)
    assert "weekly" in str(refused.value)


NOW = datetime(2024, 5, 1, tzinfo=UTC)
INPUTS = RunInputs(data_version=1, tables={}, data="d", code="c", environment="e", seed=0)


def completed(workspace: Workspace, days: int, fits: dict[str, str], **asked: object) -> RunRecord:
    """Return the record of a run of the returns as a runs folder keeps it."""
    planned = plan(find_notebook("roi"), asked, replace(INPUTS, fits=fits))
    record = replace(queued_record(workspace, planned), started=(NOW + timedelta(days=days)).isoformat())
    folder = workspace.runs_path / record.id
    folder.mkdir(parents=True)
    write_record(folder, record.ending("completed"))
    read = read_record(folder)
    assert read is not None
    return read


def test_a_fit_that_nobody_named_is_no_subject_of_a_report(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "w")
    first = completed(workspace, 1, {"weekly": "aa"}, window="30d")
    later = completed(workspace, 2, FITS, window="30d")
    named = completed(workspace, 3, FITS, window="30d", run="daily")
    assert [subject_of(one, {}) for one in (first, later)] == ["window 30d"] * 2
    assert subject_of(named, {}) == "window 30d, run daily"
    assert (first.parameters["run"], later.parameters["run"]) == ("weekly", "weekly-2")
    # With the newest fit it is the same report, made anew; with a fit of one's choice it is another.
    assert newest_of([first, later, named]) == [named, later]
    assert others_of([first, later, named], 3) == {later.id: [first], named.id: []}
    assert superseded([named, later, first], keep=1, before=NOW + timedelta(days=9)) == [first]


def test_money_is_written_as_people_write_it() -> None:
    planned = plan(find_notebook("budget_simulator"), {"more": 10_000.0, "worst": 0.5}, INPUTS)
    assert planned.label == "worst 0.5, more 10,000"
