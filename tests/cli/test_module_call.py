"""The command line as `python -m workbench`, for where the script is not on the path."""

from __future__ import annotations

import subprocess
import sys

import workbench


def test_the_module_answers_as_the_command_does() -> None:
    called = subprocess.run(
        [sys.executable, "-m", "workbench", "--version"], capture_output=True, text=True, check=True
    )
    wrong = subprocess.run(
        [sys.executable, "-m", "workbench", "no-such"], check=False, capture_output=True, text=True
    )

    assert called.stdout == f"workbench {workbench.__version__}\n"
    assert wrong.returncode == 2
    assert wrong.stdout == ""
