"""Metrics by campaign written by hand in Polars and pandas, over the same files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow.dataset as ds

# metric -> numerator and denominator; of each, what is taken of which events, and what platforms report.
SENT, CLICKED, CONVERTED = "campaign_delivered", "campaign_clicked", "campaign_converted"
FORMULAS: dict[str, tuple[tuple[str, str, str] | None, ...]] = {
    "ctr": (("count", CLICKED, "clicks"), ("count", SENT, "impressions")),
    "roas": (("sum", CONVERTED, "revenue"), ("", "", "spend")),
    "cpc": (("", "", "spend"), ("count", CLICKED, "clicks")),
    "aov": (("sum", CONVERTED, "revenue"), ("count", CONVERTED, "conversions")),
    "impressions": (("count", SENT, "impressions"), None),
    "conversion_rate": (("users", CONVERTED, ""), ("users", CLICKED, "")),
    "users_reached": (("users", SENT, ""), None),
    "frequency": (("count", SENT, ""), ("users", SENT, "")),
}


def _columns(name: str) -> list[str]:
    taken = {side[0] for side in FORMULAS[name] if side}
    sent = any(side and side[1] == SENT for side in FORMULAS[name])
    more = {"sum": ["value"], "users": ["user_key"]}
    return [
        "event_type",
        "campaign_id",
        *(column for what in sorted(taken) for column in more.get(what, [])),
        *(["is_holdout"] if sent else []),
    ]


def _types(name: str) -> list[str]:
    return sorted({side[1] for side in FORMULAS[name] if side and side[1]})


def in_polars(folder: Path, reported: pl.DataFrame, name: str) -> dict[str, float]:
    """Return one metric by campaign: a lazy scan with one group-by."""
    rows = pl.scan_parquet(folder / "facts/*/*.parquet").select(_columns(name))
    rows = rows.filter(pl.col("event_type").is_in(_types(name)))
    if SENT in _types(name):
        rows = rows.filter(~pl.col("is_holdout").fill_null(value=False))
    figures = []
    for place, side in enumerate(FORMULAS[name]):
        if side and side[1]:
            own = pl.col("event_type") == side[1]
            taken = {
                "count": own.sum(),
                "sum": pl.col("value").filter(own).sum() if side[0] == "sum" else None,
                "users": pl.col("user_key").filter(own).n_unique() if side[0] == "users" else None,
            }[side[0]]
            figures.append(taken.alias(f"s{place}"))
    found = rows.group_by("campaign_id").agg(figures).collect(engine="streaming").to_pandas()
    return _combined(found.set_index("campaign_id"), reported.to_pandas(), name)


def in_pandas(folder: Path, reported: pd.DataFrame, name: str) -> dict[str, float]:
    """Return one metric by campaign: the columns read by Arrow with the filter, texts as categories."""
    files = ds.dataset(
        str(folder / "facts"), format=ds.ParquetFileFormat(dictionary_columns=["campaign_id", "event_type"])
    )
    kept = ds.field("event_type").isin(_types(name))
    table = files.to_table(columns=_columns(name), filter=kept).unify_dictionaries()
    rows = table.to_pandas()
    if SENT in _types(name):
        rows = rows[~rows.is_holdout.fillna(value=False).astype(bool)]
    found: dict[str, Any] = {}
    for place, side in enumerate(FORMULAS[name]):
        if side and side[1]:
            own = rows[rows.event_type == side[1]].groupby("campaign_id", observed=True)
            found[f"s{place}"] = {
                "count": lambda own=own: own.size(),
                "sum": lambda own=own: own["value"].sum(),
                "users": lambda own=own: own["user_key"].nunique(),
            }[side[0]]()
    return _combined(pd.DataFrame(found), reported, name)


def _combined(found: pd.DataFrame, reported: pd.DataFrame, name: str) -> dict[str, float]:
    platform = reported.groupby("campaign_id")[
        ["impressions", "clicks", "spend", "conversions", "revenue"]
    ].sum()
    found.index = found.index.astype(str)
    sides = []
    for place, side in enumerate(FORMULAS[name]):
        if side is None:
            continue
        value = found[f"s{place}"] if side[1] else 0.0
        sides.append(value + platform[side[2]] if side[2] else value)
    whole = sides[0] / sides[1] if len(sides) > 1 else sides[0]
    return {str(key): float(value) for key, value in whole.items()}
