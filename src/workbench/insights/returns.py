"""What channels return by every method there is data for: what they are credited with, and what they caused.

Words: *credited* is revenue that platforms, events or a model of journeys put down to a channel, whether or
not it would have come anyway; *caused* is what would not, says a random holdout or a media mix model.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from workbench.attribution.views import credit_returns, model_credit
from workbench.explore.channels import ChannelComparison, compare_channels
from workbench.explore.figures import figures
from workbench.explore.query import window_of
from workbench.explore.view import View, frame_of, listed
from workbench.metrics.window import Window
from workbench.result import format_value, told

if TYPE_CHECKING:
    import pandas as pd

    from workbench.mmm.report import MixReport
    from workbench.source import Tables

CREDITED, MARKOV, HOLDOUT, MIX = (
    "Credited",
    "Credited by Markov",
    "Caused, by holdout",
    "Caused, by media mix",
)
METHODS = (CREDITED, MARKOV, HOLDOUT, MIX)
CAUSAL = frozenset({HOLDOUT, MIX})
_FOLLOWED = timedelta(days=30)  # for so long what a user buys is held against a message


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodReturn:
    """Revenue per unit of spend of one channel by one method; 1 is the money back.

    Parameters
    ----------
    channel, method : str
        Which, and one of `METHODS`.
    value : float
        Revenue per unit of spend.
    low, high : float or None
        The ends of the interval; None where the method states none.
    level : float
        Of the interval: 0.95, or 0.94 for a media mix model.
    rough : bool
        Whether the interval comes from too few buyers to be sure of what it excludes.
    early : bool
        Whether the 30 days of most of its users are not over: the cost is in it, and not all they will buy.
    """

    channel: str
    method: str
    value: float
    low: float | None
    high: float | None
    level: float
    rough: bool = False
    early: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnsByMethod(View):
    """The returns of all channels by all methods: those whose effect was measured first, then by spend.

    Parameters
    ----------
    rows : tuple of MethodReturn
        By channel, then in the order of `METHODS`.
    unknown : tuple of (str, str)
        A method, and why it says nothing.
    caution : str
        What forbids a decision on the media mix model; empty where nothing does.
    """

    rows: tuple[MethodReturn, ...]
    unknown: tuple[tuple[str, str], ...] = ()
    caution: str = ""
    missing: str = ""

    @property
    def channels(self) -> tuple[str, ...]:
        """Return the channels in their order."""
        return tuple(dict.fromkeys(row.channel for row in self.rows))

    def of(self, channel: str) -> tuple[MethodReturn, ...]:
        """Return what the methods say of one channel."""
        return tuple(row for row in self.rows if row.channel == channel)

    @property
    def sentence(self) -> str:
        """Return which channels surely caused more than they cost, which less, or that nobody knows."""
        if self.missing or not self.rows:
            return self.missing or "Not enough data: no channel has both spend and revenue."
        known = [name for name in self.channels if any(row.method in CAUSAL for row in self.of(name))]
        if not known:
            return _uncaused(self.channels)
        judged = sum(_is_judged(row) and not row.rough for row in self.rows)
        names = [(_verdict(self.of(name), judged), _named(name)) for name in known]
        parts = [
            f"{listed(group)} {'is' if len(group) == 1 else 'are'} {what.format(judged)}"
            for verdict, what in _SAID.items()
            if (group := [name for found, name in names if found == verdict])
        ]
        some = f"of {_counted(known)} whose effect was measured"
        found = "; ".join(parts) if parts else "none is surely above or below 1, where the money comes back"
        return f"{some.capitalize()}, {found}.{f' {self.caution}' if self.caution else ''}"

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return one row per channel and method."""
        return frame_of(self.rows, MethodReturn)


