"""What credit costs: spend joined to the credit of every model, how far models lie apart, and rows to store.

Words: *CPA* is spend per credited conversion, *ROAS* credited value per unit of spend; both are of one
model and as observational as its credit. The *spread* of a channel is the highest less the lowest credited
value over the models, by their mean.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any

from workbench.attribution.credit import Credit, CreditRow
from workbench.attribution.journeys import UNATTRIBUTED
from workbench.errors import BadInput, NotEnoughData
from workbench.metrics import measure
from workbench.result import ModelFigure, format_value, html_table, model_results_of, told

if TYPE_CHECKING:
    import pandas as pd

    from workbench.metrics import Window
    from workbench.source import Tables

_EVEN = 1e-9  # of a credit: what floats of models that agree differ by


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnRow:
    """What one model's credit to one channel costs and returns; None where it has no answer.

    Parameters
    ----------
    model, channel : str
        As in the credit.
    spend : float or None
        None where no spend is known: that is not zero.
    conversions, value : float
        Credited.
    cpa, cpa_low, cpa_high : float or None
        Spend per credited conversion, and the ends that the credit's interval gives; `cpa_high` is None
        where no conversion may be the truth.
    roas, roas_low, roas_high : float or None
        Credited value per unit of spend.
    """

    model: str
    channel: str
    spend: float | None
    conversions: float
    value: float
    cpa: float | None
    cpa_low: float | None
    cpa_high: float | None
    roas: float | None
    roas_low: float | None
    roas_high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Returns:
    """What channels cost and return, model by model."""

    by: str
    rows: tuple[ReturnRow, ...]
    currency: str | None = None
    missing: str = ""

    @property
    def sentence(self) -> str:
        """Return the channel whose return depends most on the model."""
        if self.missing:
            return self.missing
        known: dict[str, list[float]] = {}
        for row in self.rows:
            if row.roas is not None:
                known.setdefault(row.channel, []).append(row.roas)
        if not known:
            return f"No {self.by} with credit has spend, so nothing is known of its return."
        apart = max(known, key=lambda name: (max(known[name]) - min(known[name]), name))
        low, high = (format_value(some(known[apart]), "x") for some in (min, max))
        if low == high:
            return f"{apart} returns {low} of its spend. Credit is not effect."
        return f"{apart} returns {low} to {high} of its spend, by model. Credit is not effect."

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return one row per model and channel."""
        import pandas as pd

        return pd.DataFrame(
            [asdict(row) for row in self.rows], columns=[field.name for field in fields(ReturnRow)]
        )

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.sentence)}</p>{html_table(self.to_frame())}"


def returns(credit: Credit, spend: Mapping[str, float]) -> Returns:
    """Return the cost per conversion and the return on spend of every model and channel.

    Parameters
    ----------
    credit : Credit
        The credit of one model or more.
    spend : mapping of str to float
        Spend by channel over the same days, in the currency of the credit. A channel that is missing here
        has no known spend; one that spent and has no credit gets a row all the same.

    Raises
    ------
    BadInput
        If spend is negative or not finite.
    """
    for name, amount in spend.items():
        if not math.isfinite(amount) or amount < 0:
            raise BadInput("spend is a number of zero or more", column=name, value=amount)
    rows = [
        _return(row, spend.get(row.channel))
        for model in credit.models
        for row in (*credit.of(model), *_uncredited(credit, model, spend))
        if row.channel != UNATTRIBUTED
    ]
    return Returns(by=credit.by, rows=tuple(rows), currency=credit.currency, missing=credit.missing)


def _uncredited(credit: Credit, model: str, spend: Mapping[str, float]) -> list[CreditRow]:
    known = {row.channel for row in credit.of(model)}
    return [
        CreditRow(model=model, channel=name, conversions=0.0, value=0.0, share=0.0)
        for name in sorted(set(spend) - known)
        if spend[name] > 0
    ]


def _return(row: CreditRow, spend: float | None) -> ReturnRow:
    return ReturnRow(
        model=row.model,
        channel=row.channel,
        spend=spend,
        conversions=row.conversions,
        value=row.value,
        cpa=_ratio(spend, row.conversions),
        cpa_low=_ratio(spend, row.conversions_high),
        cpa_high=_ratio(spend, row.conversions_low),
        roas=_ratio(row.value, spend),
        roas_low=_ratio(row.value_low, spend),
        roas_high=_ratio(row.value_high, spend),
    )


def _ratio(numerator: float | None, denominator: float | None) -> float | None:
    if numerator is None or denominator is None or not denominator > 0:
        return None
    return numerator / denominator


