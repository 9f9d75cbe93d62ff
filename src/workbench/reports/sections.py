"""What a custom report can be made of: one catalog of sections, each with its options and what it shows."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from workbench.catalog import Catalog
from workbench.errors import BadInput
from workbench.reports.parameter_kinds import CampaignId, Models, RunParameters, Window
from workbench.reports.parameters import read_parameters

Days = str | None


class SectionOptions(RunParameters):
    """What every section can be told."""

    title: Annotated[str, Field(max_length=200)] | None = Field(
        default=None, description="The heading; none is the section's own, an empty one is left out."
    )
    window: Window = Field(default=None, description="Days of this section; none are those of the report.")


def _metric(name: str) -> str:
    from workbench.metrics.definitions import METRICS

    if name not in METRICS:
        raise BadInput(
            "there is no such metric",
            value=name,
            expected="a metric of the dictionary",
            fix=near(name, METRICS),
        )
    return name


def near(name: str, known: Sequence[str] | Mapping[str, object]) -> str | None:
    """Return the question whether the nearest known name is meant.

    Examples
    --------
    >>> near("tend", ["trend", "text"])
    "Did you mean 'trend'?"
    """
    found = difflib.get_close_matches(name, list(known), n=1)
    return f"Did you mean {found[0]!r}?" if found else None


Metric = Annotated[str, AfterValidator(_metric), WithJsonSchema({"type": "string", "format": "metric"})]
Slicing = Literal["campaign", "channel", "region", "platform"]


class KpiOptions(SectionOptions):
    """Options of key figures."""

    metrics: list[Metric] = Field(
        default=["revenue", "spend", "roas", "cac"], min_length=1, max_length=24, description="Which."
    )
    campaign: CampaignId | None = Field(default=None, description="The id of the only campaign.")
    compare: bool = Field(default=True, description="Whether to compare with the window before.")


class TrendOptions(SectionOptions):
    """Options of a metric over time."""

    metric: Metric = Field(default="revenue", description="Which metric.")
    by: Slicing | None = Field(default=None, description="What to draw apart; none is one line.")
    campaign: CampaignId | None = Field(default=None, description="The id of the only campaign.")


class LeaderOptions(SectionOptions):
    """Options of the leaderboard."""

    metric: Metric = Field(default="roas", description="By which metric.")
    by: Slicing = Field(default="campaign", description="Who is compared.")
    top: int = Field(default=8, ge=3, le=25, description="Rows.")


class CampaignOptions(SectionOptions):
    """Options of a section that can keep to one campaign."""

    campaign: CampaignId | None = Field(default=None, description="The id of the only campaign.")


class AttributionOptions(SectionOptions):
    """Options of the credit by model."""

    models: Models = "last_touch,markov"
    by: Literal["channel", "campaign"] = Field(default="channel", description="Who gets the credit.")


class TextOptions(SectionOptions):
    """Options of words of one's own."""

    text: str = Field(
        default="", max_length=5000, description="Plain words; an empty line begins a paragraph."
    )


class ExperimentOptions(SectionOptions):
    """Options of the table of holdouts."""

    level: float = Field(default=0.95, ge=0.8, le=0.999, description="The level of all intervals.")


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionKind:
    """One kind of section.

    Parameters
    ----------
    name, title, says : str
        How it is asked for, its heading, what it shows.
    options : type
        The model of what it can be told.
    show : callable
        From tables, options and days to what is shown, in order.
    """

    name: str
    title: str
    says: str
    options: type[SectionOptions]
    show: Callable[[Any, Any, Days], tuple[Any, ...]]


def _kpis(tables: Any, asked: KpiOptions, days: Days) -> tuple[Any, ...]:
    from workbench import charts, explore

    cards = explore.kpi_cards(tables, asked.metrics, window=days, where=_only(asked.campaign))
    return (charts.kpi_cards(cards, compare=asked.compare),)


def _alerts(tables: Any, _asked: SectionOptions, days: Days) -> tuple[Any, ...]:
    from workbench import charts, explore

    return (charts.alerts(explore.alerts(tables, window=days)),)


def _trend(tables: Any, asked: TrendOptions, days: Days) -> tuple[Any, ...]:
    from workbench import charts, explore

    found = explore.trends(tables, asked.metric, by=asked.by, window=days, where=_only(asked.campaign))
    return (charts.trend(found),)


def _channels(tables: Any, asked: CampaignOptions, days: Days) -> tuple[Any, ...]:
    from workbench import charts, explore

    found = explore.compare_channels(tables, campaign_id=asked.campaign, window=days)
    return (charts.channel_table(found), charts.channel_returns(found))


def _campaigns(tables: Any, _asked: SectionOptions, days: Days) -> tuple[Any, ...]:
    from workbench import charts, explore

    found = explore.compare_campaigns(tables, window=days)
    return (charts.campaign_returns(found), charts.campaign_table(found))


def _leaderboard(tables: Any, asked: LeaderOptions, days: Days) -> tuple[Any, ...]:
    from workbench import charts, explore

    return (
        charts.leaderboard(
            explore.leaderboard(tables, metric=asked.metric, by=asked.by, window=days, top=asked.top)
        ),
    )


def _attribution(tables: Any, asked: AttributionOptions, days: Days) -> tuple[Any, ...]:
    from workbench import attribution, charts

    credit = attribution.model_credit(tables, models=asked.models, by=asked.by, window=days)
    return (charts.credit_beside(credit), charts.caveats(credit))


def _funnel(tables: Any, asked: CampaignOptions, days: Days) -> tuple[Any, ...]:
    from workbench import charts, explore

    return (charts.funnel(explore.known_funnel(tables, window=days, where=_only(asked.campaign))),)


