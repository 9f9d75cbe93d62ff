"""What the notebooks about media mix models can be asked."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema

from workbench.reports.parameter_kinds import ExperimentName, RunParameters, Window


def _bounds(text: str) -> str:
    from workbench.errors import UsageError
    from workbench.mmm.budget.question import budget_question

    try:
        budget_question(bounds=text)
    except UsageError:
        raise ValueError(text) from None
    return text


Bounds = Annotated[
    Annotated[str, AfterValidator(_bounds), WithJsonSchema({"type": "string", "format": "bounds"})],
    Field(
        description='Bounds joined by ";": "0.5:2" for all channels in multiples of their spend, "tv=keep", '
        '"search=1000:4000" in money.'
    ),
]


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
    window: Window = None
    total: float | None = Field(
        default=None, gt=0, le=1e15, description="Money for the whole window; none is what was spent in it."
    )
    bounds: Bounds = "0.5:2"
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
