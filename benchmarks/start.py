"""How long the command line and the package take to answer, beside a bare interpreter in the same run."""

from __future__ import annotations

import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

PROGRAM = str(Path(sys.executable).with_name("workbench"))
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import workbench": [sys.executable, "-c", "import workbench"],
    "import pandas (peer)": [sys.executable, "-c", "import pandas"],
    "workbench --help": [PROGRAM, "--help"],
    "workbench --version": [PROGRAM, "--version"],
}
LIMIT = 0.5


def seconds(command: list[str]) -> float:
    """Return the wall seconds of one call."""
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    """Print the median of nine interleaved calls of each command."""
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(9):
        for name, command in COMMANDS.items():
            taken[name].append(seconds(command))
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}")
    for name, times in taken.items():
        print(
            f"{name:24s} median {statistics.median(times):.3f} s (min {min(times):.3f}, max {max(times):.3f})"
        )
    assert statistics.median(taken["import workbench"]) < LIMIT
    assert statistics.median(taken["workbench --help"]) < LIMIT


if __name__ == "__main__":
    main()
