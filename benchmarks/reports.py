"""What reports cost beside papermill and nbconvert as commands, one and fifty; how large a page is."""

from __future__ import annotations

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from workbench.reports.batches import batch
from workbench.reports.kernel import warm_kernels
from workbench.reports.notebook import read_notebook
from workbench.reports.publication import publish
from workbench.reports.runs import run
from workbench.store.workspace import Workspace

ROUNDS = int(os.environ.get("ROUNDS", "3"))
MANY = 50
LARGEST_PAGE = 600_000
SLOWEST_REPEAT = 1.0
LEAST = {"polars and altair": 10.0, "with pymc_marketing": 15.0, "fifty": 10.0}
MOST_CPU = 0.5
BIN = Path(sys.executable).parent

CELLS = {
    "parameters": 'workspace = "../data/demo"\ndata_version = None\ntop = 3',
    "libraries": "import altair as alt\nimport polars as pl\nalt.renderers.enable('workbench')",
    "data": (
        "days = pl.DataFrame({'day': range(90)}).with_columns(spend=(pl.col('day') % 7 + top) * 10.0)\n"
        "weeks = days.group_by(pl.col('day') // 7).agg(pl.col('spend').sum()).sort('day')"
    ),
    "line": "alt.Chart(days, title='Spend by day').mark_line().encode(x='day:Q', y='spend:Q')",
    "bars": "alt.Chart(weeks, title='Spend by week').mark_bar().encode(x='day:O', y='spend:Q')",
    "points": "alt.Chart(days, title='Each day').mark_point().encode(x='day:Q', y='spend:Q')",
    "table": "weeks.tail(top).to_pandas()",
}
MODELLING = {"model": "from pymc_marketing.mmm import MMM\nMMM.__name__"}


@dataclass(frozen=True)
class Taken:
    """Seconds on the clock, and CPU seconds of this process and all its ended children and kernels."""

    wall: float
    cpu: float


def write_notebook(folder: Path, name: str, cells: dict[str, str]) -> Path:
    """Write a notebook of one heading and code cells, the first of which has its parameters."""
    import nbformat.v4 as v4

    made = [v4.new_markdown_cell("# Small report", id="head")]
    made += [v4.new_code_cell(source, id=id_) for id_, source in cells.items()]
    made[1].metadata["tags"] = ["parameters"]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = folder / f"{name}.ipynb"
    path.write_text(json.dumps(v4.new_notebook(cells=made, metadata={"kernelspec": kernel})))
    return path


def timed(work: Callable[[], float | None]) -> Taken:
    """Return what a piece of work takes; it returns the CPU seconds that nobody else counts."""

    def spent() -> float:
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return time.process_time() + children.ru_utime + children.ru_stime

    begun, before = time.perf_counter(), spent()
    more = work() or 0.0
    return Taken(time.perf_counter() - begun, spent() - before + more)


def peer(notebook: Path, folder: Path, top: int) -> None:
    """Run and convert with the programs a person would call."""
    out = folder / "out.ipynb"
    subprocess.run([BIN / "papermill", notebook, out, "-p", "top", str(top)], check=True, capture_output=True)
    subprocess.run([BIN / "jupyter-nbconvert", "--to", "html", out], check=True, capture_output=True)


def ours(workspace: Workspace, notebook: Path, out: Path, top: int) -> float:
    """Run in a warm kernel and publish; return the kernel's CPU seconds, which its parent has waited for."""
    done = run(workspace, str(notebook), {"top": top})
    assert done.completed, done.sentence
    measured = done.record.measured or {}
    assert measured["kernel"] == "warm", measured
    publish(workspace, out)
    return float(measured["cpu_seconds"])


