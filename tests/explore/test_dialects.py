"""The queries of the views in other databases: all compile, and Postgres gives DuckDB's answers."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from workbench import explore
from workbench.metrics import sql
from workbench.metrics.window import Window, parse_window

DIALECTS = ["duckdb", "postgres", "databricks", "bigquery", "snowflake", "trino"]


def _builders() -> dict[str, Any]:
    from importlib import import_module

    rooms = {
        name: import_module(f"workbench.explore.{name}")
        for name in (
            "campaigns",
            "cohorts",
            "creatives",
            "frequency",
            "heatmaps",
            "leads",
            "pacing",
            "paths",
            "system_health",
            "targets",
        )
    }
    return {
        "campaigns": rooms["campaigns"]._names,
        "cohort sizes": lambda: rooms["cohorts"]._sizes("signup", "region"),
        "cohort ages": lambda: rooms["cohorts"]._ages("signup", None),
        "cohort ages by first order": lambda: rooms["cohorts"]._ages("first order", None),
        "first orders": lambda: rooms["cohorts"]._firsts("signup", None),
        "creatives": rooms["creatives"]._headlines,
        "frequency": lambda: rooms["frequency"]._per_frequency("c"),
        "heatmap": lambda: rooms["heatmaps"]._quarters(by_segment=False),
        "heatmap by segment": lambda: rooms["heatmaps"]._quarters(by_segment=True),
        "lead counts": rooms["leads"]._counts,
        "lead waits": rooms["leads"]._waits,
        "plans": rooms["pacing"]._plans,
        "paths": lambda: rooms["paths"]._stages({"campaign": ("c",)}),
        "runs": lambda: rooms["system_health"]._ended(("notebook",)),
        "last runs": rooms["system_health"]._last_status,
        "loads by table": rooms["system_health"]._loaded,
        "targets": rooms["targets"]._plans,
    }


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", _builders())
def test_queries_compile(name: str, dialect: str) -> None:
    window = Window.ending(parse_window("2024-01-01:2024-01-31", None).last, 30)
    text = sql.with_window(sql._compile(_builders()[name], dialect), window)
    assert "of the window>" not in text
    # Distinct counts with a filter cost a multiple of a scan: two steps instead.
    assert "COUNT(DISTINCT" not in text.upper()
    assert "FILTER(" not in text.upper().replace(" ", "")


class Postgres:
    """The same tables in a Postgres database."""

    dialect = "postgres"

    def __init__(self, connection: Any, like: Any) -> None:
        self.connection, self.names = connection, like.names
        self.last_day, self.currency = like.last_day, like.currency
        for name in sorted(like.names):
            self._copy(name, like.query(f"SELECT * FROM {name}"))

    def _copy(self, name: str, table: pa.Table) -> None:
        kinds = {
            pa.float64(): "double precision",
            pa.int64(): "bigint",
            pa.bool_(): "boolean",
            pa.date32(): "date",
        }
        kinds |= {pa.timestamp("us", tz="UTC"): "timestamptz"}
        columns = ", ".join(f'"{field.name}" {kinds.get(field.type, "text")}' for field in table.schema)
        with self.connection.cursor() as cursor:
            cursor.execute(f"CREATE TABLE {name} ({columns})")
            with cursor.copy(f"COPY {name} FROM STDIN") as copy:
                for row in zip(*(column.to_pylist() for column in table.columns), strict=True):
                    copy.write_row(row)
            cursor.execute(f"ANALYZE {name}")

    def query(self, text: str) -> pa.Table:
        with self.connection.cursor() as cursor:
            cursor.execute(text.encode())
            names = [column.name for column in cursor.description]
            rows = [
                [float(v) if type(v).__name__ == "Decimal" else v for v in row] for row in cursor.fetchall()
            ]
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
        return pa.table([pa.array(list(column)) for column in columns], names=names)


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory, market_tables: Any) -> Iterator[Postgres]:
    import psycopg

    home = Path(tempfile.mkdtemp(prefix="explore-postgres-", dir="/var/tmp"))
    bin_ = max(Path("/usr/lib/postgresql").glob("*/bin"))
    user = "postgres" if os.getuid() == 0 else None
    if user:
        shutil.chown(home, user)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def run(*command: object) -> None:
        subprocess.run([str(part) for part in command], user=user, check=True, capture_output=True, cwd=home)

    data = ("-D", home / "data")
    run(bin_ / "initdb", *data, "-U", "test", "-A", "trust", "-E", "UTF8")
    options = f"-p {port} -k {home} -c listen_addresses='' -c fsync=off -c timezone=UTC"
    run(bin_ / "pg_ctl", *data, "-w", "-l", home / "log", "-o", options, "start")
    try:
        with psycopg.connect(
            host=str(home), port=port, user="test", dbname="postgres", autocommit=True
        ) as connection:
            yield Postgres(connection, market_tables)
    finally:
        run(bin_ / "pg_ctl", *data, "-m", "immediate", "stop")
        shutil.rmtree(home)


VIEWS = {
    "cohorts": explore.cohorts,
    "cohorts by region": lambda t: explore.cohorts(t, by="region"),
    "frequency": lambda t: explore.frequency(t, window="90d"),
    "funnel": lambda t: explore.funnel(t, window="90d"),
    "heatmap": lambda t: explore.heatmap(t, time_zone="Asia/Kolkata"),
    "leads": lambda t: explore.leads(t, window="150d"),
    "pacing": lambda t: explore.pacing(t, as_of=t.last_day - timedelta(days=60)),
    "targets": explore.target_vs_actual,
    "campaigns": lambda t: explore.compare_campaigns(t, window="90d"),
    "channels": lambda t: explore.compare_channels(t, window="90d"),
    "creatives": lambda t: explore.creatives(t, window="90d"),
    "segments": explore.segments,
    "trends": lambda t: explore.trends(t, "roas", by="channel"),
    "cards": lambda t: explore.kpi_cards(t, window="90d"),
}


@pytest.mark.postgres
@pytest.mark.parametrize("name", VIEWS)
def test_postgres_answers_alike(postgres: Postgres, market_tables: Any, name: str) -> None:
    import pandas as pd

    ours, theirs = (VIEWS[name](tables) for tables in (market_tables, postgres))
    assert theirs.sentence == ours.sentence
    pd.testing.assert_frame_equal(ours.to_frame(), theirs.to_frame(), rtol=1e-9, check_dtype=False)
