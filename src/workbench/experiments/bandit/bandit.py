"""Thompson sampling: impressions go to creatives in proportion to the chance that each is the best.

Words: an *arm* is a creative; a *trial* is an impression; a *success* is a click or a conversion. What a
trial earns is either the success itself, or the value of the conversion it led to. The *floor* is the share
that every arm keeps, whatever was seen, so that one that becomes better is noticed.

Shares are set for a batch (a day, say), not anew for each impression: Thompson sampling loses little by
batches and by conversions that come late. Figures collected this way carry no p-value: who was shown how
often depended on the figures themselves.

References
----------
Thompson (1933), Biometrika 25. Chapelle, Li (2011), An Empirical Evaluation of Thompson Sampling, section 5
(delay). Russo et al. (2018), A Tutorial on Thompson Sampling, chapters 3 and 6. Murphy (2007), Conjugate
Bayesian Analysis of the Gaussian Distribution, section 3 (normal-gamma). Nie et al. (2018), Why Adaptively
Collected Data Have Negative Bias.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.errors import UsageError
from workbench.experiments.bandit.allocation import FLOOR, Allocation, Arm, ArmShare, Reward
from workbench.experiments.bandit.rate_intervals import rate_intervals
from workbench.experiments.inference.bayesian import best_share
from workbench.stats import beta_of_shares

Floats = NDArray[np.float64]
DRAWS = 100_000
_STRENGTHS, _SPREADS = 24, 200
_SPREAD = 2.0  # of order values, in means, where it is not known
FEW_SUCCESSES = 10
FEW_ORDERS = 100
NOT_A_TEST = (
    "Who was shown what depended on these figures: they carry no p-value, and the rates of creatives that "
    "were shown little lean low. To know how much better one is, run a test of fixed shares."
)


def allocate(
    arms: Sequence[Arm],
    *,
    reward: Reward = "conversions",
    floor: float = FLOOR,
    seed: int = 0,
    currency: str | None = None,
) -> Allocation:
    """Return the share of each arm in the next batch: the floor, and the rest by the chance to be best.

    Rates have Beta posteriors, whose prior is fitted to all arms together, so that creatives which differ
    little are not told apart by noise; chances are integrated. Their intervals are wider than by that prior
    alone, since it is itself uncertain: see `rate_intervals`. Revenue of a trial is the rate times the mean
    value of a success, whose posterior is normal-gamma, with a prior worth one success of the mean and the
    variance of all; chances are drawn.

    Parameters
    ----------
    arms : sequence of Arm
        Two or more, with different names.
    reward : str
        ``"clicks"`` or ``"conversions"``: successes per trial; ``"revenue"``: value per trial.
    floor : float
        The least share of each arm; arms times floor are at most 1.
    seed : int
        Of the draws for revenue.
    currency : str, optional
        ISO 4217 code of the values.

    Raises
    ------
    UsageError
        If the arms or the floor do not fit.

    Examples
    --------
    >>> found = allocate([Arm(name="a", trials=1000, successes=30), Arm(name="b", trials=1000, successes=45)])
    >>> [(row.name, round(row.chance, 3), round(row.share, 3)) for row in found.rows]
    [('b', 0.895, 0.879), ('a', 0.105, 0.121)]
    """
    check_floor(floor, len(arms))
    _check(arms, reward)
    earned = _revenue(arms, seed) if reward == "revenue" else _rates(arms)
    shares = floor + (1 - len(arms) * floor) * earned.chance
    total = sum(arm.trials for arm in arms)
    rows = [
        ArmShare(
            name=arm.name,
            trials=arm.trials,
            successes=arm.successes,
            shown=arm.trials / total if total else float("nan"),
            mean=float(earned.mean[at]),
            low=float(earned.low[at]),
            high=float(earned.high[at]),
            chance=float(earned.chance[at]),
            share=float(shares[at]),
        )
        for at, arm in enumerate(arms)
    ]
    leader = int(np.argmax(earned.chance))
    return Allocation(
        rows=tuple(sorted(rows, key=lambda row: (-row.chance, row.name))),
        reward=reward,
        floor=floor,
        loss=float(earned.loss[leader] / earned.mean[leader]),
        error=earned.error,
        currency=currency,
        caveats=(*_caveats(arms, reward), NOT_A_TEST),
    )


def check_floor(floor: float, arms: int) -> None:
    """Check that every arm can keep the floor.

    Raises
    ------
    UsageError
        If there are fewer than two arms, or they cannot.
    """
    if arms < 2:
        raise UsageError("A bandit needs two or more creatives to share impressions between.")
    if not 0 <= floor * arms <= 1:
        raise UsageError(f"{arms} creatives cannot keep a share of {floor} each: at most {1 / arms:.3g}.")


def rate_prior(successes: Floats, trials: Floats) -> tuple[Floats, Floats]:
    """Return the parameters of the Beta distribution of which the arms' rates look like draws.

    Parameters
    ----------
    successes, trials : ndarray, shape (..., arms)
        Counts.
    """
    return beta_of_shares(successes, trials, steps=_STRENGTHS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Earned:
    mean: Floats
    low: Floats
    high: Floats
    chance: Floats
    loss: Floats
    error: float = 0.0


def _rates(arms: Sequence[Arm]) -> _Earned:
    x, n = _column(arms, "successes"), _column(arms, "trials")
    a, b = rate_prior(x, n)
    found = best_share(x.tolist(), n.tolist(), prior=(float(a), float(b)))
    low, high = rate_intervals(x, n)
    return _Earned(
        mean=np.array(found.mean),
        low=low,
        high=high,
        chance=np.array(found.chance),
        loss=np.array(found.loss),
    )


def _revenue(arms: Sequence[Arm], seed: int) -> _Earned:
    rng = np.random.default_rng(seed)
    x, n = _column(arms, "successes"), _column(arms, "trials")
    a, b = rate_prior(x, n)
    rate = rng.beta(a + x, b + n - x, size=(DRAWS, len(arms)))
    earned = rate * _drawn_values(arms, rng)
    best = earned.argmax(axis=1)
    chance = np.bincount(best, minlength=len(arms)) / DRAWS
    low, high = np.quantile(earned, [0.025, 0.975], axis=0)
    return _Earned(
        mean=earned.mean(axis=0),
        low=low,
        high=high,
        chance=chance,
        loss=np.maximum(earned.max(axis=1)[:, None] - earned, 0.0).mean(axis=0),
        error=float(np.sqrt(chance * (1 - chance) / DRAWS).max()),
    )


def _drawn_values(arms: Sequence[Arm], rng: np.random.Generator) -> Floats:
    """Return draws of each arm's mean value of a success, shape (draws, arms), drawn towards each other.

    The arms' true means are taken as draws of one normal distribution, whose spread is integrated out: of
    several noisy means, the largest is large by luck for the most part.
    """
    centre, scale, freedom = value_posterior(arms)
    scale = scale * np.sqrt(freedom / rng.chisquare(freedom, size=(DRAWS, len(arms))))
    typical = np.median(scale, axis=0)
    spreads = np.linspace(0.0, 4 * max(float(np.ptp(centre)), float(typical.min())), _SPREADS)
    weights = 1 / (np.square(spreads)[:, None] + np.square(typical))
    middle = (weights @ centre) / weights.sum(axis=1)
    logs = 0.5 * np.log(weights).sum(axis=1) - 0.5 * np.log(weights.sum(axis=1))
    logs -= 0.5 * (weights * np.square(centre - middle[:, None])).sum(axis=1)
    likely = np.exp(logs - logs.max())
    place = rng.choice(_SPREADS, size=DRAWS, p=likely / likely.sum())
    between = np.square(spreads[place])[:, None]
    common = middle[place] + rng.standard_normal(DRAWS) / np.sqrt(weights.sum(axis=1)[place])
    kept = between / (between + np.square(scale))
    towards = kept * centre + (1 - kept) * common[:, None]
    return np.asarray(towards + np.sqrt(kept) * scale * rng.standard_normal(scale.shape))


def value_posterior(arms: Sequence[Arm]) -> tuple[Floats, Floats, Floats]:
    """Return centre, scale and degrees of freedom of the posterior of each arm's mean value of a success.

    The prior is worth one success: its mean and its variance are those of all arms together. Where
    only sums are known, the standard deviation is taken as twice the mean.

    References
    ----------
    Murphy (2007), equations (85) to (90) and (99).
    """
    k, total = _column(arms, "successes"), _column(arms, "value")
    mean = np.divide(total, k, out=np.zeros_like(total), where=k > 0)
    everywhere = total.sum() / k.sum()
    within = np.array(
        [
            k_ * (_SPREAD * mean_) ** 2 if arm.squares is None else max(arm.squares - k_ * mean_**2, 0.0)
            for arm, k_, mean_ in zip(arms, k, mean, strict=True)
        ]
    )
    variance = (within.sum() + (k * (mean - everywhere) ** 2).sum()) / k.sum()
    weight, shape = 1 + k, 1 + k / 2
    centre = (everywhere + k * mean) / weight
    spread = variance + within / 2 + k * (mean - everywhere) ** 2 / (2 * weight)
    return centre, np.sqrt(spread / (shape * weight)), 2 * shape


def _column(arms: Sequence[Arm], name: str) -> Floats:
    return np.array([getattr(arm, name) for arm in arms], dtype=np.float64)


def _check(arms: Sequence[Arm], reward: Reward) -> None:
    if len({arm.name for arm in arms}) < len(arms):
        raise UsageError("Two creatives have the same name.")
    if reward not in ("clicks", "conversions", "revenue"):
        raise UsageError(f"A trial earns clicks, conversions or revenue, not {reward!r}.")
    for arm in arms:
        if not 0 <= arm.successes <= arm.trials < float("inf"):
            raise UsageError(f"{arm.name!r:.80} has {arm.successes:g} successes of {arm.trials:g} trials.")
        if reward == "revenue" and (arm.value is None or not np.isfinite(arm.value)):
            raise UsageError(f"{arm.name!r:.80} has no value: revenue cannot be compared.")
    if reward == "revenue" and not sum(arm.value or 0.0 for arm in arms) > 0:
        raise UsageError("No creative has earned anything yet: share out by clicks or conversions first.")


def _caveats(arms: Sequence[Arm], reward: Reward) -> tuple[str, ...]:
    enough, word = (FEW_ORDERS, "conversions") if reward == "revenue" else (FEW_SUCCESSES, reward)
    few = sum(arm.successes < enough for arm in arms)
    said = []
    if few:
        said.append(
            f"{few} of {len(arms)} creatives have fewer than {enough} {word}: the chances rest on little."
        )
    if reward == "revenue" and any(arm.squares is None for arm in arms):
        said.append(
            "How order values vary is not known, only their sums: their standard deviation is taken as twice "
            "their mean. A few very large orders can mislead."
        )
    return tuple(said)
