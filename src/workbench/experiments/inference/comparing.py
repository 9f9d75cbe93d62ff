"""Every variant against the control on one metric, from sums alone: shares, means and ratios.

Leading axes of the sums are cells (segments, days): the figures of all are found at once, and each cell
becomes a comparison of its own. Where data cannot carry a figure, a note says why.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from workbench.errors import BadInput
from workbench.experiments.inference import cuped, means, proportions, ratios, relative, strata
from workbench.experiments.inference.comparison import Comparison, Label, shown_p
from workbench.experiments.inference.cuped import Adjusted, Column
from workbench.experiments.inference.effect_size import COHENS_D, COHENS_H, cohens_d, pooled_deviation
from workbench.experiments.inference.estimate import Estimate, Estimates
from workbench.experiments.inference.means import Arms, Floats
from workbench.experiments.inference.sums import Sums

Place = tuple[int, ...]
SAME = "every user has the same value, so chance cannot be told from effect"
TURNED = (
    "the plain figures point the other way: the groups differed by chance before the test, and the "
    "difference is adjusted for that"
)
ALIKE = "too few users, or all alike, for an interval"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """Figures of all cells; `method` and `notes` are asked cell by cell, at (..., variant - 1)."""

    own: Estimates
    difference: Estimates
    relative: Estimates
    size: Estimates
    size_method: str
    method: Callable[[Place], str]
    notes: Callable[[Place], list[str]]
    reduction: Floats


def compare_proportions(
    sums: Sums, value: str, *, label: Label, level: float = 0.95
) -> tuple[Comparison, ...]:
    """Return every variant's share against the control's, cell after cell.

    Parameters
    ----------
    sums : Sums
        The control first.
    value : str
        The column; it is 0 or 1 for each unit.
    label : Label
        What the metric is called.
    level : float
        The confidence level.

    Raises
    ------
    UsageError
        If the column has other values.

    Examples
    --------
    >>> from workbench.experiments.inference.sums import sums_of
    >>> bought = [1] * 30 + [0] * 970 + [1] * 60 + [0] * 940
    >>> sums = sums_of(["old"] * 1000 + ["new"] * 1000, {"bought": bought}, variants=("old", "new"))
    >>> [found] = compare_proportions(sums, "bought", label=Label(metric="cvr", title="Conversion", unit="%"))
    >>> print(found.sentence)
    Conversion: new had 6% against 3% of old, a clear difference (+100.0% [+30.7% to +206.5%],
    +3 pp [+1.21 pp to +4.89 pp], p 0.0012).
    """
    _checked(sums, [value])
    few = proportions.few(sums, value)
    counts = proportions.counts(sums, value)

    def notes(place: Place) -> list[str]:
        cell, users = (counts[place[:-1]][[0, place[-1] + 1]], sums.n[place[:-1]][[0, place[-1] + 1]])
        found = ["nobody converted"] if cell.sum() == 0 else []
        found += ["everybody converted"] if 0 < users.sum() == cell.sum() else []
        return found + ([f"fewer than five expected in a cell: {proportions.EXACT}"] if few[place] else [])

    return _comparisons(
        sums,
        label,
        _Found(
            own=proportions.own(sums, value, level=level),
            difference=proportions.differences(sums, value, level=level),
            relative=proportions.relatives(sums, value, level=level),
            size=proportions.sizes(sums, value, level=level),
            size_method=COHENS_H,
            method=lambda place: proportions.EXACT if few[place] else proportions.METHOD,
            notes=notes,
            reduction=np.full(few.shape, np.nan),
        ),
    )


def compare_means(
    sums: Sums, value: str, *, label: Label, covariates: Sequence[Column] = (), level: float = 0.95
) -> tuple[Comparison, ...]:
    """Return every variant's mean against the control's, adjusted for covariates if there are any.

    Examples
    --------
    >>> from workbench.experiments.inference.sums import sums_of
    >>> rng = np.random.default_rng(3)
    >>> before = rng.gamma(2, 20, 2000)
    >>> after = before + rng.normal(0, 5, 2000) + np.repeat([0.0, 2.0], 1000)
    >>> columns = {"spent": after, "before": before}
    >>> sums = sums_of(["old"] * 1000 + ["new"] * 1000, columns, variants=("old", "new"))
    >>> label = Label(metric="revenue", title="Revenue per user", unit="money", currency="EUR")
    >>> [plain] = compare_means(sums, "spent", label=label)
    >>> [adjusted] = compare_means(sums, "spent", label=label, covariates=["before"])
    >>> plain.significant, adjusted.significant, adjusted.method
    (False, True, "CUPED (1 covariate), Welch's t")
    """
    return _compare(sums, value, label=label, covariates=covariates, level=level)


def compare_ratios(
    sums: Sums,
    value: tuple[str, str],
    *,
    label: Label,
    covariates: Sequence[Column] = (),
    level: float = 0.95,
) -> tuple[Comparison, ...]:
    """Return every variant's ratio of two sums (numerator, denominator) against the control's.

    Covariates are the past of the numerator and of the denominator, as two columns or as one pair.
    """
    return _compare(sums, value, label=label, covariates=covariates, level=level)


def compare_stratified(
    sums: Sums, value: str, *, label: Label, level: float = 0.95
) -> tuple[Comparison, ...]:
    """Return every variant's mean against the control's, post-stratified.

    The first axis of the sums is the strata. `reduction` is the share of the variance that they took away.
    """
    _checked(sums, [value])
    kept, thin = strata.without_thin(sums)
    arms, whole = strata.stratified_arms(kept, value), sums.merged()
    raw = means.differences(means.mean_arms(whole, value))
    found = _found(arms, *pooled_deviation(whole.n, whole.variance(value)), level=level)
    with np.errstate(divide="ignore", invalid="ignore"):
        reduction = 1 - np.square(found.difference.error / raw.error)
    notes = [f"{thin} strata with fewer than two users of a variant were taken as one"] if thin > 1 else []
    return _comparisons(
        whole,
        label,
        replace(found, method=lambda _: strata.METHOD, notes=lambda _: list(notes), reduction=reduction),
    )


def _compare(
    sums: Sums, value: Column, *, label: Label, covariates: Sequence[Column], level: float
) -> tuple[Comparison, ...]:
    _checked(sums, [value, *covariates])
    line = ratios.linearised(sums, [value])
    deviation = pooled_deviation(sums.n, line.variance(line.columns[0]))
    method = means.METHOD if isinstance(value, str) else ratios.METHOD
    if not covariates:
        raw = means.mean_arms(sums, value) if isinstance(value, str) else ratios.ratio_arms(sums, *value)
        return _comparisons(
            sums, label, replace(_found(raw, *deviation, level=level), method=lambda _: method)
        )
    by = cuped.adjusted(sums, value, covariates)
    many = f"{len(covariates)} covariate{'s' if len(covariates) > 1 else ''}"
    found = replace(
        _found(by.arms, *deviation, level=level),
        method=lambda place: f"CUPED ({many}), {method}" if by.adjusted[place[:-1]] else method,
        notes=lambda place: _health(by, covariates, place),
        reduction=by.reduction,
    )
    return _comparisons(sums, label, found)


def _found(arms: Arms, deviation: Floats, df: Floats, *, level: float) -> _Found:
    difference = means.differences(arms, level=level)
    return _Found(
        own=means.own(arms, level=level),
        difference=difference,
        relative=relative.relative(arms, level=level),
        size=cohens_d(difference, deviation, df, level=level),
        size_method=COHENS_D,
        method=lambda _: means.METHOD,
        notes=lambda _: [],
        reduction=np.full(difference.value.shape, np.nan),
    )


def _health(by: Adjusted, covariates: Sequence[Column], place: Place) -> list[str]:
    if not by.adjusted[place[:-1]]:
        return [
            f"not adjusted: no covariate varies, or fewer than {cuped.UNITS_PER_COVARIATE} users for each"
        ]
    notes = [
        f"{column if isinstance(column, str) else '/'.join(column)} differed before the experiment already "
        f"(p {shown_p(p)}): look for the cause before trusting this"
        for column, p in zip(covariates, by.balance[place].tolist(), strict=True)
        if p < cuped.BALANCE
    ]
    return notes + ([TURNED] if by.flipped[place] else [])


def _comparisons(sums: Sums, label: Label, found: _Found) -> tuple[Comparison, ...]:
    cells = list(np.ndindex(sums.n.shape[:-1]))
    return tuple(
        _comparison(sums, label, found, (*cell, place))
        for cell in cells
        for place in range(len(sums.variants) - 1)
    )


def _comparison(sums: Sums, label: Label, found: _Found, place: Place) -> Comparison:
    *cell, index = place
    control, variant = (*cell, 0), (*cell, index + 1)
    method = found.method(place)
    why = "" if math.isfinite(found.difference.p[place]) else _why_not(sums, control, variant, found)
    lift = found.relative
    odd = "" if why or math.isfinite(lift.value[place]) else relative.NO_CONTROL
    odd = odd or (relative.UNBOUNDED if relative.unbounded(lift)[place] else "")
    difference = found.difference.at(*place, method=method, note=why)
    return Comparison(
        label=label,
        variant=sums.variants[index + 1],
        control=sums.variants[0],
        n=int(sums.n[variant]),
        n_control=int(sums.n[control]),
        value=_at(found.own, variant, method, why),
        value_control=_at(found.own, control, method, why),
        difference=difference,
        relative=lift.at(*place, method=method, note=why or odd),
        effect_size=_at(found.size, place, found.size_method, why),
        reduction=float(found.reduction[place]),
        notes=tuple(note for note in (why, odd, *found.notes(place)) if note),
    )


def _at(found: Estimates, place: Place, method: str, why: str) -> Estimate:
    """Return one cell; where it has no interval, its note says why."""
    known = math.isfinite(found.low[place]) and math.isfinite(found.high[place])
    return found.at(*place, method=method, note="" if known else why or ALIKE)


def _why_not(sums: Sums, control: Place, variant: Place, found: _Found) -> str:
    """Return why there is no p."""
    users = {sums.variants[place[-1]]: int(sums.n[place]) for place in (control, variant)}
    for fewest, words in ((0, "there are no users in"), (1, "there is only one user in")):
        names = [name for name, n in users.items() if n == fewest]
        if names:
            return f"{words} {' and in '.join(names)}"
    if not np.isfinite([found.own.value[control], found.own.value[variant]]).all():
        return "its denominator is zero"
    return SAME


def _checked(sums: Sums, columns: Sequence[Column]) -> None:
    """Refuse sums of values that are infinite or missing."""
    for column in columns:
        for name in (column,) if isinstance(column, str) else column:
            if not np.isfinite(sums.mean(name)[sums.n > 0]).all():
                raise BadInput(
                    "infinite or missing values cannot be compared",
                    column=name,
                    fix="Leave them out where they come from, and say how many they were.",
                )
