"""What a split of money would bring, against what is spent now, and where it leaves what was ever seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from workbench.errors import UsageError, unknown_name
from workbench.mmm.budget.table import ResponseTable
from workbench.mmm.budget.told import amount, chance, with_interval
from workbench.mmm.estimate import Estimate, estimate
from workbench.result import html_table, told, worded

if TYPE_CHECKING:
    import pandas as pd

Array = npt.NDArray[np.float64]
_SLACK = 1.001  # rounding is no extrapolation


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelPlan:
    """One channel in a split.

    Parameters
    ----------
    channel : str
        Its name.
    current, proposed : float
        Money for the window.
    change : float
        Of money, as a share of what is spent now.
    outcome_now, outcome_then : Estimate
        What it causes.
    marginal_now, marginal_then : Estimate
        What the next unit of money brings.
    sustained, peak : float
        The most ever spent over a window of this length, and in one period, as multiples of today's mean.
    warning : str
        Where the split leaves what was ever seen, in words; empty where it does not.
    """

    channel: str
    current: float
    proposed: float
    change: float
    outcome_now: Estimate
    outcome_then: Estimate
    marginal_now: Estimate
    marginal_then: Estimate
    sustained: float
    peak: float
    warning: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Projection:
    """What a split would bring over the reference window.

    Parameters
    ----------
    rows : tuple of ChannelPlan
        The channels, in the model's order.
    current, proposed : float
        Total money.
    outcome_now, outcome_then, gain : Estimate
        What media cause now and then, and the difference draw by draw.
    better : float
        The share of draws in which the split brings more than what is spent now.
    gains : array, shape (D,)
        The difference in every draw that measures.
    warnings : tuple of str
        What to know before acting.
    span, unit, currency : str
        How long the window is, and the units of outcome and money.
    """

    rows: tuple[ChannelPlan, ...]
    current: float
    proposed: float
    outcome_now: Estimate
    outcome_then: Estimate
    gain: Estimate
    better: float
    gains: Array
    warnings: tuple[str, ...]
    span: str
    unit: str
    currency: str

    @property
    def sentence(self) -> str:
        """Return what the split is expected to bring, how sure that is, in one sentence."""
        gain = with_interval(self.gain, self.unit, self.currency)
        money = amount(self.proposed, "money", self.currency)
        if not self.gains.any():
            return f"{money} for {self.span}, split as today: nothing changes."
        return (
            f"{money} for {self.span}, split like this, are expected to change the outcome by {gain}; "
            f"that it is more than today has a probability of {chance(self.better)}."
        )

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return one row a channel: money now and then, outcome and marginal return with their intervals."""
        import pandas as pd

        return pd.DataFrame([_flat(row) for row in self.rows])

    def _repr_html_(self) -> str:
        frame = self.to_frame()[["channel", "current", "proposed", "change", "marginal_now", "marginal_then"]]
        return html_table(frame, caption=self.sentence)


def _flat(row: ChannelPlan) -> dict[str, object]:
    found: dict[str, object] = {
        "channel": row.channel,
        "current": row.current,
        "proposed": row.proposed,
        "change": row.change,
    }
    for name in ("outcome_now", "outcome_then", "marginal_now", "marginal_then"):
        one: Estimate = getattr(row, name)
        found |= {name: one.value, f"{name}_low": one.low, f"{name}_high": one.high}
    return found | {"sustained": row.sustained, "peak": row.peak, "warning": row.warning}


def project(table: ResponseTable, spend: Mapping[str, float] | npt.ArrayLike) -> Projection:
    """Return what a split of money would bring.

    Parameters
    ----------
    table : ResponseTable
        The model's curves.
    spend : mapping or array, shape (C,)
        Money for the window by channel; channels that a mapping does not name keep theirs.

    Raises
    ------
    UsageError
        Where a channel is unknown, or an amount is negative or beyond the table.
    """
    money = _money(table, spend)
    now = table.measuring.at(np.ones(len(money)))
    then = table.measuring.at(table.multipliers(money))
    gains = then.sum(axis=-1) - now.sum(axis=-1)
    rows = _rows(table, money, now, then)
    return Projection(
        rows=rows,
        current=table.total,
        proposed=float(money.sum()),
        outcome_now=estimate(now.sum(axis=-1)),
        outcome_then=estimate(then.sum(axis=-1)),
        gain=estimate(gains),
        better=float((gains > 0).mean()),
        gains=gains,
        warnings=(
            *(f"{worded(row.channel)}: {row.warning}" for row in rows if row.warning),
            *table.missed,
            *(
                f"{worded(name)} spent nothing in the window: the plan says nothing about it."
                for name in table.left_out
            ),
        ),
        span=table.span,
        unit=table.unit,
        currency=table.currency,
    )


def _money(table: ResponseTable, spend: Mapping[str, float] | npt.ArrayLike) -> Array:
    if isinstance(spend, Mapping):
        for name in spend:
            if name not in table.channels:
                raise unknown_name("channel", str(name), table.channels)
        kept = zip(table.channels, table.spend, strict=True)
        spend = [spend.get(name, money) for name, money in kept]
    money = np.asarray(spend, float)
    if money.shape != table.spend.shape:
        raise UsageError(f"A split names {len(table.channels)} amounts, one a channel, not {money.shape}.")
    times = table.multipliers(money)
    wrong = np.flatnonzero(~((times >= 0) & (times <= table.most * (1 + 1e-9))))
    if len(wrong):
        name = table.channels[wrong[0]]
        raise UsageError(f"{name!r} can take 0 to {table.most:.3g} times what it spends now.")
    return money


def _rows(table: ResponseTable, money: Array, now: Array, then: Array) -> tuple[ChannelPlan, ...]:
    times = table.multipliers(money)
    marginal_now = table.measuring.slope_at(np.ones(len(money))) / table.spend
    marginal_then = table.measuring.slope_at(times) / table.spend
    return tuple(
        ChannelPlan(
            channel=name,
            current=float(table.spend[place]),
            proposed=float(money[place]),
            change=float(times[place] - 1),
            outcome_now=estimate(now[:, place]),
            outcome_then=estimate(then[:, place]),
            marginal_now=estimate(marginal_now[:, place]),
            marginal_then=estimate(marginal_then[:, place]),
            sustained=float(table.sustained[place]),
            peak=float(table.peak[place]),
            warning=caution(table, place, float(times[place])),
        )
        for place, name in enumerate(table.channels)
    )


def caution(table: ResponseTable, place: int, times: float) -> str:
    """Return why a channel's multiplier needs care: it is beyond what was seen, or only believed to pay."""
    believed = table.channels[place] in table.believed and abs(times - 1) > _SLACK - 1
    return " ".join(filter(None, [out_of_range(table, place, times), _BELIEVED if believed else ""]))


_BELIEVED = "No data speak for this change: the return is what was believed beforehand."


def out_of_range(table: ResponseTable, place: int, times: float) -> str:
    """Return how far a channel's multiplier leaves what was ever seen; empty where it does not."""
    sustained, peak = float(table.sustained[place]), float(table.peak[place])
    if times > max(peak, 1.0) * _SLACK:
        return (
            f"{times:.2f} times today's spend; no {table.period} ever had more than {peak:.2f} times, so the "
            "curve is extrapolated."
        )
    if times > max(sustained, 1.0) * _SLACK:
        return (
            f"{times:.2f} times today's spend; single {table.period}s had as much, but {table.span} at most "
            f"{sustained:.2f} times."
        )
    return ""
