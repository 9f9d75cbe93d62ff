"""A thousand runs in one batch: what the runner holds, and how soon it knows that nothing is to be done."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from workbench.reports.batches import batch
from workbench.reports.runs import Run
from workbench.store.workspace import Workspace

RUNS = int(os.environ.get("RUNS", "1000"))
MOST_GROWTH = 40_000_000  # bytes, from a tenth of the runs to the last
LONGEST = 1.0  # CPU seconds of the command, all runs unchanged
PROGRAM = Path(sys.executable).parent / "workbench"
PARAMETERS = 'workspace = "../data/demo"\ndata_version = None\ntop = 0'


def write_notebook(folder: Path) -> None:
    """Write a notebook that shows its parameter."""
    import nbformat
    import nbformat.v4 as v4

    given = v4.new_code_cell(PARAMETERS, id="given", metadata={"tags": ["parameters"]})
    cells = [v4.new_markdown_cell("# One", id="head"), given, v4.new_code_cell("top", id="top")]
    nbformat.write(v4.new_notebook(cells=cells), folder / "one.ipynb")


def held() -> int:
    """Return how many bytes this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """Perform the batch, then ask for it again as a command."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        workspace = Workspace.create(folder / "w")
        write_notebook(folder)
        entry = {"notebook": "one.ipynb", "matrix": {"top": list(range(RUNS))}}
        (folder / "b.yaml").write_text(json.dumps({"runs": [entry]}))
        seen: dict[int, int] = {}

        def follow(_run: Run, done: int, total: int) -> None:
            if done in {max(1, total // 10), total}:
                seen[done] = held()

        began = time.perf_counter()
        done = batch(workspace, folder / "b.yaml", told=follow)
        taken = time.perf_counter() - began
        assert not done.failed, done.failed[0].sentence
        first, last = seen.values()
        print(f"{RUNS} runs: {taken:.0f} s, {RUNS / taken:.1f} a second")
        print(f"the runner holds {first / 1e6:.0f} MB after a tenth, {last / 1e6:.0f} MB at the end")
        for _ in range(3):
            before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
            command = [PROGRAM, "batch", folder / "b.yaml", "--workspace", workspace.path]
            subprocess.run(command, check=True, capture_output=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            print(f"all unchanged: {time.perf_counter() - began:.2f} s, {spent:.2f} CPU s")
        assert last - first < MOST_GROWTH, "memory is not flat"
        assert spent < LONGEST, "an unchanged batch takes too long"


if __name__ == "__main__":
    main()
