"""Guardrails: how often harm as large as the margin passes as none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from validity.cells import Cell, generator, split_name
from validity.means import Spending
from validity.several import repeated
from validity.shares import drawn
from workbench.experiments import Sums
from workbench.experiments.inference.estimate import Estimate, Estimates
from workbench.experiments.inference.noninferiority import guard_by, margin_test
from workbench.experiments.inference.permutation import permutation_test
from workbench.experiments.inference.proportions import relatives


def guarding(scale: float = 1.0) -> list[Cell]:
    """Return means, shares and skewed revenue, all of them exactly as bad as the margin."""
    return [
        mean((2_000, 2_000), int(10_000 * scale)),
        mean((1_000, 9_000), int(6_000 * scale)),
        few((300, 300), int(10_000 * scale)),
        share((5_000, 5_000), 0.05, int(10_000 * scale)),
        share((1_000, 9_000), 0.02, int(10_000 * scale)),
        revenue((500, 4_500), max(int(3_000 * scale), 20)),
    ]


def mean(n: tuple[int, int], runs: int) -> Cell:
    """Return a mean that everybody has."""
    case = f"{split_name(n)} users, gamma, 5 % worse, margin 5 %"
    found = repeated(generator(case), spent, _against_margin, n, 0.0, runs)
    return _cell(case, "Fieller", runs, float(np.mean(found.low < 0.025)), float(np.mean(found.p < 0.025)))


def few(n: tuple[int, int], runs: int) -> Cell:
    """Return revenue of few buyers in even groups, where CUPED may be kept and nobody is shuffled."""
    case = f"{split_name(n)} users, 20% spend, lognormal 1, 5 % worse, margin 5 %"
    found = repeated(generator(case), _bought, _against_margin, n, 0.0, runs)
    return _cell(case, "Fieller", runs, float(np.mean(found.low < 0.025)), float(np.mean(found.p < 0.025)))


def _bought(rng: np.random.Generator, runs: int, users: int, effect: float) -> dict[str, np.ndarray]:
    return {"y": (rng.random((runs, users)) < 0.2) * rng.lognormal(0, 1, (runs, users)) + effect}


def spent(rng: np.random.Generator, runs: int, users: int, effect: float) -> dict[str, np.ndarray]:
    """Return what users spent; the second group is made worse where it is compared."""
    return {"y": rng.gamma(2, 1, (runs, users)) + effect}


def _against_margin(sums: Sums) -> Estimates:
    """Return the p of both sides, the one of being worse as `low`."""
    means, errors = sums.mean("y"), np.sqrt(sums.variance("y") / sums.n)
    found = margin_test(
        means[:, 0],
        0.95 * means[:, 1],
        errors=(errors[:, 0], 0.95 * errors[:, 1]),
        units=(sums.n[:, 0], sums.n[:, 1]),
        margin=0.05,
    )
    return replace(found.change, p=found.p, low=found.p_worse)


def share(n: tuple[int, int], rate: float, runs: int) -> Cell:
    """Return a share."""
    case = f"{split_name(n)} users, {rate:.0%} convert, 10 % worse, margin 10 %"
    found = relatives(drawn(generator(case), n, (rate, 0.9 * rate), runs), "y")
    low, high = found.low[:, 0], found.high[:, 0]
    return _cell(case, "score interval", runs, float(np.mean(low > -0.1)), float(np.mean(high < -0.1)))


def revenue(n: tuple[int, int], runs: int) -> Cell:
    """Return skewed revenue with a tenth held out."""
    spending = Spending(0.05, 1.5)
    case = f"{split_name(n)} users, {spending.title}, 5 % worse, margin 5 %"
    rng, verdicts = generator(case), []
    for run in range(runs):
        spent = spending.drawn(rng, n, -0.05 * spending.mean)
        values = np.concatenate(spent)
        counts = np.zeros((len(values), 2), np.int64)
        counts[: len(spent[0]), 0] = counts[len(spent[0]) :, 1] = 1
        change: Estimate = permutation_test(values, counts, users=n, permutations=499, seed=run).relative
        verdicts.append(guard_by(change, variant="b", margin=0.05).verdict)
    said = np.array(verdicts)
    return _cell(
        case,
        "permutation interval",
        runs,
        float(np.mean(said == "ok")),
        float(np.mean(said == "violated")),
    )


def _cell(case: str, method: str, runs: int, passed: float, failed: float) -> Cell:
    return Cell(
        case=case,
        method=f"non-inferiority, {method}",
        runs=runs,
        below=failed,
        above=passed,
        note="above: passed though as bad as the margin; below: called worse",
    )
