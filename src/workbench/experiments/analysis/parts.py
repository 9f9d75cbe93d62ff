"""Whether an effect differs between parts of the users: regions, segments, new and known users, days.

Parts are those of before the assignment. Looking at many of them finds something in one of twenty: p is
adjusted over all parts (Benjamini and Hochberg), and a test of whether the effects differ at all comes first.

References
----------
Cochran (1954), Biometrics 10: the weighted sum of squares of effects about their mean (Q), chi-square under
no difference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import chdtrc

from workbench.errors import UsageError
from workbench.experiments.analysis.tested import compared
from workbench.experiments.inference.comparison import Comparison, Label, frame_of, shown_p
from workbench.experiments.inference.multiplicity import adjusted
from workbench.experiments.inference.skewness import EVEN
from workbench.result import html_table, told

if TYPE_CHECKING:
    import pandas as pd

    from workbench.experiments.users.users import Users

FEWEST = 100
_ALPHA = 0.05
_NOT_LOOKED_AT = (
    "the groups are unequal, and in parts nobody looked whether a few users bring most of it: then p is too "
    "small, so test a part of its own before acting on it"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectsByPart:
    """The effect of one variant on one metric in each part of the users.

    Parameters
    ----------
    by : str
        What tells parts apart.
    label : Label
        The metric.
    variant : str
        Compared with the control.
    rows : tuple of Comparison
        One per part, the largest first; `segment` is its name.
    p_adjusted : tuple of float
        Of each row, adjusted for all rows.
    p_differ : float
        Of the test that the effect is the same in all parts; NaN where fewer than two can be compared.
    thin : tuple of str
        Parts with fewer than a hundred users in a variant, left out.
    """

    by: str
    label: Label
    variant: str
    rows: tuple[Comparison, ...]
    p_adjusted: tuple[float, ...]
    p_differ: float
    thin: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """Return whether the effect differs between the parts, and where it is clear."""
        if not self.rows:
            return f"{self.label.heading} by {self.by}: no part has {FEWEST} users in each variant."
        clear = [row.segment for row, p in zip(self.rows, self.p_adjusted, strict=True) if p < _ALPHA]
        found = f"clear in {', '.join(clear)}" if clear else "clear in no part alone"
        if not math.isfinite(self.p_differ):
            return f"{self.label.heading} by {self.by}: {found}; one part alone cannot differ."
        differ = "differs" if self.p_differ < _ALPHA else "does not clearly differ"
        return (
            f"The effect of {self.variant} on {self.label.heading} {differ} by {self.by} "
            f"(p {shown_p(self.p_differ)}); it is {found}."
        )

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return one row per part."""
        frame = frame_of(self.rows)
        frame["p_adjusted"] = list(self.p_adjusted)
        return frame

    def _repr_html_(self) -> str:
        return html_table(self.to_frame(), self.sentence)


def effects_by(
    users: Users, by: str, *, metric: str = "", variant: str = "", level: float = 0.95
) -> EffectsByPart:
    """Return the effect of a variant in each part of the users.

    Parameters
    ----------
    users : Users
        The users of an experiment: see `workbench.experiments.users.users`.
    by : str
        ``region``, ``acquisition_channel``, ``tenure``, ``segment``, ``platform`` or ``assigned_day``; a
        column of one's own table.
    metric, variant : str
        The primary metric and the first variant, unless others are named.
    level : float
        Of the intervals.

    Raises
    ------
    UsageError
        If the metric or the variant is not part of the experiment.
    """
    known = {one.name: one for one in users.metrics}
    asked = known.get(metric) if metric else users.metrics[0]
    if asked is None:
        raise UsageError(f"{metric} is not among the metrics of the experiment: {', '.join(known)}.")
    reading = users.read(by)
    sums, names = reading.sums, reading.strata
    if variant and variant not in sums.variants[1:]:
        raise UsageError(f"{variant} is no variant beside the control: {', '.join(sums.variants[1:])}.")
    place = sums.variants.index(variant) if variant else 1
    least = np.minimum(sums.n[:, 0], sums.n[:, place])
    size = len(sums.variants) - 1
    cells = compared(asked, sums, level=level)
    order = [int(row) for row in np.argsort(-least, kind="stable") if least[row] >= FEWEST]
    rows = tuple(_named(cells[row * size + place - 1], names[row], asked.kind) for row in order)
    return EffectsByPart(
        by=by,
        label=asked.label,
        variant=sums.variants[place],
        rows=rows,
        p_adjusted=tuple(float(p) for p in adjusted([row.p for row in rows], adjustment="benjamini_hochberg"))
        if rows
        else (),
        p_differ=differing_p([row.difference.value for row in rows], [row.difference.error for row in rows]),
        thin=tuple(names[row] for row in range(len(names)) if least[row] < FEWEST),
    )


def _named(found: Comparison, name: str, kind: str) -> Comparison:
    """Return a part's comparison, with what its sums cannot tell."""
    fewer, more = sorted((found.n, found.n_control))
    notes = found.notes if kind == "share" or more <= EVEN * fewer else (*found.notes, _NOT_LOOKED_AT)
    return replace(found, segment=name, notes=notes)


def differing_p(values: Sequence[float], errors: Sequence[float]) -> float:
    """Return p of the test that effects are one and the same; NaN with fewer than two.

    Examples
    --------
    >>> round(differing_p([0.1, 0.3], [0.1, 0.1]), 6)
    0.157299
    """
    value, error = np.asarray(values, float), np.asarray(errors, float)
    good = np.isfinite(value) & (error > 0)
    value, weight = value[good], 1 / np.square(error[good])
    if len(value) < 2:
        return math.nan
    mean = (weight * value).sum() / weight.sum()
    return float(chdtrc(len(value) - 1, (weight * np.square(value - mean)).sum()))
