"""How a view asks the tables: an expression, compiled once, with the days of its window."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import NotEnoughData
from workbench.metrics import sql
from workbench.metrics.window import Window, resolve
from workbench.result import apart

if TYPE_CHECKING:
    from workbench.source import Tables

_LONGEST = 80  # letters of a campaign's name: a sentence that names several has some hundred


def ask(
    tables: Tables, build: Callable[[], Any], *key: Hashable, window: Window | None = None
) -> list[dict[str, Any]]:
    """Return the rows of an expression as dictionaries.

    Parameters
    ----------
    tables : Tables
        Where the answer comes from.
    build : callable
        Returns the Ibis expression; called only where its SQL is not cached.
    key : hashable
        What the expression depends on beside the source of this room: its name and its arguments.
    window : Window, optional
        The days that stand for the marks of `sql.within`.
    """
    text = sql.to_sql(build, ("explore", _source(), *key), tables.dialect)
    if window is not None:
        text = sql.with_window(text, window)
    return list(tables.query(text).to_pylist())


def window_of(tables: Tables, window: str | Window | None) -> Window | None:
    """Return the window meant, or None where there is no data to count back from."""
    try:
        return resolve(window, tables)
    except NotEnoughData:
        return None


def gone_by(tables: Tables, window: str | Window | None) -> date | None:
    """Return the last day of a window after which data go on; None where it ends with them, or for none."""
    days = window_of(tables, window) if window else None
    ended = days is not None and tables.last_day is not None and days.last < tables.last_day
    return days.last if days and ended else None


def days_since_epoch(column: Any) -> Any:
    """Return the day of an instant as a whole number, in a form that every dialect computes alike."""
    return column.truncate("D").epoch_seconds() // 86_400


def month_number(column: Any) -> Any:
    """Return the month of an instant as a whole number: 12 x year + month - 1."""
    return column.year().cast("int64") * 12 + column.month().cast("int64") - 1


@cache
def _source() -> str:
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def told_apart(facts: dict[str, dict[str, object]]) -> dict[str, dict[str, object]]:
    """Return the same with names that leave a sentence room, and the id behind one that several share.

    Examples
    --------
    >>> made = told_apart({key: {"name": "Spring sale " * 30 + key} for key in ("c1", "c2")})
    >>> made["c1"]["name"][-12:], len(made["c2"]["name"])
    ('Spring… (c1)', 84)
    """
    names = apart({key: _short(row["name"]) for key, row in facts.items()})
    return {key: {**row, "name": names[key]} for key, row in facts.items()}


def _short(name: object) -> object:
    return f"{name[: _LONGEST - 1].rstrip()}…" if isinstance(name, str) and len(name) > _LONGEST else name
