"""Whether the variants hold as many users as they should: the first check of every experiment.

A sample ratio mismatch means that users were lost or assigned wrongly, and that no figure of the test can be
trusted. The threshold is 0.001, since the check is made on every test and a false alarm stops it.

References
----------
Fabijan et al. (2019), KDD: diagnosing sample ratio mismatch. Lindon, Malek (2022), NeurIPS: anytime-valid
inference for multinomial count data (the sequential test; a Dirichlet mixture of likelihood ratios).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc, gammaln

from workbench.errors import UsageError
from workbench.result import html_table, told

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Verdict = Literal["ok", "warns", "blocks"]

BLOCKS, WARNS = 0.001, 0.01
_FEW = 5.0  # expected users below which the chi-square distribution is not trusted
_OUTCOMES = 200_000  # so many are counted one by one; beyond them, drawn
_DRAWS = 99_999


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRatio:
    """What the check found.

    Parameters
    ----------
    variants : tuple of str
        The variants.
    seen : tuple of int
        Users in each.
    expected : tuple of float
        Users the planned split promises.
    p : float
        Chance of so uneven a split under the plan; valid at any time if the method is sequential.
    method : str
        The procedure.
    """

    variants: tuple[str, ...]
    seen: tuple[int, ...]
    expected: tuple[float, ...]
    p: float
    method: str

    @property
    def verdict(self) -> Verdict:
        """Return ``"blocks"`` below 0.001, ``"warns"`` below 0.01, else ``"ok"``."""
        return "blocks" if self.p < BLOCKS else "warns" if self.p < WARNS else "ok"

    @property
    def sentence(self) -> str:
        """Return what was expected and seen, and what follows."""
        pairs = zip(self.variants, self.seen, self.expected, strict=True)
        counts = ", ".join(f"{name} {seen:,} of {expected:,.0f} expected" for name, seen, expected in pairs)
        match self.verdict:
            case "ok":
                return f"The split is as planned: {counts} (p {_shown(self.p)})."
            case "warns":
                return f"The split is somewhat uneven: {counts} (p {_shown(self.p)}); look for lost users."
            case _:
                return (
                    f"The split is broken: {counts} (p {_shown(self.p)}). Users were lost or assigned "
                    "wrongly; find out where before reading any result."
                )

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return one row per variant."""
        import pandas as pd

        return pd.DataFrame({"variant": self.variants, "seen": self.seen, "expected": self.expected})

    def _repr_html_(self) -> str:
        return html_table(self.to_frame(), self.sentence)


def _shown(p: float) -> str:
    return f"{p:.2g}" if p >= 0.0001 else "below 0.0001"


def sample_ratio(
    counts: Sequence[int],
    shares: Sequence[float],
    *,
    variants: Sequence[str] | None = None,
    seed: int = 0,
) -> SampleRatio:
    """Return Pearson's chi-square test of the counts; an exact multinomial test where few users are expected.

    Parameters
    ----------
    counts : sequence of int, shape (variants,)
        Users assigned to each variant, whether they did anything or not.
    shares : sequence of float, shape (variants,)
        The planned split; any scale.
    variants : sequence of str, optional
        Their names.
    seed : int
        Of the draws, where there are too many outcomes to count.

    Raises
    ------
    UsageError
        If a count is negative, a share is not above 0, or there is no user.

    Examples
    --------
    >>> print(sample_ratio([44_700, 45_489], [1, 1], variants=["gate_30", "gate_40"]).sentence)
    The split is somewhat uneven: gate_30 44,700 of 45,094 expected, gate_40 45,489 of 45,094 expected
    (p 0.0086); look for lost users.
    """
    seen, split = _checked(counts, shares)
    expected = split * seen.sum()
    if expected.min() >= _FEW:
        p, method = float(ratio_p(seen, split)), "chi-square test"
    elif comb(int(seen.sum()) + len(seen) - 1, len(seen) - 1) <= _OUTCOMES:
        p, method = _exact(seen, split), "exact multinomial test"
    else:
        p, method = _drawn(seen, split, seed), f"multinomial test by {_DRAWS:,} draws"
    return _result(seen, expected, variants, p=p, method=method)


