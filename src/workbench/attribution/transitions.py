"""Where journeys go from one touch to the next, and which channels help others to the last touch."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from workbench.attribution.journeys import Journeys
from workbench.attribution.tallies import Floats
from workbench.errors import UsageError
from workbench.result import format_value, html_table, told

if TYPE_CHECKING:
    import pandas as pd

START, CONVERSION, NONE, OTHER = "(start)", "(conversion)", "(no conversion)", "(other)"


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitionRow:
    """One move of journeys; `share` is of all that leave the source."""

    source: str
    target: str
    count: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Transitions:
    """All moves between touches, from the start to a conversion or to none; the most frequent first."""

    rows: tuple[TransitionRow, ...]
    names: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """Return where journeys begin, and which touch is most often followed by a conversion."""
        starts = [row for row in self.rows if row.source == START]
        if not starts:
            return "There is no journey."
        head = f"{format_value(starts[0].share, '%')} of journeys begin with {starts[0].target}"
        sold = sorted((row for row in self.rows if row.target == CONVERSION), key=lambda row: -row.share)
        if not sold:
            return f"{head}; none ends in a conversion."
        often = f"{format_value(sold[0].share, '%')} of its touches"
        return f"{head}; {sold[0].source} is most often followed by a conversion ({often})."

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return one row per move."""
        import pandas as pd

        names = [field.name for field in fields(TransitionRow)]
        return pd.DataFrame([asdict(row) for row in self.rows], columns=names)

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.sentence)}</p>{html_table(self.to_frame())}"


def transitions(journeys: Journeys, *, top: int = 8) -> Transitions:
    """Return how often each touch follows each other one.

    Parameters
    ----------
    journeys : Journeys
        The statistics.
    top : int
        How many channels keep their name, those with most touches; all others are ``(other)``.

    Raises
    ------
    UsageError
        If `top` is below 1.
    """
    if top < 1:
        raise UsageError("At least one channel keeps its name.")
    table = _table(journeys)
    count = len(journeys.names)
    entered = table[:, :count].sum(axis=0)
    kept = sorted(sorted(range(count), key=lambda code: (-entered[code], code))[:top])
    names = [*(journeys.names[code] for code in kept), *([OTHER] if len(kept) < count else [])]
    group = np.full(count, len(kept))
    group[kept] = np.arange(len(kept))
    sources = np.concatenate([[len(names)], group])
    targets = np.concatenate([group, len(names) + np.arange(2)])
    sums = np.zeros((len(names) + 1, len(names) + 2))
    np.add.at(sums, (sources[:, None], targets[None, :]), table)
    rows = [
        TransitionRow(
            source=source, target=target, count=int(sums[s, t]), share=float(sums[s, t] / sums[s].sum())
        )
        for s, source in enumerate([*names, START])
        for t, target in enumerate([*names, CONVERSION, NONE])
        if sums[s, t]
    ]
    rows.sort(key=lambda row: (-row.count, row.source, row.target))
    return Transitions(rows=tuple(rows), names=tuple(names))


def _table(journeys: Journeys) -> Floats:
    """Return moves from the start and each touch (rows) to each touch, a conversion and none (columns)."""
    count = len(journeys.names)
    base = count + 1
    found = np.zeros((base, base + 1))
    steps, ends = journeys.steps.folded(base**2), journeys.ends.folded(base)
    found[steps.keys[:, 0] // base, steps.keys[:, 0] % base - 1] = steps.sums[:, 0]
    found[ends.keys[:, 0], count:] = ends.sums[:, [0, 2]]
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class AssistRow:
    """How often a channel is the last touch, and how often it helps another one to be.

    Parameters
    ----------
    channel : str
        The channel.
    last, assisted : int
        Conversions whose last touch it is, and those that it touched without being the last.
    ratio : float or None
        Assisted over last: above 1 where it helps more often than it closes.
    """

    channel: str
    last: int
    assisted: int
    ratio: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assists:
    """Last and assisted conversions of each channel, most conversions first."""

    rows: tuple[AssistRow, ...]

    @property
    def sentence(self) -> str:
        """Return which channel helps most for how often it closes."""
        helping = [row for row in self.rows if row.ratio is not None and row.assisted]
        if not helping:
            return "No channel helps another one to a conversion."
        most = max(helping, key=lambda row: (row.ratio or 0.0, row.assisted))
        return (
            f"{most.channel} helps most: it assisted {most.assisted:,} conversions and closed {most.last:,} "
            f"({format_value(most.ratio, 'x')})."
        )

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return one row per channel."""
        import pandas as pd

        names = [field.name for field in fields(AssistRow)]
        return pd.DataFrame([asdict(row) for row in self.rows], columns=names)

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.sentence)}</p>{html_table(self.to_frame())}"


def assists(journeys: Journeys) -> Assists:
    """Return how often each channel is on the way to a conversion without being its last touch."""
    count = len(journeys.names)
    last = np.bincount(journeys.ends.keys[:, 1] % (count + 1), journeys.ends.sums[:, 0], minlength=count + 1)[
        1:
    ]
    coalitions = journeys.coalitions()
    touched = coalitions.over(coalitions.conversions[coalitions.rows])
    rows = [
        AssistRow(
            channel=name,
            last=int(closed),
            assisted=int(some - closed),
            ratio=float((some - closed) / closed) if closed else None,
        )
        for name, closed, some in zip(journeys.names, last, touched, strict=True)
    ]
    return Assists(rows=tuple(sorted(rows, key=lambda row: (-row.last - row.assisted, row.channel))))
