"""What reports over a whole workspace can be asked: returns, experiments, health, anomalies, one's own."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema

from workbench.reports.parameter_kinds import ExperimentName, ReportTitle, RunParameters, TestedMetric, Window
from workbench.reports.sections import Sections

SegmentNames = Annotated[
    list[Annotated[str, StringConstraints(min_length=1, max_length=200)]] | None,
    Field(
        min_length=2, max_length=3, description="Two or three segments; none are the three with most users."
    ),
]


def _time_zone(name: str) -> str:
    from zoneinfo import available_timezones

    if name not in available_timezones():
        raise ValueError(name)
    return name


TimeZone = Annotated[
    Annotated[str, AfterValidator(_time_zone), WithJsonSchema({"type": "string", "format": "time zone"})],
    Field(description='Of the audience, where the hours of the day are counted: "Europe/Berlin".'),
]


class ReturnsParameters(RunParameters):
    """Parameters of the report on returns and projections."""

    newest_fit = "run"

    window: Window = "90d"
    compare: bool = Field(default=True, description="Whether to compare with the window before.")
    run: ExperimentName | None = Field(
        default=None, description="The run of the media mix model; none is the newest that completed."
    )


class ExperimentSummaryParameters(RunParameters):
    """Parameters of the report on all tests."""

    metric: TestedMetric = "orders"
    most: int = Field(default=12, ge=1, le=50, description="Tests that are analysed, the newest first.")


class AnomaliesParameters(RunParameters):
    """Parameters of the report on what left its usual range."""

    of_window = True

    window: Window = "90d"
    against: Literal["WoW", "MoM", "YoY"] = Field(
        default="WoW", description="The last 7 days against the 7 before, 28 against 28, or a year ago."
    )


class SegmentsParameters(RunParameters):
    """Parameters of the report on segments of users."""

    window: Window = "90d"
    compare: SegmentNames = None
    metric: TestedMetric = "aov"
    time_zone: TimeZone = "UTC"


class ReconciliationParameters(RunParameters):
    """Parameters of the report on orders against platforms."""

    of_window = True

    window: Window = "90d"


class CustomParameters(RunParameters):
    """Parameters of a report of one's own."""

    title: ReportTitle = Field(default=None, description="What it is called; the gallery lists it by that.")
    window: Window = "30d"
    sections: Sections = [  # noqa: RUF012 - pydantic copies it
        "kpis",
        "alerts",
        {"section": "trend", "metric": "revenue", "by": "channel"},
        "channels",
    ]


class SystemHealthParameters(RunParameters):
    """Parameters of the report on the workbench itself."""

    reads_books = True

    days: int = Field(default=30, ge=1, le=3660, description="Days before the newest run that count.")
