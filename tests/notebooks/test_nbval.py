"""nbval runs every notebook, each in a warm kernel of its own, and one in the kernel that it names itself."""

from __future__ import annotations

import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from nbformat import v4

from workbench.reports.mix_fitting import keep_mix

HAND = SimpleNamespace(**runpy.run_path(str(Path(__file__).parents[1] / "mmm" / "handmade.py")))
NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
FORKED = (
    "import os, pathlib\nassert 'warm.parent' in pathlib.Path(f'/proc/{os.getppid()}/cmdline').read_text()"
)


@pytest.fixture(scope="module")
def folder(workspaces: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the notebooks, and a workspace where they look for it."""
    made = tmp_path_factory.mktemp("nbval")
    shutil.copytree(NOTEBOOKS, made / "notebooks", ignore=shutil.ignore_patterns(".*"))
    shutil.copytree(workspaces["everything"], made / "data" / "demo")
    keep_mix(made / "data" / "demo", HAND.fitted(HAND.market(periods=80, channels=3)))
    nbformat.write(v4.new_notebook(cells=[v4.new_code_cell(FORKED)]), made / "notebooks" / "forked.ipynb")
    return made


def check(folder: Path, *names: str, options: tuple[str, ...] = ()) -> str:
    files = [str(folder / "notebooks" / f"{name}.ipynb") for name in names]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval-lax",
        "-q",
        "-p",
        "no:cacheprovider",
        *options,
        *files,
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=550)
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


def test_every_notebook_runs_in_a_warm_kernel(folder: Path) -> None:
    names = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))
    check(folder, *names, "forked", options=("--nbval-kernel-name", "workbench-warm"))


def test_a_notebook_runs_in_the_kernel_it_names(folder: Path) -> None:
    check(folder, "data_quality")
