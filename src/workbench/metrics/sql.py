"""The only place that knows Ibis, and only as a compiler: expressions over unbound tables in, SQL text out.

The text is cached in this process and on disk, by the expression's key, the versions of the compilers, and
the source of this package; where it is cached, Ibis is never imported. Days of the window are written into
the text after the compilation, so that a new window does not need a new compilation.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import UsageError
from workbench.events.definitions import Field, Kind
from workbench.events.rollups import STORED

if TYPE_CHECKING:
    from workbench.metrics.window import Window

Expression = Any
_MARKS = ("first day", "last day", "day after", "first month", "last month", "first day before")
FIRST, LAST, AFTER, FIRST_MONTH, LAST_MONTH, BEFORE = (f"<{name} of the window>" for name in _MARKS)
_TYPES = {
    Kind.NUMBER: "float64",
    Kind.MONEY: "float64",
    Kind.SCORE: "float64",
    Kind.COUNT: "int64",
    Kind.BOOLEAN: "boolean",
    Kind.INSTANT: "timestamp",
    Kind.DATE: "date",
}
_memory: dict[str, str] = {}


def unbound(name: str) -> Expression:
    """Return a table of the workspace as an unbound Ibis table."""
    import ibis

    return ibis.table({field.name: _type(name, field) for field in columns(name)}, name=name)


def columns(name: str) -> tuple[Field, ...]:
    """Return the columns of a table of the workspace, or of a roll-up over it."""
    return STORED[name].fields


def _type(table: str, field: Field) -> str:
    if table == "facts" and field.name == "user_key":
        return "int64"
    return _TYPES.get(field.kind, "string")


def to_sql(build: Callable[[], Expression], key: Hashable, dialect: str) -> str:
    """Return the SQL of an Ibis expression, compiled at most once per key, dialect and version.

    Parameters
    ----------
    build : callable
        Returns the expression; called only where no cached text is found.
    key : hashable
        Everything the expression depends on; its ``repr`` is hashed.
    dialect : str
        An Ibis dialect: ``duckdb``, ``postgres``, ``databricks`` ...
    """
    name = hashlib.sha256(f"{_source()}\n{dialect}\n{key!r}".encode()).hexdigest()
    if name not in _memory:
        path = cache_folder() / f"{name}.sql"
        try:
            _memory[name] = path.read_text("utf-8")
        except OSError:
            _memory[name] = _compile(build, dialect)
            _keep(path, _memory[name])
    return _memory[name]


def _compile(build: Callable[[], Expression], dialect: str) -> str:
    import ibis
    from ibis.common.exceptions import OperationNotDefinedError, UnsupportedOperationError

    try:
        return str(ibis.to_sql(build(), dialect=dialect))
    except (OperationNotDefinedError, UnsupportedOperationError) as error:
        raise UsageError(f"{dialect} cannot answer this: {error}") from error


def cache_folder() -> Path:
    """Return where compiled SQL is kept: ``$WORKBENCH_CACHE``, or the user's cache folder."""
    chosen = os.environ.get("WORKBENCH_CACHE")
    base = (
        Path(chosen)
        if chosen
        else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "workbench"
    )
    return base / "sql"


def _keep(path: Path, text: str) -> None:
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, draft = tempfile.mkstemp(dir=path.parent, suffix=".part")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(draft).replace(path)


@cache
def _source() -> str:
    digest = hashlib.sha256(f"{version('ibis-framework')} {version('sqlglot')}".encode())
    room = Path(__file__).parent
    for path in sorted([*room.rglob("*.py"), *(room.parent / "events").glob("*.py")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def with_window(sql: str, window: Window) -> str:
    """Return the text with the days of a window in place of their marks."""
    marks = {
        FIRST: window.first.isoformat(),
        LAST: window.last.isoformat(),
        AFTER: window.after.isoformat(),
        FIRST_MONTH: f"{window.first:%Y-%m}",
        LAST_MONTH: f"{window.last:%Y-%m}",
        BEFORE: window.previous.first.isoformat(),
    }
    for mark, day in marks.items():
        sql = sql.replace(f"'{mark}'", f"'{day}'")
    return sql


def literal(value: object, kind: str | None = None) -> Expression:
    """Return a literal."""
    import ibis

    return ibis.literal(value) if kind is None else ibis.literal(value).cast(kind)


def when(condition: Expression, then: object = 1, otherwise: object = None) -> Expression:
    """Return CASE WHEN: the one form of a condition inside a sum that every dialect takes."""
    import ibis

    if otherwise is None:
        return ibis.cases((condition, then))
    return ibis.cases((condition, then), else_=otherwise)


def any_of(conditions: Sequence[Expression]) -> Expression:
    """Return whether at least one condition holds."""
    import ibis

    return ibis.or_(*conditions)


def number(column: Expression) -> Expression:
    """Return a column as a 64-bit float."""
    return column.cast("float64")


def coalesce(columns_: Iterable[Expression]) -> Expression:
    """Return the first value that is not null."""
    import ibis

    return ibis.coalesce(*columns_)


def later(*values: Expression) -> Expression:
    """Return the latest of several days."""
    import ibis

    return ibis.greatest(*values)


def earlier(*values: Expression) -> Expression:
    """Return the earliest of several days."""
    import ibis

    return ibis.least(*values)


def seconds(instant: Expression) -> Expression:
    """Return an instant as whole seconds since 1970; rounded down, as engines keep or round a fraction."""
    return number(instant.epoch_seconds().floor())


def interval(days: int) -> Expression:
    """Return a span of days, of 24 hours each: to add a calendar day takes an engine much longer."""
    import ibis

    return ibis.interval(hours=24 * days)


def within(column: Expression, *, instant: bool) -> list[Expression]:
    """Return the conditions under which a day or an instant lies in the window."""
    if instant:
        return [column >= literal(FIRST, "timestamp"), column < literal(AFTER, "timestamp")]
    return [column >= literal(FIRST, "date"), column <= literal(LAST, "date")]


def partitioned_order(by: Sequence[Expression], order: Sequence[Expression]) -> Expression:
    """Return the place of a row, from 0, among those of equal `by`, in the given order."""
    import ibis

    return ibis.row_number().over(ibis.window(group_by=list(by), order_by=list(order)))


def running(value: Expression, by: Sequence[Expression], order: Expression) -> Expression:
    """Return the sum of a column up to each row, among those of equal `by`, in the given order."""
    import ibis

    return value.sum().over(ibis.cumulative_window(group_by=list(by), order_by=order))


def stepped(column: Expression, steps: Sequence[tuple[float, float]]) -> Expression:
    """Return a column rounded up to steps: up to each value in steps of what stands beside it."""
    import ibis

    *bounded, (_, largest) = steps
    cases = [(column <= end, number((column / step).ceil()) * step) for end, step in bounded]
    return ibis.cases(*cases, else_=number((column / largest).ceil()) * largest)


def over(value: Expression, by: Sequence[Expression]) -> Expression:
    """Return an aggregate over all rows of equal `by`."""
    import ibis

    return value.over(ibis.window(group_by=list(by)))


def so_far(value: Expression, by: Sequence[Expression], order: Sequence[Expression]) -> Expression:
    """Return an aggregate over the rows of equal `by` up to each, in the given order."""
    import ibis

    return value.over(ibis.window(group_by=list(by), order_by=list(order), preceding=None, following=0))
