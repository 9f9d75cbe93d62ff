"""Tests that are looked at while they run: by plan, at any time, and by nobody's leave."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtri

from validity.cells import Cell, generator, split_name
from validity.means import Spending, offered
from workbench.experiments import Sums, design
from workbench.experiments.analysis.monitoring import Monitoring
from workbench.experiments.inference.confidence_sequence import at_any_time
from workbench.experiments.inference.estimate import Estimates
from workbench.experiments.inference.proportions import differences
from workbench.experiments.inference.spending import bounds
from workbench.experiments.inference.spending import design as looks_design

NORMAL = float(ndtri(0.975))
DAYS = 28


def evenly(looks: int) -> list[float]:
    """Return looks at equal distances."""
    return [(place + 1) / looks for place in range(looks)]


def sides(found: Estimates) -> tuple[np.ndarray, np.ndarray]:
    """Return the standard errors below and above the figure that a method's interval has, as the analysis."""
    below, above = (found.value - found.low) / NORMAL, (found.high - found.value) / NORMAL
    return np.where(below > 0, below, np.inf), np.where(above > 0, above, np.inf)


def daily(
    rng: np.random.Generator, n: tuple[int, int], rates: tuple[float, float], runs: int
) -> tuple[Estimates, np.ndarray]:
    """Return the differences known after each day, shape (runs, days), and the users until then."""
    sizes = np.array([[round(size * day) for day in evenly(DAYS)] for size in n]).T
    new = np.diff(sizes, axis=0, prepend=0)
    seen = np.cumsum(rng.binomial(new, rates, (runs, DAYS, 2)), axis=1)
    wide = np.broadcast_to(sizes, seen.shape).astype(float)
    means = seen / wide
    sums = Sums(
        variants=("a", "b"),
        columns=("y",),
        n=wide,
        means=means[..., None],
        products=(wide * means * (1 - means))[..., None, None],
    )
    found = differences(sums, "y")
    names = ("value", "error", "low", "high", "p", "df")
    flat = Estimates(**{name: getattr(found, name)[..., 0] for name in names})
    return flat, sizes.sum(axis=1).astype(float)