def compared(name: str, cells: dict[str, str], folder: Path, rounds: int) -> tuple[list[Taken], list[Taken]]:
    """Print and return what a report takes, in interleaved rounds, after one that is not counted."""
    stem = name.replace(" ", "-")
    notebook, out = write_notebook(folder, stem, cells), folder / f"{stem}-pages"
    workspace = Workspace.create(folder / stem)
    theirs: list[Taken] = []
    mine: list[Taken] = []
    with warm_kernels(workspace.path, [read_notebook(notebook).source]):
        first = timed(lambda: ours(workspace, notebook, out, 0))
        for top in range(1, rounds + 1):
            theirs.append(timed(lambda top=top: peer(notebook, folder, top)))  # type: ignore[misc]
            mine.append(timed(lambda top=top: ours(workspace, notebook, out, top)))  # type: ignore[misc]
    print(f"\n{name}")
    for label, taken in (("papermill + nbconvert", theirs), ("run + publish", mine), ("the first", [first])):
        wall, cpu = (statistics.median(getattr(t, part) for t in taken) for part in ("wall", "cpu"))
        print(f"  {label:22s} {wall:7.2f} s on the clock, {cpu:6.2f} CPU seconds (medians of {len(taken)})")
    print(
        f"  {'ratio':22s} {ratio(theirs, mine, 'wall'):7.1f} on the clock, "
        f"{ratio(theirs, mine, 'cpu'):6.1f} of CPU"
    )
    return theirs, mine


def ratio(theirs: list[Taken], mine: list[Taken], part: str) -> float:
    """Return how many times as long they take."""
    return statistics.median(getattr(t, part) for t in theirs) / statistics.median(
        getattr(t, part) for t in mine
    )


def fifty(folder: Path, one: float) -> float:
    """Print and return how many times as fast fifty runs are; `one` is what papermill takes for one."""
    workspace = Workspace.create(folder / "many")
    write_notebook(folder, "many", CELLS)
    plan = folder / "plan.yaml"
    plan.write_text(f"runs: [{{notebook: many.ipynb, matrix: {{top: {list(range(MANY))}}}}}]")
    command = [BIN / "workbench", "batch", plan, "-w", workspace.path, "--jobs", "2"]
    together = timed(lambda: subprocess.run(command, check=True, capture_output=True) and None)
    again = timed(lambda: batch(workspace, plan, jobs=2) and None)
    print(
        f"\n{MANY} runs, two at once: {together.wall:.1f} s; "
        f"papermill, one after the other: {MANY * one:.1f} s ({MANY} times its median)"
    )
    print(f"  ratio {MANY * one / together.wall:.1f}; repeated, all unchanged: {again.wall:.2f} s")
    assert again.wall < SLOWEST_REPEAT
    return MANY * one / together.wall


def papermill_alone(folder: Path) -> float:
    """Return the median seconds of papermill as a command."""
    notebook = folder / "polars-and-altair.ipynb"
    command = [BIN / "papermill", notebook, folder / "alone.ipynb"]
    taken = [
        timed(lambda: subprocess.run(command, check=True, capture_output=True) and None) for _ in range(3)
    ]
    return statistics.median(t.wall for t in taken)


def main() -> None:
    """Print medians of interleaved rounds, and hold the limits."""
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        reached: dict[str, float] = {}
        theirs, mine = compared("polars and altair", CELLS, folder, ROUNDS)
        reached["polars and altair"] = ratio(theirs, mine, "wall")
        cpu = statistics.median(t.cpu for t in mine)
        reached["fifty"] = fifty(folder, papermill_alone(folder))
        pages = (folder / "polars-and-altair-pages").glob("*.html")
        largest = max(page.stat().st_size for page in pages if page.name != "index.html")
        print(f"\nlargest page, of three live charts: {largest / 1000:.0f} kB")
        dear = compared("with pymc_marketing", CELLS | MODELLING, folder, max(1, ROUNDS // 2))
        reached["with pymc_marketing"] = ratio(*dear, "wall")
    assert largest <= LARGEST_PAGE
    short = {name: value for name, value in reached.items() if value < LEAST[name]}
    assert not short, short
    assert cpu <= MOST_CPU, cpu


if __name__ == "__main__":
    main()
