"""Journeys of rows that are counted as they are read: nothing is kept but what later rows need."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.attribution import encoding
from workbench.attribution.counting import can_compile, count_journeys, journeys_of_sums, pays
from workbench.attribution.journeys import NOT_SET, Journeys, Provenance
from workbench.attribution.reading import COLUMNS, Columns, batches, touchpoints_of
from workbench.attribution.touchpoints import Layout
from workbench.attribution.windows import JourneySettings

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.attribution.passing import Pass

_UNKNOWN = 1 << 20  # rows, where nothing tells how many there are


def journeys_of(
    rows: Any,
    settings: JourneySettings | None = None,
    *,
    by: str = "channel",
    columns: Columns = COLUMNS,
) -> Journeys:
    """Return the statistics of all journeys of a frame or of batches, whose rows are not kept.

    They are those that `count_journeys` finds in the touchpoints of the same rows, to which it falls back
    where rows cannot be counted as they come: where they are in order neither by time nor by user (ids
    ascending, each user's rows by time), where ids of users are no whole numbers of 0 or more, rows have ids
    of their own, touches are of more than 16 kinds, conversions reuse touches, a gap ends journeys, or Numba
    is not installed.

    Parameters
    ----------
    rows : pandas, Polars or Arrow frame, or iterable of Arrow record batches
        As `touchpoints_of` takes one. Batches that can be read once only are read into touchpoints.
    settings : JourneySettings, optional
        Windows, rules, and how journeys begin and end.
    by : str
        The column that tells touches apart.
    columns : Columns
        How the other columns are called.

    Raises
    ------
    BadInput
        If a column is missing, holds the wrong kind of value, or lacks one where there must be one.
    UsageError
        If there are too many different touches for the order asked for.

    Examples
    --------
    >>> import pandas as pd
    >>> day = pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03"])
    >>> some = pd.DataFrame({"user_id": 7, "timestamp": day, "channel": ["search", "email", None],
    ...     "is_conversion": [False, False, True], "value": [None, None, 30.0]})
    >>> journeys_of(some).credited("linear", "30d").tolist()
    [[0.5, 15.0], [0.5, 15.0]]
    """
    asked = settings or JourneySettings()
    found, known = batches(rows), _length(rows)
    if iter(found) is not found and (can_compile() if known is None else pays(known)):
        layouts: tuple[Layout, Layout] = ("time", "user")
        for layout in layouts:
            stream = _Stream(layout, asked, (by, columns), _UNKNOWN if known is None else known)
            journeys = stream.journeys(found)
            if journeys is not None:
                return journeys
    return count_journeys(touchpoints_of(found, by=by, columns=columns), asked)


def _length(rows: Any) -> int | None:
    """Return how many rows there are, where that is known before they are read."""
    if hasattr(rows, "num_rows"):
        return int(rows.num_rows)
    return len(rows) if hasattr(rows, "iloc") or hasattr(rows, "to_arrow") else None


class _Stream:
    """Rows while they are read and counted."""

    def __init__(
        self, layout: Layout, settings: JourneySettings, read: tuple[str, Columns], rows: int
    ) -> None:
        from workbench.attribution.passing import Pass

        self.by, self.columns, self.settings = *read, settings
        self.one: Pass = Pass(layout, settings, rows=rows)
        self.known: dict[str, int] = {}
        self.codes = encoding.Growing(np.int16)
        self.told = Provenance()

    def journeys(self, found: Iterable[pa.RecordBatch]) -> Journeys | None:
        """Return the statistics of batches; None if these cannot be counted as they come."""
        counted = self.one.counted() if all(map(self._take, found)) and self.known else None
        if counted is None:
            return None
        parts = [
            journeys_of_sums(some, (self.by, names), self.settings, Provenance()) for names, some in counted
        ]
        whole = reduce(add, parts)
        return replace(whole, provenance=replace(self.told, not_set=_touches(whole, NOT_SET)))

    def _take(self, batch: pa.RecordBatch) -> bool:
        import pyarrow as pa

        at, before = self.columns, self.told.touches + self.told.conversions
        user = encoding.column(batch, at.user)
        numbered = pa.types.is_integer(user.type) and not user.null_count
        if not numbered or encoding.has_ids(batch, (at.conversion, at.event)):
            return False
        instants = encoding.instants(encoding.column(batch, at.time), at.time, before)
        converts = encoding.flags(batch, at.converts, before)
        value = encoding.values(batch, at.value, converts, before)
        touch = self._codes(batch, converts)
        if not len(instants):
            return True
        self.told += Provenance(
            touches=len(instants) - len(value),
            conversions=len(value),
            negative=int((value < 0).sum()),
            first=int(instants.min()),
            last=int(instants.max()),
        )
        named = self.one.name(tuple(self.known))
        return named and self.one.take(user.to_numpy(), instants, touch, value)

    def _codes(self, batch: pa.RecordBatch, converts: NDArray[np.bool_]) -> NDArray[Any]:
        if converts.all():
            return np.full(len(converts), -1, np.int16)
        self.codes.clear()
        encoding.codes(encoding.column(batch, self.by), self.known, converts, self.codes)
        return self.codes.array


def _touches(found: Journeys, name: str) -> int:
    """Return how many touches are of one name."""
    if name not in found.names:
        return 0
    steps = found.steps.folded(len(found.names) + 1)
    return int(steps.sums[steps.keys[:, 0] == found.names.index(name) + 1].sum())
