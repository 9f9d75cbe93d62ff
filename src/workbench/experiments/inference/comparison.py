"""One variant against the control on one metric: figures, difference, lift and effect size, ready to read.

`workbench.experiments.inference.comparing` makes them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.experiments.inference.estimate import Estimate
from workbench.result import MISSING, format_value, html_table, signed, told

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What a metric is called, and in which unit it is shown.

    Parameters
    ----------
    metric, title : str
        The name in code and the name in reports.
    unit : str
        As in `workbench.result.format_value`.
    currency : str, optional
        Of money.

    Examples
    --------
    >>> label = Label(metric="cvr", title="Conversion rate", unit="%")
    >>> label.shown(0.0512), label.difference(0.0031)
    ('5.12%', '+0.31 pp')
    """

    metric: str
    title: str = ""
    unit: str = ""
    currency: str | None = None

    @property
    def heading(self) -> str:
        """Return the title, or the name where there is none."""
        return self.title or self.metric

    def shown(self, value: float) -> str:
        """Return a figure in the metric's unit."""
        return format_value(value, self.unit, currency=self.currency)

    def difference(self, value: float) -> str:
        """Return a difference of two figures with its sign; shares differ by points."""
        unit = "pp" if self.unit == "%" else self.unit
        text = format_value(value, unit, currency=self.currency)
        return f"+{text}" if value > 0 and math.isfinite(value) else text


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A variant against the control on one metric.

    Parameters
    ----------
    label : Label
        The metric, its title, unit and currency.
    variant, control : str
        What is compared with what.
    n, n_control : int
        Users of either.
    value, value_control : Estimate
        The figure of either with its own interval; adjusted for covariates or strata where `method` says so.
    difference : Estimate
        Variant less control, in the metric's unit, with p. Its p is below 1 - level exactly where its
        interval leaves out 0; so it is with `relative`.
    relative : Estimate
        The difference over the size of the control's figure, 0.05 for 5 %; an end is infinite where the
        control's figure is too uncertain to bound it, and there is no figure where it is zero.
    effect_size : Estimate
        Cohen's h of shares, Cohen's d of means and ratios.
    reduction : float
        The share of the difference's variance that covariates took away; NaN where none were used.
    notes : tuple of str
        What a reader must know: what is missing and why, which test had to give way to another.
    segment : str
        The part of the users that was compared; empty for all.
    """

    label: Label
    variant: str
    control: str
    n: int
    n_control: int
    value: Estimate
    value_control: Estimate
    difference: Estimate
    relative: Estimate
    effect_size: Estimate
    reduction: float = math.nan
    notes: tuple[str, ...] = ()
    segment: str = ""

    @property
    def method(self) -> str:
        """Return the procedure behind p and interval, in the field's words."""
        return self.difference.method

    @property
    def p(self) -> float:
        """Return the two-sided p of the difference."""
        return self.difference.p

    @property
    def significant(self) -> bool:
        """Return whether the interval of the difference leaves out no effect."""
        return self.difference.significant

    @property
    def sentence(self) -> str:
        """Return what was found, in one sentence."""
        return self.worded("a clear difference" if self.significant else "no clear difference")

    def worded(self, verdict: str) -> str:
        """Return what was found in one sentence, with a verdict that counts more than this comparison."""
        label, found = self.label, self.difference
        where = f" in {self.segment}" if self.segment else ""
        if not found.known:
            why = found.note or "; ".join(self.notes) or "the data cannot carry it"
            return (
                f"{label.heading}{where}: no comparison of {self.variant} with {self.control}, because {why}."
            )
        values = f"{label.shown(self.value.value)} against {label.shown(self.value_control.value)}"
        start = f"{label.heading}{where}: {self.variant} had {values} of {self.control}"
        if not math.isfinite(found.p):
            return f"{start}; how sure that is cannot be said: {found.note or 'no p-value'}."
        lift = f"{_percent(self.relative)}, " if self.relative.known else ""
        ends = f"[{label.difference(found.low)} to {label.difference(found.high)}]"
        return f"{start}, {verdict} ({lift}{label.difference(found.value)} {ends}, p {shown_p(found.p)})."

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return the comparison as a table of one row."""
        return frame_of([self])

    def _repr_html_(self) -> str:
        return html_table(frame_of([self]), self.sentence)


def shown_p(p: float) -> str:
    """Return p as a reader sees it, never as zero; what is below 0.0001 in words of that bound.

    Examples
    --------
    >>> shown_p(0.0311), shown_p(0.8123), shown_p(5.7e-112), shown_p(float("nan"))
    ('0.031', '0.81', '< 0.0001', '–')
    """
    if not math.isfinite(p):
        return MISSING
    return "< 0.0001" if p < 1e-4 else f"{p:.2g}"


def frame_of(comparisons: Iterable[Comparison]) -> pd.DataFrame:
    """Return comparisons as a table, one row each; figures in the metric's unit, lifts as shares."""
    import pandas as pd

    return pd.DataFrame([_row(one) for one in comparisons])


def _row(one: Comparison) -> dict[str, object]:
    return {
        "metric": one.label.metric,
        "segment": one.segment,
        "variant": one.variant,
        "control": one.control,
        "n": one.n,
        "n_control": one.n_control,
        "value": one.value.value,
        "value_control": one.value_control.value,
        "difference": one.difference.value,
        "difference_low": one.difference.low,
        "difference_high": one.difference.high,
        "relative": one.relative.value,
        "relative_low": one.relative.low,
        "relative_high": one.relative.high,
        "p": one.p,
        "effect_size": one.effect_size.value,
        "variance_reduction": one.reduction,
        "method": one.method,
        "notes": "; ".join(one.notes),
    }


def _percent(lift: Estimate) -> str:
    value, low, high = (f"{signed(100 * end, '.1f')}%" for end in (lift.value, lift.low, lift.high))
    if math.isinf(lift.low) and math.isinf(lift.high):
        return f"{value} with no bounds"
    low = "no lower bound" if math.isinf(lift.low) else low
    high = "no upper bound" if math.isinf(lift.high) else high
    return f"{value} [{low} to {high}]"
