"""A market as files, as platforms and shops would export them: tables as CSV, events by month."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from workbench.events.simulation.market import Market
from workbench.events.simulation.names import uuids
from workbench.events.simulation.seasons import stream

if TYPE_CHECKING:
    import polars as pl

_INSTANT = "%Y-%m-%dT%H:%M:%S%.6fZ"
_BROKEN = (
    '{"order_value":-12.5,"order_id":"none"}',
    '{"campaign_id":"17","creative_id":"3"}',
    '{"note":"please call anna@example.com"}',
    "{}",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dirt:
    """What goes wrong on the way: lines that are added to the event files; no true event is lost.

    Parameters
    ----------
    invalid : float
        Lines that must be refused, as a share of the events.
    duplicates : float
        Lines that are there twice, as a share of the events.

    Examples
    --------
    >>> Dirt().invalid
    0.003
    """

    invalid: float = 0.003
    duplicates: float = 0.005


def write_market(
    market: Market, folder: str | Path, *, dirt: Dirt | None = None, json_months: int = 2
) -> tuple[Path, ...]:
    """Return the files of a market, written into a folder: tables first, then the events by month.

    Parameters
    ----------
    folder : path
        Made where it is missing; files of the same names are replaced. ``truth.json`` is written beside the
        files and is not among those returned.
    dirt : Dirt, optional
        Damage to the event files.
    json_months : int
        How many months, the last ones, are JSON lines; the others are Parquet.
    """
    import polars as pl

    home = Path(folder)
    (home / "events").mkdir(parents=True, exist_ok=True)
    written = []
    for name, table in market.tables.items():
        path = home / f"{name}.csv"
        table.write_csv(path, datetime_format=_INSTANT)
        written.append(path)
    events = market.events.with_columns(month=pl.col("timestamp").dt.strftime("%Y-%m"))
    events = events if dirt is None else _soiled(events, dirt, stream(market.spec, "dirt"))
    months = events.partition_by("month", as_dict=True, maintain_order=True, include_key=False)
    as_json = sorted(months)[-json_months:] if json_months else []
    for month in sorted(months):
        path = home / "events" / f"events-{month[0]}.{'jsonl' if month in as_json else 'parquet'}"
        if month in as_json:
            path.write_bytes(json_lines(months[month]))
        else:
            months[month].write_parquet(path, compression="zstd", row_group_size=65_536)
        written.append(path)
    (home / "truth.json").write_text(market.truth.to_json(), encoding="utf-8")
    return tuple(written)


def json_lines(events: pl.DataFrame) -> bytes:
    r"""Return events as JSON lines.

    Examples
    --------
    >>> import polars as pl
    >>> names = ("event_id", "event_type", "timestamp", "user_id", "session_id", "source", "properties")
    >>> row = ("e", "t", "2024-01-01T00:00:00Z", "u", None, "mobile", '{"a":1}', None)
    >>> names = (*names, "context")
    >>> json_lines(pl.DataFrame([row], schema=dict.fromkeys(names, pl.String), orient="row")).decode()
    '{"event_id":"e",...,"user_id":"u","source":"mobile","properties":{"a":1}}\n'
    """
    import polars as pl

    if events["timestamp"].dtype != pl.String:
        events = events.with_columns(pl.col("timestamp").dt.strftime(_INSTANT))

    def text(name: str) -> pl.Expr:
        return pl.concat_str(pl.lit(f'"{name}":"'), pl.col(name), pl.lit('",')).fill_null("")

    line = pl.concat_str(
        pl.lit("{"), *map(text, ("event_id", "event_type", "timestamp", "user_id", "session_id", "source")),
        pl.lit('"properties":'), pl.col("properties"),
        pl.concat_str(pl.lit(',"context":'), pl.col("context")).fill_null(""), pl.lit("}"),
    )  # fmt: skip
    lines = events.select(line=line)["line"]
    return ("\n".join(lines.to_list()) + "\n").encode()


def _soiled(events: pl.DataFrame, dirt: Dirt, rng: np.random.Generator) -> pl.DataFrame:
    """Return the events with copies among them: some exact, some broken in one way or another.

    A copy stays in the file of its original's month: a wrong clock does not move a line to another file.
    """
    import polars as pl

    events = events.with_columns(place=pl.int_range(pl.len()))
    twice = events.gather(rng.integers(0, len(events), round(dirt.duplicates * len(events))))
    bad = events.gather(rng.integers(0, len(events), round(dirt.invalid * len(events))))
    bad = bad.with_columns(
        event_id=uuids(len(bad), rng),
        way=pl.Series(rng.integers(0, 6, len(bad))),
        broken=pl.Series(_BROKEN).gather(rng.integers(0, len(_BROKEN), len(bad))),
    )
    row = pl.concat_str(pl.lit("row-"), pl.int_range(pl.len()).cast(pl.String))
    way = pl.col("way")
    bad = bad.with_columns(
        event_id=pl.when(way == 0).then(row).otherwise("event_id"),
        event_type=pl.when(way == 1).then(pl.lit("campaign_opened")).otherwise("event_type"),
        source=pl.when(way == 2).then(pl.lit("web")).otherwise("source"),
        timestamp=pl.when(way == 3).then(pl.col("timestamp").dt.offset_by("40y")).otherwise("timestamp"),
        properties=pl.when(way >= 4).then("broken").otherwise("properties"),
    ).select(events.columns)
    return pl.concat([events, twice, bad]).sort("place", maintain_order=True).drop("place")
