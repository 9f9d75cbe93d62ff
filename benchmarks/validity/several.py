"""Ratios, figures adjusted for the time before, strata, five variants, guardrails, and the split itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from validity.cells import Cell, generator, split_name, tails
from validity.means import Spending, offered, welch
from validity.shares import drawn
from workbench.experiments import Design, Sums, design
from workbench.experiments.inference.cuped import adjusted as cuped
from workbench.experiments.inference.estimate import Estimates
from workbench.experiments.inference.means import differences, mean_arms
from workbench.experiments.inference.multiplicity import adjusted
from workbench.experiments.inference.proportions import differences as share_differences
from workbench.experiments.inference.ratios import ratio_arms
from workbench.experiments.inference.strata import stratified_arms
from workbench.metrics.two_proportions import two_sided

Columns = dict[str, np.ndarray]
Draw = Callable[[np.random.Generator, int, int, float], Columns]
Judge = Callable[[Sums], Estimates]
AT_ONCE = 1_500_000


def sums_of(parts: Sequence[Columns], names: str = "abcde") -> Sums:
    """Return the sums of columns of shape (runs, users), one dict for each variant."""
    columns = tuple(parts[0])
    stacks = [np.stack([part[name] for name in columns], axis=-1) for part in parts]
    centres = [stack.mean(axis=-2) for stack in stacks]
    apart = [stack - centre[..., None, :] for stack, centre in zip(stacks, centres, strict=True)]
    return Sums(
        variants=tuple(names[: len(parts)]),
        columns=columns,
        n=np.stack([np.full(stack.shape[:-2], float(stack.shape[-2])) for stack in stacks], axis=-1),
        means=np.stack(centres, axis=-2),
        products=np.stack([np.swapaxes(part, -1, -2) @ part for part in apart], axis=-3),
    )


def repeated(
    rng: np.random.Generator, draw: Draw, judge: Judge, n: Sequence[int], effect: float, runs: int
) -> Estimates:
    """Return what is found in many tests; all variants but the control have the effect."""
    size, found, done = max(1, AT_ONCE // sum(n)), [], 0
    while done < runs:
        now = min(size, runs - done)
        parts = [draw(rng, now, users, effect if place else 0.0) for place, users in enumerate(n)]
        found.append(judge(sums_of(parts)))
        done += now
    names = ("value", "error", "low", "high", "p", "df")
    return Estimates(**{name: np.concatenate([getattr(one, name) for one in found]) for name in names})


def visits(rng: np.random.Generator, runs: int, users: int, effect: float) -> Columns:
    """Return orders and sessions of heavy-tailed visitors, with the same of the time before."""
    rate, often = rng.beta(2, 8, (runs, users)), rng.lognormal(0.5, 1.0, (runs, users))
    made = {}
    for when, more in (("", effect), ("_before", 0.0)):
        sessions = 1 + rng.poisson(often)
        made["sessions" + when] = sessions.astype(float)
        made["orders" + when] = rng.binomial(sessions, rate) + more * sessions
    return made


def spenders(rng: np.random.Generator, runs: int, users: int, effect: float) -> Columns:
    """Return what users spent, and before; two in five are new."""
    before = rng.gamma(2, 1, (runs, users))
    spent = before + rng.normal(0, 1, before.shape) + effect
    new = rng.random(before.shape) < 0.4
    # With the indicator of who is new, what stands in for the missing does not matter.
    return {"y": spent, "x": before, "filled": np.where(new, 2.0, before), "new": new.astype(float)}


def converted(rng: np.random.Generator, runs: int, users: int, effect: float) -> Columns:
    """Return who converts, and a heavy-tailed past that tells a little."""
    past = rng.lognormal(2, 1.5, (runs, users)) * (rng.random((runs, users)) < 0.3)
    chance = 0.02 + 0.1 * (past > 0) + 0.05 * np.minimum(past / 50, 1) + effect
    return {"y": (rng.random(past.shape) < chance).astype(float), "x": past}


def by_ratio(sums: Sums) -> Estimates:
    """Return the difference of orders per session."""
    return differences(ratio_arms(sums, "orders", "sessions"))


def by_adjusted_ratio(sums: Sums) -> Estimates:
    """Return it adjusted for the time before."""
    return differences(cuped(sums, ("orders", "sessions"), ["orders_before", "sessions_before"]).arms)


def by_cuped(*covariates: str) -> Judge:
    """Return how adjusted means are compared."""
    return lambda sums: differences(cuped(sums, "y", covariates).arms)


def by_mean(sums: Sums) -> Estimates:
    """Return Welch's difference."""
    return differences(mean_arms(sums, "y"))


