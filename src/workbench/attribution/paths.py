"""Which ways lead to a conversion: the most frequent paths, and where on them each channel stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from html import escape
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.attribution.sequences import Integers, Sequences
from workbench.attribution.touchpoints import mixed
from workbench.attribution.windows import LookBack, lookback
from workbench.errors import UsageError
from workbench.result import format_value, html_table, told
from workbench.stats import share_interval

if TYPE_CHECKING:
    import pandas as pd

_ROWS = 4_000_000  # touches looked at together
_ARROW = " > "


@dataclass(frozen=True, slots=True, kw_only=True)
class PathRow:
    """One sequence of touches, and what came of the journeys that took it.

    Parameters
    ----------
    path : tuple of str
        The touches, oldest first, repeats kept.
    journeys, conversions : int
        Journeys that took exactly this path, and those that ended in a conversion.
    value, mean_value : float
        Of the conversions; the mean is None without one.
    rate, rate_low, rate_high : float
        Conversions per journey, with Wilson's 95 % interval.
    """

    path: tuple[str, ...]
    journeys: int
    conversions: int
    value: float
    mean_value: float | None
    rate: float
    rate_low: float
    rate_high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TopPaths:
    """The paths with the most conversions.

    Parameters
    ----------
    rows : tuple of PathRow
        Most conversions first.
    window : str
        How far back from the end of a journey touches count.
    distinct : int
        How many different paths there are.
    conversions : int
        All conversions with a touch.
    currency : str, optional
        Of all values.
    """

    rows: tuple[PathRow, ...]
    window: str
    distinct: int
    conversions: int
    currency: str | None = None

    @property
    def sentence(self) -> str:
        """Return which path leads to the most conversions, and how much the shown ones cover."""
        if not self.rows or not self.conversions:
            return "No conversion had a touch before it, so there is no path to show."
        first = self.rows[0]
        covered = sum(row.conversions for row in self.rows) / self.conversions
        return (
            f"{_ARROW.join(first.path)} leads to the most conversions: {first.conversions:,}, "
            f"{format_value(first.conversions / self.conversions, '%')} of those with a touch. The "
            f"{len(self.rows)} paths shown of {self.distinct:,} cover {format_value(covered, '%')}."
        )

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return one row per path."""
        import pandas as pd

        names = [*PathRow.__dataclass_fields__]
        rows = [{**asdict(row), "path": _ARROW.join(row.path)} for row in self.rows]
        return pd.DataFrame(rows, columns=names)

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.sentence)}</p>{html_table(self.to_frame())}"


class _Kept(NamedTuple):
    """Journeys, and the touches of each that lie in the window."""

    journeys: Integers
    sizes: Integers
    touches: Integers  # places, journey by journey, oldest first


def top_paths(
    found: Sequences, *, window: str | timedelta | LookBack | None = "30d", limit: int = 10
) -> TopPaths:
    """Return the paths with the most conversions; ties go to the larger value, then to the name.

    Parameters
    ----------
    found : Sequences
        The journeys; those without a conversion are looked at from their last touch.
    window : str, timedelta, LookBack or None
        How far back touches count.
    limit : int
        How many paths to return.

    Raises
    ------
    UsageError
        If `limit` is below 1.
    """
    if limit < 1:
        raise UsageError("Ask for at least one path.")
    back = lookback(window)
    journeys, keys = np.zeros(0, np.int64), np.zeros(0, np.uint64)
    for kept in _kept(found, back):
        journeys = np.concatenate([journeys, kept.journeys])
        keys = np.concatenate([keys, _keys(found, kept)])
    _, example, group = np.unique(keys, return_index=True, return_inverse=True)
    converts = found.converted[journeys]
    value = np.where(converts, found.value[found.ends[journeys] - 1], 0.0)
    count = len(example)
    sums = [np.bincount(group, some, count) for some in (np.ones(len(group)), converts, value)]
    bought = int(sums[1].sum())
    candidates = np.lexsort((example, -sums[2], -sums[1]))[: limit + 1000]
    named = sorted(
        (-sums[1][at], -sums[2][at], _names(found, int(journeys[example[at]]), back), int(at))
        for at in candidates
        if sums[1][at] > 0
    )
    return TopPaths(
        rows=tuple(_row(path, *(float(some[at]) for some in sums)) for _, _, path, at in named[:limit]),
        window=str(back),
        distinct=count,
        conversions=bought,
        currency=found.touchpoints.currency,
    )


