"""The budget of a workspace: a run of its media mix model, asked what to spend where."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from workbench.charts.cards import period
from workbench.errors import NotEnoughData
from workbench.metrics.window import parse_window
from workbench.mmm.budget.question import BudgetQuestion
from workbench.mmm.budget.scenario import page_draws
from workbench.mmm.budget.tabulation import response_table
from workbench.mmm.budget.view import BudgetView, budget_view
from workbench.mmm.window import Window, whole, window_of
from workbench.reports.mix_runs import mix_run

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.mmm.market import Market
    from workbench.store.workspace import Workspace


def planned_budget(
    workspace: Workspace | str | Path,
    run: str | None = None,
    *,
    question: BudgetQuestion | None = None,
    window: str | None = None,
    more: float = 100_000.0,
    worth: float | None = None,
) -> BudgetView:
    """Return the plan, other totals and the next money by a run of a workspace, or why there is none.

    Parameters
    ----------
    workspace : Workspace or path
        Where the run was kept.
    run : str, optional
        Its id, or the beginning of it; by default the newest that completed.
    question : BudgetQuestion, optional
        Total, bounds, locks and care.
    window : str, optional
        Days whose pattern of spend is kept, such as ``"2024-01-01:2024-06-30"``; ``"182d"`` ends with the
        model's data. By default its last 52 weeks.
    more : float
        Additional money, whose place is asked for.
    worth : float, optional
        Money that one unit of the outcome is worth.

    Raises
    ------
    WorkspaceError
        If there is no such run.
    RunFailed
        If it failed.
    UsageError
        Where the bounds do not allow the total, or a channel is unknown.
    """
    asked = question or BudgetQuestion()
    try:
        found = mix_run(workspace, run or "")
    except NotEnoughData as reason:
        return BudgetView(missing=str(reason), question=asked)
    market = found.fit.market
    draws = page_draws(len(market.channels))
    table = response_table(found.fit, window=_window(market, window), draws=draws)
    days = period(table.first, table.last)
    source = f"By run {found.id} of the model {table.model}, on the spend of {days}."
    return replace(budget_view(table, asked, more=more, worth=worth), source=source)


def _window(market: Market, text: str | None) -> Window:
    """Return the periods that a window in words means."""
    if text is None:
        return window_of(market)
    meant = parse_window(text, whole(market).last)
    return window_of(market, first=meant.first, last=meant.last)