def returns_by_method(
    tables: Tables, *, window: str | None = "90d", mix: MixReport | None = None
) -> ReturnsByMethod:
    """Return what every channel returned by each method that has data.

    Parameters
    ----------
    tables : Tables
        Needs daily_performance; holdouts and journeys where they are.
    window : str, optional
        The days; a media mix model speaks of all of its own.
    mix : MixReport, optional
        A fitted model. One of conversions says nothing of revenue.

    Notes
    -----
    Incremental return by holdout is (revenue caused - spend) / spend; here it is stated plus 1, as revenue
    per unit of spend, so that all methods have one scale.
    """
    compared = compare_channels(tables, window=window)
    if compared.missing:
        return ReturnsByMethod(rows=(), missing=compared.missing)
    early = _early(tables, window) if any(row.incremental_return is not None for row in compared.rows) else ()
    unknown: list[tuple[str, str]] = []
    found = [
        *_credited(compared),
        *_markov(tables, window, unknown),
        *(replace(row, early=row.channel in early) for row in _held_out(compared, unknown)),
        *_mixed(mix, unknown),
    ]
    order = [row.channel for row in compared.rows]
    order += [row.channel for row in found if row.channel not in order]
    measured = {row.channel for row in found if row.method in CAUSAL}
    order.sort(key=lambda name: name not in measured)
    found.sort(key=lambda row: (order.index(row.channel), METHODS.index(row.method)))
    gates = mix.results.gates if mix is not None and mix.results is not None else None
    caution = (
        "" if gates is None or gates.passed else f"No decision should rest on the model: {gates.sentence}"
    )
    return ReturnsByMethod(rows=tuple(found), unknown=tuple(unknown), caution=caution)


def _credited(compared: ChannelComparison) -> Iterator[MethodReturn]:
    for row in compared.rows:
        if row.roas is not None:
            low, high = (None if end is None else end + 1 for end in (row.roi_low, row.roi_high))
            yield MethodReturn(
                channel=row.channel, method=CREDITED, value=row.roas, low=low, high=high, level=0.95
            )


def _markov(tables: Tables, window: str | None, unknown: list[tuple[str, str]]) -> list[MethodReturn]:
    credit = model_credit(tables, models="markov", window=window)
    found = credit_returns(tables, credit, window=window)
    rows = [
        MethodReturn(
            channel=row.channel,
            method=MARKOV,
            value=row.roas,
            low=row.roas_low,
            high=row.roas_high,
            level=0.95,
        )
        for row in found.rows
        if row.roas is not None
    ]
    if not rows:
        unknown.append((MARKOV, found.missing or "No channel has both credit and spend."))
    return rows


def _held_out(compared: ChannelComparison, unknown: list[tuple[str, str]]) -> list[MethodReturn]:
    rows = [
        MethodReturn(
            channel=row.channel,
            method=HOLDOUT,
            value=row.incremental_return + 1,
            low=None if row.incremental_return_low is None else row.incremental_return_low + 1,
            high=None if row.incremental_return_high is None else row.incremental_return_high + 1,
            level=0.95,
            rough=row.incremental_p is None,
        )
        for row in compared.rows
        if row.incremental_return is not None
    ]
    if not rows:
        unknown.append((HOLDOUT, "No channel's campaigns kept a random holdout of ten users or more."))
    return rows


def _early(tables: Tables, window: str | None) -> frozenset[str]:
    """Return the channels of most of whose users in a window the 30 days are not over."""
    days = window_of(tables, window)
    if days is None or tables.last_day is None:
        return frozenset()
    followed = min(days.last, tables.last_day - _FOLLOWED)
    parts = [days] if followed < days.first else [days, Window(days.first, followed)]
    found = [figures(tables, ["users_reached"], by=("channel",), window=part) for part in parts]

    def reached(part: int, key: tuple[str, ...]) -> float:
        known = len(found) > part and key in found[part].slices
        return (found[part].of(key, "users_reached").value or 0.0) if known else 0.0

    return frozenset(key[0] for key in found[0].slices if reached(1, key) < reached(0, key) / 2)


