"""Sums of many simulated experiments at once, and of real ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from workbench.experiments.inference.sums import Sums, sums_of

REPETITIONS = 20_000


def band(share: float, repetitions: int) -> float:
    """Return three standard errors of a share that is seen in so many repetitions."""
    return 3 * float(np.sqrt(share * (1 - share) / repetitions))


def tails(p: np.ndarray, value: np.ndarray, alpha: float = 0.05) -> tuple[float, float]:
    """Return how often an effect below, and one above zero was found."""
    found = p < alpha
    return float(np.mean(found & (value < 0))), float(np.mean(found & (value > 0)))


def cells(*variants: dict[str, np.ndarray], names: tuple[str, ...] = ("a", "b")) -> Sums:
    """Return the sums of arrays of shape (repetitions, units), one dict of columns for each variant."""
    columns = tuple(variants[0])
    stacks = [np.stack([variant[name] for name in columns], axis=-1) for variant in variants]
    means = [stack.mean(axis=-2) for stack in stacks]
    apart = [stack - mean[..., None, :] for stack, mean in zip(stacks, means, strict=True)]
    return Sums(
        variants=names[: len(variants)],
        columns=columns,
        n=np.stack([np.full(stack.shape[:-2], float(stack.shape[-2])) for stack in stacks], axis=-1),
        means=np.stack(means, axis=-2),
        products=np.stack([np.swapaxes(part, -1, -2) @ part for part in apart], axis=-3),
    )


def sparse(
    rng: np.random.Generator, n: tuple[int, int], share: float, factor: float, repetitions: int
) -> Sums:
    """Return the sums of revenue that few units have, lognormal; the second variant's times a factor."""
    found = []
    for units, times in zip(n, (1.0, factor), strict=True):
        buyers = rng.binomial(units, share, repetitions)
        amounts = rng.lognormal(3.0, 1.0, (repetitions, int(buyers.max()))) * times
        amounts[np.arange(amounts.shape[1]) >= buyers[:, None]] = 0.0
        mean = amounts.sum(axis=1) / units
        found.append((mean, np.square(amounts).sum(axis=1) - units * np.square(mean)))
    return Sums(
        variants=("a", "b"),
        columns=("y",),
        n=np.broadcast_to(np.array(n, float), (repetitions, 2)).copy(),
        means=np.stack([mean for mean, _ in found], axis=-1)[..., None],
        products=np.stack([squares for _, squares in found], axis=-1)[..., None, None],
    )


def shares(rng: np.random.Generator, n: tuple[int, int], p: tuple[float, float], repetitions: int) -> Sums:
    """Return the sums of a column of 0 and 1."""
    sizes = np.broadcast_to(np.array(n, float), (repetitions, 2)).copy()
    means = rng.binomial(n, p, (repetitions, 2)) / sizes
    return Sums(
        variants=("a", "b"),
        columns=("y",),
        n=sizes,
        means=means[..., None],
        products=(sizes * means * (1 - means))[..., None, None],
    )


def hillstrom(public_data: Path) -> Sums:
    """Return an e-mail test of 64,000 customers: no e-mail, one for men, one for women."""
    table = pd.read_csv(public_data / "ab_tests/hillstrom_email/hillstrom.csv")
    variants = ("No E-Mail", "Mens E-Mail", "Womens E-Mail")
    columns = {name: table[name].to_numpy(float) for name in ("visit", "conversion", "spend", "history")}
    return sums_of(table["segment"].to_numpy(object), columns, variants=variants)


def cookie_cats(public_data: Path) -> Sums:
    """Return a test of 90,189 players: the gate at level 30 or at level 40."""
    table = pd.read_csv(public_data / "ab_tests/cookie_cats/cookie_cats.csv")
    columns = {name: table[name].to_numpy(float) for name in ("retention_1", "retention_7", "sum_gamerounds")}
    return sums_of(table["version"].to_numpy(object), columns, variants=("gate_30", "gate_40"))


def shop() -> tuple[Sums, object]:
    """Return the simulated shop of tea-tasting's documentation, as sums and as its own table."""
    import tea_tasting as tt

    data = tt.make_users_data(rng=42, covariates=True)
    table = data.to_pandas()
    columns = {name: table[name].to_numpy(float) for name in table.columns if name not in {"user", "variant"}}
    columns["converted"] = (columns["orders"] > 0).astype(float)
    return sums_of(table["variant"].to_numpy().astype(str).astype(object), columns, variants=("0", "1")), data
