"""Attribution of simulated touches against decoding their file, Polars and ChannelAttribution, in one run.

    python benchmarks/attribution.py [ROWS]        4 M touches unless named

Every figure is CPU seconds of a process of its own, compilation left out. The work: 6 rules in 5 windows,
exact Markov chains of order 1 to 3 for conversions and value, both Shapley games, and by 64 buckets of users
what intervals need. Rows are counted as they are read, but in `kept`, which keeps them. Limits: three times
the CPU of decoding the columns; 1,000 replicates of intervals at most half as much again; 1.5 GB at the peak.
ChannelAttribution does three rules without windows and simulates its chains, and its paths are built by
Polars; it is left out where it is not installed (`uv sync --inexact --group reference`, which compiles it for
a minute).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as in a run: threads that wait turn, and count as CPU

import numpy as np

CHANNELS = 12
DAY = 86_400_000_000
COLUMNS = ["user_id", "timestamp", "channel", "is_conversion", "value"]
WINDOWS = ("7d", "14d", "28d", "30d", "any")
RULES = ("first_touch", "last_touch", "last_non_direct", "linear", "time_decay", "position_based")
MODELS = [*RULES, "markov", "shapley", "shapley_markov"]
REPEATS = 3
ONCE = ("with_numpy", "with_polars", "with_channel_attribution")
LARGE = ("decode", "ours", "without_buckets", "with_polars", "with_channel_attribution")


def generate(folder: Path, rows: int) -> None:
    """Write the same touches twice: in the order of time, and user by user."""
    import polars as pl

    rng = np.random.default_rng(7)
    journeys = max(rows * 10 // 41, 10)
    length = np.minimum(rng.geometric(0.25, journeys), 60)
    owner = np.where(rng.random(journeys) < 0.1, rng.integers(0, journeys, journeys), np.arange(journeys))
    start = rng.integers(0, 300 * DAY, journeys)
    at = np.repeat(start, length) + np.repeat(rng.integers(DAY // 4, 4 * DAY, journeys), length) * _places(
        length
    )
    weights = 1 / np.arange(1, CHANNELS + 1)
    channel = rng.choice(CHANNELS, length.sum(), p=weights / weights.sum())
    sold = np.flatnonzero(rng.random(journeys) < 0.05)
    last = start[sold] + (at[np.cumsum(length) - 1] - start)[sold] + rng.integers(0, 3 * DAY, len(sold))
    touches = pl.DataFrame(
        {"user_id": np.repeat(owner, length), "timestamp": at, "channel": channel, "value": 0.0}
    ).with_columns(is_conversion=False)
    sales = pl.DataFrame({"user_id": owner[sold], "timestamp": last}).with_columns(
        channel=pl.lit(None, pl.Int64),
        value=pl.Series(np.round(rng.lognormal(4, 1, len(sold)), 2)),
        is_conversion=True,
    )
    names = pl.Series(["direct", *(f"channel_{place:02d}" for place in range(1, CHANNELS))])
    frame = pl.concat([touches, sales], how="diagonal").with_columns(
        pl.col("timestamp").cast(pl.Datetime("us")),
        channel=pl.col("channel").replace_strict(list(range(CHANNELS)), names, return_dtype=pl.String),
    )
    for layout, order in (("time", ["timestamp"]), ("user", ["user_id", "timestamp"])):
        path = folder / f"{layout}.parquet"
        frame.sort([*order, "is_conversion"]).select(COLUMNS).write_parquet(path, row_group_size=1_000_000)


def _places(length: Any) -> Any:
    return np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)


def batches(path: Path) -> Any:
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path, read_dictionary=["channel"], memory_map=True)
    for group in range(file.num_row_groups):
        yield from file.read_row_group(group, COLUMNS, use_threads=False).to_batches()


def decode(path: Path) -> Any:
    """Read every column, keep nothing."""
    return sum(batch.num_rows for batch in batches(path))


def touchpoints(path: Path) -> Any:
    from workbench.attribution.reading import touchpoints_of

    return touchpoints_of(batches(path))


class Batches:
    """Batches of a file, which can be read more than once."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __iter__(self) -> Any:
        return batches(self.path)


def journeys(path: Path, buckets: int = 64) -> Any:
    from workbench.attribution.streaming import journeys_of
    from workbench.attribution.windows import journey_settings

    return journeys_of(Batches(path), journey_settings(WINDOWS, buckets=buckets))


def kept(path: Path) -> Any:
    """Return the same statistics of rows that are all kept in memory, as for timelines and paths."""
    from workbench.attribution.counting import count_journeys
    from workbench.attribution.windows import journey_settings

    return count_journeys(touchpoints(path), journey_settings(WINDOWS), compiled=True)


def ours(path: Path, buckets: int = 64) -> Any:
    """Return the credit of all rules, exact Markov chains and both Shapley games."""
    from workbench.attribution.markov import markov_credit
    from workbench.attribution.shapley import coverage_shapley, markov_shapley

    found = journeys(path, buckets)
    third = found.chain(3)
    chains = [third.lower(1), third.lower(2), third]
    games = [coverage_shapley(found.coalitions()), markov_shapley(chains[0])]
    return found.credit.sum(axis=0), [markov_credit(chain) for chain in chains], games


