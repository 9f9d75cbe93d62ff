"""From a table's definition to the types it has in Delta, Arrow and DuckDB."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.events.definitions import Field, Kind
from workbench.events.tables import TableDefinition

if TYPE_CHECKING:
    import pyarrow as pa

BUCKETS = 16

_SQL_TYPES = {
    Kind.STRING: "VARCHAR",
    Kind.UUID: "VARCHAR",  # Spark refuses Parquet's own UUID type
    Kind.CHOICE: "VARCHAR",
    Kind.OBJECT: "VARCHAR",
    Kind.NUMBER: "DOUBLE",
    Kind.MONEY: "DOUBLE",
    Kind.SCORE: "DOUBLE",
    Kind.COUNT: "BIGINT",
    Kind.BOOLEAN: "BOOLEAN",
    Kind.INSTANT: "TIMESTAMP WITH TIME ZONE",
    Kind.DATE: "DATE",
}


def quote(name: str) -> str:
    """Return a name as an SQL identifier.

    Examples
    --------
    >>> print(quote('a "b" c'))
    "a ""b"" c"
    """
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as an SQL string.

    Examples
    --------
    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def sql_type(field: Field) -> str:
    """Return the DuckDB type of one column.

    Examples
    --------
    >>> sql_type(Field("spend", Kind.MONEY)), sql_type(Field("user_key", Kind.NUMBER))
    ('DOUBLE', 'BIGINT')
    """
    return "BIGINT" if field.name == "user_key" else _SQL_TYPES[field.kind]


def arrow_schema(definition: TableDefinition) -> pa.Schema:
    """Return the Arrow schema of a table: instants in UTC with microseconds, everything nullable."""
    import pyarrow as pa

    types = {
        "VARCHAR": pa.string(),
        "DOUBLE": pa.float64(),
        "BIGINT": pa.int64(),
        "BOOLEAN": pa.bool_(),
        "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", tz="UTC"),
        "DATE": pa.date32(),
    }
    return pa.schema([pa.field(field.name, types[sql_type(field)]) for field in definition.fields])


def user_key(column: str = "user_id") -> str:
    """Return the SQL of a user's key: 63 bits of the MD5 of the id, as a 64-bit integer."""
    # The same as of md5_number_lower, which takes four times as long.
    return f"CAST(md5_number({column}) >> 65 AS BIGINT)"


def user_bucket(column: str = "user_id") -> str:
    """Return the SQL of a user's bucket, 0 to 15."""
    return f"CAST((md5_number({column}) >> 64) & {BUCKETS - 1} AS BIGINT)"


def partition_sql(definition: TableDefinition) -> dict[str, str]:
    """Return the SQL of each partition column, over the table's other columns."""
    made = {"month": f"strftime({quote(definition.day or '')}, '%Y-%m')", "bucket": user_bucket()}
    return {name: made[name] for name in definition.partitions}


def typed_columns(definition: TableDefinition) -> str:
    """Return the select list that has every column as a null of its type: the shape of an empty table."""
    return ", ".join(f"CAST(NULL AS {sql_type(field)}) AS {quote(field.name)}" for field in definition.fields)
