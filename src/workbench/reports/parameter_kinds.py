"""What a parameter of a notebook may be: windows, models, metrics, names; each with its help."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema

_DAYS = re.compile(r"[1-9]\d{0,3}d")
_RANGE = re.compile(r"(\d{4}-\d{2}-\d{2}):(\d{4}-\d{2}-\d{2})")


def _window(text: str) -> str:
    if _DAYS.fullmatch(text):
        return text
    if match := _RANGE.fullmatch(text):
        first, last = (date.fromisoformat(day) for day in match.groups())
        if first <= last:
            return text
    raise ValueError(text)


Window = Annotated[
    Annotated[str, AfterValidator(_window), WithJsonSchema({"type": "string", "format": "window"})] | None,
    Field(
        description='Days reported: "30d" ends on the last day with data, "2024-01-01:2024-01-31" is fixed.'
    ),
]


def _look_back(text: str) -> str:
    if text == "any" or _DAYS.fullmatch(text):
        return text
    raise ValueError(text)


LookBack = Annotated[
    Annotated[str, AfterValidator(_look_back), WithJsonSchema({"type": "string", "format": "look-back"})],
    Field(description='How far before an order a touch may lie: "30d", or "any".'),
]


def _models(text: str) -> str:
    from workbench.attribution.crediting import chosen_models
    from workbench.errors import WorkbenchError

    try:
        chosen_models(text)
    except WorkbenchError:
        raise ValueError(text) from None
    return text


Models = Annotated[
    Annotated[str, AfterValidator(_models), WithJsonSchema({"type": "string", "format": "models"})],
    Field(description='Attribution models, joined by commas: "last_touch,markov"; or "all".'),
]
Touch = Annotated[
    Literal["channel", "campaign", "campaign_type"], Field(description="What tells touches apart.")
]
CampaignId = Annotated[str, StringConstraints(min_length=1, max_length=20_000)]


def _tested_metric(text: str) -> str:
    from workbench.metrics.definitions import METRICS

    if text not in METRICS:
        raise ValueError(text)
    return text


TestedMetric = Annotated[
    Annotated[str, AfterValidator(_tested_metric), WithJsonSchema({"type": "string", "format": "metric"})],
    Field(description="A metric of the dictionary that users have: revenue, orders, aov, ctr ..."),
]


def _tested_metrics(text: str) -> str:
    for name in text.split(","):
        _tested_metric(name.strip())
    return text


ReportTitle = Annotated[str, StringConstraints(min_length=1, max_length=200)] | None
ExperimentName = Annotated[str, StringConstraints(min_length=1, max_length=200)]
TestedMetrics = Annotated[
    Annotated[str, AfterValidator(_tested_metrics), WithJsonSchema({"type": "string", "format": "metrics"})],
    Field(
        description="Metrics that users have, joined by commas; the first decides. Of an experiment that was "
        "defined, its own are taken."
    ),
]


def _period(text: str) -> str:
    if _DAYS.fullmatch(text):
        raise ValueError(text)
    return _window(text)


Period = Annotated[str, AfterValidator(_period)]
Names = Annotated[str, StringConstraints(max_length=20_000)]


class RunParameters(BaseModel):
    """What a run can be asked; every field has a type, bounds, a default and a sentence of help."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, validate_default=True, defer_build=True
    )

    # The parameter that names a media mix run: none is the newest; a planned run has the id in its place.
    newest_fit: ClassVar[str | None] = None
    # Whether the notebook reads what the workbench notes of its runs and loads: they are then inputs, too.
    reads_books: ClassVar[bool] = False
    # Whether all of the page is of the days of its window, though no cards at the top say of which.
    of_window: ClassVar[bool] = False
    # The parameter that names another one, where there is one.
    other_fit: ClassVar[str | None] = None
