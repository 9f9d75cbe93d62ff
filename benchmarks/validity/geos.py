"""Geo tests: false positives, power and coverage on real cities and on simulated panels; markets chosen."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import numpy as np

from validity.cells import Cell, generator
from workbench.errors import NotEnoughData
from workbench.experiments import select_markets
from workbench.experiments.geo.backtests import backtests
from workbench.experiments.geo.conformal import conformal_test
from workbench.experiments.geo.markets import MarketRules
from workbench.experiments.geo.panel import Panel, panel_of
from workbench.experiments.geo.placebo import placebo_test
from workbench.experiments.geo.split import Split, split
from workbench.experiments.geo.synthetic_control import centred, simplex_weights, synthetic_control
from workbench.experiments.geo.time_based_regression import time_based_regression
from workbench.experiments.inference.estimate import Estimate

Judge = Callable[[Split, int], Estimate | None]
WINDOWS = 0.025  # what overlapping windows of one panel add to sampling error
PLACEBOS = 60  # the analysis draws 200: p is as valid with fewer, only less fine
CITIES = Path(__file__).parents[2].parent / "shared/data/geo/geolift_walkthrough/GeoLift_PreTest.csv"


def cities() -> Panel | None:
    """Return the 90 days before the test of GeoLift's walkthrough, in which nothing was tried."""
    if not CITIES.exists():
        return None
    import pandas as pd

    return panel_of(pd.read_csv(CITIES), geo="location", day="date", value="Y")


def simulated(
    rng: np.random.Generator, *, geos: int = 24, days: int = 90, noise: float = 0.04, carry: float = 0.8
) -> Panel:
    """Return a panel without effect: shared and own noise that carries over, a week, many sizes."""

    def carried(rows: int) -> np.ndarray:
        shocks = rng.normal(size=(rows, days + 50)) * np.sqrt(1 - carry**2)
        for day in range(1, days + 50):
            shocks[:, day] += carry * shocks[:, day - 1]
        return shocks[:, 50:]

    shared = rng.dirichlet(np.full(2, 3.0), size=geos) @ carried(2) * 0.1
    week = 0.1 * rng.uniform(0.5, 1.5, size=(geos, 1)) * np.sin(2 * np.pi * np.arange(days) / 7)
    values = np.exp(rng.normal(7, 1, size=(geos, 1))) * (1 + shared + week + noise * carried(geos))
    first = date(2026, 1, 1)
    return Panel(
        geos=tuple(f"geo {row:03d}" for row in range(geos)),
        days=tuple(first + timedelta(day) for day in range(days)),
        values=values,
        metric="revenue",
    )


def trials(
    rng: np.random.Generator, panel: Callable[[], Panel], runs: int, *, lift: float = 0.0, post: int = 15
) -> Iterator[tuple[Split, float]]:
    """Yield tests of two geos drawn at random, with an effect that is known, ending on day 60 to 90."""
    for _ in range(runs):
        whole = panel()
        end = int(rng.integers(60, len(whole.days), endpoint=True))
        rows = rng.choice(len(whole.geos), 2, replace=False)
        values = whole.values.copy()
        window = np.ix_(rows, np.arange(end - post, end))
        effect = lift * values[window].mean()
        values[window] += effect
        moved = replace(whole, values=values).cut(0, end)
        yield split(moved, treated=[whole.geos[row] for row in rows], start=moved.days[end - post]), effect


def by_placebo(level: float) -> Judge:
    """Return the test whose p and interval a geo report shows."""
    return lambda made, turn: (
        placebo_test(synthetic_control(made), level=level, placebos=PLACEBOS, seed=turn).effect.att
    )


def by_conformal(level: float) -> Judge:
    """Return the second opinion; None where it is not offered."""

    def judge(made: Split, _: int) -> Estimate | None:
        try:
            return conformal_test(synthetic_control(made), level=level).effect.att
        except NotEnoughData:
            return None

    return judge


def by_regression(made: Split, _: int) -> Estimate:
    """Return the textbook interval of time-based regression."""
    return time_based_regression(made).effect.att


def by_single_periods(made: Split, turn: int) -> Estimate:
    """Return conformal inference that shuffles single periods, as if days were independent."""
    values = centred(made.panel.values, len(made.panel.days))
    target, controls = values[made.treated].mean(0), values[made.controls]
    missed = np.abs(target - simplex_weights(controls, target) @ controls)
    rng = np.random.default_rng(turn)
    shuffled = rng.permuted(np.tile(missed, (499, 1)), axis=1)[:, made.pre :].sum(axis=1)
    p = (1 + (shuffled >= missed[made.pre :].sum() - 1e-9).sum()) / 500
    end = -1.0 if p >= 0.05 else 1.0
    return Estimate(value=synthetic_control(made).att, low=end, high=math.inf, p=float(p))


