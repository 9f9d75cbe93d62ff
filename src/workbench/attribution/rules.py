"""Rules that share out a conversion among its touches, as data.

A rule gives each touch of a path a weight; the weights of one conversion add up to 1. It is either a shape
over places (the first touch, those between, the last) or a decay with age.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.catalog import Catalog
from workbench.errors import UsageError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One way to share out a conversion.

    Parameters
    ----------
    name, title, says : str
        The name in code and in pages, and what the rule does.
    first, last : float or None
        The weight of either end of a path of three or more; what is left goes to those between in equal
        parts. With two touches the ends share in proportion, with one it has all. None: all touches alike.
    decays : bool
        Weights halve with each half-life of age instead.
    skips_direct : bool
        Direct touches get nothing unless there is no other; only for rules that credit the last touch.

    Raises
    ------
    UsageError
        If the weights of the ends are no shares of 1.
    """

    name: str
    title: str
    says: str
    first: float | None = None
    last: float | None = None
    decays: bool = False
    skips_direct: bool = False

    def __post_init__(self) -> None:
        if (self.first is None) != (self.last is None) or (self.decays and self.first is not None):
            raise UsageError(f"The rule {self.name!r} needs both ends, or neither where weights decay.")
        if self.first is None or self.last is None:
            ends_fit = True
        else:
            both = self.first + self.last
            ends_fit = self.first >= 0 and self.last >= 0 and 0 < both <= 1
        if not ends_fit:
            raise UsageError(f"The ends of the rule {self.name!r} are no shares of 1.")
        if self.skips_direct and (self.first, self.last) != (0.0, 1.0):
            raise UsageError(f"The rule {self.name!r} can skip direct only where the last touch has all.")

    @property
    def shape(self) -> tuple[float, float]:
        """Return the weights of the first and the last touch; NaN where the rule has no ends."""
        if self.first is None or self.last is None:
            return float("nan"), float("nan")
        return self.first, self.last


RULES: Catalog[Rule] = Catalog(
    "attribution rule",
    [
        Rule(
            name="first_touch",
            title="First touch",
            says="The first touch in the window has all of it.",
            first=1.0,
            last=0.0,
        ),
        Rule(
            name="last_touch",
            title="Last touch",
            says="The last touch has all of it.",
            first=0.0,
            last=1.0,
        ),
        Rule(
            name="last_non_direct",
            title="Last non-direct touch",
            says="The last touch that is not direct has all of it; the last touch where all are direct.",
            first=0.0,
            last=1.0,
            skips_direct=True,
        ),
        Rule(name="linear", title="Linear", says="All touches share alike."),
        Rule(
            name="time_decay",
            title="Time decay",
            says="A touch counts half as much for each half-life (7 days) before the conversion.",
            decays=True,
        ),
        Rule(
            name="position_based",
            title="Position based",
            says="40 % to the first touch, 40 % to the last, 20 % to those between; two share alike.",
            first=0.4,
            last=0.4,
        ),
    ],
)


def weights(rule: Rule, ages: ArrayLike, *, half_life: float, direct: ArrayLike | None = None) -> Floats:
    """Return the weight of each touch of one path; they add up to exactly 1.

    Parameters
    ----------
    rule : Rule
        The rule.
    ages : array_like
        Time from each touch to the conversion, the oldest touch first, in the unit of `half_life`.
    half_life : float
        The age at which a weight has halved.
    direct : array_like of bool, optional
        Which touches are direct.

    Examples
    --------
    >>> weights(RULES["position_based"], [9, 5, 2, 0], half_life=7).tolist()
    [0.4, 0.09999999999999998, 0.09999999999999998, 0.4]
    >>> weights(RULES["last_non_direct"], [3, 0], half_life=7, direct=[False, True]).tolist()
    [1.0, 0.0]
    """
    age = np.asarray(ages, float)
    count = len(age)
    if count == 0:
        return np.zeros(0)
    found = np.zeros(count)
    if rule.skips_direct:
        other = np.flatnonzero(~np.asarray(direct, bool)) if direct is not None else np.arange(count)
        found[other[-1] if len(other) else -1] = 1.0
        return found
    if rule.decays:
        found = 2.0 ** (-(age - age[-1]) / half_life)
        found /= found.sum()
    elif rule.first is None:
        found[:] = 1 / count
    else:
        found = _by_place(*rule.shape, count)
    found[-1] = 1.0 - found[:-1].sum()
    return found


def _by_place(first: float, last: float, count: int) -> Floats:
    if count == 1:
        return np.ones(1)
    if count == 2:
        return np.array([first, last]) / (first + last)
    middle = np.full(count - 2, (1.0 - first - last) / (count - 2))
    return np.concatenate([[first], middle, [last]])
