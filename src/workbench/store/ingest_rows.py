"""Rows of a table: mapped, checked, told apart by their key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from workbench.errors import BadInput
from workbench.events.dates import day, instant
from workbench.events.definitions import Field, Kind
from workbench.events.fields import LARGEST, is_currency
from workbench.events.mapping import Mapping
from workbench.events.parsing import (
    MappedColumn,
    NumberFormat,
    Parsed,
    count,
    literal,
    number,
    trimmed,
    truth,
)
from workbench.events.tables import TABLES, TableDefinition
from workbench.events.validation import holds_nul, is_formula_error, is_shortened
from workbench.store.doubtful import doubts, judge
from workbench.store.parted_orders import refuse_parts
from workbench.store.schema import quote, sql_type
from workbench.store.sources import Source, unreadable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

STAGED_ROWS, KEPT_ROWS = "_staged_rows", "_kept_rows"
_NUMBERS = frozenset({Kind.NUMBER, Kind.MONEY, Kind.COUNT})
_AMOUNTS = frozenset({"order_value", "cogs", "revenue"})  # of money, some of it below zero
# Columns that a file in our own form may lack.
_DEFAULTS = {
    ("orders", "line"): "CAST(1 AS BIGINT)",
    ("orders", "is_return"): "coalesce(TRY_CAST(order_value AS DOUBLE) < 0, false)",
}


# Where platforms and spreadsheets name the sums of all other rows: to count them would double everything.
_SUMMED = {"daily_performance": "campaign_id", "geo_performance": "geo"}
_TOTALS = (
    r"(?:grand |sub)?totals?(?: ?:.*| of \d.*| g[eé]n[eé]ral)?"
    r"|(?:ins)?gesamt(?:ergebnis|summe)?|summe|totale complessivo|totaux|totaal|results from \d.*"
)

_RETURNED = (  # added to revenue, it would be taken for a sale
    "CASE WHEN is_return AND order_value > 0 THEN 'a return with a value above zero: order_value' END"
)


def native_table(columns: Sequence[str]) -> TableDefinition | None:
    """Return the table whose own columns a file has, None where none or several fit.

    Examples
    --------
    >>> native_table(["creative_id", "campaign_id", "headline"]).name
    'creatives'
    """
    there = set(columns)
    fits = [
        table
        for table in TABLES.where(loadable=True).values()
        if there <= set(table.columns)
        and {f.name for f in table.fields if f.required and (table.name, f.name) not in _DEFAULTS} <= there
    ]
    return fits[0] if len(fits) == 1 else None


def native_columns(
    table: TableDefinition, columns: Sequence[str], currency: str | None = None
) -> tuple[MappedColumn, ...]:
    """Return the SQL of a table's columns for a file that is in our own form.

    The sign of the workspace's currency may stand beside amounts.
    """
    made = []
    for field in table.fields:
        if field.name in columns:
            paid = field.kind is Kind.MONEY or field.name in _AMOUNTS
            parsed = _parsed(trimmed(field.name), field.kind, (currency or "") if paid else "")
            reason = f"{literal(f'column {field.name}: ')} || {parsed.reason}" if parsed.reason else None
            made.append(MappedColumn.of(field.name, replace(parsed, reason=reason)))
        elif (table.name, field.name) in _DEFAULTS:
            made.append(MappedColumn(name=field.name, sql=_DEFAULTS[table.name, field.name]))
    return tuple(made)


def _parsed(text: str, kind: Kind, currency: str) -> Parsed:
    plain = NumberFormat(currency=currency)
    match kind:
        case Kind.COUNT:
            return count(text, plain)
        case Kind.NUMBER | Kind.MONEY | Kind.SCORE:
            return number(text, plain)
        case Kind.BOOLEAN:
            return truth(text)
        case Kind.DATE:
            return day(text, ())
        case Kind.INSTANT:
            return instant(text, (), "UTC", "refuse")
    return Parsed(sql=text)


def stage_rows(
    connection: DuckDBPyConnection,
    source: Source,
    table: TableDefinition,
    columns: Sequence[MappedColumn],
    currency: str = "CAST(NULL AS VARCHAR)",
    *,
    now: datetime,
) -> tuple[str, ...]:
    """Fill the table `STAGED_ROWS`: every row of the file, typed, with `_reasons` where it is rejected.

    A row of a day that is yet to come is rejected: windows such as ``"30d"`` end on the last day with data.
    Returned are notes of what the file leaves open.

    Raises
    ------
    BadInput
        If the file turns out to be broken on the way.
    """
    import duckdb

    values = ", ".join(f"{column.sql} AS {quote(column.name)}" for column in columns)
    failures = ", ".join(
        f"CASE WHEN {c.failure} THEN {c.reason or literal(f'column {c.name} fails')} END AS _f{place}"
        for place, c in enumerate(columns)
        if c.failure
    )
    inner = f"SELECT _row, _raw, _problem, {currency} AS _currency, {values}"
    inner += f", {failures}" if failures else ""
    doubtful = doubts(source, table, columns)
    inner += "".join(f", {sql} AS {name}" for name, sql in doubtful.items())
    said = ", ".join(
        [
            "_problem",
            *(f"_f{place}" for place, c in enumerate(columns) if c.failure),
            *(text for place, c in enumerate(columns) for text in _rules(table.field(c.name), place, c)),
            *([_future(table.field(table.day), now)] if table.day in {c.name for c in columns} else []),
            *([_of_totals(_SUMMED[table.name])] if table.name in _SUMMED else []),
            *([_RETURNED] if table.name == "orders" else []),
        ]
    )
    reasons = (
        "CASE WHEN _problem IS NOT NULL THEN _problem ELSE nullif(array_to_string("
        f"list_distinct(list_filter([{said}], lambda x: x IS NOT NULL)), '; '), '') END"
    )
    try:
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {STAGED_ROWS} AS SELECT"
            f" {', '.join(['_row', '_raw', '_currency', '_reasons', *doubtful])}, {_own(table, columns)}"
            f" FROM (SELECT *, {reasons} AS _reasons"
            f" FROM ({inner} FROM ({source.text_sql(connection)})))"
        )
    except duckdb.Error as error:
        raise unreadable(error, source) from error
    return judge(connection, STAGED_ROWS, source, doubtful)


def _own(table: TableDefinition, columns: Sequence[MappedColumn]) -> str:
    there = {column.name for column in columns}
    return ", ".join(
        f"CAST({quote(name) if name in there else 'NULL'} AS {sql_type(table.field(name))}) AS {quote(name)}"
        for name in table.columns
    )


def _future(field: Field, now: datetime) -> str:
    # A day's slack, because days of other time zones begin earlier.
    last = literal((now.astimezone(UTC) + timedelta(days=1)).isoformat())
    latest = f"CAST({last} AS TIMESTAMPTZ)" if field.kind is Kind.INSTANT else f"CAST({last} AS DATE)"
    said = literal(f"future: {field.name} lies more than a day ahead")
    return f"CASE WHEN {quote(field.name)} > {latest} THEN {said} END"


def _of_totals(name: str) -> str:
    of_totals = f"regexp_full_match({quote(name)}, {literal(_TOTALS)}, 'i')"
    said = literal(f"a row of totals: {name}; what is really named so needs an id, or another name")
    return f"CASE WHEN {of_totals} THEN {said} END"


def _rules(field: Field, place: int, column: MappedColumn) -> list[str]:
    name, found = quote(field.name), []
    if field.required:
        failed = f" AND _f{place} IS NULL" if column.failure else ""
        found.append(f"CASE WHEN {name} IS NULL{failed} THEN {literal(f'missing value: {field.name}')} END")
    if field.kind in _NUMBERS:
        found.append(f"CASE WHEN abs({name}) > {LARGEST!r} THEN {literal(f'too large: {field.name}')} END")
    match field.kind:
        case Kind.MONEY:
            found.append(f"CASE WHEN {name} < 0 THEN {literal(f'negative money: {field.name}')} END")
        case Kind.COUNT:
            found.append(f"CASE WHEN {name} < 0 THEN {literal(f'negative count: {field.name}')} END")
        case Kind.SCORE:
            said = literal(f"score out of range: {field.name}")
            found.append(f"CASE WHEN NOT {name} BETWEEN 0 AND 1 THEN {said} END")
        case Kind.STRING:
            found.append(f"CASE WHEN {holds_nul(name)} THEN {literal(f'NUL character: {field.name}')} END")
            said = literal(f"an error of a spreadsheet: {field.name}")
            found.append(f"CASE WHEN {is_formula_error(name)} THEN {said} END")
            if field.name.endswith("_id"):
                said = literal(f"malformed id: {field.name} is a number that was shortened")
                found.append(f"CASE WHEN {is_shortened(name)} THEN {said} END")
        case Kind.CHOICE:
            allowed = ", ".join(map(literal, field.choices))
            said = literal(f"value not allowed: {field.name}; expected one of {', '.join(field.choices)}")
            found.append(f"CASE WHEN {name} NOT IN ({allowed}) THEN {said} END")
    return found


def check_currency(connection: DuckDBPyConnection, source: Source, known: str | None) -> str | None:
    """Return the currency of a load, and reject its rows in any other than the workspace's.

    Raises
    ------
    BadInput
        If the workspace has none yet and the file has several.
    """
    found = [
        row[0]
        for row in connection.execute(
            f"SELECT DISTINCT _currency FROM {STAGED_ROWS} WHERE _currency IS NOT NULL AND _reasons IS NULL"
            " ORDER BY 1"
        ).fetchall()
    ]
    code = one_currency(found, source, known)
    if code is not None and set(found) - {code}:
        connection.execute(
            f"UPDATE {STAGED_ROWS} SET _reasons ="
            f" 'another currency: ' || _currency || {literal(f'; the workspace is in {code}')}"
            f" WHERE _reasons IS NULL AND _currency <> {literal(code)}"
        )
    return code


def one_currency(found: Sequence[str], source: Source, known: str | None) -> str | None:
    """Return the currency that counts: the workspace's, or else the one that a file has.

    Raises
    ------
    BadInput
        If the workspace has none yet and the file has several, or one that is none.
    """
    if known is None and len(found) > 1:
        raise BadInput(
            f"the file holds money in several currencies: {', '.join(found)}",
            file=source.path,
            expected="one currency",
            fix="Load the rows of the workspace's currency first, as a file of their own,"
            " or make a workspace with: workbench init DIR --currency CODE.",
        )
    if known is None and found and not is_currency(found[0]):
        raise BadInput(
            "the file states a currency that is no code",
            file=source.path,
            value=found[0],
            expected="three letters, such as EUR",
            fix="Write its code, or make a workspace with: workbench init DIR --currency CODE.",
        )
    return known or next(iter(found), None)


def with_signs(mapping: Mapping, code: str | None) -> Mapping:
    """Return a mapping that reads amounts beside the workspace's own sign of money."""
    # Rows of another currency are refused by their code.
    if code is None or isinstance(mapping.currency, str):
        return mapping
    return mapping.model_copy(update={"currency": code})