def _budget(tables: Any, _asked: SectionOptions, days: Days) -> tuple[Any, ...]:
    from workbench import charts, explore

    found = explore.pacing(tables, window=days)
    return (charts.pacing(found), charts.pacing_table(found))


def _leads(tables: Any, _asked: SectionOptions, days: Days) -> tuple[Any, ...]:
    from workbench import charts, explore

    found = explore.leads(tables, window=days)
    return (charts.sentence(found), charts.lead_stages(found), charts.lead_table(found))


def _frequency(tables: Any, asked: CampaignOptions, days: Days) -> tuple[Any, ...]:
    from workbench import charts, explore

    return (charts.frequency(explore.frequency(tables, campaign_id=asked.campaign, window=days)),)


def _heatmap(tables: Any, _asked: SectionOptions, days: Days) -> tuple[Any, ...]:
    from workbench import charts, explore

    return (charts.heatmap(explore.heatmap(tables, window=days)),)


def _holdouts(tables: Any, asked: ExperimentOptions, days: Days) -> tuple[Any, ...]:
    from workbench import charts, experiments

    return (charts.holdout_campaigns(experiments.holdouts(tables, window=days, level=asked.level)),)


def _quality(tables: Any, _asked: SectionOptions, _days: Days) -> tuple[Any, ...]:
    from workbench import charts, explore

    found = explore.data_quality(tables)
    return (charts.sentence(found), charts.loads(found))


def _text(_tables: Any, asked: TextOptions, _days: Days) -> tuple[Any, ...]:
    from workbench.charts.stack import Paragraphs

    return (Paragraphs(text=asked.text),)


def _only(campaign: str | None) -> dict[str, str] | None:
    return {"campaign": campaign} if campaign is not None else None


def _kind(
    name: str, title: str, says: str, show: Callable[[Any, Any, Days], tuple[Any, ...]], options: Any = None
) -> SectionKind:
    return SectionKind(name=name, title=title, says=says, options=options or SectionOptions, show=show)


SECTIONS: Catalog[SectionKind] = Catalog(
    "section",
    [
        _kind("kpis", "Key figures", "Cards of metrics with interval, change and line.", _kpis, KpiOptions),
        _kind(
            "alerts",
            "What needs a decision",
            "Missed targets, losses, budgets that leave their plan.",
            _alerts,
        ),
        _kind("trend", "Over time", "A metric by day, smoothed, with what changed.", _trend, TrendOptions),
        _kind("channels", "Channels", "Channels side by side.", _channels, CampaignOptions),
        _kind("campaigns", "Campaigns", "Returns of campaigns with intervals.", _campaigns),
        _kind("leaderboard", "Who leads", "The leading campaigns or channels.", _leaderboard, LeaderOptions),
        _kind("attribution", "Who gets the credit", "Credit by model.", _attribution, AttributionOptions),
        _kind("funnel", "From impression to purchase", "Users by stage.", _funnel, CampaignOptions),
        _kind("budget", "Budget", "Spend against plan.", _budget),
        _kind("leads", "Leads", "How many came, how good they are.", _leads),
        _kind("frequency", "How often people are reached", "Messages per user.", _frequency, CampaignOptions),
        _kind("heatmap", "When people engage", "Hours and weekdays.", _heatmap),
        _kind("holdouts", "What campaigns caused", "Lift over the holdout.", _holdouts, ExperimentOptions),
        _kind("quality", "Data", "What was loaded and refused.", _quality),
        _kind("text", "", "Words of one's own.", _text, TextOptions),
    ],
)


def read_sections(given: Sequence[object]) -> tuple[tuple[SectionKind, SectionOptions], ...]:
    """Return what a list of sections asks for, every option checked.

    Parameters
    ----------
    given : sequence
        Names of sections, or mappings with the name under ``section`` and options beside it.

    Raises
    ------
    BadInput
        With the place in the list, what stands there, and what was expected.

    Examples
    --------
    >>> [kind.name for kind, _ in read_sections(["kpis", {"section": "trend", "metric": "spend"}])]
    ['kpis', 'trend']
    >>> read_sections(["kpis", {"section": "tend"}])
    Traceback (most recent call last):
    ...
    workbench.errors.BadInput: section 2, value 'tend': there is no such section; expected ... mean 'trend'?
    """
    return tuple(_read(place, one) for place, one in enumerate(given, start=1))


def _read(place: int, given: object) -> tuple[SectionKind, SectionOptions]:
    options = dict(given) if isinstance(given, Mapping) else {}
    name = options.pop("section", None) if isinstance(given, Mapping) else given
    if not isinstance(name, str):
        raise BadInput(
            "not a section",
            file=f"section {place}",
            value=given,
            expected="a name, or a mapping that names one under 'section'",
        )
    if name not in SECTIONS:
        raise BadInput(
            "there is no such section",
            file=f"section {place}",
            value=name,
            expected=f"one of {', '.join(SECTIONS)}",
            fix=near(name, SECTIONS),
        )
    kind = SECTIONS[name]
    found = read_parameters(kind.options, options, source=f"section {place} ({name})")
    assert isinstance(found, SectionOptions)  # noqa: S101 - the model is one
    return kind, found


def _checked(given: list[Any]) -> list[Any]:
    """Return the list with the options of each section in one order, so that equal reports are equal runs."""
    read_sections(given)
    return [dict(sorted(one.items())) if isinstance(one, dict) else one for one in given]


Sections = Annotated[
    list[Any],
    AfterValidator(_checked),
    WithJsonSchema({"type": "array", "format": "sections"}),
    Field(min_length=1, max_length=40, description="What the report shows, in order: names, or mappings."),
]
