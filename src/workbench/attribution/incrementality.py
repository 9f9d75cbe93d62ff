"""Credit beside what experiments found: how much of a channel's credit it truly caused."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from html import escape
from typing import TYPE_CHECKING

from workbench.attribution.credit import Credit, CreditRow
from workbench.attribution.journeys import UNATTRIBUTED
from workbench.errors import BadInput
from workbench.result import format_value, html_table, told

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class Caused:
    """What an experiment says a channel caused over the days of the credit, with its interval.

    Parameters
    ----------
    conversions : float
        Incremental conversions of all who were reached, not of the experiment's part only.
    low, high : float
        The ends of the experiment's interval.
    """

    conversions: float
    low: float
    high: float

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, (self.low, self.conversions, self.high))):
            raise BadInput("what an experiment found is not a number")
        if not self.low <= self.conversions <= self.high:
            raise BadInput("an experiment's figure lies outside its own interval")


@dataclass(frozen=True, slots=True, kw_only=True)
class IncrementalityRow:
    """One model's credit to a channel beside what the experiment found.

    Parameters
    ----------
    model, channel : str
        As in the credit.
    credited : float
        Conversions that the model credits.
    caused, low, high : float
        What the experiment says.
    factor, factor_low, factor_high : float or None
        Caused by credited: what to multiply the model's credit with. None without credit.
    agrees : bool
        Whether the intervals of credit and experiment overlap; that of the credit is its figure where it has
        no interval.
    """

    model: str
    channel: str
    credited: float
    caused: float
    low: float
    high: float
    factor: float | None
    factor_low: float | None
    factor_high: float | None
    agrees: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Incrementality:
    """All models beside experiments, for the channels that had one."""

    rows: tuple[IncrementalityRow, ...]
    untested: tuple[str, ...]
    missing: str = ""

    @property
    def sentence(self) -> str:
        """Return how many channels a model gets right, and which model is nearest."""
        if self.missing:
            return self.missing
        off: dict[str, float] = {}
        for row in self.rows:
            off[row.model] = off.get(row.model, 0.0) + abs(row.credited - row.caused)
        nearest = min(off, key=lambda name: (off[name], name))
        mine = [row for row in self.rows if row.model == nearest]
        right = sum(row.agrees for row in mine)
        claimed, caused = sum(row.credited for row in mine), sum(row.caused for row in mine)
        return (
            f"{nearest} is nearest to the experiments: it credits {format_value(claimed, 'count')} "
            f"conversions where {format_value(caused, 'count')} were caused, and agrees on {right} of "
            f"{len(mine)} tested channels."
        )

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return one row per model and tested channel."""
        import pandas as pd

        names = [field.name for field in fields(IncrementalityRow)]
        return pd.DataFrame([asdict(row) for row in self.rows], columns=names)

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.sentence)}</p>{html_table(self.to_frame())}"


def against_experiments(credit: Credit, caused: Mapping[str, Caused]) -> Incrementality:
    """Return credit beside what experiments found, for the channels that had one.

    Parameters
    ----------
    credit : Credit
        The credit of one model or more.
    caused : mapping of str to Caused
        By channel, for the same days and users as the credit.

    Examples
    --------
    >>> row = CreditRow(model="linear", channel="email", conversions=50.0, value=900.0, share=0.5)
    >>> credit = Credit(by="channel", window="30d", rows=(row,), conversions=100.0, value=1800.0)
    >>> found = against_experiments(credit, {"email": Caused(conversions=20.0, low=12.0, high=28.0)})
    >>> found.rows[0].factor, found.rows[0].agrees
    (0.4, False)
    """
    rows = tuple(_row(row, caused[row.channel]) for row in credit.rows if row.channel in caused)
    untested = tuple(name for name in credit.channels if name not in caused and name != UNATTRIBUTED)
    reason = credit.missing or ("" if rows else f"No {credit.by} with credit had an experiment.")
    return Incrementality(rows=rows, untested=untested, missing=reason)


def _row(row: CreditRow, found: Caused) -> IncrementalityRow:
    def factor(amount: float) -> float | None:
        return amount / row.conversions if row.conversions > 0 else None

    low = row.conversions if row.conversions_low is None else row.conversions_low
    high = row.conversions if row.conversions_high is None else row.conversions_high
    return IncrementalityRow(
        model=row.model,
        channel=row.channel,
        credited=row.conversions,
        caused=found.conversions,
        low=found.low,
        high=found.high,
        factor=factor(found.conversions),
        factor_low=factor(found.low),
        factor_high=factor(found.high),
        agrees=low <= found.high and found.low <= high,
    )
