"""The budget simulator: move spend between channels; see outcome, gain and marginal returns at once."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from html import escape
from typing import TYPE_CHECKING

import ipywidgets
import numpy as np
from IPython import get_ipython

from workbench.charts.drawing import Nothing, shown
from workbench.charts.renderer import in_batch
from workbench.charts.simulator import (
    TITLE,
    Simulator,
    figures,
    kept,
    marginal,
    next_label,
    percent,
    shown_name,
    simulator_block,
    warnings,
)
from workbench.errors import WorkbenchError
from workbench.mmm.budget.plan import Plan
from workbench.mmm.budget.projection import Projection, project
from workbench.mmm.budget.question import BudgetQuestion
from workbench.mmm.budget.scenario import Scenario, auto_split, rescaled, scenario
from workbench.mmm.budget.table import ResponseTable
from workbench.mmm.budget.told import amount
from workbench.mmm.budget.view import BudgetView
from workbench.widgets.keyboard import SAID, guarded

if TYPE_CHECKING:
    from collections.abc import Iterator

_WIDE = {"description_width": "140px"}
_STEP = 0.01


def budget_simulator(
    source: ResponseTable | BudgetView, plan: Plan | BudgetQuestion | None = None
) -> ipywidgets.VBox | Simulator | Nothing:
    """Return a simulator of budgets: sliders, locks, a total, the best split at a press.

    Tab leads from slider to slider, arrow keys move them. Where no kernel answers, as in a report, the same
    simulator is part of the page and computes there.

    Parameters
    ----------
    source : ResponseTable or BudgetView
        The model's curves, alone or with the plan made from them.
    plan : Plan or BudgetQuestion, optional
        The plan shown at first, or bounds and locks only; of a view its own.
    """
    if isinstance(source, BudgetView):
        if source.table is None:
            return Nothing(title=TITLE, reason=source.missing)
        table, plan = source.table, plan or source.plan or source.question
    else:
        table = source
    if getattr(get_ipython(), "kernel", None) is None or in_batch():
        return simulator_block(table, plan)
    return BudgetSimulator(scenario(table, plan)).view


class BudgetSimulator:
    """The controls of the simulator, and what they do.

    Parameters
    ----------
    start : Scenario
        What is shown at first.
    """

    def __init__(self, start: Scenario) -> None:
        self.start, self.split, self._quiet = start, start.split.copy(), False
        table = start.table
        names = [shown_name(name) for name in table.channels]
        low, high = table.multipliers(start.limits.low), table.multipliers(start.limits.high)
        self.sliders = tuple(map(_slider, names, low, high))
        self.locks = tuple(map(_lock, names, start.locked))
        self.notes = tuple(ipywidgets.HTML() for _ in names)
        self.total = ipywidgets.FloatText(description="Total", continuous_update=False, style=_WIDE)
        self.best = ipywidgets.Button(description="Find the best split", disabled=bool(start.refused))
        self.today = ipywidgets.Button(description="Back to today")
        self.said, self.table, self.warned = ipywidgets.HTML(), ipywidgets.HTML(), ipywidgets.HTML()
        self.said.add_class(SAID)
        rows = [
            ipywidgets.HBox(row, layout=ipywidgets.Layout(flex_flow="row wrap", align_items="center"))
            for row in zip(self.sliders, self.locks, self.notes, strict=True)
        ]
        heading = ipywidgets.HTML(
            f'<strong data-title="{TITLE}">{TITLE}</strong>{_refused(start)}{_kept(start)}'
        )
        buttons = ipywidgets.HBox((self.total, self.best, self.today))
        self.view = guarded(heading, self.said, self.table, buttons, *rows, self.warned)
        self._listen()
        self.show()

    def _listen(self) -> None:
        for place, (slider, lock) in enumerate(zip(self.sliders, self.locks, strict=True)):
            slider.observe(partial(self._moved, place), "value")
            lock.observe(lambda _change: self.show(), "value")
        self.total.observe(self._totalled, "value")
        self.best.on_click(lambda _button: self.find_best())
        self.today.on_click(lambda _button: self.back())

    @property
    def locked(self) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        """Return which channels keep their spend, shape (C,)."""
        return np.array([lock.value for lock in self.locks])

    def find_best(self) -> None:
        """Split the same money so that it is expected to bring most; locked channels stay."""
        if self.locked.all():
            self.said.value = "<p>All channels are locked: unlock two to move money between them.</p>"
            return
        try:
            self.split = auto_split(self.start, self.split, self.locked)
        except WorkbenchError as problem:
            self.said.value = f"<p>{escape(shown(problem, 400))}</p>"
            return
        self.show()

    def back(self) -> None:
        """Set every channel that is not locked to what it spends today."""
        self.split = np.where(self.locked, self.split, self.start.table.spend)
        self.show()

    def show(self) -> None:
        """Show what the split brings."""
        if self._quiet:
            return
        found = project(self.start.table, self.split)
        with self._silently():
            times = self.start.table.multipliers(self.split)
            for slider, lock, value in zip(self.sliders, self.locks, times, strict=True):
                slider.value, slider.disabled = float(value), lock.value
            self.total.value = round(found.proposed)
        self.said.value = f"<p>{escape(shown(found.sentence, 500))}</p>"
        self.table.value = _figures(found)
        for note, row in zip(self.notes, found.rows, strict=True):
            money = amount(row.proposed, "money", found.currency)
            brings = f"{next_label(found.currency)}: {marginal(row.marginal_then.value, found.unit)}"
            note.value = escape(f"{money} ({percent(row.change)}); {brings}")
        self.warned.value = _listed(warnings(found))

    def _moved(self, place: int, change: dict[str, float]) -> None:
        shown_times = self.start.table.multipliers(self.split)[place]
        # A browser may send back the value it was given, rounded to the slider's step: nobody moved it.
        if self._quiet or abs(change["new"] - shown_times) <= _STEP / 2:
            return
        low, high = self.start.limits
        money = change["new"] * self.start.table.spend[place]
        self.split = self.split.copy()
        self.split[place] = min(max(money, low[place]), high[place])
        self.show()

    def _totalled(self, change: dict[str, float]) -> None:
        if self._quiet:
            return
        wanted = float(change["new"])
        if not np.isfinite(wanted):
            self.show()
            self.said.value = "<p>A total is an amount of money; nothing was changed.</p>"
            return
        self.split = rescaled(self.split, self.start.limits, self.locked, max(wanted, 0.0))
        self.show()
        if abs(self.split.sum() - wanted) > 0.5 + 1e-6 * wanted:
            asked, near = (
                amount(one, "money", self.start.table.currency) for one in (wanted, float(self.split.sum()))
            )
            self.said.value = f"<p>{escape(f'The bounds do not allow {asked}; the nearest is {near}.')}</p>"

    @contextmanager
    def _silently(self) -> Iterator[None]:
        """Set controls without being asked by them."""
        self._quiet = True
        try:
            yield
        finally:
            self._quiet = False


def _slider(name: str, low: float, high: float) -> ipywidgets.FloatSlider:
    return ipywidgets.FloatSlider(
        value=1.0,
        min=float(low),
        max=float(high),
        step=_STEP,
        description=name,
        tooltip=f"{name}: times today's spend",
        continuous_update=True,
        style=_WIDE,
        layout=ipywidgets.Layout(width="420px"),
    )


def _lock(name: str, locked: bool) -> ipywidgets.Checkbox:
    return ipywidgets.Checkbox(
        value=bool(locked), description=f"Lock {name}", indent=False, layout=ipywidgets.Layout(width="180px")
    )


def _refused(start: Scenario) -> str:
    missed = " ".join(start.table.missed)
    words = f"<strong>Do not decide on this model yet.</strong> {escape(shown(missed, 600))}"
    return f"<p>{words}</p>" if missed else ""


def _kept(start: Scenario) -> str:
    words = kept(start)
    return f"<p>{escape(shown(words, 600))}</p>" if words else ""


def _figures(found: Projection) -> str:
    told = figures(found)
    head = "".join(f"<th scope='col'>{escape(one['label'])}</th>" for one in told)
    cells = "".join(
        f"<td>{escape(one['said'])}{escape(f' ({one["range"]})') if one['range'] else ''}</td>"
        for one in told
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody><tr>{cells}</tr></tbody></table>"


def _listed(texts: list[str]) -> str:
    items = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return f"<ul style='line-height: 1.4'>{items}</ul>" if items else ""
