"""Relative changes: whether intervals hold the truth; and figures at the edge of what floats can say."""

from __future__ import annotations

import numpy as np

from validity.cells import Cell, generator, split_name
from validity.several import repeated
from validity.shares import drawn
from workbench.experiments import Sums, sums_of
from workbench.experiments.inference.estimate import Estimates
from workbench.experiments.inference.means import differences, mean_arms, student_p
from workbench.experiments.inference.proportions import differences as share_differences
from workbench.experiments.inference.proportions import relatives
from workbench.experiments.inference.relative import relative

SHARES = (((1_000, 1_000), 0.05, 0.2), ((500, 4_500), 0.05, 0.5), ((10_000, 10_000), 0.01, 0.1))
MEANS = (((500, 500), 0.2), ((500, 4_500), 0.2), ((2_000, 2_000), -0.1))


def lifts(scale: float = 1.0) -> list[Cell]:
    """Return shares and means that change by a part of the control's."""
    runs, made = int(20_000 * scale), []
    for n, rate, lift in SHARES:
        case = f"{split_name(n)} users, {rate:.0%} convert, {lift:+.0%}"
        found = relatives(drawn(generator(case), n, (rate, rate * (1 + lift)), runs), "y")
        made.append(_cell(case, "score interval of the ratio", found, lift))
    for n, lift in MEANS:
        case = f"{split_name(n)} users, everybody spends, gamma, {lift:+.0%}"
        found = repeated(generator(case), spent, by_fieller, n, lift, runs // 4)
        made.append(_cell(case, "Fieller", found, lift))
    return made


def spent(rng: np.random.Generator, runs: int, users: int, effect: float) -> dict[str, np.ndarray]:
    """Return what users spent, all of it times the lift."""
    return {"y": rng.gamma(1, 1, (runs, users)) * (1 + effect)}


def by_fieller(sums: Sums) -> Estimates:
    """Return the relative change of means."""
    return relative(mean_arms(sums, "y"))


def _cell(case: str, method: str, found: Estimates, lift: float, **more: object) -> Cell:
    inside = (found.low[:, 0] <= lift) & (found.high[:, 0] >= lift)
    return Cell(case=case, method=method, cover_runs=len(inside), covered=float(inside.mean()), **more)  # type: ignore[arg-type]


def naive(scale: float = 1.0) -> list[Cell]:
    """Return the interval of the difference over the control's figure, as if that were known."""
    (n, rate, lift), runs = SHARES[1], int(20_000 * scale)
    case = f"{split_name(n)} users, {rate:.0%} convert, {lift:+.0%}"
    sums = drawn(generator(case + "naive"), n, (rate, rate * (1 + lift)), runs)
    found, control = share_differences(sums, "y"), sums.mean("y")[:, :1]
    low, high = ((found.value + side * 1.959964 * found.error) / control for side in (-1, 1))
    inside = (low <= lift) & (high >= lift)
    return [
        Cell(
            case=case,
            method="difference over the control's share",
            cover_runs=runs,
            covered=float(inside.mean()),
            naive=True,
            note="the control's share is uncertain too",
        )
    ]


def numbers() -> str:
    """Return what is left of p at a large offset, and how small it can be, in words."""
    rng = generator("numbers")
    values = {"y": rng.normal(0, 1, 4_000) + np.repeat([0.0, 0.1], 2_000)}
    variant = ["a"] * 2_000 + ["b"] * 2_000
    plain, moved = (
        float(
            differences(mean_arms(sums_of(variant, {"y": values["y"] + offset}, variants=("a", "b")), "y")).p[
                0
            ]
        )
        for offset in (0.0, 1e8)
    )
    smallest = float(student_p(np.array(37.0), np.array(np.inf)))
    return (
        f"Adding 1e8 to every value changes p by {abs(moved / plain - 1):.0e} of itself; a difference of 37 "
        f"standard errors has p = {smallest:.1e}, and no p is ever 0."
    )
