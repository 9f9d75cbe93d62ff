"""Other totals: what each would bring at its best split, and where the next money goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from workbench.errors import UsageError, wrong_kind
from workbench.mmm.budget.planning import refuse, split_for
from workbench.mmm.budget.projection import caution
from workbench.mmm.budget.question import BudgetQuestion, Limits, limits_of, total_of
from workbench.mmm.budget.table import ResponseTable
from workbench.mmm.budget.told import amount, with_interval
from workbench.mmm.estimate import Estimate, estimate
from workbench.result import format_value, html_table, told, worded

if TYPE_CHECKING:
    import pandas as pd

Array = npt.NDArray[np.float64]
_APART = 0.2  # of a step


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalRow:
    """One total at its best split.

    Parameters
    ----------
    total : float
        Money for the window.
    outcome : Estimate
        What media cause with it.
    marginal : Estimate
        What one more unit of money brings there.
    split : tuple of float
        Money of every channel.
    """

    total: float
    outcome: Estimate
    marginal: Estimate
    split: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sweep:
    """The outcome of many totals, each split at its best within the same bounds.

    Parameters
    ----------
    channels : tuple of str
        In the order of the splits.
    rows : tuple of TotalRow
        Ascending.
    current : float
        What is spent now.
    outcome_now : Estimate
        What that brings as it is split now.
    span, unit, currency : str
        How long the window is, and the units.
    """

    channels: tuple[str, ...]
    rows: tuple[TotalRow, ...]
    current: float
    outcome_now: Estimate
    span: str
    unit: str
    currency: str

    @property
    def sentence(self) -> str:
        """Return what the next unit of money brings at the ends and near today's total, in one sentence."""
        if len(self.rows) < 2:
            return "The bounds allow one total only."
        near = min(range(len(self.rows)), key=lambda place: abs(self.rows[place].total - self.current))
        ends = [self.rows[place] for place in sorted({0, near, len(self.rows) - 1})]
        unit = "x" if self.unit == "money" else "conversions"
        said = [
            f"{format_value(row.marginal.value, unit)} at {amount(row.total, 'money', self.currency)}"
            for row in ends
        ]
        return f"At the best split the next unit of money brings {', '.join(said[:-1])} and {said[-1]}."

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return one row a total: outcome and marginal return with their intervals, money by channel."""
        import pandas as pd

        return pd.DataFrame(
            {
                "total": row.total,
                "outcome": row.outcome.value,
                "outcome_low": row.outcome.low,
                "outcome_high": row.outcome.high,
                "marginal": row.marginal.value,
                "marginal_low": row.marginal.low,
                "marginal_high": row.marginal.high,
                **{f"spend_{name}": money for name, money in zip(self.channels, row.split, strict=True)},
            }
            for row in self.rows
        )

    def _repr_html_(self) -> str:
        return html_table(self.to_frame(), caption=self.sentence)


def sweep(table: ResponseTable, question: BudgetQuestion | None = None, *, totals: int = 25) -> Sweep:
    """Return the outcome of totals from the least to the most that the bounds allow.

    Parameters
    ----------
    table : ResponseTable
        The model's curves.
    question : BudgetQuestion, optional
        Bounds, locks and care; its total is not used.
    totals : int
        How many, at least 2; today's total is added where the bounds allow it.

    Raises
    ------
    UsageError, NotEnoughData
        As `optimise` does.
    """
    asked = question or BudgetQuestion()
    refuse(table, asked)
    limits = limits_of(asked, table)
    least, most = float(limits.low.sum()), float(limits.high.sum())
    several = max(2, totals) if most - least > 1e-9 * most else 1
    amounts = np.linspace(max(least, 1e-9 * most), most, several)
    if least < table.total < most:
        amounts = _with(amounts, table.total)
    splits = np.stack([split_for(table, asked, limits, float(total)) for total in amounts])
    outcome = table.measuring.at(splits.T / table.spend[:, None]).sum(axis=-2)
    marginal = np.gradient(outcome, amounts, axis=-1) if len(amounts) > 1 else np.zeros_like(outcome)
    return Sweep(
        channels=table.channels,
        rows=tuple(
            TotalRow(
                total=float(total),
                outcome=estimate(outcome[:, place]),
                marginal=estimate(marginal[:, place]),
                split=tuple(map(float, splits[place])),
            )
            for place, total in enumerate(amounts)
        ),
        current=table.total,
        outcome_now=estimate(table.measuring.at(np.ones(len(limits.low))).sum(axis=-1)),
        span=table.span,
        unit=table.unit,
        currency=table.currency,
    )


def _with(amounts: Array, today: float) -> Array:
    """Return amounts with today's among them: no two so close that rounding makes the slope between them."""
    nearest = int(np.abs(amounts - today).argmin())
    if abs(amounts[nearest] - today) > _APART * (amounts[1] - amounts[0]):
        return np.sort(np.append(amounts, today))
    return np.where(np.arange(len(amounts)) == nearest, today, amounts)


