"""An experiment as a file says it, and as it is kept: checked where it comes in, the same when read again."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from workbench.errors import BadInput, UsageError
from workbench.experiments.definition import Experiment, Guardrail, Kind, Status, check_sound
from workbench.experiments.geo.plan import GeoTest
from workbench.governance.masking import holds_personal_data, shown_name
from workbench.governance.names import check_slug

LONGEST_TEXT = 2000
GEO = "geo"
Plan = Experiment | GeoTest
_MOST_VARIANTS, _MOST_METRICS = 50, 200


def check_words(text: str, what: str) -> str:
    """Return what a person wrote about an experiment, where it may be kept for good.

    Raises
    ------
    UsageError
        If it is too long, or holds an e-mail address or a telephone number, which no erasure would find.

    Examples
    --------
    >>> check_words("It sold more.", "The reason")
    'It sold more.'
    """
    if len(text) > LONGEST_TEXT:
        raise UsageError(f"{what} has {len(text):,} characters: at most {LONGEST_TEXT:,} are kept.")
    if holds_personal_data(text):
        raise UsageError(f"{what} holds an e-mail address or a telephone number: leave it out.")
    return text


def _shown(text: str) -> str:
    if text != shown_name(text, longest=200):
        raise ValueError("holds signs that cannot be seen, blanks at an end, or more than 200 characters")
    return text


def _day(value: object) -> object:
    return date.fromisoformat(value) if isinstance(value, str) else value


def _guardrail(value: object) -> object:
    return {"metric": value} if isinstance(value, str) else value


_Plain = Annotated[str, BeforeValidator(lambda value: _shown(value) if isinstance(value, str) else value)]
_Name = Annotated[_Plain, Field(min_length=1)]
_Day = Annotated[date | None, BeforeValidator(_day)]


class _Guardrail(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    metric: _Name
    margin: float = 0.02


class ExperimentDocument(BaseModel):
    """What a file of an experiment may say."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: _Name
    primary: _Name
    hypothesis: str = ""
    kind: Kind = "message"
    campaign: _Plain = ""
    variants: list[_Name] = Field(default=["control", "treatment"], min_length=2, max_length=_MOST_VARIANTS)
    split: list[float] | None = None
    secondary: list[_Name] = Field(default=[], max_length=_MOST_METRICS)
    guardrails: list[Annotated[_Guardrail, BeforeValidator(_guardrail)]] = Field(
        default=[], max_length=_MOST_METRICS
    )
    level: float = 0.95
    power: float = 0.8
    minimum_effect: float | None = None
    start: _Day = None
    end: _Day = None
    looks: int = Field(default=1, ge=1, le=10_000)
    before_days: int = Field(default=28, ge=0, le=3660)
    status: Status = "draft"

    @field_validator("minimum_effect")
    @classmethod
    def _above_zero(cls, value: float | None) -> float | None:
        if value is not None and not (math.isfinite(value) and value > 0):
            raise ValueError("the smallest change worth finding is above 0")
        return value

    def experiment(self) -> Experiment:
        """Return the experiment."""
        given = self.model_dump(exclude={"variants", "split", "secondary", "guardrails", "minimum_effect"})
        shares = self.split or [1 / len(self.variants)] * len(self.variants)
        return Experiment(
            **given,
            variants=tuple(self.variants),
            split=tuple(shares),
            secondary=tuple(self.secondary),
            guardrails=tuple(Guardrail(metric=own.metric, margin=own.margin) for own in self.guardrails),
            minimum_effect=math.nan if self.minimum_effect is None else self.minimum_effect,
        )


def experiment_of(document: Mapping[str, Any], file: object = None) -> Experiment:
    """Return the experiment that a document says.

    Parameters
    ----------
    document : mapping
        The fields of `Experiment`; ``variants`` may also be a mapping of variants to their shares.
    file : object, optional
        What it is called in messages.

    Raises
    ------
    BadInput
        Naming the field, its value and what was expected.

    Examples
    --------
    >>> found = experiment_of({"name": "new_subject", "primary": "ctr", "variants": {"old": 0.9, "new": 0.1}})
    >>> found.control, found.split
    ('old', (0.9, 0.1))
    >>> experiment_of({"name": "new_subject", "primary": "ctr", "kind": "colour"}, "test.yaml")
    Traceback (most recent call last):
        ...
    workbench.errors.BadInput: test.yaml, value 'colour': kind: not accepted; expected 'message', \
'channel', 'timing', 'segment', 'template' or 'creative'.
    """
    given = dict(document)
    if isinstance(given.get("variants"), dict):
        if given.get("split") is not None:
            raise BadInput("split: the shares stand twice", file=file, fix="Leave out one of them.")
        given["split"] = list(given["variants"].values())
        given["variants"] = list(given["variants"])
    try:
        found = ExperimentDocument.model_validate(given).experiment()
        check_slug(found.name, "test")
        check_words(found.hypothesis, "The hypothesis")
    except ValidationError as error:
        raise _refusal(error, file) from None
    except UsageError as error:
        raise BadInput(str(error).rstrip("."), file=file) from None
    return found


