"""Points that may part thousands as well as decimals: judged by all numbers of a file, not row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from workbench.errors import BadInput
from workbench.events.parsing import MappedColumn, doubt_of, literal, shown, trimmed
from workbench.store.sources import Source

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_PREFIX = "_point_"
_SAID = " is ambiguous in this file: its point may part thousands or decimals; state `decimal` in the mapping"


def doubts(source: Source, columns: Sequence[MappedColumn]) -> dict[str, str]:
    """Return what the rows of a delimited file say of points, as SQL by the names to keep it under.

    Sheets, JSON and Parquet hold numbers that are numbers.
    """
    if not source.delimiter:
        return {}
    return {f"{_PREFIX}{column.name}": column.doubt for column in columns if column.doubt}


def judge(connection: DuckDBPyConnection, staged: str, source: Source, doubtful: Mapping[str, str]) -> None:
    """Reject the rows of a staged table with a number such as 1.234, where its point is in doubt.

    It is where another number of the file shows that commas part its decimals or points its thousands, and
    where semicolons part its cells, as they do where commas part decimals, and no other number has a point.
    """
    if not _in_doubt(connection, staged, source, list(doubtful)):
        return
    columns = {name: literal(f"column {name.removeprefix(_PREFIX)}: ") for name in doubtful}
    said = ", ".join(
        f"{column} || {shown(f'{name}.unclear')} || {literal(_SAID)}" for name, column in columns.items()
    )
    anything = " OR ".join(f"{name}.unclear IS NOT NULL" for name in doubtful)
    connection.execute(f"UPDATE {staged} SET _reasons = concat_ws('; ', _reasons, {said}) WHERE {anything}")


def refuse_unclear(connection: DuckDBPyConnection, rows: str, source: Source, columns: Sequence[str]) -> None:
    """Refuse the rows of a delimited file, all cells of which are text, where points are in doubt.

    Parameters
    ----------
    connection : DuckDBPyConnection
        Has the rows.
    rows : str
        Their table, which is read several times.
    source : Source
        The file.
    columns : sequence of str
        Those that may hold numbers.

    Raises
    ------
    BadInput
        Naming the first such number.
    """
    if not source.delimiter or not columns:
        return
    names = {f"{_PREFIX}{place}": column for place, column in enumerate(columns)}
    texts = {name: trimmed(column) for name, column in names.items()}
    told = ", ".join(f"{doubt_of(text, text)} AS {name}" for name, text in texts.items())
    told = f"(SELECT _row, {told} FROM {rows})"
    if not _in_doubt(connection, told, source, list(names)):
        return
    for name, column in names.items():
        found = connection.execute(
            f"SELECT _row, {name}.unclear FROM {told} WHERE {name}.unclear IS NOT NULL ORDER BY _row LIMIT 1"
        ).fetchall()
        for row, value in found:
            raise BadInput(
                "its point may part thousands or decimals in this file",
                file=source.path,
                row=row,
                column=column,
                value=value,
                expected="numbers such as 1234.5, without signs between thousands",
            )


def _in_doubt(connection: DuckDBPyConnection, rows: str, source: Source, names: Sequence[str]) -> bool:
    if not names:
        return False
    thousands, decimal = (
        " OR ".join(f"coalesce({name}.{sign}, false)" for name in names) for sign in ("thousands", "decimal")
    )
    elsewhere, here = connection.execute(
        f"SELECT coalesce(bool_or({thousands}), false), coalesce(bool_or({decimal}), false) FROM {rows}"
    ).fetchall()[0]
    return bool(elsewhere or (source.delimiter == ";" and not here))
