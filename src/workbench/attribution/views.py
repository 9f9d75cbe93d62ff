"""Credit of a workspace as a page shows it; where the data cannot tell, it says why."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING

from workbench.attribution.attributing import attribute, journeys_from
from workbench.attribution.cost import Returns, returns, spend_by
from workbench.attribution.credit import Credit
from workbench.attribution.order import choose_order
from workbench.attribution.recorded import touchpoints
from workbench.attribution.regression import regression_of
from workbench.attribution.validation import HoldOut
from workbench.errors import NotEnoughData
from workbench.result import apart, format_value, shown, told
from workbench.source import given

if TYPE_CHECKING:
    import pandas as pd

    from workbench.attribution.journeys import Journeys
    from workbench.source import Tables

UNTOUCHED = (
    "Not enough data: no click or view of a single user is on record for these days, and totals of "
    "platforms do not say who was touched before an order."
)

_ALARM = 0.025  # one-sided, for all models together


def model_credit(
    tables: Tables,
    *,
    models: str = "all",
    by: str = "channel",
    window: str | None = None,
    look_back: str = "30d",
) -> Credit:
    """Return what each model credits for the conversions of a window; its `missing` says why not.

    Parameters
    ----------
    tables : Tables
        The workspace.
    models : str
        Names joined by commas, or ``"all"``.
    by : str
        What is credited: ``"channel"``, ``"campaign"`` ...
    window : str, optional
        The days whose conversions are credited; all by default.
    look_back : str
        How far back rules look: ``"30d"``, or ``"any"``.

    Raises
    ------
    UsageError
        If a model, an attribute or a window is unknown.
    """
    currency = given(tables).currency
    nothing = Credit(by=by, window=look_back, rows=(), conversions=0.0, value=0.0, currency=currency)
    try:
        points = touchpoints(tables, by=by, window=window)
        found = attribute(points, models=models, by=by, window=look_back)
    except NotEnoughData as reason:
        return replace(nothing, missing=str(reason))
    if not found.missing and not points.provenance.touches:
        return replace(found, rows=(), missing=UNTOUCHED)
    return found


def campaign_credit(
    tables: Tables,
    campaign_id: str,
    *,
    models: str = "last_touch,markov",
    window: str | None = None,
    look_back: str = "30d",
) -> Credit:
    """Return what each model credits to one campaign, of the conversions of a window.

    Parameters
    ----------
    tables : Tables
        The workspace.
    campaign_id : str
        The campaign's id.
    models, window, look_back : str
        As in `model_credit`.

    Raises
    ------
    UsageError
        If a model or a window is unknown.
    """
    found = model_credit(tables, models=models, by="campaign", window=window, look_back=look_back)
    name = _names(tables).get(campaign_id, campaign_id)
    mine = tuple(row for row in found.rows if row.channel == name)
    missing = found.missing or ("" if mine else "No touch of this campaign comes before a conversion.")
    return replace(found, rows=mine, missing=missing)


def credit_returns(tables: Tables, credit: Credit, *, window: str | None = None) -> Returns:
    """Return what the credited channels or campaigns cost, and what they return by each model.

    What spent and stands on nobody's way was not tracked: its spend is known, its return is not.

    Parameters
    ----------
    tables : Tables
        The workspace; needs daily performance, without which nothing is known of costs.
    credit : Credit
        The credit of the same window.
    window : str, optional
        The days of the spend; all by default.
    """
    if credit.missing:
        return Returns(by=credit.by, rows=(), currency=credit.currency, missing=credit.missing)
    spend = _by_name(tables, spend_by(tables, credit.by, window=window), credit.by)
    if not spend:
        reason = "Not enough data: no spend is loaded, so neither cost nor return is known."
        return Returns(by=credit.by, rows=(), currency=credit.currency, missing=reason)
    made, seen = returns(credit, spend), {row.channel for row in credit.rows}
    rows = (row if row.channel in seen else replace(row, roas=None) for row in made.rows)
    return replace(made, rows=tuple(rows))


def _by_name(tables: Tables, spend: dict[str, float], by: str) -> dict[str, float]:
    """Return spend under the names that credit has: campaigns are measured by id and credited by name."""
    names = _names(tables) if by == "campaign" else {}
    return {names.get(key, key): amount for key, amount in spend.items()}


def _names(tables: Tables) -> dict[str, str]:
    """Return what campaigns are credited as, by id."""
    if "campaigns" not in tables.names:
        return {}
    rows = tables.query("SELECT campaign_id, name FROM campaigns").to_pylist()
    return apart({str(row["campaign_id"]): row["name"] for row in rows})


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRow:
    """How well one model tells journeys that convert, on users it has not seen.

    Parameters
    ----------
    model : str
        ``"markov"`` or ``"regression"``.
    variant : str
        The order of a Markov model.
    chosen : bool
        Whether the credit is from this one.
    auc : float or None
        The chance that a converting journey is rated above one that did not; 0.5 is guessing.
    log_loss, plain_log_loss : float
        Mean of -log of the chance given to what happened, in nats; and the same with one chance for all.
    gain : float
        By how much the loss is lower, as a share of the plain one; negative where it is higher.
    chance : float or None
        How often an AUC is as high where the model knows nothing.
    """

    model: str
    variant: str
    chosen: bool
    auc: float | None
    log_loss: float
    plain_log_loss: float
    gain: float
    chance: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChecks:
    """What the models that predict achieve on users they have not seen; rules predict nothing."""

    rows: tuple[CheckRow, ...]
    journeys: float = 0.0
    missing: str = ""

    @property
    def sentence(self) -> str:
        """Return which model predicts best, and whether that is any good."""
        if self.missing or not self.rows:
            return self.missing or "No model could be judged."
        used = [row for row in self.rows if row.chosen]
        best = max(used, key=lambda row: row.gain)
        if best.gain <= 0:
            return "No model predicts conversions of unseen users better than their mean rate."
        less = f"{format_value(best.gain, '%')} less loss than their mean rate, AUC {format_value(best.auc)}"
        if best.chance is None or best.chance * len(used) >= _ALARM:
            return f"No model surely predicts conversions of unseen users: {best.model} has {less}."
        return (
            f"{best.model.capitalize()} predicts conversions of unseen users best: {less} (0.5 is guessing)."
        )

    __repr__ = told
    _repr_html_ = shown

    def to_frame(self) -> pd.DataFrame:
        """Return one row per model."""
        import pandas as pd

        names = [field.name for field in fields(CheckRow)]
        return pd.DataFrame([asdict(row) for row in self.rows], columns=names)


def model_checks(
    tables: Tables, *, by: str = "channel", window: str | None = None, look_back: str = "30d"
) -> ModelChecks:
    """Return how well the models that predict do on users they have not seen.

    Parameters
    ----------
    tables : Tables
        The workspace.
    by, window, look_back : str
        As in `model_credit`.
    """
    try:
        points = touchpoints(tables, by=by, window=window)
        if not points.provenance.touches:
            return ModelChecks(rows=(), missing=UNTOUCHED)
        journeys = journeys_from(points, by=by, window=look_back)
        rows = (*_orders(journeys), *_regression(journeys))
    except NotEnoughData as reason:
        return ModelChecks(rows=(), missing=str(reason))
    return ModelChecks(rows=rows, journeys=journeys.journeys)


def _orders(journeys: Journeys) -> list[CheckRow]:
    choice = choose_order(journeys)
    return [
        _check("markov", row.hold_out, variant=f"order {row.order}", chosen=row.order == choice.order)
        for row in choice.rows
    ]


def _regression(journeys: Journeys) -> list[CheckRow]:
    found = regression_of(journeys).hold_out
    return [_check("regression", found, variant="", chosen=True)] if found else []


def _check(model: str, found: HoldOut, *, variant: str, chosen: bool) -> CheckRow:
    return CheckRow(
        model=model,
        variant=variant,
        chosen=chosen,
        auc=found.auc,
        log_loss=found.log_loss,
        plain_log_loss=found.plain_log_loss,
        chance=found.chance,
        gain=1 - found.log_loss / found.plain_log_loss if found.plain_log_loss > 0 else 0.0,
    )
