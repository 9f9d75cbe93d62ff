"""Means: by Welch's t, or by permutation where the analysis chooses it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from validity.cells import Cell, generator, split_name, tails
from workbench.experiments import design
from workbench.experiments.inference.means import student_p, t_quantile
from workbench.experiments.inference.permutation import (
    METHOD,
    permutation_p,
    permutation_test,
)
from workbench.experiments.inference.skewness import needs_permutation, skewness_between

SHUFFLES = 499  # the analysis shuffles 2,500 to 10,000 times: p is as valid with fewer, only less fine


@dataclass(frozen=True, slots=True)
class Spending:
    """Revenue that a share of users has, lognormal; with `shape` above 0 everybody has a gamma value."""

    share: float
    sigma: float
    shape: float = 0.0

    @property
    def title(self) -> str:
        """Return it in words."""
        if self.shape:
            return "everybody spends, gamma"
        return f"{self.share:.0%} spend, lognormal {self.sigma:g}"

    @property
    def mean(self) -> float:
        """Return its mean per user."""
        return self.shape or self.share * math.exp(3 + self.sigma**2 / 2)

    @property
    def sd(self) -> float:
        """Return its standard deviation per user."""
        if self.shape:
            return math.sqrt(self.shape)
        return math.sqrt(self.share * math.exp(6 + 2 * self.sigma**2) - self.mean**2)

    def drawn(self, rng: np.random.Generator, n: tuple[int, ...], effect: float = 0.0) -> list[np.ndarray]:
        """Return what the buyers of each group spent; later groups have more: all a bit, or buyers a part."""
        made = []
        for place, size in enumerate(n):
            buyers = size if self.shape else int(rng.binomial(size, self.share))
            spent = rng.gamma(self.shape, 1, buyers) if self.shape else rng.lognormal(3, self.sigma, buyers)
            if place:
                spent = spent + effect if self.shape else spent * (1 + effect / self.mean)
            made.append(spent)
        return made


@dataclass(frozen=True, slots=True)
class Tested:
    """What is found in one test; the ends of the interval only where asked for."""

    p: float
    value: float
    low: float
    high: float
    permuted: bool


def welch(spent: list[np.ndarray], n: tuple[int, int]) -> Tested:
    """Return Welch's t."""
    means = [values.sum() / size for values, size in zip(spent, n, strict=True)]
    squares = [
        (np.square(values).sum() - size * mean**2) / (size - 1) / size
        for values, size, mean in zip(spent, n, means, strict=True)
    ]
    error, value = math.sqrt(sum(squares)), means[1] - means[0]
    df = sum(squares) ** 2 / sum(one**2 / (size - 1) for one, size in zip(squares, n, strict=True))
    half = float(t_quantile(df, 0.95)) * error
    p = float(student_p(np.array(value / error), np.array(df)))
    return Tested(p, value, value - half, value + half, False)


def offered(spent: list[np.ndarray], n: tuple[int, int], *, seed: int, interval: bool) -> Tested:
    """Return what the analysis answers: it looks at the skewness and the buyers, as here."""
    values = np.concatenate(spent)
    counts = np.zeros((len(values), 2), np.int64)
    counts[: len(spent[0]), 0] = counts[len(spent[0]) :, 1] = 1
    skew = skewness_between(values, counts, n)
    buyers = min(map(len, spent))
    plain = welch(spent, n)
    if not needs_permutation(skew, buyers=buyers):
        return plain
    if interval:
        found = permutation_test(values, counts, users=n, permutations=SHUFFLES, seed=seed).difference
        return Tested(found.p, found.value, found.low, found.high, True)
    p = permutation_p(values, counts, users=n, permutations=SHUFFLES, seed=seed)
    return Tested(p, plain.value, math.nan, math.nan, True)


CASES = (
    (Spending(1.0, 0.0, 2.0), (500, 500), 20_000),
    (Spending(1.0, 0.0, 2.0), (1_000, 9_000), 20_000),
    (Spending(0.05, 1.0), (500, 500), 2_000),
    (Spending(0.05, 1.5), (500, 500), 2_000),
    (Spending(0.05, 1.5), (2_000, 2_000), 2_000),
    (Spending(0.05, 1.5), (10_000, 10_000), 2_000),
    (Spending(0.05, 1.0), (500, 4_500), 4_000),
    (Spending(0.05, 1.5), (500, 4_500), 4_000),
    (Spending(0.05, 1.5), (1_000, 9_000), 2_000),
    (Spending(0.05, 1.5), (10_000, 90_000), 400),
    (Spending(0.05, 1.5), (50_000, 450_000), 150),
)


def means(scale: float = 1.0) -> list[Cell]:
    """Return all kinds of spending and splits."""
    return [mean(spending, n, max(int(runs * scale), 20)) for spending, n, runs in CASES]


def mean(spending: Spending, n: tuple[int, int], runs: int) -> Cell:
    """Return one cell."""
    case = f"{split_name(n)} users, {spending.title}"
    rng = generator(case)
    nothing = [offered(spending.drawn(rng, n), n, seed=run, interval=False) for run in range(runs)]
    below, above = tails(np.array([one.p for one in nothing]), np.array([one.value for one in nothing]))
    total = sum(n)
    plan = design(
        "mean",
        baseline=spending.mean,
        sd=spending.sd,
        users=total,
        relative=False,
        split=[size / total for size in n],
    )
    fewer = runs if not nothing[0].permuted else max(runs // 4, 20)
    lifted = [
        offered(spending.drawn(rng, n, plan.effect), n, seed=run, interval=True) for run in range(fewer)
    ]
    permuted = np.mean([one.permuted for one in nothing])
    power = float(np.mean([one.p < 0.05 and one.value > 0 for one in lifted]))
    notes = [f"by permutation in {permuted:.0%} of tests"] if 0.005 < permuted < 0.995 else []
    warned = any("standard deviation is" in text for text in plan.warnings)
    if warned:
        notes.append(f"the plan does not promise its {plan.power:.0%}: it warns that users differ a lot")
    return Cell(
        case=case,
        method=METHOD if permuted > 0.5 else "Welch's t",
        runs=runs,
        below=below,
        above=above,
        cover_runs=fewer,
        covered=float(np.mean([one.low <= plan.effect <= one.high for one in lifted])),
        power_runs=0 if warned else fewer,
        power=power,
        designed=plan.power,
        note="; ".join(notes),
    )
