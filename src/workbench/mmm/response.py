"""Response curves: what every channel brings at other spends than today's, with the marks that matter."""

from __future__ import annotations

from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from workbench.mmm.beliefs import believed_only
from workbench.mmm.calendar import Period
from workbench.mmm.curves import contribution_totals, outcome_at, spend_of
from workbench.mmm.estimate import Estimate, estimate
from workbench.mmm.findings import joined
from workbench.mmm.fitted import MixFit
from workbench.mmm.gates import Gates, gates
from workbench.mmm.market import Market
from workbench.mmm.returns import SURE
from workbench.mmm.saturation import Saturation, few_enough, paying, saturation_points
from workbench.mmm.spec import Kind
from workbench.mmm.window import Window, window_of
from workbench.result import html_table, told, worded
from workbench.stats import hdi

if TYPE_CHECKING:
    import pandas as pd

Array = npt.NDArray[np.float64]
_POINTS = 26  # steps of a tenth of today's spend


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ResponseCurve:
    """One channel's outcome at other spends; money and outcome per period, mean of the reference window.

    Parameters
    ----------
    channel : str
        Its name.
    spend : array, shape (M,)
        Mean spend per period, from 0 up.
    outcome, low, high : array, shape (M,)
        Mean outcome per period and its 94 % interval.
    current : Estimate
        Outcome per period at today's spend.
    saturation : Saturation
        Today's spend, and where more of it stops to pay.
    seen_low, seen_high : float
        Least and most mean spend of any stretch as long as the window: outside of it the curve is a guess.
    peak : float
        The most that was ever spent in one period.
    believed : bool
        Whether its return is what was believed beforehand: then its marks are no finding.
    """

    channel: str
    spend: Array
    outcome: Array
    low: Array
    high: Array
    current: Estimate
    saturation: Saturation
    seen_low: float
    seen_high: float
    peak: float
    believed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ResponseCurves:
    """The curves of all channels that spent something in the reference window.

    Parameters
    ----------
    outcome, currency : str
        What is explained, and the currency of money.
    kind : {'revenue', 'conversions'}
        What the outcome is.
    period : {'day', 'week'}
        What spend and outcome are counted by.
    window : Window
        The periods whose pattern of spend is scaled.
    curves : tuple of ResponseCurve
        One per channel.
    left_out : tuple of str
        Channels that spent nothing in the window.
    gates : Gates
        Whether the model may carry a decision.
    """

    outcome: str
    currency: str
    kind: Kind
    period: Period
    window: Window
    curves: tuple[ResponseCurve, ...]
    left_out: tuple[str, ...]
    gates: Gates

    @property
    def sentence(self) -> str:
        """Return which channels are beyond the point where more money stops to pay; a missed gate first."""
        caution = "" if self.gates.passed else f"{self.gates.sentence} "
        heard = [one for one in self.curves if not one.believed]
        over = [one for one in heard if one.saturation.chance_beyond >= SURE]
        under = [one for one in heard if one.saturation.chance_beyond <= 1 - SURE]
        named = [
            (joined([worded(one.channel) for one in found], most=9), len(found)) for found in (over, under)
        ]
        said = [
            f"{names} {'is' if many == 1 else 'are'} {where}"
            for (names, many), where in zip(named, ("beyond", "below"), strict=True)
            if names
        ]
        if not said:
            return f"{caution}No channel is clearly beyond or below the spend at which more stops to pay."
        return f"{caution}{', and '.join(said)} the spend at which more stops to pay."

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return one row per channel and spend."""
        import pandas as pd

        rows = [
            pd.DataFrame(
                {
                    "channel": one.channel,
                    "spend": one.spend,
                    "outcome": one.outcome,
                    "low": one.low,
                    "high": one.high,
                }
            )
            for one in self.curves
        ]
        return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()

    def marks(self) -> pd.DataFrame:
        """Return one row per channel: today's spend, the saturation points, the range of spend ever seen."""
        import pandas as pd

        return pd.DataFrame(
            {
                "channel": one.channel,
                "current": one.saturation.current,
                "break_even": one.saturation.break_even.value,
                "break_even_low": one.saturation.break_even.low,
                "break_even_high": one.saturation.break_even.high,
                "full": one.saturation.full.value,
                "seen_low": one.seen_low,
                "seen_high": one.seen_high,
                "peak": one.peak,
            }
            for one in self.curves
        )

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.sentence)}</p>{html_table(self.marks())}"


def response_curves(fit: MixFit, *, window: Window | None = None, most: float = 2.5) -> ResponseCurves:
    """Return what every channel would bring per period at other spends.

    The pattern of spend over weeks and regions stays that of the window; only its size changes. At today's
    spend a curve passes through what the channel caused in the window, but for what was carried into it.

    Parameters
    ----------
    fit : MixFit
        The model after its data.
    window : Window, optional
        The reference window; by default the last 52 weeks.
    most : float
        How far curves are drawn, as a multiple of today's spend.
    """
    market, frame = fit.market, window or window_of(fit.market)
    few = few_enough(fit.draws, len(market.regions) * frame.periods)
    times = np.linspace(0, most, _POINTS)
    outcome = outcome_at(few, market, [*times, 1.0], window=frame) / frame.periods
    totals = contribution_totals(fit.draws, market).sum(axis=1)
    threshold = paying(fit.spec.kind, market, totals)
    points = saturation_points(fit.draws, market, window=frame, threshold=threshold)
    spend, seen = spend_of(market, window=frame) / frame.periods, _seen(market, frame)
    silent = believed_only(fit.spec, market, totals)
    curves = tuple(
        _curve(market.channels[place], times * spend[place], outcome[..., place], point, seen[:, place])
        for place, point in enumerate(points)
        if point is not None
    )
    curves = tuple(replace(one, believed=one.channel in silent) for one in curves)
    return ResponseCurves(
        outcome=fit.spec.outcome,
        currency=fit.spec.currency,
        kind=fit.spec.kind,
        period=market.period,
        window=frame,
        curves=curves,
        left_out=tuple(name for name, point in zip(market.channels, points, strict=True) if point is None),
        gates=gates(fit),
    )


def _curve(channel: str, spend: Array, outcome: Array, point: Saturation, seen: Array) -> ResponseCurve:
    """Return one curve from its draws, shape (D, M + 1), the last column being today's spend."""
    low, high = hdi(outcome[:, :-1])
    return ResponseCurve(
        channel=channel,
        spend=spend,
        outcome=outcome[:, :-1].mean(axis=0),
        low=low,
        high=high,
        current=estimate(outcome[:, -1]),
        saturation=point,
        seen_low=float(seen[0]),
        seen_high=float(seen[1]),
        peak=float(seen[2]),
    )


def _seen(market: Market, window: Window) -> Array:
    """Return least and most mean spend over any stretch as long as the window, and the peak, shape (3, C)."""
    money = market.spend.sum(axis=0)
    summed = np.cumsum(np.vstack([np.zeros(money.shape[1]), money]), axis=0)
    means = (summed[window.periods :] - summed[: -window.periods]) / window.periods
    return np.stack([means.min(axis=0), means.max(axis=0), money.max(axis=0)])
