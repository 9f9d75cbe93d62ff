"""What sharing out by chance gains: a bandit played many times against an equal split and against an oracle.

Words: the *regret* of a rule is what it earned less, on average, than showing the truly best arm always.

References
----------
Lai, Robbins (1985), Advances in Applied Mathematics 6: regret cannot grow slower than the logarithm of the
trials, at a rate given by how hard the arms are to tell apart. Kaufmann, Korda, Munos (2012): Thompson
sampling reaches that rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import rel_entr

from workbench.errors import UsageError
from workbench.experiments.bandit.allocation import FLOOR
from workbench.experiments.bandit.bandit import check_floor, rate_prior
from workbench.result import format_value, html_table, told

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
_DRAWS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Regret:
    """Regret of the bandit and of an equal split, after each batch.

    Parameters
    ----------
    rates : tuple of float
        The true rates.
    trials : ndarray, shape (batches,)
        Trials until then.
    bandit, equal : ndarray, shape (batches,)
        Successes that each rule fell short of the best arm, on average over the runs.
    error : ndarray, shape (batches,)
        Standard error of the bandit's.
    floor : float
        The least share of an arm, which alone costs its part for good.
    batch, delay, runs, seed : int
        How it was played: trials of a batch, batches until a success is known, games, and the seed.
    missing : str
        Why there is no regret; empty where there is.
    """

    rates: tuple[float, ...]
    trials: Floats
    bandit: Floats
    equal: Floats
    error: Floats
    floor: float
    batch: int
    delay: int
    runs: int
    seed: int
    missing: str = ""

    @property
    def saved(self) -> float:
        """Return the share of the equal split's regret that the bandit avoids."""
        return float(1 - self.bandit[-1] / self.equal[-1]) if self.equal[-1] > 0 else float("nan")

    @property
    def of_floor(self) -> Floats:
        """Return the regret that the floor alone costs."""
        return self.trials * self.floor * float(np.sum(max(self.rates) - np.array(self.rates)))

    @property
    def sentence(self) -> str:
        """Return what the bandit gains over an equal split, and what it still gives up."""
        if self.missing:
            return self.missing
        many = format_value(float(self.trials[-1]), "count")
        best = max(self.rates) * self.trials[-1]
        return (
            f"Over {many} impressions the bandit gives up {self.bandit[-1]:,.0f} of {best:,.0f} successes, "
            f"an equal split {self.equal[-1]:,.0f}: it saves {self.saved:.0%} of the loss."
        )

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return one row per batch."""
        import pandas as pd

        names = ("trials", "bandit", "error", "equal", "of_floor")
        return pd.DataFrame({name: getattr(self, name) for name in names})

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.sentence)}</p>{html_table(self.to_frame().tail(1))}"


def simulate_regret(
    rates: Sequence[float],
    *,
    trials: int = 100_000,
    batch: int = 1000,
    floor: float = FLOOR,
    delay: int = 0,
    runs: int = 200,
    seed: int = 0,
) -> Regret:
    """Return the regret of sharing out by chance, with batches, a floor and late successes.

    Parameters
    ----------
    rates : sequence of float
        The true rate of each arm.
    trials, batch : int
        Impressions in all, and in one batch; the shares are set once a batch.
    floor : float
        The least share of an arm.
    delay : int
        After how many further batches the successes of a batch are known, and its trials with them.
    runs, seed : int
        How many games are played, and the seed of the draws.

    Raises
    ------
    UsageError
        If the rates, the floor or the sizes do not fit.

    Examples
    --------
    >>> print(simulate_regret([0.02, 0.03, 0.05], trials=20_000, runs=20).sentence)
    Over 20,000 impressions the bandit gives up 49 of 1,000 successes, an equal split 333: it saves 85% of \
the loss.
    """
    truth = np.asarray(rates, float)
    check_floor(floor, len(truth))
    if not ((truth > 0) & (truth < 1)).all():
        raise UsageError(f"Rates lie between 0 and 1, not {truth.tolist()}.")
    if min(batch, runs) < 1 or delay < 0 or trials < batch:
        raise UsageError(f"{trials} trials in batches of {batch}, {runs} runs, a delay of {delay}: too few.")
    rng = np.random.default_rng(seed)
    batches, gap = trials // batch, truth.max() - truth
    shown = np.zeros((batches, runs, len(truth)))
    came = np.zeros_like(shown)
    known = (np.zeros((runs, len(truth))), np.zeros((runs, len(truth))))
    for at in range(batches):
        late = at - 1 - delay
        if late >= 0:
            known = (known[0] + shown[late], known[1] + came[late])
        shares = floor + (1 - len(truth) * floor) * _chances(rng, *known)
        shown[at] = rng.multinomial(batch, shares)
        came[at] = rng.binomial(shown[at].astype(np.int64), truth)
    lost = (shown @ gap).cumsum(axis=0)
    done = batch * np.arange(1, batches + 1, dtype=float)
    return Regret(
        rates=tuple(truth.tolist()),
        trials=done,
        bandit=lost.mean(axis=1),
        equal=done * gap.mean(),
        error=lost.std(axis=1, ddof=1) / np.sqrt(runs) if runs > 1 else np.full(batches, np.nan),
        floor=floor,
        batch=batch,
        delay=delay,
        runs=runs,
        seed=seed,
        missing="" if gap.any() else "All arms are equally good: nothing is lost, however they are shown.",
    )


def _chances(rng: np.random.Generator, trials: Floats, successes: Floats) -> Floats:
    """Return the chance of each arm to be best in every run, from few draws: sampling needs no more."""
    a, b = rate_prior(successes, trials)
    drawn = rng.beta(
        a[:, None] + successes, b[:, None] + trials - successes, size=(_DRAWS, *trials.shape)
    ).argmax(axis=2)
    return np.stack([(drawn == arm).mean(axis=0) for arm in range(trials.shape[1])], axis=1)


def slowest_growth(rates: Sequence[float]) -> float:
    """Return by how much regret grows at least with the logarithm of the trials, for any good rule.

    References
    ----------
    Lai, Robbins (1985), theorem 1.

    Examples
    --------
    >>> round(slowest_growth([0.05, 0.1]), 2)
    2.99
    """
    truth = np.asarray(rates, float)
    best = truth.max()
    worse = truth[truth < best]
    apart = rel_entr(worse, best) + rel_entr(1 - worse, 1 - best)
    return float(((best - worse) / apart).sum())
