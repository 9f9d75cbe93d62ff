"""The analysis of a geo test: one figure, one p, one interval, what stands beside them, and the verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from workbench.experiments.geo.conformal import ConformalTest
from workbench.experiments.geo.course import Course
from workbench.experiments.geo.differences import Differences
from workbench.experiments.geo.measured_size import MeasuredSize
from workbench.experiments.geo.placebo import PlaceboTest
from workbench.experiments.geo.plan import GeoTest
from workbench.experiments.geo.power import PowerCurve
from workbench.experiments.geo.returns import Returns
from workbench.experiments.geo.synthetic_control import Counterfactual
from workbench.experiments.geo.time_based_regression import Regression
from workbench.experiments.geo.verdict import Check, Verdict, fit_r2
from workbench.result import format_value, html_table, signed, told

if TYPE_CHECKING:
    import pandas as pd

    from workbench.experiments.inference.estimate import Estimate

Method = Literal["synthetic control", "augmented synthetic control"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GeoAnalysis:
    """What a geo test found.

    Parameters
    ----------
    test : GeoTest
        What was tried.
    found : Counterfactual
        What happened, beside what would have.
    other : Counterfactual
        The same by the method that was not chosen: with or without the correction of the bias.
    placebo : PlaceboTest
        The test that decides: p and interval are its.
    course : Course
        The effect period by period, and summed up to each.
    second : ConformalTest or None
        The second opinion; None where the past is too short for it.
    differences : Differences
    regression : Regression
        Checks by other methods.
    size : MeasuredSize
        The false positive rate of the deciding test on the geos' own past.
    power : PowerCurve or None
        The power of such a test, on the geos' own past; None where it is too short.
    returns : Returns or None
        What it brought for its cost, where that is known.
    checks : tuple of Check
        What must hold before the figure is believed.
    verdict : Verdict
        What is concluded.
    notes : tuple of str
        What to bear in mind.
    currency : str, optional
        ISO 4217 code, where the figure is money.
    """

    test: GeoTest
    found: Counterfactual
    other: Counterfactual
    placebo: PlaceboTest
    course: Course
    second: ConformalTest | None
    differences: Differences
    regression: Regression
    size: MeasuredSize
    power: PowerCurve | None
    returns: Returns | None
    checks: tuple[Check, ...]
    verdict: Verdict
    notes: tuple[str, ...]
    currency: str | None = None

    @property
    def lift(self) -> Estimate:
        """Return the effect as a share of what would have been."""
        return self.placebo.effect.lift

    @property
    def incremental(self) -> Estimate:
        """Return the effect summed over the treated geos and all periods."""
        return self.placebo.effect.incremental

    @property
    def sentence(self) -> str:
        """Return what was found and what to do."""
        where = ", ".join(self.found.split.treated_names)
        if self.verdict.finding == "cannot tell":
            return (
                f"Whether {self.test.name} works cannot be told. {self.verdict.why} "
                f"{self.verdict.recommendation}"
            )
        total = self.incremental
        said = (
            f"{self.test.name} moved {self.test.metric} in {where} by {signed(self.lift.value)} "
            f"({signed(self.lift.low)} to {signed(self.lift.high)}), {self._amount(total.value)} in all "
            f"({self._amount(total.low)} to {self._amount(total.high)})."
        )
        if self.verdict.finding == "no effect":
            said = (
                f"{self.test.name} has no effect worth finding on {self.test.metric} in {where}. "
                f"{self.verdict.why}"
            )
        return f"{said} {self.verdict.recommendation}"

    def _amount(self, value: float) -> str:
        return format_value(value, "money" if self.currency else "count", currency=self.currency)

    def estimates(self) -> pd.DataFrame:
        """Return the figure by every method: how far it depends on the method (a sensitivity table)."""
        import pandas as pd

        rows: list[tuple[str, Counterfactual, Estimate | None]] = [
            (f"{self.found.method}, {self.lift.method}", self.found, self.lift)
        ]
        if self.second is not None:
            second = self.second.effect.lift
            rows.append((f"{self.found.method}, {second.method}", self.found, second))
        rows += [
            (self.other.method, self.other, None),
            (self.differences.effect.lift.method, self.differences.found, self.differences.effect.lift),
            (self.regression.effect.lift.method, self.regression.found, self.regression.effect.lift),
        ]
        return pd.DataFrame(
            [
                {
                    "method": name,
                    "lift": own.lift,
                    "low": math.nan if tested is None else tested.low,
                    "high": math.nan if tested is None else tested.high,
                    "p": math.nan if tested is None else tested.p,
                    "incremental": own.incremental,
                    "scaled_l2": own.scaled_imbalance,
                }
                for name, own, tested in rows
            ]
        )

    def weights(self) -> pd.DataFrame:
        """Return the controls that count, the heaviest first."""
        import pandas as pd

        frame = pd.DataFrame({"geo": self.found.split.control_names, "weight": self.found.weights})
        frame = frame[frame["weight"].abs() > 1e-6]
        return frame.sort_values("weight", ascending=False, ignore_index=True)

    def placebo_counts(self, bins: int = 24) -> pd.DataFrame:
        """Return how many placebo groups found an effect of which size, in their misses before the test."""
        import pandas as pd

        scores = self.placebo.placebos[np.isfinite(self.placebo.placebos)]
        top = max(float(scores.max(initial=0.0)), abs(self.placebo.statistic)) or 1.0
        counts, edges = np.histogram(scores, bins=bins, range=(0.0, top * 1.02))
        return pd.DataFrame({"low": edges[:-1], "high": edges[1:], "groups": counts})

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return the figures that decide: one row each, with interval and p."""
        import pandas as pd

        rows = {
            "lift": self.lift,
            f"incremental {self.test.metric}": self.incremental,
            "per geo and period": self.placebo.effect.att,
        }
        if self.returns is not None:
            rows["iROAS"] = self.returns.iroas
            rows["cost per increment"] = self.returns.cost_per_increment
        return pd.DataFrame(
            [
                {"figure": name, "value": each.value, "low": each.low, "high": each.high, "p": each.p}
                for name, each in rows.items()
            ]
        )

    def to_document(self) -> dict[str, Any]:
        """Return the analysis as JSON takes it; what is unknown or without an end is null."""
        split = self.found.split
        figures = {row["figure"]: {k: row[k] for k in _FIGURE} for row in self.to_frame().to_dict("records")}
        plain = {
            "test": self.test.name,
            "metric": self.test.metric,
            "treated": list(split.treated_names),
            "controls": list(split.control_names),
            "start": str(self.test.start),
            "end": str(self.test.end),
            "periods": {"before": split.pre, "test": split.test, "cooldown": split.cooldown},
            "method": self.found.method,
            "level": self.placebo.level,
            "figures": figures,
            "fit": {
                "r2": fit_r2(self.found),
                "scaled_l2": self.found.scaled_imbalance,
                "l2": self.found.imbalance,
            },
            "false_positive_rate": self.size.rate,
            "power": None if self.power is None else self.power.to_document(),
            "estimates": self.estimates().to_dict("records"),
            "weights": self.weights().to_dict("records"),
            "checks": [{name: getattr(check, name) for name in check.__slots__} for check in self.checks],
            "finding": self.verdict.finding,
            "why": self.verdict.why,
            "recommendation": self.verdict.recommendation,
            "sentence": self.sentence,
            "notes": list(self.notes),
        }
        found: dict[str, Any] = _finite(plain)
        return found

    def _repr_html_(self) -> str:
        return html_table(self.to_frame(), self.sentence)


_FIGURE = ("value", "low", "high", "p")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_finite(part) for part in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return bool(value) if isinstance(value, np.bool_) else value
