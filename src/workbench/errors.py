"""Every error the workbench raises on purpose, as one tree.

WorkbenchError                 what happened, in which thing, and the way out
├── UsageError                 the call itself is wrong: an unknown name, a wrong option      (exit 2)
├── BadInput                   a file, a value or a parameter cannot be accepted              (exit 3)
├── NotEnoughData              the data cannot carry the answer that was asked for            (exit 1)
├── WorkspaceError             the workspace is missing, damaged, or of another format        (exit 3)
│   └── WorkspaceBusy          another process is writing to the workspace                    (exit 1)
└── RunFailed                  a notebook run ended badly                                     (exit 1)
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from datetime import date, timedelta

RESTORE = "Restore it from a copy."  # what is left where a workspace is damaged


class WorkbenchError(Exception):
    """What happened, in which thing, and the way out, in one message."""

    exit_code = 1

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook shows of it: the message, and not by which lines of the package it came.

        Examples
        --------
        >>> UsageError("'30x' is no window.")._render_traceback_()
        ["UsageError: '30x' is no window."]
        """
        return [f"{type(self).__name__}: {self}"]


class UsageError(WorkbenchError):
    """The call itself is wrong: an unknown name or an option that does not fit."""

    exit_code = 2


class BadInput(WorkbenchError):
    """A file, a value or a parameter that cannot be accepted.

    Parameters
    ----------
    problem : str
        What is wrong, as one sentence without a full stop.
    file, row, column, value : optional
        Where it stands. `row` counts from 1, the header included.
    expected : str, optional
        What would have been right.
    fix : str, optional
        What to do about it.

    Examples
    --------
    >>> print(BadInput("not a date", file="ads.csv", row=3, column="Day", value="31.02.", expected="a date"))
    ads.csv, row 3, column 'Day', value '31.02.': not a date; expected a date.
    """

    exit_code = 3

    def __init__(
        self,
        problem: str,
        *,
        file: object = None,
        row: int | None = None,
        column: str | None = None,
        value: object = None,
        expected: str | None = None,
        fix: str | None = None,
    ) -> None:
        self.problem, self.file, self.row, self.column = problem, file, row, column
        self.value, self.expected, self.fix = value, expected, fix
        place = [
            *([str(file)] if file is not None else []),
            *([f"row {row}"] if row is not None else []),
            *([f"column {column!r}"] if column is not None else []),
            *([f"value {str(value)[:80]!r}"] if value is not None else []),
        ]
        sentence = f"{', '.join(place)}: {problem}" if place else problem
        sentence += f"; expected {expected}" if expected else ""
        super().__init__(sentence + "." + (f" {fix}" if fix else ""))

    def of_file(self, file: object) -> BadInput:
        """Return the error with the file that it is about, where it does not name one yet.

        Examples
        --------
        >>> print(BadInput("not a date", row=3).of_file("ads.csv"))
        ads.csv, row 3: not a date.
        """
        if self.file is not None:
            return self
        return BadInput(
            self.problem,
            file=file,
            row=self.row,
            column=self.column,
            value=self.value,
            expected=self.expected,
            fix=self.fix,
        )


class NotEnoughData(WorkbenchError):
    """The data cannot carry the answer; the message says what is missing."""


class WorkspaceError(WorkbenchError):
    """The workspace is missing, damaged, or of another format."""

    exit_code = 3


class WorkspaceBusy(WorkspaceError):
    """Another process is writing to the workspace."""

    exit_code = 1


class RunFailed(WorkbenchError):
    """A notebook run ended badly; the message names the cell."""


_LONGEST = 80


def wrong_kind(what: str, given: object, expected: str) -> UsageError:
    """Return the error for a value of a kind that cannot be taken, such as text for a day.

    Examples
    --------
    >>> print(wrong_kind("A window", 30, "text as 30d"))
    A window is text as 30d, not the int 30.
    """
    brief = str(given) if isinstance(given, str | int | float | tuple | list | date | timedelta) else ""
    told = f"the {type(given).__name__} {_short(brief)}".rstrip() if brief else f"a {type(given).__name__}"
    return UsageError(f"{what} is {expected}, not {told if given is not None else 'None'}.")


def unknown_name(kind: str, name: str, known: Iterable[str], *, most: int | None = None) -> UsageError:
    """Return the error for a name that does not exist, with the nearest one that does.

    Of many names only the first `most` are listed, and the others counted.

    Examples
    --------
    >>> print(unknown_name("metric", "open_rat", ["open_rate", "roas"]))
    No metric named 'open_rat'. Did you mean 'open_rate'? Known: open_rate, roas.
    >>> print(unknown_name("campaign", "x", ["summer", "autumn", "spring"], most=2))
    No campaign named 'x'. Known: autumn, summer and 1 more.
    >>> print(unknown_name("experiment", "x", []))
    No experiment named 'x'. None is known.
    """
    names = list(known)
    if not names:
        return UsageError(f"No {kind} named {_short(name)!r}. None is known.")
    plain = {one.casefold(): one for one in names}
    near = difflib.get_close_matches(name.casefold(), plain, n=1)
    hint = f" Did you mean {_short(plain[near[0]])!r}?" if near else ""
    listed = ", ".join(_short(one) for one in sorted(names[:most]))
    more = len(names) - len(names[:most])
    rest = f" and {more} more" if more else ""
    return UsageError(f"No {kind} named {_short(name)!r}.{hint} Known: {listed}{rest}.")


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[:_LONGEST]}…"
