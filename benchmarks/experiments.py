"""Experiments beside tea-tasting 2 on the same engine, in one run.

    python benchmarks/experiments.py [USERS ...] [--only users|store|many|cells] [--repeats 3]

1 M users unless named; `1e6 1e7` are two sizes, one after the other. Three means and one ratio, with the
time before as covariates (CUPED) and without, from a table of users on Parquet and from the tables of a
workspace in DuckDB, where tea-tasting gets our expression of one row per user (events before the assignment,
which it does not ask for, are not counted there) and ours sums each table for itself. Then 100 metrics x 10
variants of a fifth of the users, and 1,000 cells from their sums. Every figure is of a process of its own,
after one run on a small table: CPU seconds of two threads, wall seconds, peak memory. tea-tasting reads
Parquet through Polars' lazy frames, through Ibis on DuckDB, and through Narwhals on DuckDB. Ours are the sums
and every comparison of means and ratios; from the store, what finds the users is ready for both. The whole
analysis, with verdict, sample ratio check, rails and a look at the values of skewed metrics, stands beside.
Limits: not slower than tea-tasting on the same engine, and not more memory, where 3 % count as a tie; 1,000
cells within 0.05 s.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import types
from collections.abc import Callable, Collection
from datetime import date
from pathlib import Path
from typing import Any

os.environ.setdefault("POLARS_MAX_THREADS", "2")
os.environ.setdefault("OMP_NUM_THREADS", "2")
# Ibis imports it for PyArrow before 14.0.1 only.
sys.modules.setdefault("pyarrow_hotfix", types.ModuleType("pyarrow_hotfix"))

import duckdb  # noqa: E402 - after the number of threads is said
import numpy as np  # noqa: E402
import polars as pl  # noqa: E402

MEANS = ("orders", "revenue", "visits")
VARIANTS = ("control", "new")
MANY, ARMS = 100, 10
REPEATS, SMALL = 3, 20_000
STORED = ("revenue", "orders", "clicks", "ctr")
LAST = date(2024, 3, 28)
CELLS, CELLS_LIMIT = 1000, 0.05
TIE = 1.03  # medians of the same work differ by as much from run to run


def generate(folder: Path, users: int, groups: Collection[str]) -> None:
    """Write what the groups need: a table of users, one of many metrics, the tables of a workspace."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(7)
    if "users" in groups:
        _users(folder, users, rng)
    if "many" in groups:
        rows = users // 5
        many = {f"m{place}": rng.gamma(2, 1, rows).astype(np.float32) for place in range(MANY)}
        arms = np.array([f"v{place}" for place in range(ARMS)])[rng.integers(0, ARMS, rows)]
        made = pl.DataFrame({"variant": arms, **many})
        made.write_parquet(folder / "many.parquet", row_group_size=50_000)
    if "store" in groups:
        connection = duckdb.connect()
        connection.execute("SET threads=2; SET TimeZone='UTC'")
        for name, text in _workspace(users).items():
            connection.execute(
                f"COPY ({text}) TO '{folder / name}.parquet' (FORMAT parquet, COMPRESSION zstd)"
            )


def _users(folder: Path, users: int, rng: np.random.Generator) -> None:
    busy = rng.gamma(2, 1, users)
    made = {}
    for when in ("", "_before"):
        made |= {
            f"orders{when}": rng.poisson(busy),
            f"revenue{when}": np.round(busy * rng.gamma(2, 10, users), 2),
            f"visits{when}": rng.poisson(3 * busy) + 1,
            f"clicks{when}": rng.poisson(busy).astype(float),
            f"shown{when}": rng.poisson(5 * busy) + 1.0,
        }
    variant = np.where(rng.random(users) < 0.5, *VARIANTS)
    pl.DataFrame({"variant": variant, **made}).write_parquet(folder / "users.parquet", row_group_size=250_000)