@dataclass(frozen=True, slots=True, kw_only=True)
class NextRow:
    """What one channel gets of additional money: its amount, its share, and why to be careful."""

    channel: str
    amount: float
    share: float
    warning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NextMoney:
    """Where additional money goes when nobody loses any.

    Parameters
    ----------
    amount : float
        Money on top of what is spent now.
    rows : tuple of NextRow
        Channels that get some, the most first.
    gain : Estimate
        What the amount brings.
    span, unit, currency : str
        How long the window is, and the units.
    """

    amount: float
    rows: tuple[NextRow, ...]
    gain: Estimate
    span: str
    unit: str
    currency: str

    @property
    def sentence(self) -> str:
        """Return where the money goes and what it brings, in one sentence."""
        money = amount(self.amount, "money", self.currency)
        where = ", ".join(f"{worded(row.channel)} ({row.share:.0%})" for row in self.rows[:3])
        return (
            f"The next {money} go to {where} and are expected to bring "
            f"{with_interval(self.gain, self.unit, self.currency)} over {self.span}."
        )

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return one row a channel that gets money."""
        import pandas as pd

        return pd.DataFrame(
            [(row.channel, row.amount, row.share, row.warning) for row in self.rows],
            columns=["channel", "amount", "share", "warning"],
        )

    def _repr_html_(self) -> str:
        return html_table(self.to_frame(), caption=self.sentence)


def next_money(
    table: ResponseTable, money: float = 100_000.0, question: BudgetQuestion | None = None
) -> NextMoney:
    """Return where an amount on top of today's spend goes; no channel gets less than it has.

    Parameters
    ----------
    table : ResponseTable
        The model's curves.
    money : float
        Additional money for the window.
    question : BudgetQuestion, optional
        Upper bounds, locks and care; its total and lower bounds are not used.

    Raises
    ------
    UsageError
        Where the upper bounds leave no room for it.
    NotEnoughData
        As `optimise` does.
    """
    if isinstance(money, str):
        raise wrong_kind("Additional money", money, "a number")
    asked = question or BudgetQuestion()
    refuse(table, asked)
    if not 0 < money < np.inf:
        raise UsageError(f"Additional money is an amount above 0, not {money!r}.")
    upper = limits_of(asked, table).high
    limits = Limits(table.spend, np.maximum(upper, table.spend))
    wanted = BudgetQuestion(total=table.total + money, worst=asked.worst)
    split = split_for(table, asked, limits, total_of(wanted, table, limits))
    gains = (table.measuring.at(table.multipliers(split)) - table.measuring.at(np.ones(len(split)))).sum(-1)
    added = split - table.spend
    order = [int(place) for place in np.argsort(-added) if added[place] > 0.001 * money]
    return NextMoney(
        amount=float(money),
        rows=tuple(
            NextRow(
                channel=table.channels[place],
                amount=float(added[place]),
                share=float(added[place] / money),
                warning=caution(table, place, float(split[place] / table.spend[place])),
            )
            for place in order
        ),
        gain=estimate(gains),
        span=table.span,
        unit=table.unit,
        currency=table.currency,
    )
