"""Core metrics by campaign: against the scan of their columns, from roll-ups, and against pandas and Polars.

    python benchmarks/metrics.py [ROWS] [--folder FOLDER]

10 M rows unless named; data that lies in the folder is used again. Every figure is CPU seconds of this
process with two threads and 4 GB for DuckDB. Limits: from events an additive metric takes at most three times
the CPU of scanning its columns, one of distinct users six times, and none more than 2 s at 100 M; what
roll-ups cover takes at most 0.1 s. Together, metrics read the events once for all that is summed, once for
all distinct users and once for what is told in steps. Polars and pandas read the same files in a process of
their own, up to 10 M rows. What takes long comes last, after a first count of the limits.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import sqlglot
from sqlglot import exp

import frames
from generate_facts import generate, roll_up
from workbench.events.rollups import ROLLUPS
from workbench.explore.kpis import HEADLINE
from workbench.explore.paths import funnel
from workbench.metrics import METRICS, leaves, measure, user_lists
from workbench.metrics.derived import DERIVED
from workbench.metrics.large import large
from workbench.metrics.plan import plan
from workbench.metrics.presence import loaded
from workbench.metrics.queries import Query
from workbench.metrics.values import compiled
from workbench.metrics.window import Window, parse_window

WINDOW = "2024-01-01:2024-12-31"
MONTH = "2024-11-29:2024-12-28"
ADDITIVE = ("roas", "ctr", "cpc", "impressions", "aov", "budget_utilization", "cost_per_query")
DISTINCT = ("conversion_rate", "open_rate", "click_to_open_rate", "users_reached", "frequency")
WHOLE_USER = (
    *("cac", "cac_payback_months", "ltv_12m", "cohort_retention", "repeat_purchase_rate"),
    *("hours_to_conversion", "incrementality", "holdout_lift", "net_incremental_revenue"),
)
STEPPED = ("data_freshness_p95",)
EXECUTIVE = (*HEADLINE, *STEPPED)
RATIOS = {"additive": 3.0, "distinct": 6.0}
MOST, ROLLED_UP, GIGABYTES = 2.0, 0.1, 4.0
# The columns of the facts that a metric reads, and its event types; what has none reads other tables.
SCANS = {
    "roas": ("event_type, day, campaign_id, value", "converted"),
    "ctr": ("event_type, day, campaign_id, is_holdout", "delivered clicked"),
    "cpc": ("event_type, day, campaign_id", "clicked"),
    "impressions": ("event_type, day, campaign_id, is_holdout", "delivered"),
    "aov": ("event_type, day, campaign_id, value", "converted"),
    "conversion_rate": ("event_type, day, campaign_id, user_key", "converted clicked"),
    "open_rate": ("event_type, day, campaign_id, user_key, channel, kind, is_holdout", "delivered viewed"),
    "click_to_open_rate": ("event_type, day, campaign_id, user_key, channel, kind", "clicked viewed"),
    "users_reached": ("event_type, day, campaign_id, user_key, is_holdout", "delivered"),
    "frequency": ("event_type, day, campaign_id, user_key, is_holdout", "delivered"),
}


class Generated:
    """The generated tables as `measure` reads them, with the roll-ups or without."""

    dialect = "duckdb"
    currency = "EUR"
    last_day = date(2024, 12, 28)

    def __init__(self, connection: duckdb.DuckDBPyConnection, *, with_rollups: bool) -> None:
        self.connection = connection
        self.names = frozenset({"facts", "daily_performance", "campaigns", "orders", "users"})
        self.names |= set(ROLLUPS) if with_rollups else set()
        self.rows = {"facts": connection.sql("SELECT count(*) FROM facts").fetchall()[0][0]}
        self.queries: list[str] = []

    def query(self, sql: str) -> pa.Table:
        self.queries.append(sql)
        return self.connection.sql(sql).to_arrow_table()


def cpu(work: Callable[[], Any], times: int = 3) -> float:
    """Return the least CPU seconds of several runs."""
    spent = []
    for _ in range(times):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    return min(spent)


def scan(connection: duckdb.DuckDBPyConnection, name: str, *, pruned: bool) -> float:
    """Return the CPU of reading a metric's columns: every value looked at once, nothing grouped."""
    columns, types = SCANS[name]
    looks = ", ".join(f"max({column.strip()})" for column in columns.split(","))
    listed = ", ".join(f"'campaign_{kind}'" for kind in types.split())
    condition = f"WHERE event_type IN ({listed})" if pruned else ""
    return cpu(lambda: connection.sql(f"SELECT {looks} FROM facts {condition}").fetchall(), times=2)