def _workspace(users: int) -> dict[str, str]:
    at = "TIMESTAMPTZ '2024-02-01 00:00:00+00' + to_seconds(CAST(hash(i + 7) % 4800000 AS BIGINT))"
    who = f"'u' || (hash(i) % {users})"
    start = "TIMESTAMPTZ '2024-03-01 00:00:00+00' + to_seconds(CAST(hash(i) % 600000 AS BIGINT))"
    return {
        "experiments": f"""SELECT 'x' AS experiment, 'u' || i AS user_id, NULL::VARCHAR AS campaign_id,
            CASE WHEN hash(i + 3) % 2 = 0 THEN 'control' ELSE 'new' END AS variant, {start} AS assigned_at
            FROM range({users}) t(i)""",
        "orders": f"""SELECT 'o' || i AS order_id, 1::BIGINT AS line, {who} AS user_id, {at} AS ordered_at,
            (hash(i + 5) % 1000) / 10.0 AS order_value, NULL::DOUBLE AS cogs, NULL::VARCHAR AS category,
            NULL::VARCHAR AS location, NULL::DOUBLE AS quantity, false AS is_return
            FROM range({2 * users}) t(i) ORDER BY ordered_at""",
        "facts": f"""SELECT event_type, CAST(moment AS DATE) AS day, moment AS timestamp, 'm' AS source,
            'c' AS campaign_id, CAST(md5_number(who) >> 65 AS BIGINT) AS user_key,
            NULL::VARCHAR AS creative_id, NULL::VARCHAR AS segment, NULL::VARCHAR AS region,
            NULL::VARCHAR AS platform, NULL::VARCHAR AS kind,
            NULL::VARCHAR AS order_id, NULL::DOUBLE AS value, NULL::DOUBLE AS seconds, 0.0 AS lag_minutes,
            false AS late_arrival, 'l' AS load_id, 'email' AS channel, false AS is_holdout,
            strftime(moment, '%Y-%m') AS month FROM (SELECT {at} AS moment, {who} AS who,
            CASE WHEN hash(i + 9) % 10 = 0 THEN 'campaign_clicked' ELSE 'campaign_delivered' END AS event_type
            FROM range({3 * users}) t(i)) ORDER BY event_type, timestamp""",
    }


class Workspace:
    """The tables of a workspace as an analysis reads them."""

    dialect = "duckdb"
    currency = "EUR"
    last_day = LAST
    names = frozenset({"experiments", "orders", "facts"})

    def __init__(self, folder: Path) -> None:
        self.connection = duckdb.connect()
        self.connection.execute("SET threads=2; SET memory_limit='4GB'; SET TimeZone='UTC'")
        for name in self.names:
            self.connection.execute(f"CREATE VIEW {name} AS SELECT * FROM '{folder / name}.parquet'")

    def query(self, sql: str) -> Any:
        return self.connection.sql(sql).to_arrow_table()


def _plan(metrics: tuple[str, ...], variants: tuple[str, ...] = VARIANTS, *, before: int = 0) -> Any:
    from workbench.experiments.definition import Experiment

    first, *others = metrics
    return Experiment(
        name="x",
        primary=first,
        secondary=tuple(others),
        variants=variants,
        split=(1 / len(variants),) * len(variants),
        before_days=before,
        status="completed",
        end=LAST,
    )


def _own_metrics(*, cuped: bool) -> list[Any]:
    from workbench.experiments.users.metric import own_metric

    before = "_before" if cuped else ""
    means = [own_metric(name, before=f"{name}{before}" if cuped else "") for name in MEANS]
    past = {"before": "clicks_before", "of_before": "shown_before"} if cuped else {}
    return [*means, own_metric("clicks", of="shown", **past)]


def _tea(*, cuped: bool) -> Any:
    import tea_tasting as tt

    past = ("clicks_before", "shown_before") if cuped else ()
    means = {name: tt.Mean(name, f"{name}_before" if cuped else None) for name in MEANS}
    return tt.Experiment(**means, ratio=tt.RatioOfMeans("clicks", "shown", *past))


def scan(folder: Path, *, cuped: bool) -> Any:
    """Read the columns and add them up."""
    names = [f"{name}{when}" for name in (*MEANS, "clicks", "shown") for when in ("", "_before")[: 1 + cuped]]
    rows = pl.scan_parquet(folder / "users.parquet")
    return rows.select(pl.col(name).sum() for name in names).collect(engine="streaming")


