"""The notebooks, and what each can be asked, as typed models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from workbench.catalog import Catalog
from workbench.reports.mix_parameters import BudgetSimulatorParameters, MixParameters
from workbench.reports.parameter_kinds import (
    CampaignId,
    ExperimentName,
    LookBack,
    Models,
    Names,
    Period,
    RunParameters,
    TestedMetric,
    TestedMetrics,
    Touch,
    Window,
)
from workbench.reports.report_parameters import (
    AnomaliesParameters,
    CustomParameters,
    ExperimentSummaryParameters,
    ReconciliationParameters,
    ReturnsParameters,
    SegmentsParameters,
    SystemHealthParameters,
)


class ExecutiveParameters(RunParameters):
    """Parameters of the executive summary."""

    window: Window = "30d"
    compare: bool = Field(default=True, description="Whether to compare with the window before.")
    top: int = Field(default=8, ge=3, le=25, description="Rows of the leaderboard.")


class CampaignParameters(RunParameters):
    """Parameters of the analysis of one campaign."""

    campaign: CampaignId | None = Field(
        default=None, description="The campaign's id; none is the campaign that spent most."
    )
    window: Window = None
    compare: bool = Field(default=True, description="Whether to compare with the window before.")


class ChannelsParameters(RunParameters):
    """Parameters of the channel breakdown."""

    window: Window = "30d"
    compare: bool = Field(default=True, description="Whether to compare with the window before.")


class LeadsParameters(RunParameters):
    """Parameters of the lead report."""

    window: Window = "90d"


class CohortsParameters(RunParameters):
    """Parameters of the cohort report."""

    window: Window = None


class AttributionParameters(RunParameters):
    """Parameters of the attribution report."""

    of_window = True

    window: Window = "90d"
    by: Touch = "channel"
    look_back: LookBack = "30d"
    models: Models = "all"


class JourneysParameters(RunParameters):
    """Parameters of the report on journeys."""

    of_window = True

    window: Window = "90d"
    by: Touch = "channel"
    look_back: LookBack = "30d"
    top: int = Field(default=10, ge=3, le=50, description="Ways that are listed.")
    order: CampaignId | None = Field(
        default=None, description="The id of the order to show touch by touch; none is one of the newest."
    )


class HoldoutParameters(RunParameters):
    """Parameters of the report on holdouts."""

    of_window = True

    campaign: CampaignId | None = Field(
        default=None, description="The id of the campaign to judge; none is all that kept a holdout."
    )
    window: Window = "180d"
    by: Literal["segment", "region", "platform"] = Field(
        default="segment", description="What tells parts of the users apart."
    )
    planned: float = Field(
        default=0.1, gt=0, lt=1, description="The share of users that was to be held out: 0.1 is a tenth."
    )
    level: float = Field(default=0.95, ge=0.8, le=0.999, description="The level of all intervals.")


class ABTestParameters(RunParameters):
    """Parameters of the report on an A/B test."""

    experiment: ExperimentName | None = Field(
        default=None, description="The experiment; none is the one that began last."
    )
    metrics: TestedMetrics = "orders,revenue,aov"
    days: int | None = Field(
        default=None,
        ge=1,
        le=3660,
        description="Days from the first assignment that count; none is all. Defined ones have their own.",
    )
    level: float = Field(default=0.95, ge=0.8, le=0.999, description="The level of all intervals.")
    before_days: int = Field(
        default=28, ge=0, le=365, description="Days before that reduce the variance; 0 is without."
    )


class ExperimentDesignParameters(RunParameters):
    """Parameters of the plan of a test."""

    metric: TestedMetric = "revenue"
    mde: float = Field(
        default=0.1, gt=0, le=10, description="The smallest change worth finding: 0.1 is 10 %."
    )
    variants: int = Field(default=2, ge=2, le=20, description="Groups, the control included.")
    alpha: float = Field(default=0.05, gt=0, lt=0.5, description="The probability of a false alarm.")
    power: float = Field(default=0.8, ge=0.5, le=0.999, description="The probability of finding the change.")
    looks: int = Field(default=1, ge=1, le=100, description="Planned looks, the end included.")
    days: int = Field(
        default=28,
        ge=7,
        le=365,
        description="Days a test may take; level and spread are of the last so many.",
    )


class GeoExperimentParameters(RunParameters):
    """Parameters of the report on a geo test."""

    experiment: ExperimentName | None = Field(
        default=None,
        description="The geo test as it was defined; none is the one that ended last, or that spend shows.",
    )
    metric: Literal["revenue", "orders"] = Field(default="revenue", description="What is looked at.")
    treated: Names = Field(
        default="",
        description='The markets in which it ran, joined by ";"; none are those defined, or with spend.',
    )
    days: Period | None = Field(
        default=None,
        description='Days, "2024-05-01:2024-05-28"; none are those defined, or with spend there.',
        json_schema_extra={"format": "window"},
    )
    cooldown: int = Field(default=0, ge=0, le=90, description="Days after it in which it may still work.")
    expected_return: float = Field(
        default=3.0, gt=0, le=1000, description="Return on spend that the budget of the next test rests on."
    )


class DataQualityParameters(RunParameters):
    """Parameters of the data quality report."""

    window: Window = "30d"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotebookDefinition:
    """A notebook of the project and what it can be asked.

    Parameters
    ----------
    name : str
        The name of its file, without the ending.
    title, says : str
        What it is called, and the question it answers.
    parameters : type
        The model of its parameters.
    """

    name: str
    title: str
    says: str
    parameters: type[RunParameters]


NOTEBOOKS: Catalog[NotebookDefinition] = Catalog(
    "notebook",
    [
        NotebookDefinition(
            name="executive",
            title="Executive summary",
            says="How is marketing doing, and what needs attention?",
            parameters=ExecutiveParameters,
        ),
        NotebookDefinition(
            name="campaign",
            title="Campaign analysis",
            says="What did one campaign cost, and what did it bring?",
            parameters=CampaignParameters,
        ),
        NotebookDefinition(
            name="channels",
            title="Channel breakdown",
            says="Which channel earns its money?",
            parameters=ChannelsParameters,
        ),
        NotebookDefinition(
            name="attribution",
            title="Attribution",
            says="Which channels and campaigns deserve the credit?",
            parameters=AttributionParameters,
        ),
        NotebookDefinition(
            name="journeys",
            title="Customer journeys",
            says="How do people come to buy?",
            parameters=JourneysParameters,
        ),
        NotebookDefinition(
            name="holdout",
            title="Holdouts",
            says="What did campaigns cause that would not have happened anyway?",
            parameters=HoldoutParameters,
        ),
        NotebookDefinition(
            name="ab_test",
            title="A/B test",
            says="Which variant won, how sure is that, and what is it worth?",
            parameters=ABTestParameters,
        ),
        NotebookDefinition(
            name="experiment_design",
            title="Experiment design",
            says="How many users and days does a test need, and what can it find?",
            parameters=ExperimentDesignParameters,
        ),
        NotebookDefinition(
            name="geo_experiment",
            title="Geo test",
            says="What did a campaign in some markets cause, and where to run the next one?",
            parameters=GeoExperimentParameters,
        ),
        NotebookDefinition(
            name="mmm",
            title="Media mix model",
            says="What did every channel bring, and what would the next unit of money bring?",
            parameters=MixParameters,
        ),
        NotebookDefinition(
            name="budget_simulator",
            title="Budget simulator",
            says="How should the media budget be split, and what would that bring?",
            parameters=BudgetSimulatorParameters,
        ),
        NotebookDefinition(
            name="leads",
            title="Lead quality",
            says="How many leads came, how good are they, and where do they stop?",
            parameters=LeadsParameters,
        ),
        NotebookDefinition(
            name="cohorts",
            title="Cohorts",
            says="Do customers who came together stay and buy again?",
            parameters=CohortsParameters,
        ),
        NotebookDefinition(
            name="segments",
            title="Segments",
            says="Who are the users, how do they answer, and do segments differ?",
            parameters=SegmentsParameters,
        ),
        NotebookDefinition(
            name="data_quality",
            title="Data quality",
            says="Can the data be trusted, and what was refused?",
            parameters=DataQualityParameters,
        ),
        NotebookDefinition(
            name="roi",
            title="Returns and projections",
            says="What came back for the money, what of it was caused, and what would more bring?",
            parameters=ReturnsParameters,
        ),
        NotebookDefinition(
            name="ab_summary",
            title="All A/B tests",
            says="What did all tests find, and what came of them?",
            parameters=ExperimentSummaryParameters,
        ),
        NotebookDefinition(
            name="anomalies",
            title="Anomalies",
            says="Which figures left their usual range?",
            parameters=AnomaliesParameters,
        ),
        NotebookDefinition(
            name="reconciliation",
            title="Reconciliation",
            says="How much of what was sold do campaigns claim, and can that be true?",
            parameters=ReconciliationParameters,
        ),
        NotebookDefinition(
            name="system_health",
            title="System health",
            says="Does the workbench do its work, and how old is the data?",
            parameters=SystemHealthParameters,
        ),
        NotebookDefinition(
            name="custom",
            title="Custom report",
            says="What do the sections that were asked for show?",
            parameters=CustomParameters,
        ),
    ],
)