def without_buckets(path: Path) -> Any:
    return ours(path, 1)


def intervals(path: Path) -> Any:
    """Return everything with 1,000 replicates of intervals."""
    from workbench.attribution.crediting import credit_of

    return credit_of(journeys(path), MODELS, window="30d", order=3, replicates=1000)


def no_intervals(path: Path) -> Any:
    from workbench.attribution.crediting import credit_of

    return credit_of(journeys(path), MODELS, window="30d", order=3, replicates=0)


def with_numpy(path: Path) -> Any:
    """Return the same statistics without the compiled pass."""
    from workbench.attribution.counting import count_journeys
    from workbench.attribution.windows import journey_settings

    return count_journeys(touchpoints(path), journey_settings(WINDOWS), compiled=False)


def with_polars(path: Path) -> Any:
    """Return the same statistics from Polars: credit, moves up to order 3, sets; nothing is solved."""
    import polars as pl

    code = pl.col("channel").cast(pl.Categorical).to_physical().cast(pl.Int8)
    rows = pl.read_parquet(path, columns=COLUMNS).with_columns(code=code)
    if path.stem != "user":
        rows = rows.sort(["user_id", "timestamp", "is_conversion"])
    begins = (pl.col("user_id") != pl.col("user_id").shift(1)) | pl.col("is_conversion").shift(1)
    rows = rows.with_columns(journey=begins.fill_null(value=True).cum_sum())
    sold = rows.filter("is_conversion").select("journey", "value", at="timestamp")
    touches = rows.filter(~pl.col("is_conversion")).select("journey", "timestamp", "code")
    joined = touches.join(sold, on="journey", maintain_order="left")
    joined = joined.with_columns(age=(pl.col("at") - pl.col("timestamp")).dt.total_microseconds())
    credit = [_rules_in_polars(joined, window) for window in WINDOWS]
    before = [
        pl.when(pl.col("journey").shift(lag) == pl.col("journey"))
        .then(pl.col("code").shift(lag))
        .alias(f"s{lag}")
        for lag in (1, 2, 3)
    ]
    path_codes = touches.with_columns(*before, bit=pl.lit(2).pow(pl.col("code")).cast(pl.Int32))
    moves = path_codes.group_by(["s3", "s2", "s1", "code"]).len()
    ends = path_codes.group_by("journey").agg(pl.col("code", "s1", "s2").last(), pl.col("bit").bitwise_or())
    ends = ends.join(sold, on="journey", how="left")
    figures = [pl.col("value").count().alias("conversions"), pl.col("value").sum(), pl.len()]
    return credit, moves, ends.group_by(["s2", "s1", "code"]).agg(figures), ends.group_by("bit").agg(figures)


def _rules_in_polars(joined: Any, window: str) -> Any:
    import polars as pl

    if window != "any":
        joined = joined.filter(pl.col("age") <= int(window[:-1]) * DAY)
    size, place = pl.len().over("journey"), pl.int_range(pl.len()).over("journey")
    decay = (-(pl.col("age") - pl.col("age").last().over("journey")) / (7 * DAY) * np.log(2)).exp()
    named = pl.when(pl.col("code") != 0).then(pl.int_range(pl.len())).max().over("journey")
    rows = joined.with_columns(n=size, i=place, decay=decay, named=named)
    first, last = pl.col("i") == 0, pl.col("i") == pl.col("n") - 1
    middle = 0.2 / (pl.col("n") - 2)
    shares = {
        "first_touch": first.cast(pl.Float64),
        "last_touch": last.cast(pl.Float64),
        "last_non_direct": (pl.col("i") == pl.coalesce("named", pl.col("n") - 1)).cast(pl.Float64),
        "linear": 1 / pl.col("n"),
        "time_decay": pl.col("decay") / pl.col("decay").sum().over("journey"),
        "position_based": pl.when(pl.col("n") <= 2)
        .then(1 / pl.col("n"))
        .otherwise(pl.when(first | last).then(0.4).otherwise(middle)),
    }
    rows = rows.with_columns(**shares)
    value = [(pl.col(name) * pl.col("value")).sum().alias(f"{name}_value") for name in shares]
    return rows.group_by("code").agg([pl.col(name).sum() for name in shares] + value)


def with_channel_attribution(path: Path) -> Any:
    """Return three rules without windows, and simulated Markov chains of order 1 and 3."""
    import ChannelAttribution as ca  # noqa: N813
    import polars as pl

    rows = pl.read_parquet(path, columns=COLUMNS)
    if path.stem != "user":
        rows = rows.sort(["user_id", "timestamp", "is_conversion"])
    begins = (pl.col("user_id") != pl.col("user_id").shift(1)) | pl.col("is_conversion").shift(1)
    paths = (
        rows.with_columns(journey=begins.fill_null(value=True).cum_sum())
        .group_by("journey")
        .agg(
            pl.col("channel").drop_nulls().str.join(">"), pl.col("is_conversion").any(), pl.col("value").sum()
        )
        .filter(pl.col("channel") != "")
        .group_by("channel")
        .agg(
            pl.col("is_conversion").sum().alias("sold"),
            pl.col("value").sum(),
            (~pl.col("is_conversion")).sum().alias("none"),
        )
        .to_pandas()
    )
    ca.heuristic_models(paths, "channel", "sold", "value", sep=">")
    return [
        ca.markov_model(paths, "channel", "sold", "value", "none", order=order, sep=">", verbose=False)
        for order in (1, 3)
    ]