TABLE: tuple[tuple[str, str, Draw, Judge, tuple[int, int], int], ...] = (
    ("orders per session", "delta method", visits, by_ratio, (500, 500), 20_000),
    ("orders per session", "delta method", visits, by_ratio, (5_000, 5_000), 3_000),
    ("orders per session", "CUPED, delta method", visits, by_adjusted_ratio, (500, 500), 20_000),
    ("orders per session", "CUPED, delta method", visits, by_adjusted_ratio, (5_000, 5_000), 3_000),
    ("mean, time before known", "CUPED", spenders, by_cuped("x"), (1_000, 1_000), 20_000),
    ("mean, time before known", "CUPED", spenders, by_cuped("x"), (500, 4_500), 10_000),
    ("mean, 40 % of users new", "CUPED", spenders, by_cuped("filled", "new"), (500, 4_500), 10_000),
    ("share of 6 %, heavy-tailed past", "CUPED", converted, by_cuped("x"), (1_000, 1_000), 10_000),
    ("share of 6 %, heavy-tailed past", "CUPED", converted, by_cuped("x"), (5_000, 45_000), 1_500),
)


def adjusted_and_ratios(scale: float = 1.0) -> list[Cell]:
    """Return ratios and adjusted figures."""
    return [compared(*row[:5], runs=max(int(row[5] * scale), 50)) for row in TABLE]


