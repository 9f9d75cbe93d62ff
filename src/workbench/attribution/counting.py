"""Journeys from touchpoints, in one pass."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

from workbench.attribution.counting_sorted import Counted, count_sorted
from workbench.attribution.journeys import Journeys, Provenance, check_codes
from workbench.attribution.sequences import Flags
from workbench.attribution.touchpoints import Touchpoints
from workbench.attribution.windows import JourneySettings

_MANY = 200_000  # rows from which loading the compiler pays


def count_journeys(
    touchpoints: Touchpoints, settings: JourneySettings | None = None, *, compiled: bool | None = None
) -> Journeys:
    """Return the statistics of all journeys.

    Parameters
    ----------
    touchpoints : Touchpoints
        Touches and conversions.
    settings : JourneySettings, optional
        Windows, rules, and how journeys begin and end.
    compiled : bool, optional
        Whether the compiled pass does it; by default where Numba is installed and there are many rows. Both
        ways give the same statistics.

    Raises
    ------
    UsageError
        If there are too many different touches for the order asked for.

    Examples
    --------
    >>> import pandas as pd
    >>> from workbench.attribution.reading import touchpoints_of
    >>> day = pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03"])
    >>> some = touchpoints_of(pd.DataFrame({"user_id": 7, "timestamp": day,
    ...     "channel": ["search", "email", None], "is_conversion": [0, 0, 1], "value": [0, 0, 30.0]}))
    >>> journeys = count_journeys(some)
    >>> journeys.names, journeys.credited("linear", "30d").tolist()
    (('email', 'search'), [[0.5, 15.0], [0.5, 15.0]])
    """
    asked = settings or JourneySettings()
    check_codes(len(touchpoints.names), asked)
    return _journeys(touchpoints, asked, _counted(touchpoints, asked, compiled))


def count_added(touchpoints: Touchpoints, settings: JourneySettings, known: Flags) -> Journeys:
    """Return what is to be added to the statistics of `known` rows so that they are those of all rows.

    Parameters
    ----------
    touchpoints : Touchpoints
        Rows that were counted before and new ones, all new rows of a user after the known ones.
    settings : JourneySettings
        As before.
    known : array of bool
        Which rows were counted before.
    """
    check_codes(len(touchpoints.names), settings)
    return _journeys(touchpoints, settings, count_sorted(touchpoints, settings, known))


def _journeys(touchpoints: Touchpoints, settings: JourneySettings, found: Counted) -> Journeys:
    of = (touchpoints.attribute, touchpoints.names)
    return journeys_of_sums(found, of, settings, touchpoints.provenance)


def journeys_of_sums(
    found: Counted, of: tuple[str, tuple[str, ...]], settings: JourneySettings, provenance: Provenance
) -> Journeys:
    """Return sums as journeys of an attribute and its values."""
    return Journeys(
        settings=settings,
        attribute=of[0],
        names=of[1],
        credit=found.credit,
        unattributed=found.unattributed,
        totals=found.totals,
        steps=found.steps,
        ends=found.ends,
        sets=found.sets,
        lengths=found.lengths,
        lags=found.lags,
        spans=found.spans,
        provenance=provenance,
    )


def _counted(touchpoints: Touchpoints, settings: JourneySettings, compiled: bool | None) -> Counted:
    if compiled is None:
        compiled = pays(len(touchpoints))
    if compiled:
        from workbench.attribution.counting_compiled import count_compiled, fits

        if fits(touchpoints):
            return count_compiled(touchpoints, settings)
    return count_sorted(touchpoints, settings)


def pays(rows: int) -> bool:
    """Return whether the compiled pass is there, and so many rows are worth loading it."""
    return rows >= _MANY and can_compile()


@cache
def can_compile() -> bool:
    """Return whether the compiled pass is there."""
    return find_spec("numba") is not None