def tell_apart(
    connection: DuckDBPyConnection, table: TableDefinition, mapping: Mapping | None, by_place: bool
) -> int:
    """Fill `KEPT_ROWS` with the rows to be stored, and return how many rows were copies.

    Of rows with one key the first is kept; an equal one is a copy, another is rejected. A row that is stored
    already, with the same values, is a copy too. With ``combine: sum`` the rows of one key are added up.
    Lines of orders may be known by their place in the file.
    """
    columns = ", ".join(map(quote, table.columns))
    key = ", ".join(map(quote, table.key))
    if table.name == "orders":
        refuse_parts(connection, STAGED_ROWS, by_place=by_place)
    if mapping is not None and mapping.combine == "sum":
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {KEPT_ROWS} AS SELECT {_summed(table)} FROM {STAGED_ROWS}"
            f" WHERE _reasons IS NULL GROUP BY {key}"
        )
        return _drop_stored(connection, table)
    rest = [name for name in table.columns if name not in table.key]
    content = f"hash({', '.join(map(quote, rest))})" if rest else "0"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE _keyed_rows AS SELECT _row, place, content IS NOT DISTINCT FROM"
        f" first_value(content) OVER (PARTITION BY {key} ORDER BY _row) AS equal FROM (SELECT *,"
        f" {content} AS content, row_number() OVER (PARTITION BY {key} ORDER BY _row) AS place"
        f" FROM {STAGED_ROWS} WHERE _reasons IS NULL) QUALIFY count(*) OVER (PARTITION BY {key}) > 1"
    )
    connection.execute(
        f"UPDATE {STAGED_ROWS} SET _reasons = 'second row for one key: ' || {literal(', '.join(table.key))}"
        " WHERE _row IN (SELECT _row FROM _keyed_rows WHERE place > 1 AND NOT equal)"
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {KEPT_ROWS} AS SELECT {columns}, CAST(1 AS BIGINT) AS _rows"
        f" FROM {STAGED_ROWS} WHERE _reasons IS NULL"
        " AND _row NOT IN (SELECT _row FROM _keyed_rows WHERE place > 1)"
    )
    within = connection.execute("SELECT count(*) FROM _keyed_rows WHERE place > 1 AND equal").fetchall()
    return int(within[0][0]) + _drop_stored(connection, table)


def _summed(table: TableDefinition) -> str:
    parts = []
    for field in table.fields:
        name = quote(field.name)
        if field.name in table.key:
            parts.append(name)
        elif field.kind in _NUMBERS:
            # To nine places: 0.1 and 0.2 are the 0.3 of a report that had added them up itself.
            parts.append(f"CAST(round(sum({name}), 9) AS {sql_type(field)}) AS {name}")
        else:
            parts.append(f"arg_max({name}, _row) AS {name}")
    return ", ".join([*parts, "count(*) AS _rows"])


def _drop_stored(connection: DuckDBPyConnection, table: TableDefinition) -> int:
    same = " AND ".join(
        f"new_row.{quote(name)} IS NOT DISTINCT FROM old_row.{quote(name)}" for name in table.columns
    )
    exists = f"EXISTS (SELECT 1 FROM {quote(table.name)} AS old_row WHERE {same})"
    (rows,) = connection.execute(
        f"SELECT coalesce(sum(_rows), 0) FROM {KEPT_ROWS} AS new_row WHERE {exists}"
    ).fetchall()[0]
    if rows:
        connection.execute(f"DELETE FROM {KEPT_ROWS} AS new_row WHERE {exists}")
    return int(rows)