def _mixed(mix: MixReport | None, unknown: list[tuple[str, str]]) -> list[MethodReturn]:
    found = None if mix is None else mix.results
    if found is None:
        unknown.append((MIX, mix.missing if mix is not None else "No media mix run was asked."))
        return []
    if found.kind != "revenue":
        unknown.append((MIX, "The model explains conversions, and no revenue."))
        return []
    return [
        MethodReturn(
            channel=one.channel,
            method=MIX,
            value=one.roi.value,
            low=_finite(one.roi.low),
            high=_finite(one.roi.high),
            level=0.94,
        )
        for one in found.channels
        if one.roi.known and math.isfinite(one.roi.value)
    ]


_BY_CHANCE = "but of {} figures that are judged at once one may be so by chance"
_SAID = {
    "above": "surely above 1, where the money comes back",
    "below": "surely below 1, and brought less than was spent",
    "at odds": "above by one method and below by another",
    "few": "on one side of 1, but from too few buyers to be sure",
    "above by itself": f"above 1, {_BY_CHANCE}",
    "below by itself": f"below 1, {_BY_CHANCE}",
    "chance": f"on one side of 1, {_BY_CHANCE}",
    "early": "below 1, but the 30 days of most users are not over: too early to judge",
}


def _is_judged(row: MethodReturn) -> bool:
    return row.method in CAUSAL and row.low is not None


def _verdict(rows: Sequence[MethodReturn], judged: int) -> str:
    """Return what the methods say of one channel where so many figures are judged; empty for nothing."""
    caused = [row for row in rows if _is_judged(row) and not _is_early(row)]
    sides = {_side(row, judged) for row in caused if not row.rough} - {""}
    if sides:
        return "at odds" if len(sides) > 1 else sides.pop()
    alone = [row for row in caused if _side(row)]
    if not alone:
        return "early" if any(_is_early(row) for row in rows) else ""
    if all(row.rough for row in alone):
        return "few"
    apart = {_side(row) for row in alone}
    return f"{apart.pop()} by itself" if len(apart) == 1 else "chance"


def _is_early(row: MethodReturn) -> bool:
    """Return whether it may be a loss only because most users have yet to buy."""
    return row.early and _side(row) == "below"


def _side(row: MethodReturn, judged: int = 1) -> str:
    """Return on which side of the money back the whole interval lies; empty where it does not.

    Of many figures judged at once one lies on a side by chance, so its ends are moved out (Bonferroni).
    """
    from scipy.special import ndtri

    more = float(ndtri(1 - 0.025 / max(judged, 1)) / ndtri(0.975)) - 1
    above = row.low is not None and row.low - more * abs(row.value - row.low) > 1
    below = row.high is not None and row.high + more * abs(row.high - row.value) < 1
    return "above" if above else "below" if below else ""


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _counted(channels: Sequence[str]) -> str:
    return f"{len(channels)} channel{'' if len(channels) == 1 else 's'}"


def _uncaused(channels: Sequence[str]) -> str:
    one = len(channels) == 1
    head = (
        f"{_counted(channels)} {'is' if one else 'are'} credited with revenue, but {'it' if one else 'none'}"
    )
    without = "has no holdout and no media mix run" if one else "has a holdout or a media mix run"
    return f"{head} {without}: what {'it' if one else 'they'} caused is not known."


def _named(channel: str) -> str:
    return channel.replace("_", " ")


def said(row: MethodReturn) -> str:
    """Return a return with its interval as it is read.

    Examples
    --------
    >>> said(MethodReturn(channel="email", method=HOLDOUT, value=1.5, low=1.1, high=1.9, level=0.95))
    '1.50x (1.10x to 1.90x)'
    """
    value = format_value(row.value, "x")
    if row.low is None or row.high is None:
        return value
    return f"{value} ({format_value(row.low, 'x')} to {format_value(row.high, 'x')})"
