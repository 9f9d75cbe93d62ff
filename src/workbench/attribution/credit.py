"""What every attribution model returns: conversions and value credited to each channel, with intervals.

Words: *credit* shares out conversions that happened; it does not say what would have happened without a
channel. Conversions without a touch in the window are the row `(unattributed)` of every model, so that the
rows of each model add up to all conversions and all value.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from html import escape
from typing import TYPE_CHECKING

from workbench.attribution.journeys import NOT_SET, UNATTRIBUTED
from workbench.attribution.windows import within
from workbench.errors import NotEnoughData, unknown_name
from workbench.result import format_value, html_table, told

if TYPE_CHECKING:
    import pandas as pd

FEW = 30  # credited conversions below which an interval is widened and a caveat says so


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditRow:
    """What one model credits to one channel.

    Parameters
    ----------
    model, channel : str
        `channel` is a channel, a campaign, or whatever the credit is by; or ``"(unattributed)"``.
    conversions, value : float
        Credited conversions (fractions are meant) and credited value, in the currency of the result.
    conversions_low, conversions_high, value_low, value_high : float or None
        The ends of the intervals; None where none was asked for or the data cannot carry one.
    share : float
        Of all conversions, those without a touch included.
    value_share : float or None
        Of all value; None where that is not positive.
    """

    model: str
    channel: str
    conversions: float
    conversions_low: float | None = None
    conversions_high: float | None = None
    value: float
    value_low: float | None = None
    value_high: float | None = None
    share: float
    value_share: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """The credit of several models side by side.

    Parameters
    ----------
    by : str
        What the credit is by: ``"channel"``, ``"campaign"`` ...
    window : str
        The look-back window, as it was asked for: ``"30d"``.
    rows : tuple of CreditRow
        Model by model; within a model the largest credit first and `(unattributed)` last.
    conversions, value : float
        All conversions and their value: what each model's rows add up to.
    level : float
        The level of the intervals, e.g. 0.95.
    currency : str or None
        Of all values.
    caveats : tuple of str
        What a reader must know, in sentences.
    missing : str
        Why there is no credit; empty where there is.
    """

    by: str
    window: str
    rows: tuple[CreditRow, ...]
    conversions: float
    value: float
    level: float = 0.95
    currency: str | None = None
    caveats: tuple[str, ...] = ()
    missing: str = ""

    @property
    def models(self) -> tuple[str, ...]:
        """Return the names of the models, in their order."""
        return tuple(dict.fromkeys(row.model for row in self.rows))

    @property
    def channels(self) -> tuple[str, ...]:
        """Return the channels that some model credits, the largest mean credit first."""
        sums: dict[str, float] = {}
        for row in self.rows:
            if row.channel != UNATTRIBUTED:
                sums[row.channel] = sums.get(row.channel, 0.0) + row.conversions
        return tuple(sorted(sums, key=lambda name: (-sums[name], name)))

    @property
    def unattributed(self) -> float:
        """Return the conversions without a touch in the window."""
        found = [row.conversions for row in self.rows if row.channel == UNATTRIBUTED]
        return found[0] if found else 0.0

    def of(self, model: str) -> tuple[CreditRow, ...]:
        """Return the rows of one model.

        Raises
        ------
        UsageError
            If it is not one of the models of this result.
        NotEnoughData
            If there is no credit; it says why.
        """
        if self.missing and not self.models:
            raise NotEnoughData(self.missing)
        if model not in self.models:
            raise unknown_name("model in this result", model, self.models)
        return tuple(row for row in self.rows if row.model == model)

    def row(self, model: str, channel: str) -> CreditRow:
        """Return what one model credits to one channel.

        Raises
        ------
        UsageError
            If either is not part of this result.
        NotEnoughData
            If there is no credit; it says why.
        """
        found = {row.channel: row for row in self.of(model)}
        if channel not in found:
            raise unknown_name(self.by, channel, found)
        return found[channel]

    @property
    def sentence(self) -> str:
        """Return who earns most, and where the models disagree."""
        if self.missing:
            return self.missing
        noun = "conversion" if self.conversions == 1 else "conversions"
        head = f"{format_value(self.conversions, 'count')} {noun} worth {self._money(self.value)}"
        if not self.channels:
            return f"None of {head} had a touch {within(self.window)} it."
        ranges = {name: self._range(name) for name in self.channels}
        first = self.channels[0]
        parts = [f"Of {head}, {self._called(first)} is credited with {_span(ranges[first])}"]
        apart = max(self.channels, key=lambda name: ranges[name][1] - ranges[name][0])
        if len(self.models) > 1 and apart != first:
            parts.append(f"models disagree most on {self._called(apart)} ({_span(ranges[apart])})")
        if self.unattributed:
            parts.append(f"{format_value(self.unattributed / self.conversions, '%')} had no touch")
        return f"{'; '.join(parts)}. Credit is not effect."

    def _called(self, channel: str) -> str:
        return f"an unnamed {self.by.replace('_', ' ')}" if channel == NOT_SET else channel

    def _range(self, channel: str) -> tuple[float, float]:
        found = [row.share for row in self.rows if row.channel == channel]
        return min(found), max(found)

    def _money(self, value: float) -> str:
        return format_value(value, "money", currency=self.currency)

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return one row per model and channel."""
        import pandas as pd

        names = [field.name for field in fields(CreditRow)]
        return pd.DataFrame([asdict(row) for row in self.rows], columns=names)

    def _repr_html_(self) -> str:
        notes = "".join(f"<li>{escape(caveat)}</li>" for caveat in self.caveats)
        table = html_table(self.to_frame()) if self.rows else ""
        return f"<p>{escape(self.sentence)}</p>{table}{f'<ul>{notes}</ul>' if notes else ''}"


def _span(ends: tuple[float, float]) -> str:
    low, high = (format_value(end, "%") for end in ends)
    return low if low == high else f"{low} to {high}"


def sorted_rows(rows: Iterable[CreditRow]) -> tuple[CreditRow, ...]:
    """Return rows model by model, the largest credit first and `(unattributed)` last."""
    several = list(rows)
    order = {model: place for place, model in enumerate(dict.fromkeys(row.model for row in several))}
    return tuple(
        sorted(
            several,
            key=lambda row: (
                order[row.model],
                row.channel == UNATTRIBUTED,
                -row.conversions,
                -row.value,
                row.channel,
            ),
        )
    )
