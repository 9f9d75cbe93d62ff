"""What every channel returned over all periods, and what its next unit of money returns now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from workbench.errors import unknown_name
from workbench.mmm.beliefs import learning, return_priors
from workbench.mmm.calendar import Period
from workbench.mmm.curves import (
    change_by_region,
    contribution_totals,
    half_life,
)
from workbench.mmm.estimate import Estimate, estimate
from workbench.mmm.fitted import MixFit
from workbench.mmm.gates import Gates, gates
from workbench.mmm.returns import ChannelReturn
from workbench.mmm.saturation import paying, saturation_points
from workbench.mmm.spec import Kind
from workbench.mmm.window import Window, whole, window_of
from workbench.result import html_table, told

if TYPE_CHECKING:
    import pandas as pd

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class MixResults:
    """What a fitted model says about its channels.

    Parameters
    ----------
    model, outcome : str
        Names of the model and of what it explains.
    kind : {'revenue', 'conversions'}
        What the outcome is.
    currency : str
        ISO 4217 code of the money.
    period : {'day', 'week'}
        Length of a period.
    first, last : date
        First and last day of the data: contributions and returns are over all of it.
    window : Window
        The reference window, at whose spend marginal returns and saturation points are given.
    outcome_total : float
        Outcome over all periods and regions.
    media : Estimate
        Share of the outcome that all media caused.
    roi : Estimate
        Outcome per unit of money, over all media.
    channels : tuple of ChannelReturn
        In the order of the model.
    regions : tuple of ChannelReturn
        Region by region; empty for a national model.
    gates : Gates
        Whether the model may carry a decision.
    """

    model: str
    outcome: str
    kind: Kind
    currency: str
    period: Period
    first: date
    last: date
    window: Window
    outcome_total: float
    media: Estimate
    roi: Estimate
    channels: tuple[ChannelReturn, ...]
    regions: tuple[ChannelReturn, ...]
    gates: Gates

    def __getitem__(self, channel: str) -> ChannelReturn:
        for one in self.channels:
            if one.channel == channel:
                return one
        raise unknown_name("channel", channel, [one.channel for one in self.channels])

    @property
    def sentence(self) -> str:
        """Return what media did, and where the next unit of money goes best; a missed gate first."""
        caution = [] if self.gates.passed else [self.gates.sentence]
        caused = f"Media caused {self.media.said('%')} of {self.outcome}."
        live = [one for one in self.channels if one.marginal_roi.known]
        if not live:
            return " ".join([*caution, caused])
        heard = [one for one in live if one.learning is None or not one.learning.from_prior]
        best = max(heard or live, key=lambda one: one.marginal_roi.value)
        words = best.in_words(kind=self.kind, currency=self.currency, period=self.period)
        return " ".join([*caution, caused, words[:1].upper() + words[1:]])

    @property
    def sentences(self) -> tuple[str, ...]:
        """Return one sentence per channel, the largest spend first."""
        ranked = sorted(self.channels, key=lambda one: -one.spend)
        return tuple(
            one.in_words(kind=self.kind, currency=self.currency, period=self.period) for one in ranked
        )

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return one row per channel, and per channel and region where the model has regions."""
        import pandas as pd

        return pd.DataFrame([one.to_row() for one in (*self.channels, *self.regions)])

    def _repr_html_(self) -> str:
        shown = ["channel", "spend", "contribution", "roi", "roi_low", "roi_high", "marginal_roi"]
        frame = self.to_frame()
        return f"<p>{escape(self.sentence)}</p>{html_table(frame[frame['region'].isna()][shown])}"