def ours(folder: Path, *, cuped: bool) -> Any:
    """Return every variant against the control."""
    from workbench.experiments.users.table import user_table

    rows = pl.scan_parquet(folder / "users.parquet")
    return _compared(user_table(rows, _own_metrics(cuped=cuped), variants=VARIANTS), cuped=cuped)


def analysis(folder: Path, *, cuped: bool) -> Any:
    """Return the whole analysis."""
    from workbench.experiments import analyze_users

    metrics = _own_metrics(cuped=cuped)
    plan = _plan((*MEANS, "clicks"))
    return analyze_users(plan, pl.scan_parquet(folder / "users.parquet"), metrics)


def tea_polars(folder: Path, *, cuped: bool) -> Any:
    return _tea(cuped=cuped).analyze(pl.scan_parquet(folder / "users.parquet"))


def tea_ibis(folder: Path, *, cuped: bool) -> Any:
    import ibis

    connection = ibis.duckdb.connect(threads=2)
    return _tea(cuped=cuped).analyze(connection.read_parquet(folder / "users.parquet"))


def tea_narwhals(folder: Path, *, cuped: bool) -> Any:
    connection = duckdb.connect()
    connection.execute("SET threads=2")
    return _tea(cuped=cuped).analyze(connection.sql(f"SELECT * FROM '{folder / 'users.parquet'}'"))


def _recorded(folder: Path, *, cuped: bool) -> Any:
    from workbench.experiments.users.users import recorded_users

    return recorded_users(_plan(STORED, before=28 if cuped else 0), Workspace(folder))


def store_ours(users: Any, *, cuped: bool) -> Any:
    """Return every variant against the control."""
    return _compared(users, cuped=cuped)


def _compared(users: Any, *, cuped: bool) -> Any:
    from workbench.experiments.inference.comparing import compare_means, compare_ratios

    sums = users.read().sums
    found = []
    for one in users.metrics:
        columns = one.columns
        if columns.of:
            past = [(columns.before, columns.of_before)] if cuped else []
            found += compare_ratios(sums, (columns.value, columns.of), label=one.label, covariates=past)
        else:
            past = [columns.before] if cuped else []
            found += compare_means(sums, columns.value, label=one.label, covariates=past)
    return found


def store_analysis(folder: Path, *, cuped: bool) -> Any:
    """Return the whole analysis."""
    from workbench.experiments import analyze

    return analyze(_plan(STORED, before=28 if cuped else 0), Workspace(folder))


def _asked(folder: Path, *, cuped: bool) -> tuple[Any, Any, str, int]:
    """Return tea-tasting's experiment, the workspace, and the text of one row per user."""
    import tea_tasting as tt

    from workbench.experiments.users.reading import users_of

    question = _recorded(folder, cuped=cuped).question
    texts: list[str] = []
    keep = type("Kept", (), {"dialect": "duckdb", "query": lambda _, text: texts.append(text)})()
    users_of(keep, question)
    place = {name: f"c{at}" for name, at in question.places.items()}
    metrics: dict[str, Any] = {}
    for one in question.outcomes:
        columns = [place[name] for name in question.columns(one).all]
        metrics[one.metric.name] = (tt.RatioOfMeans if one.denominator else tt.Mean)(*columns)
    return tt.Experiment(metrics, variant="variant_"), Workspace(folder), texts[0], len(set(place.values()))


def store_tea_ibis(ready: tuple[Any, Any, str, int], *, cuped: bool) -> Any:  # noqa: ARG001
    import ibis

    plan, tables, text, columns = ready
    # Ibis asks DuckDB for the types by a method that DuckDB 2 lacks.
    schema = {"variant_": "string", "early_": "int64"} | {f"c{at}": "float64" for at in range(columns)}
    return plan.analyze(ibis.duckdb.from_connection(tables.connection).sql(text, schema=schema))


def store_tea_narwhals(ready: tuple[Any, Any, str, int], *, cuped: bool) -> Any:  # noqa: ARG001
    plan, tables, text, _ = ready
    return plan.analyze(tables.connection.sql(text))