class Verdicts:
    """The limits that were kept and broken."""

    def __init__(self) -> None:
        self.met = 0
        self.missed: list[str] = []

    def judge(self, name: str, spent: float, limit: float) -> str:
        if spent <= limit:
            self.met += 1
            return "ok"
        self.missed.append(f"{name}: {spent:.2f}, limit {limit:.2f}")
        return "MISSED"

    def show(self) -> None:
        print(f"{self.met} limits kept, {len(self.missed)} missed", flush=True)
        for line in self.missed:
            print(f"  {line}", flush=True)


def from_events(
    events: Generated, rows: int, verdicts: Verdicts, families: tuple[tuple[str, tuple[str, ...]], ...]
) -> None:
    """Print what every metric takes from events, and its ratio to the scan of its columns."""
    print(f"{'from events':26s} {'cpu s':>7s} {'scan':>7s} {'ratio':>6s} {'pruned':>7s} {'ratio':>6s}")
    times = 2 if rows <= 10_000_000 else 1
    for family, names in families:
        for name in names:
            measure(events, name, by="campaign", window="2024-01-01:2024-01-02")  # compiles
            spent = cpu(lambda name=name: measure(events, name, by="campaign", window=WINDOW), times)
            line = f"{name:26s} {spent:7.2f}"
            if name in SCANS:
                whole, part = (scan(events.connection, name, pruned=pruned) for pruned in (False, True))
                line += f" {whole:7.2f} {spent / whole:6.1f} {part:7.2f} {spent / part:6.1f}"
                line += " " + verdicts.judge(f"{name} to its scan", spent / whole, RATIOS[family])
            if rows >= 100_000_000:
                line += f", {MOST:g} s " + verdicts.judge(f"{name} from events", spent, MOST)
            print(line, flush=True)


def from_rollups(summed: Generated, verdicts: Verdicts) -> None:
    """Print what metrics take where roll-ups cover them."""
    print(f"{'from roll-ups':26s} {'cpu s':>7s}")
    for by in ("campaign", "channel", "segment", "week", ""):
        for name in (*ADDITIVE[:5], *STEPPED) if by == "campaign" else ("ctr",):
            summed.queries.clear()
            measure(summed, name, by=by, window=WINDOW)
            assert not any('FROM "facts"' in sql for sql in summed.queries)
            spent = cpu(lambda name=name, by=by: measure(summed, name, by=by, window=WINDOW))
            label = f"{name} by {by or 'nothing'}"
            print(f"{label:26s} {spent:7.2f} {verdicts.judge(f'{label} from roll-ups', spent, ROLLED_UP)}")


def passes(events: Generated, verdicts: Verdicts) -> None:
    """Print how often the executive page's set reads the events, by kind of answer."""
    wanted = [leaf for name in EXECUTIVE for leaf in (*leaves(METRICS[name].is_), *METRICS[name].spread)]
    window = parse_window(MONTH, None)
    planned = plan(wanted, loaded=loaded(events, wanted), daily=True).queries
    kinds = {text: query for query in planned for text in asked(query, events, window)}
    events.queries.clear()
    spent = cpu(lambda: measure(events, EXECUTIVE, window=MONTH), times=1)
    found: dict[str, list[int]] = {}
    for text in events.queries:
        query = kinds.get(text)
        kind = "what there is, which days" if query is None else query.kind
        kind += f" {query.table}" if query is not None and query.kind == "derived" else ""
        found.setdefault(kind, []).append(scans(text))
    print(f"the executive page's {len(EXECUTIVE)} metrics, 30 days, events: {spent:.2f} cpu s")
    assert all(text in events.queries for text in kinds)
    for kind, read in found.items():
        limited = kind in ("sums", "distinct", "steps")
        # Lists of users are asked for by parts of the window, which share no day.
        times = max(read) if kind == "distinct" else sum(read)
        word = verdicts.judge(f"passes for {kind}", times, 1) if limited else ""
        print(f"  {kind:28s} {len(read)} queries, {times} passes over the events {word}")


def asked(query: Query, tables: Generated, window: Window) -> list[str]:
    """Return the SQL by which a query is answered; what arrays answer has none of its own."""
    if query.kind == "derived" and DERIVED[query.table].counted and large(query, tables):
        return []
    if user_lists.answers(query, tables):
        return user_lists.texts(query, tables, window)
    return [compiled(query, tables.dialect, window)]


