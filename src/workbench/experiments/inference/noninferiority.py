"""Guardrails: whether a metric became worse by more than is accepted.

Under test is the difference between the variant's mean and the accepted share of the control's mean: a margin
of 2 % means 2 % of a control mean that is itself uncertain (Fieller's argument). The interval of the relative
change holds all changes that the same test does not reject.

References
----------
Fieller (1954), JRSS B 16. Hauschke, Kieser, Diletti, Burke (1999), Statistics in Medicine 18: ratios of
means. Welch (1947), Biometrika 34: degrees of freedom.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from workbench.errors import UsageError
from workbench.experiments.inference.estimate import Estimate, Estimates
from workbench.experiments.inference.relative import fieller
from workbench.experiments.inference.sums import Sums
from workbench.result import format_value

Floats = NDArray[np.float64]
Better = Literal["higher", "lower"]
Verdict = Literal["ok", "violated", "cannot tell"]

METHOD = "non-inferiority test (Fieller)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """What a guardrail found.

    Parameters
    ----------
    metric : str
        The guarded metric.
    variant : str
        What was tried.
    margin : float
        The worst relative change that is accepted, 0.02 for 2 %.
    better : str
        Whether ``"higher"`` or ``"lower"`` figures are better.
    change : Estimate
        The relative change with its interval, and the two-sided p against no change.
    p : float
        One-sided: small where harm beyond the margin is ruled out. Below (1 - level) / 2 exactly where the
        whole interval is better than the margin.
    p_worse : float
        One-sided: small where harm beyond the margin is shown.
    level : float
        Of the interval.
    tail : float
        The error of each side at this look, where the guardrail is looked at several times: the interval
        then holds at all looks together. NaN where there is one look, with (1 - level) / 2.
    """

    metric: str
    variant: str
    margin: float
    better: Better
    change: Estimate
    p: float
    p_worse: float
    level: float = 0.95
    tail: float = float("nan")

    @property
    def limit(self) -> float:
        """Return the relative change at which the guardrail stands, -0.02 or 0.02."""
        return -self.margin if self.better == "higher" else self.margin

    @property
    def verdict(self) -> Verdict:
        """Return ``"ok"``, ``"violated"``, or ``"cannot tell"`` where the interval holds the margin."""
        tail = self.tail if np.isfinite(self.tail) else (1 - self.level) / 2
        if self.p < tail:
            return "ok"
        return "violated" if self.p_worse < tail else "cannot tell"

    @property
    def sentence(self) -> str:
        """Return the verdict in words, with the change and its interval."""
        if not self.change.known:
            return f"The guardrail {self.metric} cannot be judged for {self.variant}: {self.change.note}"
        low, high = _percent(self.change.low), _percent(self.change.high)
        looks = " for all looks" if np.isfinite(self.tail) else ""
        figures = f"{_percent(self.change.value)} ({self.level:.0%} interval{looks} {low} to {high})"
        limit = _percent(self.limit)
        match self.verdict:
            case "ok":
                return (
                    f"The guardrail {self.metric} holds for {self.variant}: {figures}, better than {limit}."
                )
            case "violated":
                return f"The guardrail {self.metric} fails for {self.variant}: {figures}, worse than {limit}."
            case _:
                return (
                    f"The guardrail {self.metric} is open for {self.variant}: {figures}; a change of {limit} "
                    "cannot be ruled out. More users would tell."
                )


def _percent(change: float) -> str:
    if np.isinf(change):
        return "no limit"
    return ("+" if change > 0 else "") + format_value(change, "%")


class Margins(NamedTuple):
    """Relative changes of many cells, and their one-sided p against the margin as in `Guarded`."""

    change: Estimates
    p: Floats
    p_worse: Floats


def guard(
    sums: Sums,
    column: str,
    *,
    margin: float,
    better: Better = "higher",
    metric: str = "",
    level: float = 0.95,
) -> Guarded:
    """Return whether the variant's mean is worse than the control's by more than the margin.

    Parameters
    ----------
    sums : Sums
        Of one cell, the control and one variant (see `Sums.pair`).
    column : str
        What is guarded.
    margin : float
        The worst relative change that is accepted, 0.02 for 2 %; 0 asks for superiority.
    better : str
        Whether ``"higher"`` or ``"lower"`` figures are better.
    metric : str
        How the metric is called; the column otherwise.
    level : float
        Of the two-sided interval; each side is tested at (1 - level) / 2.

    Examples
    --------
    >>> from workbench.experiments.inference.sums import sums_of
    >>> import numpy as np
    >>> values = np.tile([9.0, 10.0, 11.0], 2000)
    >>> sums = sums_of(["a"] * 3000 + ["b"] * 3000, {"minutes": values}, variants=("a", "b"))
    >>> print(guard(sums, "minutes", margin=0.02).sentence)
    The guardrail minutes holds for b: 0% (95% interval −0.412% to +0.414%), better than −2%.
    """
    if sums.n.shape != (2,):
        raise UsageError("A guardrail compares the control with one variant; take `sums.pair(variant)`.")
    with np.errstate(divide="ignore", invalid="ignore"):
        errors = np.sqrt(sums.variance(column) / sums.n)
    means = sums.mean(column)
    found = margin_test(
        means[0],
        means[1],
        errors=(errors[0], errors[1]),
        units=(sums.n[0], sums.n[1]),
        margin=margin,
        better=better,
        level=level,
    )
    note = ""
    if not np.isfinite(found.change.value):
        note = "the control's mean is too uncertain to be a baseline."
        if not means[0] > 0:
            note = "the control's mean is not above zero, so a share of it is no margin."
    return Guarded(
        metric=metric or column,
        variant=sums.variants[1],
        margin=margin,
        better=better,
        change=found.change.at(method=METHOD, note=note),
        p=float(found.p),
        p_worse=float(found.p_worse),
        level=level,
    )


def guard_by(
    change: Estimate,
    *,
    variant: str,
    margin: float,
    better: Better = "higher",
    metric: str = "",
    level: float = 0.95,
) -> Guarded:
    """Return whether a variant is worse by more than the margin, by the interval of a relative change.

    The verdict is exactly that of the interval. Its ends give the two p: on the scale of logarithms, the
    distance from the figure to the margin is measured by that to the end on its side.

    Parameters
    ----------
    change : Estimate
        The relative change, by any method; `level` is that of its interval.
    variant, margin, better, metric, level
        As in `guard`.

    Examples
    --------
    >>> change = Estimate(value=-0.01, low=-0.05, high=0.02, p=0.5)
    >>> found = guard_by(change, variant="new", margin=0.02)
    >>> found.verdict, round(found.p, 3)
    ('cannot tell', 0.315)
    """
    limit = -margin if better == "higher" else margin
    value, low, high, at = (
        np.log(max(1 + end, 1e-300)) for end in (change.value, change.low, change.high, limit)
    )
    apart, normal = float(value - at), float(ndtri(0.5 + level / 2))
    end = float(value - low if apart > 0 else high - value)
    z = apart / end * normal if end > 0 else np.copysign(np.inf, apart)
    above, below = float(ndtr(-z)), float(ndtr(z))
    p, p_worse = (above, below) if better == "higher" else (below, above)
    return Guarded(
        metric=metric or variant,
        variant=variant,
        margin=margin,
        better=better,
        change=change,
        p=p if change.known else float("nan"),
        p_worse=p_worse if change.known else float("nan"),
        level=level,
    )


def widened(change: Estimate, *, level: float, tail: float) -> Estimate:
    """Return a relative change with the interval that leaves out a tail on each side, by logarithms.

    Parameters
    ----------
    change : Estimate
        With the interval of `level`.
    level, tail : float
        Of the interval that there is, and of each side of the one that is wanted.

    Examples
    --------
    >>> change = Estimate(value=0.0, low=-0.2, high=0.25, p=1.0)
    >>> found = widened(change, level=0.95, tail=0.0005)
    >>> round(found.low, 3), round(found.high, 3)
    (-0.312, 0.454)
    """
    factor = float(ndtri(tail) / ndtri((1 - level) / 2))
    value, low, high = (np.log(max(1 + end, 1e-300)) for end in (change.value, change.low, change.high))
    ends = (float(np.expm1(value - factor * (value - low))), float(np.expm1(value + factor * (high - value))))
    return replace(change, low=ends[0], high=ends[1])


def margin_test(
    control: ArrayLike,
    treated: ArrayLike,
    *,
    errors: tuple[ArrayLike, ArrayLike],
    units: tuple[ArrayLike, ArrayLike],
    margin: float,
    better: Better = "higher",
    level: float = 0.95,
) -> Margins:
    """Return the relative changes of many cells, tested against the margin from both sides.

    Parameters
    ----------
    control, treated : array_like
        Means, or ratios; the control's must be above 0.
    errors : pair of array_like
        Their standard errors.
    units : pair of array_like
        Units behind them, for Welch's degrees of freedom.
    margin, better, level
        As in `guard`.

    Returns
    -------
    Margins
        NaN where the control's mean is not above 0 by the same test: then a relative margin means nothing.
    """
    if not 0 <= margin < 1 or better not in ("higher", "lower"):
        raise UsageError(
            f"A margin of {margin} where {better!r} is better: give 0.02 for 2 %, and higher or lower."
        )
    c, t = np.asarray(control, float), np.asarray(treated, float)
    vc, vt = (np.square(np.asarray(error, float)) for error in errors)
    ratio = 1 - margin if better == "higher" else 1 + margin
    with np.errstate(divide="ignore", invalid="ignore"):
        apart, variance = t - ratio * c, vt + ratio**2 * vc
        df = variance**2 / (
            vt**2 / (np.asarray(units[1], float) - 1) + ratio**4 * vc**2 / (np.asarray(units[0], float) - 1)
        )
        quantile = stdtrit(df, 0.5 + level / 2)
        usable = (variance > 0) & (c > quantile * np.sqrt(vc))
        statistic = np.where(usable, apart / np.sqrt(variance), np.nan)
        low, high = fieller(c, t, variances=(vc, vt), quantile=quantile)
        value, error = t / c, np.sqrt(vt + (t / c) ** 2 * vc) / c
        nothing = (t - c) / np.sqrt(vt + vc)
    sign = 1.0 if better == "higher" else -1.0
    blank = np.where(usable, 0.0, np.nan)
    found = Estimates(
        value=value - 1 + blank,
        error=error + blank,
        low=low - 1 + blank,
        high=high - 1 + blank,
        p=2 * stdtr(df, -np.abs(nothing)) + blank,
        df=df + blank,
    )
    return Margins(
        change=found,
        p=np.asarray(stdtr(df, -sign * statistic)),
        p_worse=np.asarray(stdtr(df, sign * statistic)),
    )