def many_ours(folder: Path, *, cuped: bool = False) -> Any:
    """Return every variant against the control."""
    from workbench.experiments.users.metric import own_metric
    from workbench.experiments.users.table import user_table

    metrics = [own_metric(f"m{place}") for place in range(MANY)]
    variants = [f"v{place}" for place in range(ARMS)]
    rows = pl.scan_parquet(folder / "many.parquet")
    return _compared(user_table(rows, metrics, variants=variants), cuped=cuped)


def many_analysis(folder: Path, *, cuped: bool = False) -> Any:  # noqa: ARG001 - all work is called alike
    """Return the whole analysis."""
    from workbench.experiments import analyze_users
    from workbench.experiments.users.metric import own_metric

    names = tuple(f"m{place}" for place in range(MANY))
    plan = _plan(names, tuple(f"v{place}" for place in range(ARMS)))
    return analyze_users(plan, pl.scan_parquet(folder / "many.parquet"), [own_metric(name) for name in names])


def many_tea(folder: Path, *, cuped: bool = False) -> Any:  # noqa: ARG001 - all work is called alike
    import tea_tasting as tt

    plan = tt.Experiment({f"m{place}": tt.Mean(f"m{place}") for place in range(MANY)})
    return plan.analyze(pl.scan_parquet(folder / "many.parquet"), control="v0", all_variants=True)


GROUPS: dict[str, tuple[Callable[..., Any], ...]] = {
    "users": (scan, ours, tea_polars, tea_ibis, tea_narwhals, analysis),
    "store": (store_ours, store_tea_ibis, store_tea_narwhals, store_analysis),
    "many": (many_ours, many_tea, many_analysis),
}
# Ours, and the peers on the same engine: the best of them is the limit.
PEERS = {
    "users": ("ours", ("tea_polars",)),
    "store": ("store_ours", ("store_tea_ibis", "store_tea_narwhals")),
    "many": ("many_ours", ("many_tea",)),
}
# What finds the users is not measured.
READY = {"store_ours": _recorded, "store_tea_ibis": _asked, "store_tea_narwhals": _asked}
WORK = {work.__name__: work for some in GROUPS.values() for work in some}


def child(name: str, cuped: bool, folder: Path, small: Path) -> None:
    """Do one piece of work in this process and print what it took."""
    places = [READY[name](place, cuped=cuped) if name in READY else place for place in (small, folder)]
    WORK[name](places[0], cuped=cuped)
    cpu, wall = time.process_time(), time.perf_counter()
    WORK[name](places[1], cuped=cuped)
    taken = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    print(json.dumps(taken | {"peak": _peak()}))


def _peak() -> float:
    """Return this process's peak resident set, MB."""
    try:
        # What getrusage tells includes the parent, up to the start of this program.
        held = Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]
    except (OSError, IndexError):
        held = str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return int(held) / 1024


def measured(name: str, *, cuped: bool, folder: Path, small: Path) -> dict[str, float] | None:
    """Return what one piece of work took in a process of its own; None where it fails."""
    command = [sys.executable, __file__, "--child", name, str(int(cuped)), str(folder), str(small)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"   {name} failed: {(done.stderr.strip().splitlines() or ['killed'])[-1][:160]}")
        return None
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def compared(group: str, *, cuped: bool, folder: Path, small: Path, repeats: int) -> list[str]:
    """Print the medians of a group; return the limits that are broken."""
    runs: dict[str, list[dict[str, float]]] = {work.__name__: [] for work in GROUPS[group]}
    for _ in range(repeats):
        for name in runs:
            found = measured(name, cuped=cuped, folder=folder, small=small)
            runs[name] += [found] if found else []
    mine, peers = PEERS[group]
    if not runs[mine]:
        return [f"{group}: ours failed"]
    middle = {
        name: {key: statistics.median(run[key] for run in some) for key in some[0]}
        for name, some in runs.items()
        if some
    }
    for name, figures in middle.items():
        low, high = (end(run["cpu"] for run in runs[name]) for end in (min, max))
        print(
            f"   {name:20s} {figures['cpu']:7.3f} s CPU ({low:.3f} to {high:.3f}), "
            f"{figures['cpu'] / middle[mine]['cpu']:5.2f} x ours, {figures['wall']:7.3f} s wall, "
            f"{figures['peak']:6.0f} MB",
            flush=True,
        )
    there = [middle[name] for name in peers if name in middle]
    return [
        f"{group}{' with CUPED' if cuped else ''}: {said} {middle[mine][key]:.3g} against {best:.3g} {unit}"
        for key, said, unit in (("cpu", "CPU", "s"), ("peak", "memory", "MB"))
        if there and middle[mine][key] > TIE * (best := min(one[key] for one in there))
    ]