def geo_test_of(document: Mapping[str, Any], file: object = None) -> GeoTest:
    """Return the geo test that a document says; its ``kind`` is ``"geo"``.

    Parameters
    ----------
    document : mapping
        The fields of `GeoTest`, and its kind.
    file : object, optional
        What it is called in messages.

    Raises
    ------
    BadInput
        Naming the field, its value and what was expected.

    Examples
    --------
    >>> days = {"start": "2024-05-01", "end": "2024-05-28"}
    >>> geo_test_of({"kind": "geo", "name": "posters", "treated": ["Bremen"], **days}).treated
    ('Bremen',)
    """
    said = {name: value for name, value in document.items() if name != "kind"}
    found = GeoTest.from_document(said, file=file)
    try:
        check_slug(found.name, "test")
    except UsageError as error:
        raise BadInput(str(error).rstrip("."), file=file) from None
    for geo in (*found.treated, *found.controls, *found.excluded, found.metric):
        if not geo or geo != shown_name(geo, longest=200):
            raise BadInput(
                "a name holds signs that cannot be seen, blanks at an end, or more than 200 characters",
                file=file,
                value=geo[:80],
            )
    return found


def plan_of(document: Mapping[str, Any], file: object = None) -> Plan:
    """Return what a document plans: a geo test where its ``kind`` is ``"geo"``, else a test on users.

    Also of one that was kept before `check_sound` had its rules.

    Raises
    ------
    BadInput
        As `experiment_of` and `geo_test_of` do.
    """
    return geo_test_of(document, file) if document.get("kind") == GEO else experiment_of(document, file)


def new_plan_of(document: Mapping[str, Any], file: object = None) -> Plan:
    """Return what a document plans anew.

    Raises
    ------
    BadInput
        As `plan_of` does, and where `check_sound` does.
    """
    plan = plan_of(document, file)
    try:
        if isinstance(plan, Experiment):
            check_sound(plan)
    except UsageError as error:
        raise BadInput(str(error).rstrip("."), file=file) from None
    return plan


def kind_of(plan: Plan) -> str:
    """Return what differs between the variants, or that regions do."""
    return GEO if isinstance(plan, GeoTest) else plan.kind


def primary_of(plan: Plan) -> str:
    """Return the metric that decides."""
    return plan.metric if isinstance(plan, GeoTest) else plan.primary


def _refusal(error: ValidationError, file: object) -> BadInput:
    first = error.errors(include_url=False)[0]
    value, kind = first["input"], first["type"]
    place = ".".join(map(str, first["loc"])) or "the file"
    shown = value if isinstance(value, (str, int, float)) else None
    if kind == "missing":
        return BadInput(f"{place}: it is missing", file=file)
    if kind == "extra_forbidden":
        fields = ", ".join(ExperimentDocument.model_fields)
        return BadInput(f"{place}: no such field", file=file, expected=f"one of {fields}")
    said = first["msg"].removeprefix("Value error, ")
    problem, _, expected = said.partition("Input should be ")
    return BadInput(
        f"{place}: {problem.rstrip(', ') or 'not accepted'}",
        file=file,
        value=shown,
        expected=expected or None,
    )


def document_of(experiment: Plan) -> dict[str, Any]:
    """Return an experiment as JSON takes it; `plan_of` reads it again.

    Examples
    --------
    >>> kept = Experiment(name="new_subject", primary="ctr", start=date(2024, 5, 1))
    >>> document_of(kept)["start"], experiment_of(document_of(kept)).start
    ('2024-05-01', datetime.date(2024, 5, 1))
    """
    document = json.loads(json.dumps(asdict(experiment), default=str))
    if isinstance(experiment, GeoTest):
        return {"kind": GEO, **document}
    if math.isnan(experiment.minimum_effect):
        document["minimum_effect"] = None
    return dict(document)