def scans(text: str) -> int:
    """Return how often the events are read; of those that one query reads apart, the kind read most often."""
    kinds = Counter(re.findall(r"\"event_type\" = '(\w+)'", text)) if "ARRAY_AGG" in text else {}
    tables = sum(table.name == "facts" for table in sqlglot.parse_one(text, "duckdb").find_all(exp.Table))
    return max(kinds.values()) if kinds and sum(kinds.values()) == tables else tables


def together(events: Generated, summed: Generated) -> None:
    """Print what all metrics take at once."""
    core = [name for name, metric in METRICS.items() if metric.family == "core"]
    for label, tables in (("events", events), ("roll-ups", summed)):
        tables.queries.clear()
        spent = cpu(lambda tables=tables: measure(tables, core, window=MONTH), times=1)
        print(f"{len(core)} core metrics, 30 days, {label}: {spent:.2f} cpu s, {len(tables.queries)} queries")
    for window in (WINDOW, MONTH):
        spent = cpu(lambda window=window: funnel(events, window=window), times=1)
        print(f"purchase funnel, {window}: {spent:.2f} cpu s", flush=True)


def by_peer(folder: Path, reported: pd.DataFrame, name: str) -> list[tuple[dict[str, float], float]]:
    """Return the figures and the CPU seconds of Polars and of pandas."""
    import polars as pl

    tabled = pl.from_pandas(reported)
    peers = (
        lambda: frames.in_polars(folder, tabled, name),
        lambda: frames.in_pandas(folder, reported, name),
    )
    return [(peer(), cpu(peer, times=2)) for peer in peers]


def against_frames(folder: Path, events: Generated, summed: Generated, verdicts: Verdicts) -> None:
    """Print the same figures in Polars and pandas, from the same files, and check that they agree."""
    reported = events.connection.sql("SELECT * FROM daily_performance").df()
    print(f"{'by campaign':18s} {'events':>7s} {'roll-ups':>9s} {'Polars':>7s} {'pandas':>7s}")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as other:
        for name in frames.FORMULAS:
            found = measure(events, name, by="campaign", window=WINDOW).rows
            ours = {row.slice[0]: row.value for row in found}
            peers = other.submit(by_peer, folder, reported, name).result()
            for theirs, _ in peers:
                assert ours.keys() == theirs.keys()
                assert all(abs(theirs[key] - value) <= 1e-9 * abs(value) for key, value in ours.items())
            mine, kept = (
                cpu(lambda name=name, tables=tables: measure(tables, name, by="campaign", window=WINDOW), 2)
                for tables in (events, summed)
            )
            print(f"{name:18s} {mine:7.2f} {kept:9.2f} {peers[0][1]:7.2f} {peers[1][1]:7.2f}", flush=True)
    verdicts.met += 1  # the figures agree


def memory() -> float:
    """Return the peak of this process's memory in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def run(folder: Path, rows: int) -> Verdicts:
    """Generate, measure, print."""
    began, verdicts = time.process_time(), Verdicts()
    connection = generate(folder, rows)
    made = time.process_time()
    roll_up(folder, connection)
    took = time.process_time() - made
    size = sum(path.stat().st_size for path in (folder / "facts").rglob("*.parquet"))
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f},"
        f" DuckDB {duckdb.__version__}"
    )
    print(f"{rows:,} facts, {size / 1e9:.2f} GB, made or found in {made - began:.0f} cpu s")
    for name in ROLLUPS:
        (count,) = connection.sql(f"SELECT count(*) FROM {name}").fetchall()[0]
        print(f"{name}: {count:,} rows, {(folder / f'{name}.parquet').stat().st_size / 1e6:.1f} MB")
    print(f"roll-ups made or found in {took:.2f} cpu s, {1e6 * took / rows:.3f} per million events")
    events, summed = (Generated(connection, with_rollups=kept) for kept in (False, True))
    from_rollups(summed, verdicts)
    passes(events, verdicts)
    if rows <= 10_000_000:
        against_frames(folder, events, summed, verdicts)
    from_events(events, rows, verdicts, (("additive", ADDITIVE), ("", STEPPED), ("distinct", DISTINCT)))
    print(f"so far: peak memory {memory():.2f} GB")
    verdicts.show()
    from_events(events, rows, verdicts, (("", WHOLE_USER),))
    together(events, summed)
    print(f"peak memory {memory():.2f} GB {verdicts.judge('peak memory', memory(), GIGABYTES)}")
    return verdicts


def main() -> None:
    """Read the arguments, run, and say which limits were kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("rows", type=lambda text: int(float(text)), nargs="?", default=10_000_000)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        verdicts = run(asked.folder or Path(scratch), asked.rows)
    verdicts.show()


if __name__ == "__main__":
    main()
