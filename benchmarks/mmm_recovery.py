"""Whether media mix models find a truth that is known: docs/explanation/mix-recovery.md.

    python benchmarks/mmm_recovery.py                 4 national markets, no page
    python benchmarks/mmm_recovery.py --markets 20    as many as asked
    python benchmarks/mmm_recovery.py --full          20 national markets, and the page
    python benchmarks/mmm_recovery.py --regions 10    markets of 10 regions, 104 weeks, 3 channels; ours only

Ours, ours with two lift tests, and pymc-marketing's defaults see the same markets in the same run. Each model
is compiled once and takes the data of every market; with regions ours is compiled for each. Ends with exit
code 1 if ours misses its goal.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pandas as pd

from mix import library
from mix.figures import figures_of
from workbench.mmm.posterior import draws_of, health_of
from workbench.mmm.sampling import compiled, data_of, sample
from workbench.mmm.scaling import scaling_of
from workbench.mmm.simulation import SimulatedMarket, simulate_market
from workbench.mmm.spec import MixSpec, Sampling

PAGE = Path(__file__).parents[1] / "docs/explanation/mix-recovery.md"
TEXT = Path(__file__).parent / "mix/page.md"
SAMPLING = Sampling(chains=2, tune=500, draws=500)
ARMS = {
    "ours": "ours",
    "tested": "ours, two channels tested",
    "library": "pymc-marketing's defaults",
}
FIRST_SEED = 100
FIRST_UNSEEN = 108  # the belief about the curves was settled on the markets before


def with_tests(simulated: SimulatedMarket, seed: int) -> MixSpec:
    """Return the specification with tests of the two largest channels, 8 weeks each, 15 % standard error."""
    truth = simulated.truth
    tests = tuple(truth.lift_test(name, seed=seed).test for name in truth.channels[:2])
    return simulated.spec.with_lift_tests(tests)


class Arms:
    """The three models, each compiled for the first market and given the data of the others."""

    def __init__(self) -> None:
        self.machines: dict[str, Any] = {}

    def rows(self, simulated: SimulatedMarket, seed: int) -> list[dict[str, Any]]:
        """Return the figures of all arms on one market."""
        specs = {"ours": simulated.spec, "tested": with_tests(simulated, seed), "library": simulated.spec}
        found = []
        for arm, spec in specs.items():
            start = time.process_time()
            tree = self._tree(arm, replace(spec, sampling=replace(SAMPLING, seed=seed)), simulated)
            market = simulated.market
            draws = (
                library.default_draws(tree, spec, market)
                if arm == "library"
                else draws_of(tree, spec, market, scaling_of(spec, market))
            )
            seconds = time.process_time() - start
            facts = {"arm": arm, "market": seed, "seconds": seconds}
            found += [facts | row for row in figures_of(simulated, draws, health_of(tree))]
        return found

    def _tree(self, arm: str, spec: MixSpec, simulated: SimulatedMarket) -> Any:
        from workbench.mmm.model import build

        market = simulated.market
        if arm == "library":
            model = library.default_model(spec, market)
            if arm not in self.machines:
                self.machines[arm] = library.compiled_default(model)
            return sample(self.machines[arm], spec.sampling, data=data_of(model.model, self.machines[arm]))
        built = build(spec, market).model
        if arm not in self.machines:
            self.machines[arm] = compiled(built, exchangeable=True)
        return sample(self.machines[arm], spec.sampling, data=data_of(built, self.machines[arm]))


def regional_rows(seed: int, regions: int) -> list[dict[str, Any]]:
    """Return the figures of our model on one market with regions."""
    from workbench.mmm.model import build

    simulated = simulate_market(seed=seed, periods=104, channels=3, regions=regions)
    spec, market = simulated.spec, simulated.market
    start = time.process_time()
    model = build(spec, market).model
    machine = compiled(model)
    tree = sample(machine, replace(SAMPLING, seed=seed), data=data_of(model, machine))
    draws = draws_of(tree, spec, market, scaling_of(spec, market))
    facts = {"arm": "ours", "market": seed, "seconds": time.process_time() - start}
    return [facts | row for row in figures_of(simulated, draws, health_of(tree))]


def table_of(rows: pd.DataFrame) -> str:
    """Return the figures of every arm as a Markdown table."""
    lines = [
        "| model | markets | 94 % interval of ROI holds | of marginal ROI | median error of ROI | bias | "
        "width of the interval | error of shares, points | part of the best gain, median | "
        "part of the best outcome, median | CPU seconds |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for arm, name in ARMS.items():
        own = rows[rows["arm"] == arm]
        if own.empty:
            continue
        markets = own.drop_duplicates("market")
        part = (markets["gain"] / markets["best_gain"]).median()
        earned = (markets["earned"] / markets["best"]).median()
        lines.append(
            f"| {name} | {len(markets)} | {own['roi_held'].mean():.1%} | {own['marginal_held'].mean():.1%} | "
            f"{own['roi_error'].abs().median():.1%} | {own['roi_error'].median():+.1%} | "
            f"{own['roi_width'].median():.0%} | {100 * (own['share_error'] ** 2).mean() ** 0.5:.2f} | "
            f"{part:.0%} | {earned:.1%} | {markets['seconds'].median():.1f} |"
        )
    return "\n".join(lines)


def page_of(rows: pd.DataFrame) -> str:
    """Return the page: what was found, and what the figures mean."""
    held = rows.groupby("arm")["roi_held"].mean()
    own = held["ours"]
    kept = "as often as they say" if 0.9 <= own <= 0.98 else "not as often as they say"
    verdict = (
        f"**Its 94 % intervals hold the true return of {own:.1%} of the channels, {kept}; those of\n"
        f"the library's defaults hold {held['library']:.1%}.**"
    )
    unseen = rows[(rows["arm"] == "ours") & (rows["market"] >= FIRST_UNSEEN)]
    facts = {
        "unseen": f"{unseen['roi_held'].mean():.1%}",
        "markets": str(rows["market"].nunique()),
        "verdict": verdict,
        "national": table_of(rows),
        "first": str(rows["market"].min()),
        "last": str(rows["market"].max()),
    }
    text = TEXT.read_text()
    for name, fact in facts.items():
        text = text.replace(f"{{{name}}}", fact)
    return text


def main() -> int:
    """Run the markets, print the table, write the page, and say whether the goal is met."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--markets", type=int, default=4)
    asked.add_argument("--first", type=int, default=FIRST_SEED, help="seed of the first market")
    asked.add_argument("--regions", type=int, default=1)
    asked.add_argument("--full", action="store_true")
    asked.add_argument("--keep", type=Path, help="file for the rows behind the table")
    asked.add_argument("--page", type=Path, help="only write the page, from the rows of an earlier run")
    options = asked.parse_args()
    if options.page:
        PAGE.write_text(page_of(pd.read_csv(options.page)))
        return 0
    if options.full and options.regions > 1:
        asked.error("the page is about national markets: ask for --full or for --regions")
    arms, rows = Arms(), []
    first = FIRST_SEED if options.full else options.first
    for seed in range(first, first + (20 if options.full else options.markets)):
        if options.regions > 1:
            rows += regional_rows(seed, options.regions)
        else:
            rows += arms.rows(simulate_market(seed=seed), seed)
        print(f"{seed - first + 1} markets", flush=True)
        if options.keep:
            pd.DataFrame(rows).to_csv(options.keep, index=False)
    table = pd.DataFrame(rows)
    text = table_of(table)
    print(text)
    print(f"R-hat at most {table['r_hat'].max():.3f}, {table['divergences'].max()} divergences at most")
    if options.full:
        PAGE.write_text(page_of(table))
    held = table[table["arm"] != "library"].groupby("arm")["roi_held"].mean()
    goal = (0.9, 0.98) if options.full else (0.8, 1.0)  # 24 channels say little
    return 0 if held.between(*goal).all() else 1


if __name__ == "__main__":
    sys.exit(main())
