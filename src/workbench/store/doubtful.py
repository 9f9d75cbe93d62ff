"""Points that may part thousands, days that may be months: judged by all of a file, not row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from workbench.errors import BadInput
from workbench.events.fields import Kind
from workbench.events.parsing import MappedColumn, doubt_of, literal, shown, trimmed
from workbench.events.tables import TableDefinition
from workbench.store.schema import quote
from workbench.store.sources import Source, unreadable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_POINT, _DAY = "_point_", "_day_"
_SAID = {
    _POINT: " is ambiguous in this file: its sign may part thousands or decimals;"
    " state `decimal` in the mapping",
    _DAY: " is ambiguous: other rows of the file have days where this reads the month;"
    " state the date format in a mapping of your own",
}


def doubts(source: Source, table: TableDefinition, columns: Sequence[MappedColumn]) -> dict[str, str]:
    """Return what rows say of how they are read, as SQL by the names to keep it under.

    Points are not asked of where a file holds numbers as numbers, as Parquet does; of its texts they are.
    """
    found, numbers = (
        {},
        [quote(name) for name, kind in zip(source.columns, source.types, strict=False) if kind != "VARCHAR"],
    )
    for column in columns:
        of_day = table.field(column.name).kind is Kind.DATE
        if column.doubt and (of_day or not any(name in column.doubt for name in numbers)):
            found[f"{_DAY if of_day else _POINT}{column.name}"] = column.doubt
    return found


def judge(
    connection: DuckDBPyConnection, staged: str, source: Source, doubtful: Mapping[str, str]
) -> tuple[str, ...]:
    """Reject the rows of a staged table that may be read in two ways where the file speaks for the other.

    A number such as 1.234 is one where another number of the file shows that commas part its decimals or
    points its thousands, and where semicolons part its cells, as they do where commas part decimals, and no
    other number has a point; so is 1,234 of a platform that writes commas between thousands. A day such as
    03/10/2024 is one where another row has 13 in the month's place. Returned is a note where no row tells.
    """
    notes: list[str] = []
    for prefix, said in _SAID.items():
        names = [name for name in doubtful if name.startswith(prefix)]
        by_sign = prefix == _POINT and source.delimiter == ";"
        if not _in_doubt(connection, staged, names, by_sign=by_sign):
            notes += _untold(connection, staged, names) if prefix == _DAY else []
            continue
        columns = {name: literal(f"column {name.removeprefix(prefix)}: ") for name in names}
        reasons = ", ".join(
            f"{column} || {shown(f'{name}.unclear')} || {literal(said)}" for name, column in columns.items()
        )
        anything = " OR ".join(f"{name}.unclear IS NOT NULL" for name in names)
        connection.execute(
            f"UPDATE {staged} SET _reasons = concat_ws('; ', _reasons, {reasons}) WHERE {anything}"
        )
    return tuple(notes)


def _untold(connection: DuckDBPyConnection, staged: str, names: Sequence[str]) -> list[str]:
    """Return how days were read that could be read with the month in the other place, where no row tells."""
    notes = []
    for name in names:
        column = name.removeprefix(_DAY)
        unclear, read = connection.execute(
            f"SELECT {name}.unclear, {quote(column)} FROM {staged} WHERE {name}.unclear IS NOT NULL"
            f" AND NOT EXISTS (SELECT 1 FROM {staged} WHERE {name}.borne_out) ORDER BY _row LIMIT 1"
        ).fetchone() or (None, None)
        if read is not None:
            notes.append(
                f"days such as {unclear} were read as {read.day} {read:%B %Y}, as the platform writes them;"
                " no row of the file shows whether day or month stands first"
            )
    return notes


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
    # One cell a row, so that many columns are no long query.
    cells = f"UNPIVOT {rows} ON {', '.join(map(quote, columns))} INTO NAME _name VALUE _cell"
    texts = f"SELECT _row, _name, {trimmed('_cell')} AS _text FROM ({cells})"
    told = f"(SELECT _row, _name, {doubt_of('_text', '_text')} AS says FROM ({texts}))"
    if not _in_doubt(connection, told, ["says"], by_sign=source.delimiter == ";"):
        return
    found = connection.execute(
        f"SELECT _row, _name, says.unclear FROM {told} WHERE says.unclear IS NOT NULL ORDER BY ALL LIMIT 1"
    ).fetchall()
    for row, column, value in found:
        raise BadInput(
            "its point may part thousands or decimals in this file",
            file=source.path,
            row=row,
            column=column,
            value=value,
            expected="numbers such as 1234.5, without signs between thousands",
        )


def refuse_unclear_events(
    connection: DuckDBPyConnection, source: Source, columns: Sequence[MappedColumn]
) -> None:
    """Refuse the mapped events of a file with semicolons between its cells where points are in doubt.

    Raises
    ------
    BadInput
        Naming the first such number.
    """
    import duckdb

    doubt = next((column.doubt for column in columns if column.name == "properties"), None)
    if doubt is None:
        return
    told = f"SELECT _row, {doubt} AS says FROM ({source.text_sql(connection)})"
    try:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE _event_points AS {told}")
    except duckdb.Error as error:
        raise unreadable(error, source) from error
    if _in_doubt(connection, "_event_points", ["says"], by_sign=True):
        found = connection.execute(
            "SELECT _row, says.unclear FROM _event_points WHERE says.unclear IS NOT NULL ORDER BY 1 LIMIT 1"
        ).fetchall()
        for row, value in found:
            raise BadInput(
                "its point may part thousands or decimals in this file",
                file=source.path,
                row=row,
                value=value,
                expected="numbers such as 1234.5, or `decimal` stated in a mapping of your own",
            )
    connection.execute("DROP TABLE _event_points")


def _in_doubt(connection: DuckDBPyConnection, rows: str, names: Sequence[str], *, by_sign: bool) -> bool:
    if not names:
        return False
    contradicted, borne_out = (
        f"coalesce(bool_or({' OR '.join(f'coalesce({name}.{says}, false)' for name in names)}), false)"
        for says in ("contradicted", "borne_out")
    )
    against, in_favour = connection.execute(f"SELECT {contradicted}, {borne_out} FROM {rows}").fetchall()[0]
    return bool(against or (by_sign and not in_favour))