def ratio_p(counts: ArrayLike, shares: ArrayLike) -> Floats:
    """Return p of the chi-square test of many splits at once.

    Parameters
    ----------
    counts : array_like, shape (..., variants)
        Users.
    shares : array_like, shape (variants,)
        The planned split.

    Examples
    --------
    >>> ratio_p([[44_700, 45_489], [500, 500]], [0.5, 0.5]).round(6).tolist()
    [0.008608, 1.0]
    """
    seen, split = np.asarray(counts, float), np.asarray(shares, float)
    expected = seen.sum(axis=-1, keepdims=True) * (split / split.sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = (np.square(seen - expected) / expected).sum(axis=-1)
    return np.asarray(chdtrc(seen.shape[-1] - 1, statistic))


def sequential_ratio(
    daily: ArrayLike,
    shares: Sequence[float],
    *,
    variants: Sequence[str] | None = None,
    concentration: float = 10_000.0,
) -> SampleRatio:
    """Return a check that may be made every day: under the plan p is ever below a with a chance of a.

    Parameters
    ----------
    daily : array_like, shape (days, variants)
        Users newly assigned each day.
    shares : sequence of float, shape (variants,)
        The planned split; any scale.
    variants : sequence of str, optional
        Their names.
    concentration : float
        How near the plan a mismatch is looked for: large finds small mismatches in large tests sooner.

    Examples
    --------
    >>> sequential_ratio([[5_000, 5_600]] * 10, [1, 1]).verdict
    'blocks'
    """
    table = np.atleast_2d(np.asarray(daily, float))
    seen, split = _checked(table.sum(axis=0), shares)
    if not (table >= 0).all():
        raise UsageError("A day has a negative number of users.")
    p = float(sequential_p(table, split, concentration=concentration)[-1])
    method = "sequential multinomial test"
    return _result(seen, split * seen.sum(), variants, p=p, method=method)


def sequential_p(daily: ArrayLike, shares: ArrayLike, *, concentration: float = 10_000.0) -> Floats:
    """Return the always-valid p after each day, falling only.

    Parameters
    ----------
    daily : array_like, shape (..., days, variants)
        Users newly assigned each day.
    shares : array_like, shape (variants,)
        The planned split, summing to 1.
    """
    seen, split = np.cumsum(np.asarray(daily, float), axis=-2), np.asarray(shares, float)
    prior = concentration * split
    evidence = (
        gammaln(concentration)
        - gammaln(concentration + seen.sum(axis=-1))
        + (gammaln(prior + seen) - gammaln(prior) - seen * np.log(split)).sum(axis=-1)
    )
    return np.asarray(np.exp(-np.maximum.accumulate(np.maximum(evidence, 0.0), axis=-1)))


def _checked(counts: ArrayLike, shares: Sequence[float]) -> tuple[Floats, Floats]:
    seen, split = np.asarray(counts, float), np.asarray(shares, float)
    if seen.shape != split.shape or seen.ndim != 1 or len(seen) < 2:
        raise UsageError(f"{seen.size} counts and {split.size} shares: each variant needs one of both.")
    if not (np.isfinite(split).all() and (split > 0).all()):
        raise UsageError(f"The split is {split.tolist()}; each share must be above 0.")
    if not (np.isfinite(seen).all() and (seen >= 0).all() and (seen == np.floor(seen)).all()):
        raise UsageError(f"The counts are {seen.tolist()}; each must be a whole number, 0 or more.")
    if seen.sum() == 0:
        raise UsageError("No user is assigned yet, so the split cannot be checked.")
    return seen, split / split.sum()


def _result(
    seen: Floats, expected: Floats, variants: Sequence[str] | None, *, p: float, method: str
) -> SampleRatio:
    names = tuple(variants) if variants is not None else tuple(f"variant {i + 1}" for i in range(len(seen)))
    if len(names) != len(seen):
        raise UsageError(f"{len(names)} names for {len(seen)} variants.")
    return SampleRatio(
        variants=names,
        seen=tuple(int(count) for count in seen),
        expected=tuple(float(count) for count in expected),
        p=p,
        method=method,
    )


def _log_chance(seen: Floats, split: Floats) -> Floats:
    coefficient = gammaln(seen.sum(axis=-1) + 1) - gammaln(seen + 1).sum(axis=-1)
    return np.asarray(coefficient + (seen * np.log(split)).sum(axis=-1))


def _exact(seen: Floats, split: Floats) -> float:
    """Return the chance of all splits that are no likelier than the one seen."""
    chances = _log_chance(_compositions(int(seen.sum()), len(seen)), split)
    return float(min(1.0, np.exp(chances[chances <= _log_chance(seen, split) + 1e-9]).sum()))


def _compositions(total: int, parts: int) -> Floats:
    """Return every way to write a total as so many counts, shape (ways, parts)."""
    rows = np.zeros((1, 0))
    for _ in range(parts - 1):
        left = (total - rows.sum(axis=1)).astype(int)
        new = np.concatenate([np.arange(rest + 1) for rest in left])
        rows = np.column_stack([np.repeat(rows, left + 1, axis=0), new])
    return np.column_stack([rows, total - rows.sum(axis=1)])


def _drawn(seen: Floats, split: Floats, seed: int) -> float:
    draws = np.random.default_rng(seed).multinomial(int(seen.sum()), split, size=_DRAWS).astype(float)
    as_unlikely = (_log_chance(draws, split) <= _log_chance(seen, split) + 1e-9).sum()
    return float((1 + as_unlikely) / (_DRAWS + 1))
