"""Cohorts: of those who signed up in a month, who orders again, and what they bring.

Words: a user's *age* is counted in windows of 30 days after signup: age 1 is days 1-30, age 2 days 31-60; age
0 is the day of signup. *Retention* is the share of a cohort with an order at an age; *activation* is the
share whose first order came within so many days. A cell is shown only when its whole cohort is old enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from workbench.explore.view import View, frame_of
from workbench.result import format_value

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortCell:
    """One cohort at one age.

    Parameters
    ----------
    cohort : date
        The first day of the month of signup.
    slice : str
        The channel, campaign or region, where asked for; else empty.
    users, active : int
        The size of the cohort, and how many of it ordered at this age.
    retention, low, high : float or None
        active / users with Wilson's 95 % interval; None at age 0.
    revenue_per_user : float
        Revenue at this age over all users of the cohort, with its 95 % interval.
    cumulative_per_user : float
        The same up to this age.
    """

    cohort: date
    slice: str
    age: int
    users: int
    active: int
    retention: float | None
    low: float | None
    high: float | None
    revenue_per_user: float
    revenue_low: float | None
    revenue_high: float | None
    cumulative_per_user: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationCell:
    """The share of one cohort whose first order came within `within_days` of signup."""

    cohort: date
    slice: str
    within_days: int
    users: int
    activated: int
    activation: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohorts(View):
    """Signup months by age; `basis` is ``"signup"``, or ``"first order"`` where no users are loaded."""

    basis: str
    by: str | None
    as_of: date | None
    cells: tuple[CohortCell, ...]
    activation: tuple[ActivationCell, ...]
    currency: str | None
    missing: str = ""

    def retention_at(self, age: int) -> float | None:
        """Return the share of all cohorts old enough who ordered at an age."""
        cells = [cell for cell in self.cells if cell.age == age]
        users = sum(cell.users for cell in cells)
        return sum(cell.active for cell in cells) / users if users else None

    @property
    def sentence(self) -> str:
        """Return the retention of the first windows over all cohorts, and the value so far."""
        if self.missing:
            return self.missing
        ages = sorted({cell.age for cell in self.cells if cell.age > 0})[:3]
        parts = [
            f"{format_value(self.retention_at(age), '%')} in days {30 * age - 29}-{30 * age}" for age in ages
        ]
        count = len({cell.cohort for cell in self.cells})
        return (
            f"Over {count} monthly cohorts (by {self.basis}), of all users {', '.join(parts)} ordered again."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row per cohort and age."""
        return frame_of(self.cells, CohortCell)

    def activation_frame(self) -> pd.DataFrame:
        """Return one row per cohort and number of days."""
        return frame_of(self.activation, ActivationCell)
