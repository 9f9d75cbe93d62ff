"""Ratios of two sums: by the delta method, or by permutation where the analysis chooses it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from validity.cells import Cell, generator, split_name, tails
from validity.means import SHUFFLES
from workbench.experiments.inference.means import student_p, t_quantile
from workbench.experiments.inference.permutation_ratio import METHOD, permutation_ratio
from workbench.experiments.inference.skewness import needs_permutation, skewness_between

Rows = np.ndarray
Answer = tuple[float, float, float, float, float, float, bool]
Draw = Callable[[np.random.Generator, int, float], Rows]


def orders(sigma: float) -> Draw:
    """Return users who spent something and how often they ordered; one in twenty does."""

    def drawn(rng: np.random.Generator, users: int, factor: float) -> Rows:
        buyers = int(rng.binomial(users, 0.05))
        often = 1.0 + rng.poisson(0.3, buyers)
        return np.column_stack([often * rng.lognormal(3, sigma, buyers) * factor, often])

    return drawn


def visits(rng: np.random.Generator, users: int, factor: float) -> Rows:
    """Return orders and sessions of heavy-tailed visitors."""
    rate, sessions = rng.beta(2, 8, users), 1 + rng.poisson(rng.lognormal(0.5, 1.0, users))
    return np.column_stack([rng.binomial(sessions, np.minimum(rate * factor, 1)), sessions]).astype(float)


def delta(sides: list[Rows], n: tuple[int, int]) -> Answer:
    """Return the difference of ratios by the delta method: figure, p, interval, no relative interval."""
    figures = []
    for rows, size in zip(sides, n, strict=True):
        y, z = rows.T
        ratio = y.sum() / z.sum()
        figures.append((ratio, np.square(y - ratio * z).sum() * size / (size - 1) / z.sum() ** 2))
    (one, own), (two, other) = figures
    value, error = two - one, math.sqrt(own + other)
    df = (own + other) ** 2 / (own**2 / (n[0] - 1) + other**2 / (n[1] - 1))
    half = float(t_quantile(df, 0.95)) * error
    p = float(student_p(np.array(value / error), np.array(df)))
    return value, p, value - half, value + half, math.nan, math.nan, False


def offered(sides: list[Rows], n: tuple[int, int], seed: int) -> Answer:
    """Return what the analysis answers: it looks at the skewness and at who carries the denominator."""
    counts = np.zeros((len(sides[0]) + len(sides[1]), 2), np.int64)
    counts[: len(sides[0]), 0] = counts[len(sides[0]) :, 1] = 1
    apart = np.concatenate([rows[:, 0] - rows[:, 0].sum() / rows[:, 1].sum() * rows[:, 1] for rows in sides])
    carriers = min(float((rows[:, 1] != 0).sum()) for rows in sides)
    if not needs_permutation(skewness_between(apart, counts, n), buyers=carriers):
        return delta(sides, n)
    found, lift = permutation_ratio(np.concatenate(sides), counts, users=n, permutations=SHUFFLES, seed=seed)
    return found.value, found.p, found.low, found.high, lift.low, lift.high, True


CASES: tuple[tuple[str, Draw, float, tuple[int, int], int], ...] = (
    ("order value, lognormal 1", orders(1.0), math.exp(3.5), (500, 500), 3_000),
    ("order value, lognormal 1", orders(1.0), math.exp(3.5), (10_000, 10_000), 3_000),
    ("order value, lognormal 1", orders(1.0), math.exp(3.5), (500, 4_500), 4_000),
    ("order value, lognormal 1.5", orders(1.5), math.exp(4.125), (500, 4_500), 4_000),
    ("order value, lognormal 1.5", orders(1.5), math.exp(4.125), (10_000, 90_000), 300),
    ("orders per session", visits, 0.2, (500, 4_500), 1_500),
)


def ratios(scale: float = 1.0) -> list[Cell]:
    """Return all cells."""
    return [ratio(*row[:4], runs=max(int(row[4] * scale), 20)) for row in CASES]


def ratio(case: str, draw: Draw, level: float, n: tuple[int, int], *, runs: int) -> Cell:
    """Return one cell; the effect for the intervals is a fifth more."""
    name = f"{split_name(n)} users, {case}"
    rng = generator(name)

    def answers(factor: float, count: int) -> np.ndarray:
        sides = ([draw(rng, n[0], 1.0), draw(rng, n[1], factor)] for _ in range(count))
        return np.array([offered(pair, n, seed) for seed, pair in enumerate(sides)], float)

    nothing, lifted = answers(1.0, runs), answers(1.2, max(runs // 4, 20))
    below, above = tails(nothing[:, 1], nothing[:, 0])
    permuted = float(nothing[:, 6].mean())
    value, low, high = 0.2 * level, lifted[:, 2], lifted[:, 3]
    return Cell(
        case=name,
        method=METHOD if permuted > 0.5 else "delta method",
        runs=runs,
        below=below,
        above=above,
        cover_runs=len(lifted),
        covered=float(np.mean((low <= value) & (value <= high))),
        note=f"by permutation in {permuted:.0%} of tests" if 0.005 < permuted < 0.995 else "",
    )


def naive(scale: float = 1.0) -> list[Cell]:
    """Return the delta method where the analysis does not offer it."""
    n, draw, runs = (500, 4_500), orders(1.0), max(int(10_000 * scale), 50)
    case = f"{split_name(n)} users, order value, lognormal 1"
    rng = generator(case + "naive")
    found = np.array([delta([draw(rng, one, 1.0) for one in n], n) for _ in range(runs)], float)
    below, above = tails(found[:, 1], found[:, 0])
    return [
        Cell(
            case=case,
            method="delta method",
            runs=runs,
            below=below,
            above=above,
            naive=True,
            note="finds gains that are not there",
        )
    ]
