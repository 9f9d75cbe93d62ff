"""The plan of a test as a value: users, days, power curve, what each week detects, what to know."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workbench.experiments.power.baseline import Baseline
from workbench.experiments.power.duration import Arrivals
from workbench.experiments.power.procedure import Procedure
from workbench.experiments.power.sample_size import inflation
from workbench.result import format_value, html_table, signed, told

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerPoint:
    """How likely the planned users find an effect: absolute, relative, and the power."""

    effect: float
    relative: float
    power: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DurationPoint:
    """What is found after some days: users until then, and the smallest effect, absolute and relative."""

    days: int
    users: int
    effect: float
    relative: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PeekingPoint:
    """Looking several times: false alarms of the test, and users that planned looks cost.

    Of several variants the false alarms are the most that there may be of any of them.
    """

    looks: int
    false_alarms: float
    inflation: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """What another change or power would need: users in total, and days to plan where it is known."""

    effect: float
    relative: float
    power: float
    users: int
    days: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """A plan.

    Parameters
    ----------
    metric : str
        What it is called.
    baseline : Baseline
        The metric before the test.
    procedure : Procedure
        How it will be decided.
    effect, power : float
        The smallest absolute change worth finding, and the probability to find it.
    sizes : tuple of int
        Users of each variant, control first.
    needed_days : int, optional
        Days until so many users have come; None where nobody said how many come, or they never do.
    days : int, optional
        Days to plan: whole weeks, two at least.
    powers, durations, peeking, alternatives : tuple
        The power curve, what is found after each week, what looking several times does, and what other
        changes would need.
    warnings : tuple of str
        What to know beforehand.
    unit, currency : str
        Of the metric, as in `workbench.result.format_value`.
    missing : str
        Why there is no plan; empty where there is one.
    """

    metric: str = ""
    baseline: Baseline
    procedure: Procedure
    effect: float
    power: float
    sizes: tuple[int, ...]
    needed_days: int | None = None
    days: int | None = None
    arrivals: Arrivals | None = field(default=None, repr=False)
    powers: tuple[PowerPoint, ...] = field(default=(), repr=False)
    durations: tuple[DurationPoint, ...] = field(default=(), repr=False)
    peeking: tuple[PeekingPoint, ...] = field(default=(), repr=False)
    alternatives: tuple[Alternative, ...] = field(default=(), repr=False)
    warnings: tuple[str, ...] = ()
    unit: str = ""
    currency: str | None = None
    missing: str = ""

    @property
    def total(self) -> int:
        """Return the users of all variants."""
        return sum(self.sizes)

    @property
    def n_per_group(self) -> int | tuple[int, ...]:
        """Return the users of each variant; one number where they are equal."""
        return self.sizes[0] if len(set(self.sizes)) == 1 else self.sizes

    @property
    def relative(self) -> float:
        """Return the effect as a part of the baseline; NaN where that is 0."""
        return self.effect / abs(self.baseline.value) if self.baseline.value else math.nan

    def shown(self, value: float) -> str:
        """Return a figure in the metric's unit."""
        return format_value(value, self.unit, currency=self.currency)

    def shown_change(self, value: float) -> str:
        """Return a difference of two figures of the metric; shares differ by points."""
        return format_value(value, "pp" if self.unit == "%" else self.unit, currency=self.currency)

    @property
    def sentence(self) -> str:
        """Return the plan in one sentence."""
        if self.missing:
            return self.missing
        groups = f"{self.sizes[0]:,} users in each of {len(self.sizes)} groups"
        if len(set(self.sizes)) > 1:
            groups = f"{self.total:,} users ({' + '.join(f'{size:,}' for size in self.sizes)})"
        name = self.metric or {"proportion": "the rate"}.get(self.baseline.kind, f"the {self.baseline.kind}")
        if self.procedure.margin > 0:
            aim = f"show that {name} is not worse by more than {self.shown_change(self.procedure.margin)}"
        else:
            end = self.shown(self.baseline.value + self.effect)
            lift = f" ({signed(100 * self.relative, '.3g')}%)" if math.isfinite(self.relative) else ""
            aim = f"find a change of {name} from {self.shown(self.baseline.value)} to {end}{lift}"
        chance = f"with a probability of {100 * self.power:.3g}% at alpha {self.procedure.alpha:g}"
        looks = f" in {self.procedure.looks} planned looks" if self.procedure.looks > 1 else ""
        return f"{groups} {aim} {chance}{looks}{self._span}."

    @property
    def _span(self) -> str:
        if self.days is not None:
            return f"; plan {self.days // 7} weeks"
        return "; so many users do not come within ten years" if self.arrivals else ""

    @property
    def _inflation(self) -> float:
        if not self.procedure.comparison_alpha < self.power < 1:
            return math.nan
        return inflation(self.procedure, power=self.power)

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return the power curve: effect, effect relative to the baseline, power."""
        import pandas as pd

        return pd.DataFrame([{name: getattr(point, name) for name in _CURVE} for point in self.powers])

    def to_document(self) -> dict[str, Any]:
        """Return the plan as JSON takes it; what is unknown is null."""
        plain: dict[str, Any] = {
            "kind": self.baseline.kind,
            "metric": self.metric,
            "n_per_group": list(self.sizes) if len(set(self.sizes)) > 1 else next(iter(self.sizes), None),
            "n_by_variant": list(self.sizes),
            "n_total": self.total,
            "baseline": self.baseline.value,
            "sd": self.baseline.sd,
            "variance_reduction": self.baseline.reduction,
            "mde_absolute": self.effect,
            "mde_relative": self.relative,
            "alpha": self.procedure.alpha,
            "alpha_of_a_comparison": self.procedure.comparison_alpha,
            "power": self.power,
            "sides": self.procedure.sides,
            "split": list(self.procedure.split),
            "correction": self.procedure.correction,
            "looks": self.procedure.looks,
            "inflation": self._inflation,
            "margin": self.procedure.margin or None,
            "needed_days": self.needed_days,
            "days": self.days,
            "sentence": self.sentence,
            "warnings": list(self.warnings),
        }
        for name in ("powers", "durations", "peeking", "alternatives"):
            plain[name] = [{key: getattr(row, key) for key in row.__slots__} for row in getattr(self, name)]
        found: dict[str, Any] = _without_nan(plain)
        return found

    def _repr_html_(self) -> str:
        return html_table(self.to_frame(), self.sentence)


_CURVE = ("effect", "relative", "power")


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_without_nan(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def no_plan(reason: str, *, metric: str = "") -> Design:
    """Return what stands in the place of a plan that the data cannot carry, and why."""
    nothing = Baseline(kind="proportion", value=0.5)
    return Design(
        metric=metric,
        baseline=nothing,
        procedure=Procedure(),
        effect=math.nan,
        power=math.nan,
        sizes=(),
        missing=reason,
    )
