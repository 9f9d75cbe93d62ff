"""What to spend where: response tables, the best split of a budget, sweeps of totals, targets.

Names are looked up when they are used, so that importing the room costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.mmm.budget.goal import Goal, least_budget, profitable_budget
    from workbench.mmm.budget.plan import Plan
    from workbench.mmm.budget.planning import optimise
    from workbench.mmm.budget.projection import Projection, project
    from workbench.mmm.budget.question import BudgetQuestion, budget_question
    from workbench.mmm.budget.table import ResponseTable
    from workbench.mmm.budget.tabulation import response_table
    from workbench.mmm.budget.totals import NextMoney, Sweep, next_money, sweep
    from workbench.mmm.budget.view import BudgetView, budget_view

_HOMES = {
    "BudgetQuestion": "question",
    "BudgetView": "view",
    "Goal": "goal",
    "NextMoney": "totals",
    "Plan": "plan",
    "Projection": "projection",
    "ResponseTable": "table",
    "Sweep": "totals",
    "budget_question": "question",
    "budget_view": "view",
    "least_budget": "goal",
    "next_money": "totals",
    "optimise": "planning",
    "profitable_budget": "goal",
    "project": "projection",
    "response_table": "tabulation",
    "sweep": "totals",
}

__all__ = [
    "BudgetQuestion",
    "BudgetView",
    "Goal",
    "NextMoney",
    "Plan",
    "Projection",
    "ResponseTable",
    "Sweep",
    "budget_question",
    "budget_view",
    "least_budget",
    "next_money",
    "optimise",
    "profitable_budget",
    "project",
    "response_table",
    "sweep",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"workbench.mmm.budget.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
