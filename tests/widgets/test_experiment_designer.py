"""The experiment designer: what its controls find and show, with real widgets and no page."""

from __future__ import annotations

import asyncio
import re
from html import unescape

import pytest

from workbench.charts import plan_alternatives, power_curve
from workbench.charts.drawing import Drawing, Nothing
from workbench.experiments.power.planned import no_plan
from workbench.experiments.power.planning import design
from workbench.widgets import experiment_designer
from workbench.widgets.experiment_designer import DELAY, ExperimentDesigner


@pytest.fixture
def designer() -> ExperimentDesigner:
    return ExperimentDesigner(design(baseline=0.008, mde=0.15, daily_users=12_000))


def _said(designer: ExperimentDesigner) -> str:
    return unescape(re.sub("<[^>]*>", "", designer.said.value))


def _cells(designer: ExperimentDesigner) -> list[str]:
    return re.findall("<td>(.*?)</td>", designer.table.value)


def test_it_begins_with_the_plan(designer: ExperimentDesigner) -> None:
    assert _cells(designer) == ["92,944", "185,888", "3 weeks"]
    assert _said(designer).startswith("92,944 users in each of 2 groups")
    (output,) = designer.picture.outputs
    assert any("vega" in kind for kind in output["data"])
    assert "stops at the first of 21 looks" in unescape(designer.notes.value)
    assert designer.sd.disabled


@pytest.mark.parametrize(
    ("changes", "options"),
    [
        ({"change": 10.0}, {"mde": 0.1}),
        ({"power": 90.0}, {"power": 0.9}),
        ({"alpha": 1.0}, {"alpha": 0.01}),
        ({"baseline": 0.02}, {"baseline": 0.02}),
        ({"looks": 5}, {"looks": 5}),
        ({"variants": 4, "correction": "dunnett"}, {"variants": 4, "correction": "dunnett"}),
        ({"control": 80.0}, {"split": (0.8, 0.2)}),
        ({"variants": 3, "control": 50.0}, {"split": (0.5, 0.25, 0.25)}),
        ({"daily": 900.0}, {"daily_users": 900}),
        ({"sd": 40.0, "kind": "mean", "baseline": 12.0}, {"kind": "mean", "baseline": 12.0, "sd": 40.0}),
    ],
)
def test_every_control_counts(
    designer: ExperimentDesigner, changes: dict[str, object], options: dict[str, object]
) -> None:
    for name, value in changes.items():
        getattr(designer, name).value = value
    expected = design(**({"baseline": 0.008, "mde": 0.15, "daily_users": 12_000} | options))  # type: ignore[arg-type]
    assert designer.plan.sizes == expected.sizes
    assert designer.plan.days == expected.days
    assert _said(designer) == expected.sentence
    found, right = ([point.power for point in plan.powers] for plan in (designer.plan, expected))
    assert found == pytest.approx(right)


def test_what_cannot_be_is_said_and_the_picture_stays(designer: ExperimentDesigner) -> None:
    before = designer.picture.outputs
    designer.baseline.value = 5.0
    assert _said(designer).startswith("A share lies between 0 and 1")
    assert designer.table.value == designer.notes.value == ""
    assert designer.picture.outputs == before
    designer.baseline.value = 0.008
    assert _cells(designer)[0] == "92,944"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, 0.0, 1e300])
@pytest.mark.parametrize("name", ["baseline", "change", "power", "alpha", "control", "daily"])
def test_no_number_breaks_it(designer: ExperimentDesigner, name: str, value: float) -> None:
    getattr(designer, name).value = value
    assert len(_said(designer)) > 20


def test_what_was_read_from_a_workspace_stays_until_it_is_changed() -> None:
    first = design("mean", baseline=20.0, sd=50.0, mde=0.1, correlation=0.5, daily_users=900)
    designer = ExperimentDesigner(first)
    designer.looks.value = 3
    assert designer.plan.baseline.reduction == pytest.approx(0.25)
    assert designer.plan.arrivals is first.arrivals


def test_typing_is_answered_once() -> None:
    async def typed() -> int:
        designer = ExperimentDesigner(design(baseline=0.05, mde=0.1))
        seen: list[object] = []
        designer.said.observe(lambda change: seen.append(change["new"]), "value")
        for value in (1.0, 12.0, 12.5):
            designer.change.value = value
        assert not seen
        await asyncio.sleep(DELAY + 0.3)
        assert "12.5%" in str(seen[-1])
        return len(seen)

    assert asyncio.run(typed()) == 1


def test_every_control_has_a_name(designer: ExperimentDesigner) -> None:
    names = [control.description for control in designer.controls]
    assert all(names)
    assert len(set(names)) == len(names)


def test_hostile_names_stay_text() -> None:
    from dataclasses import replace

    plan = design("mean", baseline=5.0, sd=9.0, mde=0.1)
    designer = ExperimentDesigner(replace(plan, metric="<img src=x onerror=alert(1)>"))
    assert "<img" not in designer.said.value


def test_without_a_kernel_there_is_a_picture_instead() -> None:
    plan = design(baseline=0.05, mde=0.1)
    assert experiment_designer(plan) == power_curve(plan)
    assert isinstance(experiment_designer(), Drawing)
    table = plan_alternatives(plan)
    assert experiment_designer(plan, instead=table) is table
    (same,) = [one for one in plan.alternatives if (one.effect, one.power) == (plan.effect, plan.power)]
    assert same.users == plan.total
    missing = experiment_designer(no_plan("Not enough data: no events loaded."))
    assert isinstance(missing, Nothing)
    assert missing.reason == "Not enough data: no events loaded."