def compared(case: str, method: str, draw: Draw, judge: Judge, n: tuple[int, int], *, runs: int) -> Cell:
    """Return one cell; the plan takes the spread, and what the time before explains, from other users."""
    name = f"{split_name(n)} users, {case}"
    rng = generator(name + method)
    plan = planned(sums_of([draw(rng, 1, 200_000, 0.0) for _ in range(2)]), judge, n, case)
    nothing = repeated(rng, draw, judge, n, 0.0, runs)
    below, above = tails(nothing.p[:, 0], nothing.value[:, 0])
    lifted = repeated(rng, draw, judge, n, plan.effect, max(runs // 2, 50))
    inside = (lifted.low[:, 0] <= plan.effect) & (lifted.high[:, 0] >= plan.effect)
    return Cell(
        case=name,
        method=method,
        runs=runs,
        below=below,
        above=above,
        cover_runs=len(inside),
        covered=float(inside.mean()),
        power_runs=len(inside),
        power=float(np.mean((lifted.p[:, 0] < 0.05) & (lifted.value[:, 0] > 0))),
        designed=plan.power,
    )


def planned(sums: Sums, judge: Judge, n: Sequence[int], case: str) -> Design:
    """Return the plan from users of before; that of a share knows that its spread grows with it."""
    sample, total = judge(sums), sum(n)
    split = [one / total for one in n]
    if case.startswith("share"):
        rate, correlation = (
            float(sums.mean("y").mean()),
            math.sqrt(float(cuped(sums, "y", ["x"]).reduction[0, 0])),
        )
        return design(
            "proportion", baseline=rate, correlation=correlation, users=total, relative=False, split=split
        )
    sd = float(sample.error[0, 0]) * math.sqrt(100_000)
    return design("mean", baseline=1.0, sd=sd, users=total, relative=False, split=split)


def stratified(scale: float = 1.0) -> list[Cell]:
    """Return a mean that differs between five strata."""
    runs, n, found = int(10_000 * scale), (300, 1_700), []
    name = f"{split_name(n)} users, mean, 5 strata"
    rng = generator(name)
    weights = np.array([0.4, 0.3, 0.15, 0.1, 0.05])
    for _ in range(0, runs, 500):
        sizes = np.stack([rng.multinomial(one, weights, 500) for one in n], axis=-1).swapaxes(0, 1)
        level = np.array([1.0, 2.0, 4.0, 8.0, 16.0])[:, None, None]
        mean = level + rng.normal(0, 1, sizes.shape) * level / np.sqrt(np.maximum(sizes, 1))
        squares = rng.chisquare(np.maximum(sizes - 1, 1)) * np.square(level)
        sums = Sums(
            variants=("a", "b"),
            columns=("y",),
            n=sizes.astype(float),
            means=mean[..., None],
            products=squares[..., None, None],
        )
        found.append(differences(stratified_arms(sums, "y")))
    p, value = (np.concatenate([getattr(one, key)[:, 0] for one in found]) for key in ("p", "value"))
    inside = np.concatenate([(one.low[:, 0] <= 0) & (one.high[:, 0] >= 0) for one in found])
    below, above = tails(p, value)
    return [
        Cell(
            case=name,
            method="post-stratified Welch",
            runs=len(p),
            below=below,
            above=above,
            cover_runs=len(p),
            covered=float(inside.mean()),
        )
    ]


def five(scale: float = 1.0) -> list[Cell]:
    """Return five variants: the chance of any finding among four comparisons, by Holm."""
    made = []
    runs = int(20_000 * scale)
    for n, rate in (((2_000,) * 5, 0.05), ((10_000, *(2_500,) * 4), 0.01), ((900, *(2_275,) * 4), 0.02)):
        case = f"5 variants, {n[0]:,} and 4 x {n[1]:,} users, {rate:.0%} convert"
        p = share_differences(drawn(generator(case), n, (rate,) * 5, runs), "y").p
        made.append(family(case, "score test, Holm", p))
    case, n = "5 variants, 500 and 4 x 500 users, gamma", (500,) * 5
    gamma = generator(case).gamma(5, 1, (int(4_000 * scale), 5, 500))
    parts = [{"y": gamma[:, place]} for place in range(5)]
    made.append(family(case, "Welch's t, Holm", differences(mean_arms(sums_of(parts), "y")).p))
    spending, case = Spending(0.05, 1.5), "5 variants, 500 and 4 x 1,125 users, 5% spend, lognormal 1.5"
    rng, rows = generator(case), []
    for run in range(max(int(1_500 * scale), 20)):
        spent = spending.drawn(rng, (500, *(1_125,) * 4))
        rows.append([offered([spent[0], one], (500, 1_125), seed=run, interval=False).p for one in spent[1:]])
    made.append(family(case, "studentised permutation, Holm", np.array(rows)))
    return made


def family(case: str, method: str, p: np.ndarray) -> Cell:
    """Return how often anything is found among the variants of a test, by the analysis's adjustment."""
    any_found = np.array([np.nanmin(adjusted(row), initial=1.0) < 0.05 for row in p])
    return Cell(
        case=case, method=method, runs=len(p), above=float(any_found.mean()), tail=1.0, note="any of four"
    )


def metrics(scale: float = 1.0) -> list[Cell]:
    """Return the false discovery rate of twenty metrics that move together, five with an effect."""
    runs, case = int(5_000 * scale), "20 metrics, correlation 0.5, 5 with an effect"
    rng = generator(case)
    shared = rng.normal(0, 1, (runs, 1))
    z = np.sqrt(0.5) * shared + np.sqrt(0.5) * rng.normal(0, 1, (runs, 20))
    z[:, :5] += 3.0
    held = np.array([adjusted(row, adjustment="benjamini_hochberg") < 0.05 for row in two_sided(z)])
    wrong = held[:, 5:].sum(axis=1) / np.maximum(held.sum(axis=1), 1)
    se = float(wrong.std() / np.sqrt(runs))
    return [
        Cell(
            case=case,
            method="Benjamini-Hochberg",
            runs=runs,
            above=float(wrong.mean()),
            tail=1.0,
            slack=3 * se,
            note="share of findings that are wrong",
        )
    ]


def the_split(scale: float = 1.0) -> list[Cell]:
    """Return the check of the split itself, whose promise is one false alarm in a thousand."""
    from workbench.experiments.inference.sample_ratio import sample_ratio

    runs, case, users = int(100_000 * scale), "10,000 users, planned 10 / 90", 10_000
    counts = generator(case).binomial(users, 0.1, runs)
    which, back = np.unique(counts, return_inverse=True)
    p = np.array([sample_ratio([int(one), users - int(one)], (0.1, 0.9)).p for one in which])[back]
    lost = generator(case + "lost").binomial(1_000_000, 0.495, 1_000)
    power = np.mean([sample_ratio([int(one), 1_000_000 - int(one)], (0.5, 0.5)).p < 0.001 for one in lost])
    return [
        Cell(
            case=case,
            method="sample ratio mismatch",
            runs=runs,
            below=float(np.mean((p < 0.001) & (counts < 1_000))),
            above=float(np.mean((p < 0.001) & (counts > 1_000))),
            alpha=0.001,
            tail=0.0008,
            power_runs=1_000,
            power=float(power),
            designed=0.99,
            note="power for 49.5 / 50.5 of 1,000,000",
        )
    ]


def naive(scale: float = 1.0) -> list[Cell]:
    """Return what is done elsewhere with the same data."""
    made, spending = [], Spending(0.05, 1.5)
    for n in ((500, 4_500), (1_000, 9_000)):
        case = f"{split_name(n)} users, {spending.title}"
        rng = generator(case + "naive")
        found = [welch(spending.drawn(rng, n), n) for _ in range(max(int(10_000 * scale), 50))]
        below, above = tails(np.array([one.p for one in found]), np.array([one.value for one in found]))
        made.append(_naive(case, "Welch's t", len(found), below, above, "finds gains that are not there"))
    n, rate, runs = (1_000, 9_000), 0.005, int(20_000 * scale)
    case = f"{split_name(n)} users, {rate:.1%} convert"
    plain = share_differences(drawn(generator(case + "naive"), n, (rate, rate), runs), "y")
    wrong = np.abs(plain.value[:, 0]) > 1.959964 * plain.error[:, 0]
    up = plain.value[:, 0] > 0
    made.append(
        _naive(case, "unpooled z", runs, np.mean(wrong & ~up), np.mean(wrong & up), "finds false gains")
    )
    rng, runs = generator("sessions"), int(2_000 * scale)
    totals = []
    for _ in range(2):
        drawn_visits = visits(rng, runs, 500, 0.0)
        totals.append((drawn_visits["orders"].sum(axis=1), drawn_visits["sessions"].sum(axis=1)))
    (x, n_x), (y, n_y) = totals
    share = (x + y) / (n_x + n_y)
    z = (y / n_y - x / n_x) / np.sqrt(share * (1 - share) * (1 / n_x + 1 / n_y))
    made.append(
        _naive(
            "500 / 500 users, orders per session",
            "z over sessions",
            runs,
            np.mean(z < -1.959964),
            np.mean(z > 1.959964),
            "sessions of one user are alike",
        )
    )
    return made


def _naive(case: str, method: str, runs: int, below: float, above: float, note: str) -> Cell:
    return Cell(
        case=case, method=method, runs=runs, below=float(below), above=float(above), naive=True, note=note
    )
