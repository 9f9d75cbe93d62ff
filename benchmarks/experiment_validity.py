"""Whether the methods of experiments keep what they promise: docs/explanation/experiment-validity.md.

    python benchmarks/experiment_validity.py            a short look, no page
    python benchmarks/experiment_validity.py --full     all repetitions, and the page
    python benchmarks/experiment_validity.py --only shares
    python benchmarks/experiment_validity.py --full --only shares    these cells of the page anew

Each cell has its own seed, made from one seed and the cell's name, so one part gives the same figures alone.
Ends with exit code 1 if a promise is broken.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from validity import geos, guarding, lifts, looking, means, ratios, several, shares
from validity.cells import SEED, Cell, band

PAGE = Path(__file__).parents[1] / "docs/explanation/experiment-validity.md"
TEXT = Path(__file__).parent / "validity/page.md"
QUICK = 0.02

PARTS: dict[str, tuple[str, Callable[[float], list[Cell]]]] = {
    "shares": ("Shares of users (conversion, retention)", shares.shares),
    "means": ("Means per user (revenue, minutes)", means.means),
    "ratios": ("Ratios of two sums (order value)", ratios.ratios),
    "adjusted": (
        "Ratios per visitor, and figures adjusted for the time before (CUPED)",
        several.adjusted_and_ratios,
    ),
    "lifts": ("Relative changes", lifts.lifts),
    "strata": ("Post-stratified means", several.stratified),
    "several": ("Five variants, the chance of any false finding (Holm)", several.five),
    "metrics": ("Many metrics, the share of findings that are false", several.metrics),
    "looks": ("Tests that are looked at while they run", looking.looking),
    "guardrails": ("Guardrails", guarding.guarding),
    "split": ("The split itself, at 0.1 %", several.the_split),
    "geo": ("Geo tests", geos.geos),
}
NAIVE: tuple[Callable[[float], list[Cell]], ...] = (
    several.naive,
    ratios.naive,
    lifts.naive,
    looking.naive_looking,
    geos.naive_geos,
)

_MADE = re.compile(r"This\s+page:\s+(.*?)\.\s+The\s+two\s+rows", re.DOTALL)
NAIVE_TITLE = "## What others do by default"

HEAD = (
    "| data | method | tests | loss found | gain found | together, promised | band | interval holds | "
    "power | designed | verdict |\n|---|---|--:|--:|--:|--:|--:|--:|--:|--:|---|"
)


def percent(share: float, digits: int = 1) -> str:
    """Return a share as a reader sees it."""
    return "–" if not math.isfinite(share) else f"{100 * share:.{digits}f} %"


def line(cell: Cell) -> str:
    """Return a cell as a row of the table."""
    digits = 2 if cell.alpha < 0.01 else 1
    together = f"{percent(cell.found, digits)} of {percent(cell.alpha, digits)}" if cell.runs else "–"
    held = f"{percent(cell.covered)} ({cell.cover_runs:,})" if cell.cover_runs else "–"
    power = f"{percent(cell.power)} ({cell.power_runs:,})" if cell.power_runs else percent(cell.power)
    figures = (
        cell.case,
        cell.method,
        f"{cell.runs:,}" if cell.runs else "–",
        percent(cell.below, digits),
        percent(cell.above, digits),
        together,
        f"± {100 * band(cell.alpha, cell.runs):.{digits}f}" if cell.runs else "–",
        held,
        power,
        percent(cell.designed) if cell.power_runs else "–",
        cell.verdict,
    )
    return f"| {' | '.join(figures)} |"


def table(cells: Sequence[Cell]) -> str:
    """Return cells as a table."""
    return "\n".join([HEAD, *(line(cell) for cell in cells)])


def part(name: str, scale: float) -> tuple[list[Cell], float]:
    """Return the cells of one part, and its CPU seconds."""
    start = time.process_time()
    makers = NAIVE if name == "naive" else (PARTS[name][1],)
    return [cell for make in makers for cell in make(scale)], time.process_time() - start


def measured(names: Sequence[str], scale: float, jobs: int = 1) -> tuple[dict[str, list[Cell]], float]:
    """Return the cells of some parts, and the CPU seconds of all."""
    found, total = {}, 0.0
    with ProcessPoolExecutor(jobs) as pool:
        for name, (cells, seconds) in zip(names, pool.map(part, names, [scale] * len(names)), strict=True):
            found[name], total = cells, total + seconds
            print(f"== {name} ({seconds:.0f} s)\n{table(cells)}", flush=True)
    return found, total


def tables_of(text: str) -> dict[str, str]:
    """Return the tables of a page by the name of their part."""
    titles = {name: f"### {title}" for name, (title, _) in PARTS.items()} | {"naive": NAIVE_TITLE}
    return {
        name: text.split(f"{title}\n\n")[1].split("\n\n", maxsplit=1)[0] for name, title in titles.items()
    }


def page(tables: Mapping[str, str], *, made: str) -> str:
    """Return the page of some tables, and how they were made."""
    body = "\n\n".join(f"### {PARTS[name][0]}\n\n{text}" for name, text in tables.items() if name != "naive")
    rows = [row.strip("| ").split(" | ") for row in body.splitlines() if row.startswith("| ")]
    rows = [row for row in rows if row[0] != "data"]
    broken = [row for row in rows if row[-1].startswith("BROKEN")]
    failed = "\n".join(f"- {row[0]}, {row[1]}: {_promises(row[-1])}." for row in broken)
    return TEXT.read_text(encoding="utf-8").format(
        kept=f"{len(rows) - len(broken)} of {len(rows)}",
        tests=f"{sum(map(_tests, rows)) / 1e6:.1f}",
        broken=f"\n\nNot kept:\n\n{failed}" if broken else "",
        body=body,
        naive=tables["naive"],
        numbers=lifts.numbers(),
        seed=SEED,
        made=made,
    )


def _promises(verdict: str) -> str:
    return verdict.removeprefix("BROKEN: ").split(";")[0]


def _tests(row: Sequence[str]) -> int:
    """Return how many tests stand in a row: without effect, of the interval, and of power."""
    told = [row[2], *(found for one in row[7:9] for found in re.findall(r"\(([\d,]+)\)", one))]
    return sum(int(one.replace(",", "")) for one in told if one != "–")


def written(text: str, found: Mapping[str, Sequence[Cell]], *, how: str, seconds: float) -> str:
    """Return the page with some parts made anew: all others stay, and with them how they were made.

    Parameters
    ----------
    text : str
        The page as it is; needed where not all parts are made anew.
    found : dict of str to list of Cell
        The cells by part.
    how : str
        The day and the machine.
    seconds : float
        CPU seconds of all cells.
    """
    new = {name: table(cells) for name, cells in found.items()}
    made = f"{how}, {seconds / 60:.0f} CPU minutes"
    if set(new) == {*PARTS, "naive"}:
        return page(new, made=made)
    names = ", ".join(PARTS[name][0] if name in PARTS else "what others do" for name in new)
    before = " ".join(_MADE.findall(text)[0].split()).split("; ")
    parts = [one for one in before if not one.startswith(f"{names} anew")]
    return page(tables_of(text) | new, made="; ".join([*parts, f"{names} anew {made}"]))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write into the page what was measured in full."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--full", action="store_true", help="all repetitions, written into the page")
    parser.add_argument(
        "--only", choices=[*PARTS, "naive"], help="one part; with --full its cells are written into the page"
    )
    parser.add_argument("--jobs", type=int, default=1, help="processes at once; figures do not depend on it")
    chosen = parser.parse_args(arguments)
    names = [chosen.only] if chosen.only else [*PARTS, "naive"]
    found, seconds = measured(names, 1.0 if chosen.full else QUICK, chosen.jobs)
    print(f"{seconds:.0f} CPU seconds, seed {SEED}")
    if chosen.full:
        cores = f"{os.cpu_count()} cores, Python {platform.python_version()}"
        how = f"{datetime.now(UTC).date().isoformat()}, {platform.system()} {platform.machine()}, {cores}"
        text = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(written(text, found, how=how, seconds=seconds), encoding="utf-8")
    return int(any(cell.broken for cells in found.values() for cell in cells if not cell.naive))


if __name__ == "__main__":
    sys.exit(main())
