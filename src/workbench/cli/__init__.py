"""The command line: the same words as the Python API.

Exit codes: 0 well, 1 the work failed, 2 wrong usage, 3 bad input; 130 after Ctrl-C, 141 where whoever read
the output wants no more of it. Data goes to stdout, messages to stderr.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from io import TextIOWrapper
from typing import NoReturn


def main(arguments: list[str] | None = None) -> None:
    """Run one command and leave with its exit code."""
    # To look for plugins among all that is installed takes a tenth of a second of every command.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    _fill_streams()
    _spell_out()
    from workbench.cli import faults
    from workbench.cli.commands import app
    from workbench.errors import WorkbenchError

    try:
        app(args=arguments, prog_name="workbench")
    except SystemExit as left:
        if isinstance(left.__context__, BrokenPipeError):  # the work did not fail
            sys.exit(faults.UNREAD)
        raise
    except WorkbenchError as error:
        _leave(str(error), error.exit_code)
    except Exception as error:
        if faults.is_interruption(error):
            sys.exit(faults.INTERRUPTED)
        said = faults.of_machine(error)
        if said is None:
            raise
        _leave(said, WorkbenchError.exit_code)


def _fill_streams() -> None:
    """Open what a scheduler closed: the next file would take its number, and what is printed its place."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(number, True)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8", closefd=False))


def _spell_out() -> None:
    """Have signs that the encoding of a log lacks written by name: no answer fails for a minus."""
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="namereplace")


def _leave(message: str, code: int) -> NoReturn:
    from workbench.cli.data import printable

    with suppress(BrokenPipeError):  # who reads no messages sees the code
        for line in f"workbench: {message}".split("\n"):
            print(printable(line), file=sys.stderr)  # noqa: T201 - this is where messages are said
    sys.exit(code)
