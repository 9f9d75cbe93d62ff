"""What a run costs beside plain papermill and nbconvert, and a repeated batch; how large a page is."""

from __future__ import annotations

import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from workbench.reports.batches import batch
from workbench.reports.publication import publish
from workbench.reports.runs import run
from workbench.store.workspace import Workspace

ROUNDS = 5
LARGEST_PAGE = 600_000
SLOWEST_REPEAT = 1.0
BIN = Path(sys.executable).parent

CELLS = {
    "parameters": 'workspace = "../data/demo"\ndata_version = None\ntop = 3',
    "open": "import workbench as wb\nws = wb.open(workspace, data_version)",
    "read": "ws.query('SELECT count(*) AS rows FROM orders').to_pandas()",
    "chart": (
        "import altair as alt\nimport pandas as pd\nalt.renderers.enable('workbench')\n"
        "alt.Chart(pd.DataFrame({'x': [1, 2], 'y': [3, 4]}), title='A line').mark_line().encode(x='x', y='y')"
    ),
}


def write_notebook(folder: Path, workspace: Path) -> Path:
    """Write a small notebook that opens a workspace, asks it one thing and draws one chart."""
    import nbformat.v4 as v4

    cells = [v4.new_markdown_cell("# Small report", id="head")]
    cells += [v4.new_code_cell(source, id=name) for name, source in CELLS.items()]
    cells[1].metadata["tags"] = ["parameters"]
    cells[1].source = cells[1].source.replace("../data/demo", str(workspace))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = folder / "small.ipynb"
    path.write_text(json.dumps(v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})))
    return path


def timed(work: object, *arguments: object, **options: object) -> float:
    """Return the wall seconds of one call."""
    begun = time.perf_counter()
    work(*arguments, **options)  # type: ignore[operator]
    return time.perf_counter() - begun


def peer(notebook: Path, folder: Path, top: int) -> None:
    """Run and convert with the programs a person would call."""
    out = folder / "out.ipynb"
    subprocess.run([BIN / "papermill", notebook, out, "-p", "top", str(top)], check=True, capture_output=True)
    subprocess.run([BIN / "jupyter-nbconvert", "--to", "html", out], check=True, capture_output=True)


def main() -> None:
    """Print medians of interleaved rounds, and hold the limits."""
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}")
    taken: dict[str, list[float]] = {"papermill + nbconvert": [], "workbench run": [], "publish": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        workspace = Workspace.create(folder / "w")
        notebook = write_notebook(folder, workspace.path)
        run(workspace, str(notebook), {"top": 0})
        publish(workspace, folder / "out")
        for top in range(1, ROUNDS + 1):
            taken["papermill + nbconvert"].append(timed(peer, notebook, folder, top))
            taken["workbench run"].append(timed(run, workspace, str(notebook), {"top": top}))
            taken["publish"].append(timed(publish, workspace, folder / "out"))
        for label, seconds in taken.items():
            print(f"{label:24s} median {statistics.median(seconds):.2f} s (min {min(seconds):.2f})")
        ours = [r + p for r, p in zip(taken["workbench run"], taken["publish"], strict=True)]
        ratio = statistics.median(taken["papermill + nbconvert"]) / statistics.median(ours)
        print(f"{'ratio':24s} {ratio:.1f} times as fast as papermill and nbconvert")

        plan = folder / "plan.yaml"
        plan.write_text(f"runs: [{{notebook: small.ipynb, matrix: {{top: {list(range(100, 112))}}}}}]")
        first, again = timed(batch, workspace, plan, jobs=2), timed(batch, workspace, plan, jobs=2)
        print(f"batch of 12, two at once: {first:.1f} s, {first / 12:.2f} s per run; repeated: {again:.2f} s")
        largest = max(page.stat().st_size for page in (folder / "out").glob("*.html"))
        print(f"largest page: {largest / 1000:.0f} kB")
        assert again < SLOWEST_REPEAT
        assert largest <= LARGEST_PAGE
        assert ratio > 1


if __name__ == "__main__":
    main()
