"""From journeys to the credit of several models, with intervals and all that a reader must know."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from workbench.attribution.bootstrap import LEVEL, REPLICATES, Bounds, bounds, bucket_weights
from workbench.attribution.credit import FEW, Credit, CreditRow, sorted_rows
from workbench.attribution.journeys import NOT_SET, UNATTRIBUTED
from workbench.attribution.models import MODELS, AttributionModel, Question, Solution
from workbench.attribution.raking import Raking, rake
from workbench.attribution.windows import LookBack, lookback, within
from workbench.errors import NotEnoughData, UsageError, wrong_kind
from workbench.result import format_value

if TYPE_CHECKING:
    from datetime import timedelta

    from workbench.attribution.journeys import Journeys

Floats = NDArray[np.float64]
_OBSERVED = (
    "Credit shares out conversions that happened; what would be lost without a channel, only an experiment "
    "can say."
)


def chosen_models(models: str | Iterable[str]) -> tuple[AttributionModel, ...]:
    """Return the models meant by names, or by ``"all"``.

    Raises
    ------
    UsageError
        If a name is unknown, or none is given.
    """
    if not isinstance(models, Iterable):
        raise wrong_kind("What is named as models", models, "text as 'linear,markov', or several names")
    several = [part.strip() for part in models.split(",")] if isinstance(models, str) else list(models)
    found = tuple((MODELS if several == ["all"] else MODELS.only(several)).values())
    if not found:
        raise UsageError(f"No attribution model is named. Known: {', '.join(MODELS)}.")
    return found


def credit_of(
    journeys: Journeys,
    models: str | Iterable[str] = "all",
    *,
    window: str | timedelta | LookBack | None = "30d",
    order: int | None = None,
    replicates: int = REPLICATES,
    seed: int = 0,
    currency: str | None = None,
) -> Credit:
    """Return the credit of several models from journeys that were counted already.

    Parameters
    ----------
    journeys : Journeys
        Counted with the window asked for.
    models : str or several
        Names, or ``"all"``.
    window : str, timedelta, LookBack or None
        The look-back window of the rules.
    order : int, optional
        Of the Markov model; chosen on unseen users where it is not given.
    replicates : int
        Of the bootstrap; 0 for no intervals.
    seed : int
        Of everything that is sampled.
    currency : str, optional
        ISO 4217 code of all values.

    Raises
    ------
    UsageError
        If a model is unknown, the journeys were not counted with the window or order, or `replicates` or
        `seed` is below zero.
    """
    asked, span = chosen_models(models), lookback(window)
    question = _checked(journeys, Question(window=span, order=order, seed=seed), replicates)
    empty = Credit(
        by=journeys.attribute,
        window=str(span),
        rows=(),
        conversions=journeys.conversions,
        value=journeys.value,
        level=LEVEL,
        currency=currency,
    )
    if not journeys.conversions > 0:
        reason = "Not enough data: there is no conversion, so nothing can be credited."
        return replace(empty, missing=reason)
    rows: list[CreditRow] = []
    notes: list[str] = []
    refused: list[str] = []
    weights = _weights(journeys, replicates, seed)
    for model in asked:
        try:
            solution = model.solve(journeys, question)
        except NotEnoughData as error:
            refused.append(f"{model.title}: left out. {error}")
            continue
        rows += _rows(model.name, solution, journeys, weights)
        notes += solution.caveats
    if not rows:
        return replace(empty, missing=" ".join(refused))
    general = _general(journeys, span, rows, intervals=weights is not None)
    return replace(empty, rows=sorted_rows(rows), caveats=tuple(dict.fromkeys([*general, *notes, *refused])))


def _checked(journeys: Journeys, question: Question, replicates: int) -> Question:
    """Return the question if these journeys can answer it."""
    if not hasattr(journeys, "settings"):
        raise wrong_kind("What is credited", journeys, "Journeys, such as journeys_of(FRAME)")
    journeys.settings.place(question.window)
    for name, given in (("The number of replicates", replicates), ("A seed", question.seed)):
        if not isinstance(given, Integral):
            raise wrong_kind(name, given, "a whole number")
    if not isinstance(question.order, Integral | None):
        raise wrong_kind("The order", question.order, "a whole number")
    if replicates < 0 or 0 < replicates < 100:
        raise UsageError(f"Intervals take 100 replicates or more, or 0 for none; not {replicates}.")
    if question.seed < 0:
        raise UsageError(f"A seed is a whole number of 0 or more, not {question.seed}.")
    highest = journeys.settings.order
    if question.order is not None and not 1 <= question.order <= highest:
        raise UsageError(f"These journeys hold orders 1 to {highest}, not {question.order}.")
    return question


def rakings(journeys: Journeys, credit: Credit) -> dict[str, Raking]:
    """Return for each model that is no rule how it shares out single conversions.

    Parameters
    ----------
    journeys : Journeys
        Those that were credited.
    credit : Credit
        Their credit; models without any credited conversion are left out.
    """
    rules = {rule.name for rule in journeys.settings.rules}
    coalitions = journeys.coalitions()
    found = {}
    for model in credit.models:
        if model not in rules:
            known = {row.channel: row.conversions for row in credit.of(model)}
            totals = [max(known.get(name, 0.0), 0.0) for name in journeys.names]
            if sum(totals) > 0:
                found[model] = rake(coalitions, totals)
    return found


def _weights(journeys: Journeys, replicates: int, seed: int) -> Floats | None:
    buckets = journeys.settings.buckets
    return bucket_weights(buckets, replicates, seed=seed) if replicates and buckets > 1 else None


def _rows(model: str, solution: Solution, journeys: Journeys, weights: Floats | None) -> list[CreditRow]:
    point = np.concatenate([solution.credit, solution.untouched.sum(axis=0)[None]])
    ends: Bounds | None = None
    if weights is not None:
        some = weights[: solution.most]
        rest = np.tensordot(some, solution.untouched, axes=1)[:, None]
        samples = np.concatenate([solution.again(some), rest], axis=1)
        ends = bounds(samples, point, buckets=journeys.settings.buckets)
    names = (*journeys.names, UNATTRIBUTED)
    value = journeys.value
    return [
        CreditRow(
            model=model,
            channel=name,
            conversions=float(point[place, 0]),
            conversions_low=None if ends is None else float(ends.low[place, 0]),
            conversions_high=None if ends is None else float(ends.high[place, 0]),
            value=float(point[place, 1]),
            value_low=None if ends is None else float(ends.low[place, 1]),
            value_high=None if ends is None else float(ends.high[place, 1]),
            share=float(point[place, 0] / journeys.conversions),
            value_share=float(point[place, 1] / value) if value > 0 else None,
        )
        for place, name in enumerate(names)
        if name != UNATTRIBUTED or point[place].any()
    ]


def _general(journeys: Journeys, span: LookBack, rows: list[CreditRow], *, intervals: bool) -> list[str]:
    """Return what a reader must know whatever the model."""
    said, known = [_OBSERVED], journeys.provenance
    models = {row.model for row in rows}
    if journeys.reach != span and str(span) != "any" and models - {r.name for r in journeys.settings.rules}:
        said.append(
            f"Rules count touches {within(str(span))}; Markov, Shapley and regression take all touches "
            "since the conversion before, however old."
        )
    rest = {row.share for row in rows if row.channel == UNATTRIBUTED}
    if rest:
        said.append(
            f"{format_value(max(rest), '%')} of the conversions have no touch that could be credited."
        )
    unnamed = max((row.share for row in rows if row.channel == NOT_SET), default=0.0)
    if unnamed > 0:
        said.append(
            f"Up to {format_value(unnamed, '%')} of the conversions are credited to touches without a name, "
            f"as {NOT_SET}: that credit belongs to some of the others, which have too little."
        )
    if known.first is not None and known.last is not None and known.last - known.first < span.micros:
        said.append(
            f"Rules count touches {within(str(span))}, and the data are shorter: early conversions "
            "lack touches."
        )
    few = sorted({row.channel for row in rows if row.conversions < FEW and row.channel != UNATTRIBUTED})
    if few:
        names = ", ".join(few[:5]) + (f" and {len(few) - 5} more" if len(few) > 5 else "")
        said.append(
            f"Fewer than {FEW} conversions are credited to {names} by some model: too few to rely on."
        )
    if known.negative:
        said.append(
            f"{known.negative:,} conversions have a negative value, so credited value may be negative, too."
        )
    if not intervals:
        said.append("Without intervals: small differences may be chance.")
    return said