def results(fit: MixFit, *, window: Window | None = None) -> MixResults:
    """Return what every channel of a fitted model returned.

    Contributions and returns are over all periods; marginal returns and saturation points are at the spend
    of the reference window, whose pattern over weeks and regions is kept and scaled. What is still carried
    over after the last period counts for nobody.

    Parameters
    ----------
    fit : MixFit
        The model after its data.
    window : Window, optional
        The reference window; by default the last 52 weeks.
    """
    market, spec = MixFit.given(fit).market, fit.spec
    frame = window or window_of(market)
    totals = contribution_totals(fit.draws, market)
    media = totals.sum(axis=(1, 2))
    outcome, money = float(market.outcome.sum()), float(market.spend.sum())
    span = whole(market)
    return MixResults(
        model=spec.name,
        outcome=spec.outcome,
        kind=spec.kind,
        currency=spec.currency,
        period=market.period,
        first=span.first,
        last=span.last,
        window=frame,
        outcome_total=outcome,
        media=estimate(media / outcome),
        roi=estimate(media / money if money > 0 else np.full(len(media), np.nan)),
        channels=tuple(_channels(fit, totals, frame)),
        regions=tuple(_regions(fit, totals, frame)),
        gates=gates(fit),
    )


def _channels(fit: MixFit, totals: Array, window: Window) -> Iterator[ChannelReturn]:
    """Yield the channels over all regions."""
    change = change_by_region(fit.draws, fit.market, window=window)
    summed = totals.sum(axis=1)
    threshold = paying(fit.spec.kind, fit.market, summed)
    points = saturation_points(fit.draws, fit.market, window=window, threshold=threshold)
    priors = return_priors(fit.spec, fit.market)
    for place, row in enumerate(_rows(fit, summed, change.sum(axis=1), threshold, window)):
        known = row.spend > 0
        learnt = learning(priors[place], summed[:, place] / row.spend) if known else None
        yield replace(row, saturation=points[place], learning=learnt)


def _regions(fit: MixFit, totals: Array, window: Window) -> Iterator[ChannelReturn]:
    """Yield the channels region by region; nothing for a national model."""
    if fit.spec.region is None:
        return
    change = change_by_region(fit.draws, fit.market, window=window)
    threshold = paying(fit.spec.kind, fit.market, totals.sum(axis=1))
    for region in range(len(fit.market.regions)):
        yield from _rows(fit, totals[:, region], change[:, region], threshold, window, region)


def _rows(
    fit: MixFit, totals: Array, change: Array, threshold: Array, window: Window, region: int | None = None
) -> Iterator[ChannelReturn]:
    """Yield one row per channel from its totals and its derivative at today's spend, shape (D, C) each."""
    market, revenue = fit.market, fit.spec.kind == "revenue"
    chosen = slice(None) if region is None else slice(region, region + 1)
    spend = market.spend[chosen].sum(axis=(0, 1))
    lately = market.spend[chosen, window.positions].sum(axis=(0, 1))
    outcome, media = float(market.outcome[chosen].sum()), totals.sum(axis=1)
    lives = half_life(fit.draws)
    for place, channel in enumerate(market.channels):
        roi, marginal = _per(totals[:, place], spend[place]), _per(change[:, place], lately[place])
        yield ChannelReturn(
            channel=channel,
            region=None if region is None else market.regions[region],
            spend=float(spend[place]),
            spend_share=float(spend[place] / spend.sum()) if spend.sum() > 0 else 0.0,
            contribution=estimate(totals[:, place]),
            outcome_share=estimate(_per(totals[:, place], outcome)),
            media_share=estimate(np.where(media > 0, totals[:, place] / np.where(media > 0, media, 1), 0.0)),
            roi=estimate(roi),
            cost=None if revenue else estimate(1 / np.maximum(roi, 1e-300), centre="median"),
            marginal_roi=estimate(marginal),
            chance_paid=_share(roi > 1, roi) if revenue else None,
            chance_next_pays=_share(marginal > threshold, marginal),
            threshold=float(threshold.mean()),
            half_life=estimate(lives[:, place]),
            saturation=None,
            learning=None,
        )


def _per(total: Array, divisor: float) -> Array:
    return total / divisor if divisor > 0 else np.full(len(total), np.nan)


def _share(true: npt.NDArray[np.bool_], of: Array) -> float:
    """Return the share of draws in which something is so; NaN where the figure itself is unknown."""
    return float("nan") if np.isnan(of).any() else float(true.mean())