def judged(
    case: str,
    panel: Callable[[], Panel],
    judge: Callable[[float], Judge],
    method: str,
    scale: float,
    lift_found: float = 0.0,
) -> Cell:
    """Return false positives, coverage at 90 % and, where it is promised, power at a lift of 8 %."""
    rng, runs = generator(case + method), max(int(400 * scale), 5)
    few = max(runs // 2, 5)
    nothing, refused = _said(judge(0.95), trials(rng, panel, runs))
    said, _ = _said(judge(0.9), trials(rng, panel, few, lift=0.05))
    found, _ = _said(judge(0.95), trials(rng, panel, few, lift=0.08))
    notes = ["interval of 90 %"]
    notes += ["power at a lift of 8 %"] if lift_found else []
    notes += [f"not offered in {refused / runs:.1%} of tests, which carry over too far"] if refused else []
    return Cell(
        case=case,
        method=method,
        runs=len(nothing),
        below=float(np.mean([one.significant and one.value < 0 for one, _ in nothing])),
        above=float(np.mean([one.significant and one.value > 0 for one, _ in nothing])),
        tail=0.05,
        slack=WINDOWS if "cities" in case else 0.0,
        cover_runs=len(said),
        covered=float(np.mean([one.low <= effect <= one.high for one, effect in said])),
        level=0.9,
        power_runs=len(found) if lift_found else 0,
        power=float(np.mean([one.significant for one, _ in found])) if found else math.nan,
        designed=lift_found,
        note="; ".join(notes),
    )


def _said(judge: Judge, made: Iterator[tuple[Split, float]]) -> tuple[list[tuple[Estimate, float]], int]:
    """Return what a test said, beside the truth, and how often it was not offered."""
    said = [(judge(each, turn), effect) for turn, (each, effect) in enumerate(made)]
    kept = [(one, effect) for one, effect in said if one is not None]
    return kept, len(said) - len(kept)


def geos(scale: float = 1.0) -> list[Cell]:
    """Return both tests of a geo report on both kinds of panels, and the promise of market selection."""
    real, made = cities(), []
    if real is not None:
        case = "40 real cities, 2 treated for 15 days"
        made.append(judged(case, lambda: real, by_placebo, "placebo in space", scale, 0.7))
        made.append(judged(case, lambda: real, by_conformal, "conformal, moving blocks", scale, 0.7))
    for carry in (0.8, 0.4, 0.0):  # the placebo test looks at places, not at days: the hardest is enough
        case = f"24 simulated geos, AR({carry}) and weeks, 2 treated for 15 days"
        if carry == 0.8:
            panel = partial(simulated, generator(case), carry=carry)
            made.append(judged(case, panel, by_placebo, "placebo in space", scale))
        panel = partial(simulated, generator(case), carry=carry)  # the same panels
        made.append(judged(case, panel, by_conformal, "conformal, moving blocks", scale))
    return [*made, promised(max(int(100 * scale), 5))]


def promised(runs: int) -> Cell:
    """Return how often the best markets find the lift that they were promised to, on days nobody saw."""
    case = "best of 100 groups of 30 simulated geos, 15 unseen days"
    rng, kept = generator(case), []
    rules = MarketRules(most=100, largest_share=1.0)
    for run in range(runs):
        whole = simulated(rng, geos=30, days=105, carry=(0.3, 0.6, 0.8)[run % 3])
        best = select_markets(whole.cut(0, 90), sizes=(2, 3, 4), periods=(15,), rules=rules, seed=run).best
        rows = [np.sort(whole.rows(best.treated))]
        later = backtests(whole, rows, starts=[90], periods=[15], seed=run + 1000)
        kept.append(np.mean(later.needed[0, :, 0] <= best.lift))
    return Cell(
        case=case,
        method="market selection",
        power_runs=runs,
        power=float(np.mean(kept)),
        designed=0.8,
        slack=0.06,
        note="the promised lift is found; the promise is 80 % +- 6",
    )


def naive_geos(scale: float = 1.0) -> list[Cell]:
    """Return the tests that others use by default, on the real cities."""
    real, runs = cities(), max(int(1_000 * scale), 5)
    if real is None:
        return []
    made = []
    for method, judge, note in (
        ("conformal, single periods", by_single_periods, "days are not independent"),
        ("time-based regression", by_regression, "its errors carry over from day to day"),
    ):
        case = "40 real cities, 2 treated for 15 days"
        rng = generator(case + method)
        found = [judge(one, turn) for turn, (one, _) in enumerate(trials(rng, lambda: real, runs))]
        wrong = [one.p < 0.05 if method.startswith("conformal") else one.significant for one in found]
        up = np.array([one.value > 0 for one in found])
        made.append(
            Cell(
                case=case,
                method=method,
                runs=runs,
                below=float(np.mean(wrong & ~up)),
                above=float(np.mean(wrong & up)),
                naive=True,
                note=note,
            )
        )
    return made
