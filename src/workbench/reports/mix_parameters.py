"""What the notebooks about media mix models can be asked."""

from __future__ import annotations

from pydantic import Field

from workbench.reports.parameter_kinds import ExperimentName, Names, RunParameters


class MixParameters(RunParameters):
    """Parameters of the report on a media mix model."""

    newest_fit = "run"
    other_fit = "before"
    run: ExperimentName | None = Field(
        default=None, description="The run of the media mix model; none is the newest that completed."
    )
    before: ExperimentName | None = Field(
        default=None, description="An earlier run to compare with; none compares with nothing."
    )


class BudgetSimulatorParameters(RunParameters):
    """Parameters of the budget simulator."""

    newest_fit = "run"

    run: ExperimentName | None = Field(
        default=None, description="The run of the media mix model; none is the newest that completed."
    )
    total: float | None = Field(
        default=None, gt=0, le=1e15, description="Money for the whole window; none is what was spent in it."
    )
    least: float = Field(
        default=0.5, ge=0, le=1, description="The least a channel gets, as a multiple of today's spend."
    )
    most: float = Field(
        default=2.0, ge=1, le=3, description="The most a channel gets, as a multiple of today's spend."
    )
    locked: Names = Field(default="", description='Channels that keep their spend, joined by ";".')
    worst: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="The share of the model's draws that is planned for: 1 is the mean, 0.2 the worst fifth.",
    )
    more: float = Field(
        default=100_000.0, gt=0, le=1e15, description="Additional money, whose best place is shown."
    )
    worth: float | None = Field(
        default=None,
        gt=0,
        le=1e15,
        description="Money that one unit of the outcome is worth; of revenue none is 1.",
    )
    despite_gates: bool = Field(
        default=False, description="Whether a run that missed its gates may be planned with."
    )