def crossed(found: Estimates, bound: np.ndarray, around: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Return the tests in which an interval ever lies below, and above, a value."""
    below, above = sides(found)
    with np.errstate(invalid="ignore"):
        under = found.value + bound * above < around
        over = found.value - bound * below > around
    first_under = np.where(under.any(axis=1), under.argmax(axis=1), 10**6)
    first_over = np.where(over.any(axis=1), over.argmax(axis=1), 10**6)
    return first_under < first_over, first_over < first_under


def looking(scale: float = 1.0) -> list[Cell]:
    """Return all cells."""
    runs = int(20_000 * scale)
    made = [statistic(looks, runs if looks < 500 else runs // 2) for looks in (10, 50, 500)]
    for n, rate in (((5_000, 5_000), 0.05), ((1_000, 9_000), 0.005), ((5_000, 45_000), 0.01)):
        made += [planned(n, rate, runs // 2), any_time(n, rate, runs // 2)]
    return [*made, revenue(max(int(1_000 * scale), 20))]


def statistic(looks: int, runs: int) -> Cell:
    """Return planned looks at a normal statistic."""
    case = f"{looks} looks, any large sample"
    rng, limits = generator(case), bounds(evenly(looks))
    times = np.sqrt(evenly(looks))

    def z(drift: float) -> np.ndarray:
        steps = rng.normal(drift / looks, np.sqrt(1 / looks), (runs, looks))
        return np.asarray(np.cumsum(steps, axis=1) / times)

    nothing = z(0.0)
    first = np.abs(nothing) > limits
    up = np.sign(np.take_along_axis(nothing, first.argmax(axis=1)[:, None], axis=1))[:, 0] > 0
    power = float((np.abs(z(2.8016)) > limits).any(axis=1).mean())
    return Cell(
        case=case,
        method="Lan-DeMets, O'Brien-Fleming",
        runs=runs,
        below=float(np.mean(first.any(axis=1) & ~up)),
        above=float(np.mean(first.any(axis=1) & up)),
        power_runs=runs,
        power=power,
        designed=looks_design(evenly(looks), drift=2.8016).power,
        note="the sample that has 80 % with one look",
    )


def planned(n: tuple[int, int], rate: float, runs: int) -> Cell:
    """Return planned daily looks at shares."""
    case = f"{split_name(n)} users, {rate:.1%} convert, {DAYS} daily looks"
    rng, limits, total = generator(case), bounds(evenly(DAYS)), sum(n)
    nothing, _ = daily(rng, n, (rate, rate), runs)
    _agree(nothing, limits)
    below, above = crossed(nothing, limits)
    split = [size / total for size in n]
    plan = design("proportion", baseline=rate, relative=False, users=total, split=split, looks=DAYS)
    lifted, _ = daily(rng, n, (rate, rate + plan.effect), runs)
    missed = np.logical_or(*crossed(lifted, limits, plan.effect))
    return Cell(
        case=case,
        method="Lan-DeMets on the method's interval",
        runs=runs,
        below=float(below.mean()),
        above=float(above.mean()),
        cover_runs=runs,
        covered=1 - float(missed.mean()),
        power_runs=runs,
        power=float(crossed(lifted, limits)[1].mean()),
        designed=plan.power,
        note="coverage of all looks together",
    )


def _agree(found: Estimates, limits: np.ndarray) -> None:
    """Check that the analysis reads looks as this script does."""
    below, above = sides(found)
    for run, day in ((0, DAYS - 1), (1, DAYS // 2), (2, DAYS - 2)):
        one = found.at(run, day)
        made = Monitoring(kind="planned", fractions=tuple(evenly(DAYS)[: day + 1]), final=False)
        looked = made.at_this_look(one, 1000, alpha=0.05)
        if looked is not None:
            ends = one.value - limits[day] * below[run, day], one.value + limits[day] * above[run, day]
            assert np.allclose((looked.low, looked.high), ends, rtol=1e-6)


def any_time(n: tuple[int, int], rate: float, runs: int) -> Cell:
    """Return daily looks at shares of which nobody planned a number."""
    case = f"{split_name(n)} users, {rate:.1%} convert, looked at daily at will"
    rng = generator(case)
    nothing, users = daily(rng, n, (rate, rate), runs)
    unit = at_any_time(np.zeros(DAYS), np.ones(DAYS), users, planned=sum(n)).high
    below, above = crossed(nothing, unit)
    lifted, _ = daily(rng, n, (rate, 1.3 * rate), runs)
    missed = np.logical_or(*crossed(lifted, unit, 0.3 * rate))
    return Cell(
        case=case,
        method="asymptotic confidence sequence",
        runs=runs,
        below=float(below.mean()),
        above=float(above.mean()),
        cover_runs=runs,
        covered=1 - float(missed.mean()),
        note="coverage of all looks together",
    )


def revenue(runs: int) -> Cell:
    """Return four weekly looks at skewed revenue with a tenth held out."""
    n, looks, spending = (500, 4_500), 4, Spending(0.05, 1.5)
    case = f"{split_name(n)} users, {spending.title}, {looks} weekly looks"
    rng, limits = generator(case), bounds(evenly(looks))
    new = (n[0] // looks, n[1] // looks)
    found = []
    for run in range(runs):
        spent: list[np.ndarray] = [np.zeros(0), np.zeros(0)]
        rows = []
        for look in range(looks):
            spent = [np.concatenate(pair) for pair in zip(spent, spending.drawn(rng, new), strict=True)]
            seen = (new[0] * (look + 1), new[1] * (look + 1))
            one = offered(spent, seen, seed=run, interval=True)
            rows.append((one.value, one.low, one.high, one.p))
        found.append(rows)
    value, low, high, p = np.moveaxis(np.array(found), -1, 0)
    blank = np.full(value.shape, math.nan)
    below, above = crossed(Estimates(value=value, low=low, high=high, p=p, error=blank, df=blank), limits)
    return Cell(
        case=case,
        method="Lan-DeMets on the permutation's interval",
        runs=runs,
        below=float(below.mean()),
        above=float(above.mean()),
    )


def naive_looking(scale: float = 1.0) -> list[Cell]:
    """Return what happens where p is read at every look as if it were the only one."""
    made, runs = [], int(20_000 * scale)
    for looks in (10, 50):
        case = f"{looks} looks, any large sample"
        rng = generator(case + "naive")
        steps = rng.normal(0, np.sqrt(1 / looks), (runs, looks))
        z = np.cumsum(steps, axis=1) / np.sqrt(evenly(looks))
        first = np.abs(z) > NORMAL
        up = np.take_along_axis(z, first.argmax(axis=1)[:, None], axis=1)[:, 0] > 0
        wrong = first.any(axis=1)
        made.append(
            Cell(
                case=case,
                method="p below 0.05 at any look",
                runs=runs,
                below=float(np.mean(wrong & ~up)),
                above=float(np.mean(wrong & up)),
                naive=True,
                note="every look is one more chance to be wrong",
            )
        )
    return made
