"""The experiment designer: change effect, power, groups or looks; see users, weeks and the power curve."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import ipywidgets
from IPython import get_ipython

from workbench.charts import power_curve
from workbench.charts.drawing import DataTable, Drawing, Nothing, shown
from workbench.charts.renderer import in_batch
from workbench.errors import WorkbenchError
from workbench.experiments.power.baseline import KINDS, Baseline
from workbench.experiments.power.duration import Arrivals, steady
from workbench.experiments.power.planned import Design
from workbench.experiments.power.planning import design_of
from workbench.experiments.power.procedure import CORRECTIONS, Procedure
from workbench.widgets.keyboard import SAID, guarded

TITLE = "Experiment designer"
DELAY = 0.3  # seconds without a change, after which figures are found anew
_LABELS = {"description_width": "initial"}
_DRAWN = ("application/vnd.vegalite.v5+json", "application/vnd.vegalite.v6+json", "text/plain")
_WORDS = {"proportion": "Share of users", "mean": "Mean per user", "ratio": "Ratio of sums"}
_SHARED = {"none": "each on its own", "bonferroni": "Bonferroni", "dunnett": "Dunnett"}


def experiment_designer(
    plan: Design | None = None, *, instead: Drawing | DataTable | Nothing | None = None
) -> ipywidgets.VBox | Drawing | DataTable | Nothing:
    """Return a designer of tests that begins with a plan.

    Tab leads from field to field, the figures follow what is typed. Where no kernel answers, as in a report,
    what stands `instead` is shown: by default the power curve.

    Parameters
    ----------
    plan : Design, optional
        What it begins with: from `workbench.experiments.design` or `planned_test`. Its baseline, spread and
        arrivals stay as long as they are not changed.
    instead : Drawing, DataTable or Nothing, optional
        What a report shows in its place.
    """
    first = plan if plan is not None and not plan.missing else _example()
    if getattr(get_ipython(), "kernel", None) is None or in_batch():
        if plan is not None and plan.missing:
            return Nothing(title=TITLE, reason=plan.missing)
        return instead if instead is not None else power_curve(first)
    return ExperimentDesigner(first).view


def _example() -> Design:
    return design_of(Baseline(kind="proportion", value=0.05), Procedure(), 0.005, arrivals=steady(2000))


@dataclass(frozen=True, slots=True)
class _Later:
    """Runs something once, when nothing more was changed for a while."""

    act: Callable[[], None]
    pending: list[asyncio.TimerHandle]

    def __call__(self, _change: object = None) -> None:
        for handle in self.pending:
            handle.cancel()
        self.pending.clear()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # no kernel: at once
            self.act()
            return
        self.pending.append(loop.call_later(DELAY, self.act))


class ExperimentDesigner:
    """The controls of the designer, and what they do.

    Parameters
    ----------
    first : Design
        What is shown at first.
    """

    def __init__(self, first: Design) -> None:
        self.first, self.plan = first, first
        baseline, procedure = first.baseline, first.procedure
        self.kind = _choice("Metric", [(_WORDS[kind], kind) for kind in KINDS], baseline.kind)
        self.baseline = _number("Baseline", baseline.value)
        self.sd = _number("Standard deviation", 0.0 if math.isnan(baseline.sd) else baseline.sd)
        change = first.relative if math.isfinite(first.relative) else 0.1
        self.change = _number("Smallest change, %", 100 * (change or 0.1))
        self.power = _number("Power, %", 100 * first.power)
        self.alpha = _number("Alpha, %", 100 * procedure.alpha)
        self.variants = _count("Groups", len(procedure.split), 2, 20)
        self.control = _number("Share of the control, %", 100 * procedure.split[0])
        self.correction = _choice(
            "Several variants", [(_SHARED[c], c) for c in CORRECTIONS], procedure.correction
        )
        self.looks = _count("Looks", procedure.looks, 1, 100)
        self.daily = _number("New users a day", _daily(first.arrivals))
        self.said, self.table, self.notes = ipywidgets.HTML(), ipywidgets.HTML(), ipywidgets.HTML()
        self.picture = ipywidgets.Output(layout=ipywidgets.Layout(min_height="300px"))
        self.said.add_class(SAID)
        self.controls = (
            *(self.kind, self.baseline, self.sd, self.change, self.power, self.alpha),
            *(self.variants, self.control, self.correction, self.looks, self.daily),
        )
        rows = ipywidgets.Box(self.controls, layout=ipywidgets.Layout(flex_flow="row wrap"))
        heading = ipywidgets.HTML(f'<strong data-title="{TITLE}">{TITLE}</strong>')
        self.view = guarded(heading, rows, self.said, self.table, self.picture, self.notes)
        later = _Later(self.renew, [])
        for control in self.controls:
            control.observe(later, "value")
        self.variants.observe(self._evenly, "value")
        self._show()

    def renew(self) -> None:
        """Find the plan for what the controls say, and show it."""
        self.sd.disabled = self.kind.value == "proportion"
        try:
            self.plan = self._asked()
        except WorkbenchError as problem:
            self.said.value = f"<p>{escape(shown(problem, 400))}</p>"
            self.table.value = self.notes.value = ""
            return
        self._show()

    def _asked(self) -> Design:
        first, kind = self.first, self.kind.value
        baseline = Baseline(
            kind=kind,
            value=self.baseline.value,
            sd=math.nan if kind == "proportion" else self.sd.value,
            reduction=first.baseline.reduction if kind == first.baseline.kind else 0.0,
        )
        procedure = replace(
            first.procedure,
            alpha=self.alpha.value / 100,
            split=_split(self.variants.value, self.control.value / 100),
            correction=self.correction.value,
            looks=self.looks.value,
        )
        if procedure.margin > 0:
            procedure = replace(procedure, margin=0.0, sides=2)
        arrivals = first.arrivals if self.daily.value == _daily(first.arrivals) else None
        if arrivals is None and self.daily.value > 0:
            arrivals = steady(self.daily.value)
        same = kind == first.baseline.kind
        label = (first.metric, first.unit, first.currency) if same else ("", "", None)
        effect = self.change.value / 100 * abs(self.baseline.value)
        return design_of(
            baseline, procedure, effect, power=self.power.value / 100, arrivals=arrivals, label=label
        )

    def _show(self) -> None:
        plan = self.plan
        self.sd.disabled = self.kind.value == "proportion"
        self.said.value = f"<p>{escape(shown(plan.sentence, 500))}</p>"
        self.table.value = _figures(plan)
        self.notes.value = _listed(plan.warnings)
        drawn = power_curve(plan)
        if isinstance(drawn, Nothing):
            self.picture.outputs = ()
            return
        bundle = drawn._repr_mimebundle_()
        data = {kind: bundle[kind] for kind in _DRAWN if kind in bundle}
        # One assignment replaces the picture in place; the height is kept, so that nothing jumps.
        self.picture.outputs = ({"output_type": "display_data", "data": data, "metadata": {}},)

    def _evenly(self, _change: object = None) -> None:
        """Give the control an equal share when the number of groups changes."""
        self.control.value = round(100 / self.variants.value, 4)


def _split(groups: int, control: float) -> tuple[float, ...]:
    if abs(control - 1 / groups) < 1e-5:
        return (1 / groups,) * groups
    return (control, *((1 - control) / (groups - 1),) * (groups - 1))


def _daily(arrivals: Arrivals | None) -> float:
    """Return new users a day as a number to begin with; 0 where it is not known."""
    return round(arrivals.reach(28) / 28, 1) if arrivals else 0.0


def _figures(plan: Design) -> str:
    weeks = f"{plan.days // 7} weeks" if plan.days else "not known"
    cells = {
        "Users in each group": " + ".join(f"{size:,}" for size in dict.fromkeys(plan.sizes)),
        "Users in all": f"{plan.total:,}",
        "Plan": weeks,
    }
    head = "".join(f"<th scope='col'>{escape(name)}</th>" for name in cells)
    body = "".join(f"<td>{escape(value)}</td>" for value in cells.values())
    return f"<table><thead><tr>{head}</tr></thead><tbody><tr>{body}</tr></tbody></table>"


def _listed(texts: tuple[str, ...]) -> str:
    items = "".join(f"<li>{escape(shown(text, 500))}</li>" for text in texts)
    return f"<ul style='line-height: 1.4'>{items}</ul>" if items else ""


def _layout() -> ipywidgets.Layout:
    return ipywidgets.Layout(width="max-content", margin="2px 16px 2px 2px")


def _choice(name: str, options: Any, value: object) -> ipywidgets.Dropdown:
    return ipywidgets.Dropdown(
        description=name, options=options, value=value, style=_LABELS, layout=_layout()
    )


def _number(name: str, value: float) -> ipywidgets.FloatText:
    rounded = float(f"{value:.6g}")
    return ipywidgets.FloatText(
        description=name, value=rounded, continuous_update=True, style=_LABELS, layout=_layout()
    )


def _count(name: str, value: int, least: int, most: int) -> ipywidgets.BoundedIntText:
    return ipywidgets.BoundedIntText(
        description=name,
        value=value,
        min=least,
        max=most,
        continuous_update=True,
        style=_LABELS,
        layout=_layout(),
    )
