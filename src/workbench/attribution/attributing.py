"""Attribute: conversions and value credited to channels by any models, with intervals and caveats."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from workbench.attribution.counting import count_journeys
from workbench.attribution.credit import Credit
from workbench.attribution.crediting import chosen_models, credit_of
from workbench.attribution.journeys import Journeys
from workbench.attribution.reaching import reaching
from workbench.attribution.reading import touchpoints_of
from workbench.attribution.recorded import touchpoints
from workbench.attribution.touchpoints import Touchpoints
from workbench.attribution.windows import LookBack, journey_settings, lookback
from workbench.errors import UsageError

if TYPE_CHECKING:
    from workbench.source import Tables


def attribute(
    source: Tables | Touchpoints | Journeys | Any,
    *,
    models: str | Iterable[str] = "all",
    by: str = "channel",
    window: str | timedelta | LookBack | None = "30d",
    order: int | None = None,
    replicates: int = 1000,
    seed: int = 0,
) -> Credit:
    """Return what each model credits to each channel, with 95 % intervals.

    Parameters
    ----------
    source : Tables, Touchpoints, Journeys or frame
        A workspace's tables; touchpoints or journeys made before, for other settings than the usual; or a
        frame of touches and conversions with the columns of `reading.Columns`.
    models : str or several
        Names joined by commas, several names, or ``"all"`` of `models.MODELS`.
    by : str
        What is credited: ``"channel"``, ``"campaign"``, or another attribute of a touch.
    window : str, timedelta, LookBack or None
        How far back a conversion's touches may lie: ``"30d"``; None for no limit.
    order : int, optional
        How many touches the Markov model remembers; chosen on unseen users where it is not given.
    replicates : int
        Of the bootstrap over users; 0 for no intervals.
    seed : int
        Of everything that is sampled.

    Raises
    ------
    UsageError
        If a model, an attribute or a window is unknown.
    BadInput
        If a frame lacks a column or holds a wrong value.

    Notes
    -----
    Nothing of this is causal: credit shares out conversions that happened.

    Examples
    --------
    >>> import pandas as pd
    >>> day = pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03"])
    >>> found = attribute(pd.DataFrame({"user_id": 7, "timestamp": day, "channel": ["search", "email", None],
    ...     "is_conversion": [False, False, True], "value": [None, None, 30.0]}), models="linear,last_touch")
    >>> [(row.model, row.channel, row.value) for row in found.rows if row.value]
    [('linear', 'email', 15.0), ('linear', 'search', 15.0), ('last_touch', 'email', 30.0)]
    """
    asked = [model.name for model in chosen_models(models)]
    found = source if isinstance(source, Journeys) else touchpoints_from(source, by=by)
    return credit_of(
        journeys_from(found, by=by, window=window, order=order),
        asked,
        window=window,
        order=order,
        replicates=replicates,
        seed=seed,
        currency=None if isinstance(found, Journeys) else found.currency,
    )


def touchpoints_from(source: Tables | Touchpoints | Any, *, by: str = "channel") -> Touchpoints:
    """Return touchpoints from tables, a frame, or touchpoints that were read before.

    Raises
    ------
    UsageError
        If touches are not known by that attribute.
    """
    if isinstance(source, Touchpoints):
        return source if source.attribute == by else source.by(by)
    if hasattr(source, "query") and hasattr(source, "dialect"):
        return touchpoints(source, by=by)
    return touchpoints_of(source, by=by)


def journeys_from(
    source: Tables | Touchpoints | Journeys | Any,
    *,
    by: str = "channel",
    window: str | timedelta | LookBack | None = "30d",
    order: int | None = None,
) -> Journeys:
    """Return journeys from whatever they can be counted from, cut by one attribute of touches.

    Raises
    ------
    UsageError
        If journeys that were counted before are of another attribute.
    """
    if isinstance(source, Journeys):
        if source.attribute != by:
            raise UsageError(f"These journeys are counted by {source.attribute}, not by {by}.")
        return source
    found = touchpoints_from(source, by=by)
    settings = journey_settings([lookback(window)], order=_memory(len(found.names), order))
    return reaching(count_journeys(found, settings), found, window)


def _memory(names: int, order: int | None) -> int:
    """Return how many touches journeys must remember; with many names less, so that codes stay small."""
    if order is not None:
        return order
    return 4 if names <= 20 else 3 if names <= 60 else 2 if names <= 1000 else 1
