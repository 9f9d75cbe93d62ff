"""Shares: as `compare_proportions` and the analysis test them."""

from __future__ import annotations

import numpy as np

from validity.cells import Cell, generator, split_name, tails
from workbench.experiments import Label, Sums, compare_proportions, design
from workbench.experiments.inference.proportions import differences

SPLITS = ((500, 500), (5_000, 5_000), (500, 4_500), (1_000, 9_000), (10_000, 90_000))
RATES = (0.005, 0.01, 0.02, 0.05, 0.2)


def drawn(
    rng: np.random.Generator, n: tuple[int, ...], rates: tuple[float, ...], runs: int, names: str = "abcde"
) -> Sums:
    """Return the sums of columns of 0 and 1."""
    sizes = np.broadcast_to(np.array(n, float), (runs, len(n))).copy()
    means = rng.binomial(n, rates, (runs, len(n))) / sizes
    return Sums(
        variants=tuple(names[: len(n)]),
        columns=("y",),
        n=sizes,
        means=means[..., None],
        products=(sizes * means * (1 - means))[..., None, None],
    )


def shares(scale: float = 1.0) -> list[Cell]:
    """Return all splits and rates."""
    runs = int(20_000 * scale)
    return [share(n, rate, runs) for n in SPLITS for rate in RATES]


def share(n: tuple[int, int], rate: float, runs: int) -> Cell:
    """Return one cell: no effect, then the effect that the plan promises to find in four of five tests."""
    case = f"{split_name(n)} users, {rate:.1%} convert"
    rng = generator(case)
    nothing = differences(drawn(rng, n, (rate, rate), runs), "y")
    below, above = tails(nothing.p[:, 0], nothing.value[:, 0])
    total = sum(n)
    plan = design(
        "proportion", baseline=rate, relative=False, users=total, split=[size / total for size in n]
    )
    lifted = drawn(rng, n, (rate, rate + plan.effect), runs)
    found = differences(lifted, "y")
    inside = (found.low <= plan.effect) & (found.high >= plan.effect)
    warned = any("exact test" in text for text in plan.warnings)
    power = float(np.mean((found.p < 0.05) & (found.value > 0)))
    short = warned and power < plan.power - 0.015
    method = compare_proportions(drawn(rng, n, (rate, rate), 1), "y", label=Label(metric="y"))[0].method
    return Cell(
        case=case,
        method=method,
        runs=runs,
        below=below,
        above=above,
        cover_runs=runs,
        covered=float(np.mean(inside)),
        power_runs=0 if short else runs,
        power=power,
        designed=plan.power,
        note="power not promised: the plan warns of few conversions" if short else "",
    )