def spend_by(tables: Tables, by: str = "channel", *, window: str | Window | None = None) -> dict[str, float]:
    """Return spend by channel (or campaign ...) as the metric ``spend`` measures it; unknown is left out.

    Parameters
    ----------
    tables : Tables
        Needs daily_performance; without it nothing is known.
    by : str
        A dimension of the metrics.
    window : str or Window, optional
        The days; all data where it is None.

    Raises
    ------
    UsageError
        If spend cannot be sliced that way.
    """
    if "daily_performance" not in tables.names:
        return {}
    found = measure(tables, "spend", by=by, window=window)
    return {
        str(row.slice[0]): row.value
        for row in found.rows
        if row.slice[0] is not None and math.isfinite(row.value)
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class SpreadRow:
    """How far models lie apart on one channel: lowest, highest and mean credited value, and who says so."""

    channel: str
    lowest: float
    lowest_model: str
    highest: float
    highest_model: str
    mean: float
    spread: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How far models lie apart.

    Parameters
    ----------
    rows : tuple of SpreadRow
        Channel by channel, the largest mean first.
    spread : float or None
        All differences by the sum of all means: the mean of the channels' spreads, weighted by value.
    models : tuple of str
        The models compared.
    """

    by: str
    rows: tuple[SpreadRow, ...]
    spread: float | None
    models: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """Return how much hangs on the choice of the model, and where most."""
        if self.spread is None:
            return "Credited value is not positive, so models cannot be compared by it."
        if self.spread < _EVEN:
            return f"All {len(self.models)} models credit alike."
        worst = max(self.rows, key=lambda row: row.highest - row.lowest)
        return (
            f"Credited value differs by {format_value(self.spread, '%')} between {len(self.models)} models; "
            f"most for {worst.channel}, from {worst.lowest_model} to {worst.highest_model}."
        )

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return one row per channel."""
        import pandas as pd

        return pd.DataFrame(
            [asdict(row) for row in self.rows], columns=[field.name for field in fields(SpreadRow)]
        )

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.sentence)}</p>{html_table(self.to_frame())}"


def attribution_spread(credit: Credit) -> Spread:
    """Return how far the credited value of a channel differs between models.

    Raises
    ------
    NotEnoughData
        If there is no credit, or that of one model only.
    """
    if len(credit.models) < 2:
        raise NotEnoughData(credit.missing or "A spread needs the credit of two models or more.")
    rows = [_spread(credit, name) for name in credit.channels]
    rows.sort(key=lambda row: (-row.mean, row.channel))
    return Spread(
        by=credit.by,
        rows=tuple(rows),
        spread=_ratio(sum(row.highest - row.lowest for row in rows), sum(row.mean for row in rows)),
        models=credit.models,
    )


def _spread(credit: Credit, channel: str) -> SpreadRow:
    found = {model: credit.row(model, channel).value for model in credit.models}
    low, high = min(found, key=lambda name: found[name]), max(found, key=lambda name: found[name])
    mean = sum(found.values()) / len(found)
    return SpreadRow(
        channel=channel,
        lowest=found[low],
        lowest_model=low,
        highest=found[high],
        highest_model=high,
        mean=mean,
        spread=_ratio(found[high] - found[low], mean),
    )


def model_results(credit: Credit, *, computed_at: datetime) -> list[dict[str, Any]]:
    """Return the rows of the table `model_results` that store a credit and its spread.

    Each model's conversions and value by channel are figures of the model ``attribution`` named
    ``markov_value`` and the like; ``spread`` is what the metric `attribution_spread` reads, as a whole and
    by channel.

    Parameters
    ----------
    credit : Credit
        What to store.
    computed_at : datetime
        When it was computed; with a time zone.

    Raises
    ------
    BadInput
        If `computed_at` has no time zone.
    """
    stored: list[ModelFigure] = []
    for row in credit.rows:
        name = f"{credit.by}={row.channel}"
        ends = (row.conversions_low, row.conversions_high)
        stored.append(ModelFigure(f"{row.model}_conversions", name, row.conversions, *ends))
        stored.append(ModelFigure(f"{row.model}_value", name, row.value, row.value_low, row.value_high))
    if len(credit.models) > 1:
        spread = attribution_spread(credit)
        parts = [(None, spread.spread), *((f"{credit.by}={r.channel}", r.spread) for r in spread.rows)]
        stored += [ModelFigure("spread", name, figure) for name, figure in parts if figure is not None]
    return model_results_of("attribution", stored, computed_at=computed_at)
