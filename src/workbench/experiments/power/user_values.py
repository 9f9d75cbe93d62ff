"""What single users brought, before a test: distinct values with how many users had each.

Most users of a shop bring nothing, and so the same; a million users are a few thousand distinct values.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.errors import BadInput, NotEnoughData, UsageError
from workbench.experiments.power.baseline import Baseline, Kind
from workbench.result import signed

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class UserValues:
    """Distinct values of users.

    Parameters
    ----------
    kind : {"proportion", "mean", "ratio"}
        What is compared of them.
    columns : tuple of str
        ``"value"``, of a ratio also ``"of"``, and ``"before"`` and ``"of before"`` where the time before is
        known.
    rows : ndarray, shape (distinct, columns)
        The values.
    users : ndarray, shape (distinct,)
        How many users had them.
    """

    kind: Kind
    columns: tuple[str, ...]
    rows: Floats
    users: Floats

    @property
    def total(self) -> int:
        """Return how many users there are."""
        return int(self.users.sum())

    def column(self, name: str) -> Floats:
        """Return the distinct values of a column."""
        return self.rows[:, self.columns.index(name)]

    @property
    def linear(self) -> Floats:
        """Return one figure per distinct value whose mean is the metric: a ratio is linearised."""
        return self._linear("value", "of")

    @property
    def baseline(self) -> Baseline:
        """Return level and spread of the metric, and what the time before explains of it.

        Raises
        ------
        NotEnoughData
            If all users are alike.
        """
        linear, mean = self.linear, self._mean(self.linear)
        variance = self._mean((linear - mean) ** 2) * self.total / max(self.total - 1, 1)
        if not variance > 0:
            raise NotEnoughData("Not enough data: all users have the same value, so nothing can be compared.")
        reduction = 0.0
        if "before" in self.columns:
            before = self._linear("before", "of before")
            apart = before - self._mean(before)
            spread = self._mean(apart**2)
            if spread > 0:
                reduction = (
                    self._mean(apart * (linear - mean)) ** 2 / spread / self._mean((linear - mean) ** 2)
                )
        return Baseline(kind=self.kind, value=mean, sd=math.sqrt(variance), reduction=min(reduction, 0.999))

    @property
    def skewness(self) -> float:
        """Return how lopsided users are: 0 where as far below the mean as above."""
        apart = self.linear - self._mean(self.linear)
        variance = self._mean(apart**2)
        return self._mean(apart**3) / variance**1.5 if variance > 0 else math.nan

    def lifted(self, lift: float, *, added: bool = False) -> UserValues:
        """Return the users as they would be with the metric changed by a part of itself.

        Of a share so many more (or fewer) users convert. What users bring to a mean or ratio is multiplied;
        or everybody gets the same on top, so that users differ as much as before.
        """
        if lift == 0:
            return self
        if self.kind != "proportion":
            rows, place = self.rows.copy(), self.columns.index("value")
            per = self.column("of") if self.kind == "ratio" else np.ones(len(rows))
            rows[:, place] += lift * (self._mean(self.linear) * per if added else rows[:, place])
            return replace(self, rows=rows)
        value = self.column("value")
        rate = self._mean(value)
        if not 0 <= rate * (1 + lift) <= 1:
            raise UsageError(
                f"A share of {rate:g} cannot change by {signed(lift, '.0%')}: it would leave 0 to 1."
            )
        moving = value == (0.0 if lift > 0 else 1.0)
        part = rate * lift / (1 - rate) if lift > 0 else -lift
        moved = self.rows[moving].copy()
        moved[:, self.columns.index("value")] = 1.0 if lift > 0 else 0.0
        users = np.where(moving, self.users * (1 - part), self.users)
        return replace(
            self,
            rows=np.concatenate([self.rows, moved]),
            users=np.concatenate([users, self.users[moving] * part]),
        )

    def sampled(self, most: int, generator: np.random.Generator) -> UserValues:
        """Return so many users at random; all where they are no more."""
        if self.total <= most:
            return self
        whole = np.rint(self.users).astype(np.int64)
        drawn = generator.multivariate_hypergeometric(whole, most, method="marginals")
        return replace(self, rows=self.rows[drawn > 0], users=drawn[drawn > 0].astype(float))

    def _linear(self, value: str, of: str) -> Floats:
        top = self.column(value)
        if of not in self.columns:
            return top
        bottom = self.column(of)
        below = self._mean(bottom)
        if below == 0:
            raise NotEnoughData("Not enough data: the denominator of the ratio is zero.")
        ratio = self._mean(top) / below
        return ratio + (top - ratio * bottom) / below

    def _mean(self, values: Floats) -> float:
        return float(values @ self.users / self.users.sum())


def user_values(
    value: ArrayLike,
    of: ArrayLike | None = None,
    *,
    before: ArrayLike | None = None,
    of_before: ArrayLike | None = None,
    kind: Kind | None = None,
    users: ArrayLike | None = None,
) -> UserValues:
    """Return the distinct values of users in memory.

    Parameters
    ----------
    value : array_like, shape (users,)
        What each user brought; only zeros and ones for a share.
    of : array_like, optional
        By what it is divided, for a ratio of sums.
    before, of_before : array_like, optional
        The same of the time before.
    kind : str, optional
        Found from the values by default.
    users : array_like, optional
        How many users have each; one by default.

    Raises
    ------
    BadInput
        If a value is missing or infinite, or the columns are not equally long.
    NotEnoughData
        If there are fewer than two users.

    Examples
    --------
    >>> found = user_values([0, 0, 1, 0, 1, 0])
    >>> found.kind, found.users.tolist(), round(found.baseline.value, 3)
    ('proportion', [4.0, 2.0], 0.333)
    """
    given = {"value": value, "of": of, "before": before, "of before": of_before}
    columns = {name: np.asarray(some, float).ravel() for name, some in given.items() if some is not None}
    lengths = {len(some) for some in columns.values()}
    if len(lengths) > 1:
        raise BadInput(f"columns of users have {' and '.join(map(str, sorted(lengths)))} rows")
    rows = np.column_stack(list(columns.values()))
    counts = np.ones(len(rows)) if users is None else np.asarray(users, float)
    if not np.isfinite(rows).all() or not np.isfinite(counts).all() or (counts < 0).any():
        raise BadInput("a value of a user is missing or infinite", fix="Leave the user out, or write 0.")
    if counts.sum() < 2:
        raise NotEnoughData("Not enough data: there are fewer than two users.")
    distinct, places = np.unique(rows, axis=0, return_inverse=True)
    shares = set(np.unique(distinct[:, 0])) <= {0.0, 1.0}
    found: Kind = kind or ("ratio" if of is not None else "proportion" if shares else "mean")
    if found == "proportion" and not shares:
        raise UsageError("A share has zeros and ones only: this is a mean.")
    if (found == "ratio") != (of is not None):
        raise UsageError("A ratio, and only a ratio, has a second column to divide by.")
    return UserValues(
        kind=found,
        columns=tuple(columns),
        rows=distinct,
        users=np.bincount(places.ravel(), weights=counts, minlength=len(distinct)).astype(float),
    )
