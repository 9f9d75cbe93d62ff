"""Sufficient statistics of columns per variant: sizes, means, and centred sums of products.

They are all that z, t, delta, CUPED and stratified estimates need. They are kept centred, because raw sums of
squares lose every digit at an offset of 1e8; parts merge without loss.

References
----------
Chan, Golub, LeVeque (1983), The American Statistician 37: merging of means and sums of squares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.errors import UsageError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Sums of columns over the units of each variant; leading axes are cells (strata, segments, repetitions).

    Parameters
    ----------
    variants : tuple of str
        The variants; the control comes first.
    columns : tuple of str
        What was summed.
    n : ndarray, shape (..., variants)
        Units.
    means : ndarray, shape (..., variants, columns)
        Means by variant; NaN where there is no unit.
    products : ndarray, shape (..., variants, columns, columns)
        Sums over units of products of deviations from the variant's means; NaN where nobody asked.

    Examples
    --------
    >>> sums = sums_of(["a", "a", "b", "b"], {"y": [1.0, 3.0, 2.0, 6.0]}, variants=("a", "b"))
    >>> sums.n.tolist(), sums.mean("y").tolist(), sums.variance("y").tolist()
    ([2.0, 2.0], [2.0, 4.0], [2.0, 8.0])
    """

    variants: tuple[str, ...]
    columns: tuple[str, ...]
    n: Floats
    means: Floats
    products: Floats

    def __post_init__(self) -> None:
        shape = (*self.n.shape, len(self.columns))
        if self.n.shape[-1:] != (len(self.variants),) or self.means.shape != shape:
            raise UsageError(f"Sums of {self.columns} by {self.variants} do not fit {self.means.shape}.")
        if self.products.shape != (*shape, len(self.columns)):
            raise UsageError(f"Products of {self.columns} do not fit {self.products.shape}.")

    def mean(self, column: str) -> Floats:
        """Return the means of a column, shape (..., variants)."""
        return self.means[..., self._place(column)]

    def product(self, one: str, other: str) -> Floats:
        """Return the centred sum of products of two columns, shape (..., variants)."""
        return self.products[..., self._place(one), self._place(other)]

    def covariance(self, one: str, other: str) -> Floats:
        """Return sample covariances, shape (..., variants); NaN with fewer than two units."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.n > 1, self.product(one, other) / (self.n - 1), np.nan)

    def variance(self, column: str) -> Floats:
        """Return sample variances, shape (..., variants); NaN with fewer than two units."""
        return self.covariance(column, column)

    def only(self, columns: Sequence[str]) -> Sums:
        """Return the sums of some columns."""
        places = [self._place(column) for column in columns]
        return Sums(
            variants=self.variants,
            columns=tuple(columns),
            n=self.n,
            means=self.means[..., places],
            products=self.products[..., places, :][..., places],
        )

    def pair(self, variant: str) -> Sums:
        """Return the sums of the control and one variant."""
        places = [0, self.variants.index(variant)]
        return Sums(
            variants=(self.variants[0], variant),
            columns=self.columns,
            n=self.n[..., places],
            means=self.means[..., places, :],
            products=self.products[..., places, :, :],
        )

    def merged(self, axis: int = 0) -> Sums:
        """Return the sums of all cells along a leading axis together."""
        n = self.n.sum(axis=axis)
        means = np.where(self.n[..., None] > 0, self.means, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = (self.n[..., None] * means).sum(axis=axis) / n[..., None]
        apart = np.where(self.n[..., None] > 0, means - np.expand_dims(mean, axis), 0.0)
        between = self.n[..., None, None] * apart[..., :, None] * apart[..., None, :]
        within = np.where(self.n[..., None, None] > 0, self.products, 0.0)
        return Sums(
            variants=self.variants,
            columns=self.columns,
            n=n,
            means=mean,
            products=(within + between).sum(axis=axis),
        )

    def _place(self, column: str) -> int:
        try:
            return self.columns.index(column)
        except ValueError:
            raise UsageError(f"No column {column!r} among the sums of {', '.join(self.columns)}.") from None


def sums_of(
    variant: Sequence[str] | NDArray[np.object_],
    columns: dict[str, ArrayLike],
    *,
    variants: Sequence[str],
) -> Sums:
    """Return the sums of columns of units in memory, in two passes: means first, then deviations.

    Parameters
    ----------
    variant : sequence of str, shape (units,)
        Where each unit belongs; units of no named variant are left out.
    columns : dict of array_like, shape (units,)
        What is summed, all finite.
    variants : sequence of str
        The variants; the control comes first.
    """
    values = np.column_stack([np.asarray(column, float) for column in columns.values()])
    where = np.asarray(variant, dtype=object)
    parts = [values[where == name] for name in variants]
    n = np.array([len(part) for part in parts], float)
    blank = np.full(values.shape[1], np.nan)
    means = np.stack([part.mean(axis=0) if len(part) else blank for part in parts])
    centred = [part - mean for part, mean in zip(parts, means, strict=True)]
    products = np.stack([part.T @ part for part in centred])
    return Sums(variants=tuple(variants), columns=tuple(columns), n=n, means=means, products=products)
