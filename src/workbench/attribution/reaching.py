"""Journeys whose Markov chains and sets, too, hold only the touches of a look-back window."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np

from workbench.attribution.counting_sorted import path_tallies
from workbench.attribution.journeys import Journeys
from workbench.attribution.sequences import Sequences, sequences
from workbench.attribution.touchpoints import Touchpoints
from workbench.attribution.windows import LookBack, lookback


def reaching(
    journeys: Journeys, touchpoints: Touchpoints, window: str | timedelta | LookBack | None
) -> Journeys:
    """Return the same journeys, their chains and sets cut to a look-back window.

    A journey that converts keeps the touches in the window before its conversion; one that does not, those in
    the window before its last touch.

    Parameters
    ----------
    journeys : Journeys
        Counted from the touchpoints.
    touchpoints : Touchpoints
        The touches and conversions.
    window : str, timedelta, LookBack or None
        How far back touches count; with None all do, as they did before.
    """
    span = lookback(window)
    if str(span) == "any":
        return journeys
    if not len(touchpoints) or int(np.ptp(touchpoints.instant)) <= span.micros:
        return replace(journeys, reach=span)
    found = within(sequences(touchpoints, journeys.settings), span)
    bucket = touchpoints.buckets(journeys.settings.buckets).astype(np.int64)[found.user]
    steps, ends, sets = path_tallies(found, bucket, len(touchpoints.names), journeys.settings)
    return replace(journeys, steps=steps, ends=ends, sets=sets, reach=span)


def within(found: Sequences, window: LookBack) -> Sequences:
    """Return journeys that begin with their first touch in the window before their end."""
    if not len(found.starts):
        return found
    size = found.ends - found.starts
    ended = np.repeat(found.instant[found.ends - 1], size)
    old = ended - found.instant > window.micros
    return replace(found, starts=found.starts + np.add.reduceat(old.astype(np.int64), found.starts))
