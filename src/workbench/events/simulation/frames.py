"""Frames in the exact columns and types of a table's definition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.events.definitions import Kind
from workbench.events.tables import TABLES

if TYPE_CHECKING:
    import polars as pl


def as_table(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Return the columns of a table, typed as its definition says; a column that is not there is null."""
    import polars as pl

    types: dict[Kind, pl.DataType | type[pl.DataType]] = {
        Kind.NUMBER: pl.Float64,
        Kind.MONEY: pl.Float64,
        Kind.SCORE: pl.Float64,
        Kind.COUNT: pl.Int64,
        Kind.BOOLEAN: pl.Boolean,
        Kind.INSTANT: pl.Datetime("us", "UTC"),
        Kind.DATE: pl.Date,
    }
    return frame.select(
        (pl.col(field.name) if field.name in frame.columns else pl.lit(None))
        .cast(types.get(field.kind, pl.String))
        .alias(field.name)
        for field in TABLES[name].fields
    )