def cells() -> list[str]:
    """Print what 1,000 cells take from their sums; return the limits that are broken."""
    from workbench.experiments.inference.comparing import compare_means
    from workbench.experiments.inference.comparison import Label
    from workbench.experiments.inference.cuped import adjusted
    from workbench.experiments.inference.means import differences, mean_arms
    from workbench.experiments.inference.relative import relative
    from workbench.experiments.inference.sums import Sums

    rng = np.random.default_rng(7)
    values = rng.gamma(2, 1, (CELLS, 2, 50, 2))
    apart = values - values.mean(axis=2, keepdims=True)
    sums = Sums(
        variants=VARIANTS,
        columns=("y", "x"),
        n=np.full((CELLS, 2), 50.0),
        means=values.mean(axis=2),
        products=np.swapaxes(apart, -1, -2) @ apart,
    )
    label = Label(metric="y")
    work: dict[str, Callable[[], Any]] = {
        "effects, intervals, p": lambda: (differences(mean_arms(sums, "y")), relative(mean_arms(sums, "y"))),
        "the same with CUPED": lambda: _both(adjusted(sums, "y", ["x"]).arms),
        "as comparisons, in words": lambda: compare_means(sums, "y", label=label, covariates=["x"]),
    }

    def _both(arms: Any) -> Any:
        return differences(arms), relative(arms)

    broken = []
    for name, task in work.items():
        task()
        taken = []
        for _ in range(5):
            began = time.process_time()
            task()
            taken.append(time.process_time() - began)
        middle = statistics.median(taken)
        print(
            f"   {name:26s} {1000 * middle:7.1f} ms CPU ({1000 * min(taken):.1f} to {1000 * max(taken):.1f})"
        )
        if middle > CELLS_LIMIT and "words" not in name:
            broken.append(f"{CELLS:,} cells, {name}: {middle:.3f} s, the limit is {CELLS_LIMIT} s")
    return broken


def _of_size(users: int, groups: list[str], repeats: int) -> list[str]:
    """Print what so many users take; return the limits that are broken."""
    broken = []
    with tempfile.TemporaryDirectory() as name:
        folder, small = Path(name) / "all", Path(name) / "small"
        generate(folder, users, groups)
        generate(small, SMALL, groups)
        for group in groups:
            for cuped in (False, True)[: 1 + (group != "many")]:
                print(f"{users:,} users, {group}{' with CUPED' if cuped else ''}", flush=True)
                found = compared(group, cuped=cuped, folder=folder, small=small, repeats=repeats)
                broken += [f"{users:,} users, {line}" for line in found]
    return broken


def main() -> int:
    """Generate, measure, print; 1 where a limit is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("users", nargs="*", type=float, default=[1e6])
    parser.add_argument("--only", choices=[*GROUPS, "cells"])
    parser.add_argument("--repeats", type=int, default=REPEATS)
    asked = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}", end="")
    print(f", load {os.getloadavg()[0]:.1f}")
    groups = [group for group in GROUPS if asked.only in (None, group)]
    broken = [line for size in asked.users if groups for line in _of_size(int(size), groups, asked.repeats)]
    if asked.only in (None, "cells"):
        print(f"{CELLS:,} cells from their sums")
        broken += cells()
    for line in broken:
        print(f"OVER {line}")
    return int(bool(broken))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], sys.argv[3] == "1", Path(sys.argv[4]), Path(sys.argv[5]))
    else:
        sys.exit(main())