def a_day_more(path: Path) -> Any:
    """Return the CPU of adding the last day to all days before it, and of counting that day alone."""
    import polars as pl

    from workbench.attribution.counting import count_journeys
    from workbench.attribution.increments import advance
    from workbench.attribution.reading import touchpoints_of

    rows = pl.read_parquet(path, columns=COLUMNS)
    last = pl.lit(299 * DAY).cast(pl.Datetime("us"))
    year = touchpoints_of(rows.filter(pl.col("timestamp") < last))
    day = touchpoints_of(
        rows.filter(pl.col("timestamp") >= last, pl.col("timestamp") < last + pl.duration(days=1))
    )
    before = advance(None, year)
    works = {
        "the day alone": lambda: count_journeys(day),
        "the day begun with": lambda: advance(None, day),
        "the day added": lambda: advance(before, day),
        "added and read": lambda: advance(before, day).journeys,
        "all days": lambda: count_journeys(year),
    }
    spent = {name: float(np.median([_cpu(work) for _ in range(7)])) for name, work in works.items()}
    print(
        f"{len(year):,} rows, a day of {len(day):,}: " + ", ".join(f"{k} {v:.4f} s" for k, v in spent.items())
    )


def _cpu(work: Any) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


WORK = {
    work.__name__: work
    for work in (
        decode,
        ours,
        kept,
        without_buckets,
        no_intervals,
        intervals,
        with_numpy,
        with_polars,
        with_channel_attribution,
        a_day_more,
    )
}


def child(name: str, path: Path, small: Path) -> None:
    """Do one piece of work in this process and print its CPU seconds and peak memory."""
    WORK[name](small)
    spent = _cpu(lambda: WORK[name](path))
    print(json.dumps({"cpu": spent, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6}))


def measured(name: str, path: Path, small: Path) -> dict[str, float] | None:
    """Return the CPU and the memory of one piece of work in a process of its own; None where it fails."""
    command = [sys.executable, __file__, "--child", name, str(path), str(small)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"   {name} failed: {(done.stderr.strip().splitlines() or ['killed'])[-1][:160]}")
        return None
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def main() -> int:
    """Generate, measure, print; 1 where a limit is broken."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    asked.add_argument("rows", nargs="?", type=float, default=4e6)
    rows = int(asked.parse_args().rows)
    broken = False
    with tempfile.TemporaryDirectory() as name:
        folder, small = Path(name) / "all", Path(name) / "small"
        for place, size in ((folder, rows), (small, 300_000)):
            place.mkdir()
            generate(place, size)
        for layout in ("time", "user"):
            print(f"{rows:,} touches, {'in the order of time' if layout == 'time' else 'user by user'}")
            names = [some for some in WORK if some != "a_day_more" and (rows <= 5e6 or some in LARGE)]
            runs: dict[str, list[dict[str, float]]] = {some: [] for some in names}
            for turn in range(REPEATS):
                for some in names:
                    if turn and some in ONCE:
                        continue
                    found = measured(some, folder / f"{layout}.parquet", small / f"{layout}.parquet")
                    runs[some] += [found] if found else []
            broken |= report(runs)
        if rows <= 5e6:
            WORK["a_day_more"](small / "time.parquet")
            WORK["a_day_more"](folder / "time.parquet")
    return int(broken)


def report(runs: dict[str, list[dict[str, float]]]) -> bool:
    """Print the median of each piece of work; return whether a limit is broken."""
    cpu = {name: float(np.median([run["cpu"] for run in some])) for name, some in runs.items() if some}
    for name, some in runs.items():
        if some:
            spread = f"{min(run['cpu'] for run in some):.2f} to {max(run['cpu'] for run in some):.2f}"
            ratios = f"{cpu[name] / cpu['decode']:6.2f} x decoding, {cpu[name] / cpu['ours']:6.2f} x ours"
            peak = max(run["peak"] for run in some)
            print(f"   {name:26s} {cpu[name]:7.2f} s ({spread}) {ratios}, {peak:.2f} GB")
    checks = {
        "ours within 3 x decoding": cpu["ours"] <= 3 * cpu["decode"],
        "peak within 1.5 GB": max(run["peak"] for run in runs["ours"]) <= 1.5,
    }
    if "intervals" in cpu:
        extra = (cpu["intervals"] - cpu["no_intervals"]) / cpu["no_intervals"]
        checks[f"intervals cost half as much again or less ({extra:+.0%})"] = extra <= 0.5
    for said, holds in checks.items():
        print(f"   {'ok  ' if holds else 'OVER'} {said}")
    return not all(checks.values())


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
    else:
        sys.exit(main())
