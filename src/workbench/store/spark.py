"""The tables on Spark: the same files, read by a local session or by a cluster's."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from workbench.errors import UsageError
from workbench.events.rollups import STORED
from workbench.store.delta import data_files
from workbench.store.journal import recording
from workbench.store.schema import quote, sql_type, typed_columns

if TYPE_CHECKING:
    from datetime import date

    import pyarrow as pa

    from workbench.store.snapshot import Snapshot

_TYPES = {"VARCHAR": "STRING", "TIMESTAMP WITH TIME ZONE": "TIMESTAMP"}


class SparkTables:
    """The tables of a snapshot as views of a Spark session.

    Parameters
    ----------
    snapshot : Snapshot
        Names the files.
    session : SparkSession, optional
        By default one on this machine.
    """

    dialect = "databricks"

    def __init__(self, snapshot: Snapshot, session: Any = None) -> None:
        self.names, self.currency = snapshot.names, snapshot.currency
        self.last_day: date | None = snapshot.last_day
        self.keeps_records, self._home = snapshot.keeps_records, snapshot.path
        self._session = session or _local_session()
        self._session.conf.set("spark.sql.session.timeZone", "UTC")
        self._session.conf.set("spark.sql.sources.partitionColumnTypeInference.enabled", "false")
        for name, version in snapshot.versions.items():
            self._show(snapshot, name, version)

    def query(self, sql: str) -> pa.Table:
        """Return the answer to one SELECT."""
        answer: pa.Table = self._session.sql(sql).toArrow()
        return answer

    def recording(
        self, event_type: str, properties: dict[str, object]
    ) -> AbstractContextManager[dict[str, object]]:
        """Return the record of one computation; Spark's own seconds are unknown, so elapsed ones count."""
        return recording(self._home, event_type, properties, clock=time.perf_counter)

    def _show(self, snapshot: Snapshot, name: str, version: int) -> None:
        definition, folder = STORED[name], snapshot.path / "store" / name
        paths = [str(folder / file.path) for file in data_files(folder, version)]
        if paths:
            rows = self._session.read.option("basePath", str(folder)).parquet(*paths)
            columns = [
                f"CAST(`{field.name}` AS {_TYPES.get(sql_type(field), sql_type(field))}) AS `{field.name}`"
                for field in definition.fields
            ]
            rows = rows.selectExpr(*columns)
        else:
            empty = typed_columns(definition)
            for ours, theirs in _TYPES.items():
                empty = empty.replace(f"AS {ours})", f"AS {theirs})")
            for field in definition.fields:
                empty = empty.replace(f"AS {quote(field.name)}", f"AS `{field.name}`")
            rows = self._session.sql(f"SELECT {empty} WHERE false")
        rows.createOrReplaceTempView(name)


def _local_session() -> Any:
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise UsageError("Spark needs an extra: pip install 'workbench[spark]'") from None
    builder = SparkSession.builder.master("local[*]").appName("workbench")
    return builder.config("spark.ui.enabled", "false").getOrCreate()
