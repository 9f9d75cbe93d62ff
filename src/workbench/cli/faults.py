"""What to say where the machine failed under a command: a full disk, a right that is missing, Ctrl-C."""

from __future__ import annotations

import re

INTERRUPTED = 130  # what shells expect of a program that Ctrl-C ended
UNREAD = 141  # and of one whose output nobody reads any more
_OF_FILES = {
    ("_duckdb", "IOException"),
    ("_duckdb", "OutOfMemoryException"),
    ("deltalake", "DeltaError"),
    ("_internal", "DeltaError"),
}
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_AGAIN = "Put it right and run the command again: what was not finished does not show."


def is_interruption(error: BaseException) -> bool:
    """Return whether an error is Ctrl-C: a query that is at work tells of it by an error of its own.

    Examples
    --------
    >>> is_interruption(RuntimeError("Query interrupted")), is_interruption(RuntimeError("no"))
    (True, False)
    """
    return isinstance(error, KeyboardInterrupt) or str(error) == "Query interrupted"


def of_machine(error: BaseException) -> str | None:
    """Return one sentence and the way out where files could not be read or written; None for other errors.

    Examples
    --------
    >>> print(of_machine(PermissionError(13, "Permission denied", "/srv/acme/.lock")))
    /srv/acme/.lock: Permission denied. Put it right and run the command again: what was not finished ...
    >>> of_machine(ValueError("a mistake of ours"))
    """
    kinds = {(kind.__module__.partition(".")[0], kind.__name__) for kind in type(error).__mro__}
    if not isinstance(error, OSError) and not kinds & _OF_FILES:
        return None
    text = _COLOUR.sub("", str(error))
    noted = " ".join(getattr(error, "__notes__", ()))
    again = f"Put it right and run the command again: {noted}." if noted else _AGAIN
    if "No space left on device" in text:
        return f"The disk is full. {again}"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'A file'}: {error.strerror}. {again}"
    said = text.partition("\n\nLINE ")[0]  # without the query
    return f"{' '.join(said.split())[:300]}. {again}"
