"""A fitted model as a response table."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from workbench.errors import UsageError
from workbench.mmm.beliefs import believed_only
from workbench.mmm.budget.interpolation import curves_of, knots_up_to
from workbench.mmm.budget.table import ResponseTable, rounded
from workbench.mmm.curves import contribution_totals, outcome_at, spend_of, thinned
from workbench.mmm.draws import Draws
from workbench.mmm.fitted import MixFit
from workbench.mmm.gates import Gates
from workbench.mmm.gates import gates as gates_of
from workbench.mmm.market import Market
from workbench.mmm.window import Window, window_of

Array = npt.NDArray[np.float64]
MOST = 3.0
_TRIED = 20  # draws on which the error between knots is measured


def response_table(
    fit: MixFit,
    *,
    window: Window | None = None,
    draws: int = 400,
    most: float = MOST,
    gates: Gates | None = None,
) -> ResponseTable:
    """Return what every channel of a fitted model would bring at multiples of its spend.

    The pattern of spend over weeks and regions stays as it was in the window; carried-over effects of earlier
    spend are scaled alike, as if the budget had always been so. What a unit of exposure costs is taken not
    to change with the budget.

    Parameters
    ----------
    fit : MixFit
        The model after its data.
    window : Window, optional
        The reference window; by default the last 52 weeks.
    draws : int
        Posterior draws used at most, evenly thinned: half of them choose a split, the other half measure it.
    most : float
        The largest multiplier, above 1.
    gates : Gates, optional
        What the model showed of itself, by default looked at anew; `optimise` refuses a missed one.

    Raises
    ------
    UsageError
        Where no channel spent in the window, or `most` is not above 1.
    """
    if not 1 < most <= 100:
        raise UsageError(
            "most is the largest multiple of today's spend: expected a number above 1, up to 100."
        )
    market = MixFit.given(fit).market
    frame = window or window_of(market)
    few = thinned(fit.draws, draws)
    spend = spend_of(market, window=frame)
    active = np.flatnonzero(spend > 0)
    if not len(active):
        raise UsageError("No channel spent anything in the window, so there is no budget to plan.")
    knots = knots_up_to(most)
    outcome = outcome_at(few, market, knots, window=frame)[..., active].swapaxes(1, 2)
    sustained, peak = _ever_seen(market, frame)
    silent = believed_only(fit.spec, market, contribution_totals(fit.draws, market).sum(axis=1))
    return ResponseTable(
        model=fit.spec.name,
        channels=tuple(market.channels[place] for place in active),
        spend=spend[active],
        knots=knots,
        outcome=rounded(outcome),
        sustained=sustained[active],
        peak=peak[active],
        first=frame.first,
        last=frame.last,
        periods=frame.periods,
        period=market.period,
        kind=fit.spec.kind,
        currency=fit.spec.currency,
        left_out=tuple(name for name, money in zip(market.channels, spend, strict=True) if not money > 0),
        missed=tuple(one.message for one in (gates_of(fit) if gates is None else gates).missed),
        believed=tuple(market.channels[place] for place in active if market.channels[place] in silent),
        error=_error(few, market, frame, knots)[active].max(),
    )


def _ever_seen(market: Market, window: Window) -> tuple[Array, Array]:
    """Return the most ever spent over a window of this length and in one period, as multipliers."""
    money = market.spend.sum(axis=0)
    mean = money[window.positions].mean(axis=0)
    summed = np.cumsum(np.vstack([np.zeros(len(mean)), money]), axis=0)
    highest = (summed[window.periods :] - summed[: -window.periods]).max(axis=0) / window.periods
    with np.errstate(divide="ignore", invalid="ignore"):
        return highest / mean, money.max(axis=0) / mean


def _error(draws: Draws, market: Market, window: Window, knots: Array) -> Array:
    """Return the largest error of the expected curves in the middle between knots, in shares of today's."""
    few = thinned(draws, _TRIED)
    between = (knots[1:] + knots[:-1]) / 2
    exact = outcome_at(few, market, between, window=window)
    values = outcome_at(few, market, knots, window=window).swapaxes(1, 2)
    table = curves_of(knots, rounded(values))
    read = table.at(np.broadcast_to(between, (values.shape[1], len(between)))).swapaxes(1, 2)
    today = np.maximum(values[:, :, knots == 1].mean(axis=0)[:, 0], 1e-300)
    return np.asarray(np.abs((read - exact).mean(axis=0)).max(axis=0) / today)
