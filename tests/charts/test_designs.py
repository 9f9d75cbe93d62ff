"""Pictures of plans say what the plan says, for changes up, down, and for guardrails."""

from __future__ import annotations

import pytest

from workbench import charts
from workbench.charts.drawing import DataTable, Drawing, Nothing
from workbench.experiments.power.planning import design


@pytest.mark.parametrize(
    ("options", "curve", "weeks"),
    [
        (
            {"baseline": 0.05, "mde": 0.2},
            "16,316 users find a change of +20% (+1 pp) in 80% of tests",
            "For a change of +20% (+1 pp), take 3 weeks; 8 are enough for +10.6% (+0.529 pp)",
        ),
        (
            {"baseline": 0.05, "mde": -0.2},
            "13,490 users find a change of −20% (−1 pp) in 80% of tests",
            "For a change of −20% (−1 pp), take 2 weeks; 8 are enough for −10.1% (−0.504 pp)",
        ),
        (
            {"baseline": 0.5, "mde": 0.0, "margin": 0.04},
            "19,624 users show that nothing is worse by more than 4% (2 pp) in 80% of tests",
            "For a margin of 4% (2 pp), take 3 weeks; 8 are enough for 2.37% (1.18 pp)",
        ),
    ],
)
def test_findings(options: dict[str, float], curve: str, weeks: str) -> None:
    plan = design(daily_users=1000, **options)  # type: ignore[arg-type]
    drawn, days = charts.power_curve(plan), charts.detectable_by_days(plan)
    assert isinstance(drawn, Drawing)
    assert isinstance(days, Drawing)
    assert drawn.finding == curve
    assert days.finding == weeks
    assert days.spec["layer"][1]["encoding"]["x"]["scale"] == {"zero": False, "nice": False}  # from week 1 on


def test_without_users_a_day_there_is_no_curve_of_weeks() -> None:
    plan = design(baseline=0.05, mde=0.2)
    found = charts.detectable_by_days(plan)
    assert isinstance(found, Nothing)
    assert found.reason == "How many users come a day is not known."


def test_uneven_groups_stand_in_the_table() -> None:
    table = charts.plan_groups(design(baseline=0.05, mde=0.2, split=(0.5, 0.3, 0.2)))
    assert isinstance(table, DataTable)
    assert [row[0] for row in table.rows] == ["Control", "Variant 1", "Variant 2"]
    assert [row[1] for row in table.rows] == ["50%", "30%", "20%"]


def test_a_plan_without_a_warning_says_so() -> None:
    found = charts.plan_warnings(design(baseline=0.05, mde=0.2, daily_users=1000, looks=3))
    assert found._repr_mimebundle_()["text/plain"] == "Nothing speaks against this plan."
