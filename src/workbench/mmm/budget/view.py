"""All that a page about a budget shows, or why it cannot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.errors import NotEnoughData, UsageError
from workbench.mmm.budget.goal import Goal, profitable_budget
from workbench.mmm.budget.plan import Plan
from workbench.mmm.budget.planning import optimise
from workbench.mmm.budget.question import BudgetQuestion
from workbench.mmm.budget.table import ResponseTable
from workbench.mmm.budget.totals import NextMoney, Sweep, next_money, sweep
from workbench.result import shown, told

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BudgetView:
    """A budget from all sides; what could not be computed is None, and `missing` says why.

    Parameters
    ----------
    missing : str
        Why there is no plan; empty where there is one.
    source : str
        The run of the model that it rests on, in words.
    table : ResponseTable or None
        The model's curves: there even when the model missed its gates.
    question : BudgetQuestion
        What was asked.
    plan : Plan or None
        The best split.
    sweep : Sweep or None
        Other totals.
    more : NextMoney or None
        Where additional money goes.
    pays : Goal or None
        The budget beyond which money no longer pays; None for conversions without a worth.
    """

    missing: str = ""
    source: str = ""
    table: ResponseTable | None = None
    question: BudgetQuestion
    plan: Plan | None = None
    sweep: Sweep | None = None
    more: NextMoney | None = None
    pays: Goal | None = None

    @property
    def sentence(self) -> str:
        """Return what the plan says and on what it rests, or why there is none."""
        said = self.plan.sentence if self.plan is not None else self.missing
        return f"{said} {self.source}".strip()

    __repr__ = told
    _repr_html_ = shown

    def to_frame(self) -> pd.DataFrame:
        """Return one row a channel of the plan; none where there is no plan."""
        import pandas as pd

        return self.plan.to_frame() if self.plan is not None else pd.DataFrame()


def budget_view(
    table: ResponseTable,
    question: BudgetQuestion | None = None,
    *,
    more: float = 100_000.0,
    worth: float | None = None,
) -> BudgetView:
    """Return the plan, other totals, the next money and where it stops to pay.

    Parameters
    ----------
    table : ResponseTable
        The model's curves.
    question : BudgetQuestion, optional
        Total, bounds, locks and care.
    more : float
        Additional money, whose place is asked for.
    worth : float, optional
        Money that one unit of the outcome is worth; conversions need it to say where they pay.

    Raises
    ------
    UsageError
        Where the bounds do not allow the total, or a channel is unknown.
    """
    asked = question or BudgetQuestion()
    try:
        plan = optimise(table, asked)
    except NotEnoughData as reason:
        return BudgetView(missing=str(reason), table=table, question=asked)
    try:
        added = next_money(table, more, asked)
    except UsageError:  # the upper bounds leave no room for it
        added = None
    pays = table.kind == "revenue" or worth is not None
    return BudgetView(
        table=table,
        question=asked,
        plan=plan,
        sweep=sweep(table, asked),
        more=added,
        pays=profitable_budget(table, asked, worth=worth) if pays else None,
    )