def _row(path: tuple[str, ...], journeys: float, conversions: float, value: float) -> PathRow:
    low, high = share_interval(conversions, journeys)
    return PathRow(
        path=path,
        journeys=int(journeys),
        conversions=int(conversions),
        value=value,
        mean_value=value / conversions if conversions else None,
        rate=conversions / journeys,
        rate_low=float(low),
        rate_high=float(high),
    )


def _kept(found: Sequences, window: LookBack) -> Iterator[_Kept]:
    """Yield counted journeys with a touch in the window, so many at a time that they fit into memory."""
    counted = np.flatnonzero(found.counted & (found.touches > 0))
    total = np.cumsum(found.touches[counted])
    first = 0
    while first < len(counted):
        done = total[first - 1] if first else 0
        after = max(int(np.searchsorted(total, done + _ROWS, side="right")), first + 1)
        journeys = counted[first:after]
        sizes = found.touches[journeys]
        owner = np.repeat(np.arange(len(journeys)), sizes)
        places = np.arange(sizes.sum()) - (np.cumsum(sizes) - sizes)[owner] + found.starts[journeys][owner]
        age = found.instant[found.ends[journeys] - 1][owner] - found.instant[places]
        inside = age <= window.micros
        left = np.bincount(owner[inside], minlength=len(journeys))
        yield _Kept(journeys[left > 0], left[left > 0], places[inside])
        first = after


def _keys(found: Sequences, kept: _Kept) -> NDArray[np.uint64]:
    """Return 64 well-mixed bits per path: equal for equal paths, else equal with a chance of 2^-64."""
    start = np.cumsum(kept.sizes) - kept.sizes
    position = np.arange(len(kept.touches)) - np.repeat(start, kept.sizes)
    pair = position.astype(np.uint64) << np.uint64(24) | found.touch[kept.touches].astype(np.uint64)
    if not len(start):
        return np.zeros(0, np.uint64)
    return np.asarray(np.add.reduceat(mixed(pair), start), np.uint64)


def _names(found: Sequences, journey: int, window: LookBack) -> tuple[str, ...]:
    end = int(found.ends[journey]) - 1
    places = np.arange(found.starts[journey], end + 1)
    inside = ~found.converts[places] & (found.instant[end] - found.instant[places] <= window.micros)
    return tuple(found.touchpoints.names[code] for code in found.touch[places[inside]])


@dataclass(frozen=True, slots=True, kw_only=True)
class Positions:
    """How often each channel stands at each place of a converting path.

    Parameters
    ----------
    names : tuple of str
        The channels.
    places : tuple of str
        ``"only"``, ``"first"``, ``"middle"``, ``"last"``.
    counts : tuple of tuple of int
        Touches by channel and place.
    """

    names: tuple[str, ...]
    places: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]

    @property
    def sentence(self) -> str:
        """Return which channels mostly begin ways, and which mostly end them."""
        touched = [(name, row) for name, row in zip(self.names, self.counts, strict=True) if sum(row)]
        starts = {name: row[1] / sum(row) for name, row in touched}
        ends = {name: row[3] / sum(row) for name, row in touched}
        if not starts:
            return "No conversion had a touch before it."
        opener, closer = max(starts, key=lambda n: starts[n]), max(ends, key=lambda n: ends[n])
        return (
            f"{opener} opens most: {format_value(starts[opener], '%')} of its touches are the first of "
            f"several; {closer} closes most: {format_value(ends[closer], '%')} are the last."
        )

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return one row per channel, one column per place."""
        import pandas as pd

        rows = [(name, *row) for name, row in zip(self.names, self.counts, strict=True)]
        return pd.DataFrame(rows, columns=["channel", *self.places])

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.sentence)}</p>{html_table(self.to_frame())}"


def positions(found: Sequences, *, window: str | timedelta | LookBack | None = "30d") -> Positions:
    """Return how often each channel is the only, first, a middle or the last touch of converting paths."""
    names = found.touchpoints.names
    counts = np.zeros((len(names), 4), np.int64)
    for kept in _kept(found, lookback(window)):
        owner = np.repeat(np.arange(len(kept.sizes)), kept.sizes)
        position = np.arange(len(owner)) - (np.cumsum(kept.sizes) - kept.sizes)[owner]
        size = kept.sizes[owner]
        place = np.select([size == 1, position == 0, position == size - 1], [0, 1, 3], 2)
        converts = found.converted[kept.journeys][owner]
        np.add.at(counts, (found.touch[kept.touches][converts], place[converts]), 1)
    return Positions(
        names=names,
        places=("only", "first", "middle", "last"),
        counts=tuple(tuple(map(int, row)) for row in counts),
    )
