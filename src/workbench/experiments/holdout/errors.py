"""How often the method of a holdout report is wrong, measured on what the same users bought before.

Before the first delivery no campaign can have caused anything. Who is held out is drawn again and again among
the same users, and every finding is a false one. Half of them should be gains and half losses.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtri

from workbench.experiments.holdout.contrast import Reassigned
from workbench.experiments.holdout.effects import FEWEST_BUYERS, reassigns
from workbench.experiments.holdout.pairs import Floats, Pairs
from workbench.experiments.holdout.permutation import Strata, reassigned
from workbench.metrics.two_proportions import compared_p
from workbench.result import format_value
from workbench.stats import exact_share_interval

TIMES = 4000
_TOLERATED = 1.2
_MANY = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class FalsePositives:
    """How often a method finds what is not there.

    Parameters
    ----------
    outcome : str
        ``revenue`` or ``buyers`` before the campaign.
    method : str
        The procedure.
    promised : float
        The rate it promises: 1 - level.
    rate, low, high : float
        The rate that was seen, with the interval of so many draws.
    gains, losses : float
        The rates of false gains and of false losses.
    times : int
        Random holdouts that were drawn.
    used : bool
        Whether the report judges this outcome by this method.
    missing : str
        Why nothing was measured; empty where it was.
    """

    outcome: str
    method: str
    promised: float
    rate: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    gains: float = float("nan")
    losses: float = float("nan")
    times: int = 0
    used: bool = True
    missing: str = ""

    @property
    def kept(self) -> bool:
        """Return whether what was seen is at most a fifth above what is promised, chance aside."""
        return not self.missing and self.low <= _TOLERATED * self.promised

    @property
    def sentence(self) -> str:
        """Return the rate in one sentence."""
        if self.missing:
            return f"How often the method is wrong on {self.outcome} could not be measured: {self.missing}."
        rate, low, high, promised = (
            format_value(value, "%") for value in (self.rate, self.low, self.high, self.promised)
        )
        return (
            f"On what these users bought before, {self.method} found an effect on {self.outcome} in {rate} "
            f"of {self.times:,} random holdouts (95% interval {low} to {high}; promised {promised}): "
            f"{format_value(self.gains, '%')} false gains, {format_value(self.losses, '%')} false losses."
        )


def false_positives(
    pairs: Pairs, *, level: float = 0.95, times: int | None = None, seed: int = 0
) -> tuple[FalsePositives, ...]:
    """Return how often each method is wrong on these users, of buyers and of revenue.

    The holdout of each campaign is drawn again by itself, of the same size. The studentised permutation is
    judged on draws that its critical values have not seen.

    Parameters
    ----------
    pairs : Pairs
        With what was bought before.
    level : float
        Of the method.
    times : int, optional
        Random holdouts: 4,000 by default, half of that where very many bought.
    seed : int
        Where they start.
    """
    pairs = pairs.comparable()
    found = []
    for outcome, values in (
        ("buyers", (pairs.before_orders > 0).astype(float)),
        ("revenue", pairs.before_revenue),
    ):
        few = int((values != 0).sum())
        if few < FEWEST_BUYERS or not pairs.held.any() or pairs.held.all():
            why = (
                f"only {few} bought before their first delivery" if pairs.held.any() else "nobody is held out"
            )
            found.append(FalsePositives(outcome=outcome, method="", promised=1 - level, missing=why))
            continue
        strata = Strata.of(pairs, values)
        drawn = times or (TIMES if few < _MANY else TIMES // 2)
        found += _measured(outcome, strata, reassigns(pairs), level=level, times=drawn, seed=seed)
    return tuple(found)


def _measured(
    outcome: str, strata: Strata, skewed: bool, *, level: float, times: int, seed: int
) -> list[FalsePositives]:
    if outcome == "buyers" and len(strata.values) == 1:
        return [_by_score(strata, level, times, seed)]
    drawn = reassigned(strata, seed=seed + 1, times=times)
    normal = float(ndtri(0.5 + level / 2))
    student = _told(outcome, "the normal test", _beyond(drawn, (-normal, normal)), times, level=level)
    if outcome == "buyers":
        return [student]
    others = reassigned(strata, seed=seed + 2)
    wrong = _beyond(drawn, Reassigned(draws=others, level=level).ends)
    name = "the studentised permutation test"
    permuted = _told(outcome, name, wrong, times, level=level, against=len(others))
    return [replace(permuted, used=skewed), replace(student, used=not skewed)]


def _by_score(strata: Strata, level: float, times: int, seed: int) -> FalsePositives:
    """Return the rate of the score test: all it needs is how many buyers fall to the holdout."""
    n, m, buyers = int(strata.treated[0]), int(strata.held[0]), len(strata.values[0])
    rng = np.random.default_rng(seed + 1)
    fallen, often = np.unique(rng.hypergeometric(buyers, n + m - buyers, m, times), return_counts=True)
    found = compared_p(buyers - fallen, n, fallen, m) < 1 - level
    more = (buyers - fallen) / n > fallen / m
    wrong = int(often[found & more].sum()), int(often[found & ~more].sum())
    return _told("buyers", "the score test", wrong, times, level=level)


def _beyond(drawn: Floats, ends: tuple[float, float]) -> tuple[int, int]:
    return int((drawn > ends[1]).sum()), int((drawn < ends[0]).sum())


def _told(
    outcome: str, method: str, wrong: tuple[int, int], times: int, *, level: float, against: int = 0
) -> FalsePositives:
    """Return the rates; critical values that were drawn themselves add the uncertainty of so many draws."""
    gains, losses = wrong
    counts = times if not against else 1 / (1 / times + 1 / against)
    low, high = exact_share_interval((gains + losses) / times * counts, counts)
    return FalsePositives(
        outcome=outcome,
        method=method,
        promised=1 - level,
        rate=(gains + losses) / times,
        low=float(low),
        high=float(high),
        gains=gains / times,
        losses=losses / times,
        times=times,
    )
