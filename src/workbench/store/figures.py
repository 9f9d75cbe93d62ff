"""The quality figures of a load, from its staged rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from workbench.events.definitions import ENVELOPE, EVENT_TYPES, SOURCES, Kind
from workbench.events.parsing import literal
from workbench.events.quality import ALL, NOT_MAPPED, Quality
from workbench.events.tables import TableDefinition
from workbench.events.validation import by_type
from workbench.store.deduplication import COPIES, REPLACED
from workbench.store.ingest_events import REJECTED, STAGED
from workbench.store.ingest_rows import KEPT_ROWS, STAGED_ROWS
from workbench.store.schema import quote

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_COPIED = f"_row IN (SELECT _row FROM {COPIES} UNION ALL SELECT _row FROM {REPLACED})"
_MISSING = "(missing property|null id|missing value)"
_BROKEN = (
    "(not JSON|not UTF-8|not an event|malformed|unknown type|unknown source|wrongly typed|not allowed"
    "|out of range|too large|negative|below the minimum)"
)


def event_figures(connection: DuckDBPyConnection, now: datetime, expected: int | None) -> tuple[Quality, ...]:
    """Return the figures of staged events, of all and per source."""
    known = ", ".join(map(literal, SOURCES))
    source = f"CASE WHEN source IN ({known}) THEN source ELSE 'unknown' END"
    rejected = {row[0]: row[1:] for row in _by_source(connection, source)}
    copied = dict(
        connection.execute(
            f"SELECT coalesce(place, {literal(ALL)}), count(*) FROM (SELECT {source} AS place FROM {STAGED}"
            f" WHERE {_COPIED}) GROUP BY GROUPING SETS ((), (place))"
        ).fetchall()
    )
    made = [
        _quality(row, rejected.get(row[0], (0, 0)), copied.get(row[0], 0))
        for row in _staged(connection, source, now)
    ]
    made.sort(key=lambda quality: (quality.source != ALL, quality.source))
    return _expected(made, expected)


def _staged(connection: DuckDBPyConnection, source: str, now: datetime) -> list[tuple[Any, ...]]:
    arrival = f"TIMESTAMPTZ {literal(now.isoformat())}"
    lag = f"(epoch_us({arrival}) - epoch_us(timestamp)) / 60e6"
    envelope = sum(field.required for field in ENVELOPE)
    required = {t.name: str(len(t.required) + envelope) for t in EVENT_TYPES.values()}
    rows: list[tuple[Any, ...]] = connection.execute(
        f"SELECT coalesce(place, {literal(ALL)}), count(*), count(*) FILTER (_unmapped),"
        " count(*) FILTER (_sound), count(*) FILTER (_sound AND late_arrival AND NOT _copied),"
        f" sum({by_type(required, str(envelope))}) FILTER (NOT _unmapped),"
        f" min({lag}) FILTER (_sound), approx_quantile({lag}, 0.95) FILTER (_sound)"
        f" FROM (SELECT {source} AS place, coalesce({_unmapped('_problem')}, false) AS _unmapped,"
        f" {_COPIED} AS _copied, * FROM {STAGED}) GROUP BY GROUPING SETS ((), (place))"
    ).fetchall()
    return rows


def _quality(row: tuple[Any, ...], rejected: tuple[int, int], copies: int) -> Quality:
    source, read, unmapped, sound, late, fields, fresh, p95 = row
    missing, broken = rejected
    meant = read - unmapped
    return Quality(
        source=source,
        read=read,
        accepted=sound - copies,
        duplicates=copies,
        quarantined=read - sound,
        late=late,
        unmapped=unmapped,
        completeness=1 - min(missing / fields, 1) if fields else None,
        compliance=1 - broken / meant if meant else None,
        freshness_minutes=fresh,
        lag_p95_minutes=p95,
    )


def _unmapped(reasons: str) -> str:
    return f"starts_with({reasons}, {literal(NOT_MAPPED)})"


def not_mapped(connection: DuckDBPyConnection) -> tuple[str, ...]:
    """Return a note that counts the staged events which the mapping leaves out, the most frequent first."""
    found = connection.execute(
        f"SELECT split_part(substr(_problem, {len(NOT_MAPPED) + 1}), '; ', 1) AS name, count(*) AS rows"
        f" FROM {STAGED} WHERE {_unmapped('_problem')} GROUP BY name ORDER BY rows DESC, name"
    ).fetchall()
    if not found:
        return ()
    said = ", ".join(f"{name} {rows:,}" for name, rows in found[:10])
    more = f" and {len(found) - 10} more" if len(found) > 10 else ""
    return (f"{sum(rows for _, rows in found):,} rows of events that the mapping leaves out: {said}{more}",)


def _by_source(connection: DuckDBPyConnection, source: str) -> list[tuple[str, int, int]]:
    required = sum(field.required for field in ENVELOPE)
    missing = (
        f"CASE WHEN regexp_matches(_reasons, '^(not JSON|not UTF-8|not an event)') THEN {required}"
        f" ELSE len(regexp_extract_all(_reasons, '{_MISSING}')) END"
    )
    return connection.execute(
        f"SELECT coalesce(place, {literal(ALL)}), coalesce(sum({missing}), 0),"
        f" count(*) FILTER (regexp_matches(_reasons, '{_BROKEN}'))"
        f" FROM (SELECT {source} AS place, _reasons FROM {REJECTED} WHERE NOT {_unmapped('_reasons')})"
        " GROUP BY GROUPING SETS ((), (place))"
    ).fetchall()


def row_figures(
    connection: DuckDBPyConnection,
    table: TableDefinition,
    counts: tuple[int, int, int],
    now: datetime,
    expected: int | None,
) -> tuple[Quality, ...]:
    """Return the figures of staged rows of a table.

    Parameters
    ----------
    connection : DuckDBPyConnection
        Has the staged rows.
    table : TableDefinition
        Whose rows they are.
    counts : tuple of int
        Rows read, copies, and rejected.
    now : datetime
        The arrival.
    expected : int, optional
        How many rows should have arrived.
    """
    read, copies, rejected = counts
    required = [field.name for field in table.fields if field.required]
    filled = " + ".join(f"count({quote(name)})" for name in required)
    share, broken = connection.execute(
        f"SELECT ({filled}) / nullif(count(*) * {len(required)}, 0),"
        f" count(*) FILTER (regexp_matches(_reasons, '{_BROKEN}|column |cells where')) FROM {STAGED_ROWS}"
    ).fetchall()[0]
    fresh = None
    if table.day is not None:
        day = quote(table.day)
        end = f"{day} + 1" if table.field(table.day).kind is Kind.DATE else day
        newest = f"CAST(max({end}) AS TIMESTAMPTZ)"
        arrival = f"TIMESTAMPTZ {literal(now.isoformat())}"
        (fresh,) = connection.execute(
            f"SELECT (epoch_us({arrival}) - epoch_us({newest})) / 60e6 FROM {KEPT_ROWS}"
        ).fetchall()[0]
    figures = Quality(
        read=read,
        accepted=read - copies - rejected,
        duplicates=copies,
        quarantined=rejected,
        completeness=share,
        compliance=1 - broken / read if read else None,
        freshness_minutes=fresh,
    )
    return _expected([figures], expected)


def _expected(figures: list[Quality], expected: int | None) -> tuple[Quality, ...]:
    if expected:
        rate = {quality.source: quality.read / expected for quality in figures if quality.source == ALL}
        return tuple(replace(q, ingestion_rate=rate.get(q.source)) for q in figures)
    return tuple(figures)
