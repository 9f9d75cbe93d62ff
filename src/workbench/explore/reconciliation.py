"""Our figures against a platform's export: what differs by more than a tolerance, per campaign and day.

Words: a *difference* is (ours - theirs) / theirs; a row that only one side has differs by all of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from workbench.errors import BadInput, UsageError, wrong_kind
from workbench.explore.figures import Figures, figures
from workbench.explore.view import View, frame_of, number, ratio
from workbench.metrics.window import Window
from workbench.result import format_value

if TYPE_CHECKING:
    import pandas as pd

    from workbench.source import Tables

TOLERANCE = 0.01
COLUMNS = ("impressions", "clicks", "spend", "conversions")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """One figure of one campaign and day that differs; a side that has no such row is None."""

    campaign_id: str
    day: date
    figure: str
    ours: float | None
    theirs: float | None
    difference: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation(View):
    """What differs, the largest amounts first."""

    compared: int
    agreeing: int
    mismatches: tuple[Mismatch, ...]
    totals: tuple[Mismatch, ...]
    tolerance: float
    missing: str = ""

    @property
    def sentence(self) -> str:
        """Return how many figures agree, and which totals do not."""
        if self.missing:
            return self.missing
        off = [
            f"{total.figure}{_by(total)}"
            for total in self.totals
            if not _agrees(total.ours, total.theirs, self.tolerance)
        ]
        tail = f"in total they differ in {', '.join(off)}" if off else "all totals agree"
        limit = format_value(self.tolerance, "%")
        return f"{self.agreeing:,} of {self.compared:,} figures agree within {limit}; {tail}."

    def to_frame(self) -> pd.DataFrame:
        """Return one row per figure that differs."""
        return frame_of(self.mismatches, Mismatch)

    def totals_frame(self) -> pd.DataFrame:
        """Return the totals of both sides."""
        return frame_of(self.totals, Mismatch)


def reconcile(tables: Tables, export: pd.DataFrame, *, tolerance: float = TOLERANCE) -> Reconciliation:
    """Return what differs between our figures and a platform's export.

    Parameters
    ----------
    tables : Tables
        Our data.
    export : pandas, Polars or Arrow frame
        Columns campaign_id, date, and some of impressions, clicks, spend, conversions (ctr follows);
        several rows of one campaign and day are added up.
    tolerance : float
        The relative difference that is let pass.

    Raises
    ------
    BadInput
        If a column is missing, or a value is no number or no date.
    """
    if not tolerance >= 0:
        raise UsageError(f"A tolerance is a share of at least 0, not {tolerance}.")
    export = _as_pandas(export)
    theirs = _exported(export)
    if not theirs:
        return Reconciliation(
            compared=0,
            agreeing=0,
            mismatches=(),
            totals=(),
            tolerance=tolerance,
            missing="Not enough data: the export has no row.",
        )
    names = [name for name in COLUMNS if name in export.columns]
    days = [day for _, day in theirs]
    found = figures(
        tables,
        ["impressions", "ctr", "cpc", "cost_per_conversion", "spend"],
        by=("campaign", "day"),
        window=Window(min(days), max(days)),
    )
    campaigns = {campaign for campaign, _ in theirs}
    ours = {key: _ours(found, key) for key in found.slices if key[0] in campaigns}
    return compare_exports(ours, theirs, names, tolerance=tolerance)


Side = dict[tuple[Any, ...], dict[str, float | None]]


def compare_exports(ours: Side, theirs: Side, names: list[str], *, tolerance: float) -> Reconciliation:
    """Return what differs between two sides of figures by campaign and day."""
    shown = [*names, *(["ctr"] if {"impressions", "clicks"} <= set(names) else [])]
    compared, mismatches = 0, []
    for key in sorted(ours.keys() | theirs.keys(), key=str):
        for name in shown:
            pair = (_figure(ours.get(key, {}), name), _figure(theirs.get(key, {}), name))
            if not (pair[0] or pair[1]):
                continue
            compared += 1
            if not _agrees(*pair, tolerance):
                mismatches.append(_mismatch(key, name, *pair))
    totals = []
    for name in shown:
        sides = [{part: _sum(side, part) for part in names} for side in (ours, theirs)]
        totals.append(
            _mismatch(("all", max(key[1] for key in theirs)), name, *(_figure(s, name) for s in sides))
        )
    mismatches.sort(key=lambda row: -abs((row.ours or 0.0) - (row.theirs or 0.0)))
    return Reconciliation(
        compared=compared,
        agreeing=compared - len(mismatches),
        mismatches=tuple(mismatches),
        totals=tuple(totals),
        tolerance=tolerance,
    )


def _ours(found: Figures, key: tuple[Any, ...]) -> dict[str, float | None]:
    return {
        "impressions": found.of(key, "ctr").denominator,
        "clicks": found.of(key, "ctr").numerator,
        "spend": found.of(key, "spend").value,
        "conversions": found.of(key, "cost_per_conversion").denominator,
    }


def _as_pandas(export: Any) -> pd.DataFrame:
    frame: pd.DataFrame = export.to_pandas() if hasattr(export, "to_pandas") else export
    if not hasattr(frame, "iloc"):
        raise wrong_kind(
            "An export", export, "a frame of pandas, Polars or Arrow, such as pandas.read_csv(FILE)"
        )
    return frame


def _exported(export: pd.DataFrame) -> Side:
    for name in ("campaign_id", "date"):
        if name not in export.columns:
            raise BadInput("the export lacks a column", column=name, expected=f"a column {name}")
    names = [name for name in COLUMNS if name in export.columns]
    if not names:
        raise BadInput(
            "the export has nothing to compare", expected=f"one of the columns {', '.join(COLUMNS)}"
        )
    rows: Side = {}
    for place, record in enumerate(export.to_dict("records"), start=2):
        side = rows.setdefault((_id(record["campaign_id"], place), _day(record["date"], place)), {})
        for name in names:
            value = _value(record[name], name, place)
            side[name] = value if side.get(name) is None else (side[name] or 0.0) + (value or 0.0)
    return rows


def _id(value: Any, row: int) -> str:
    if _is_gap(value):
        raise BadInput("no campaign", row=row, column="campaign_id", expected="the id of a campaign")
    # A column of whole numbers with a gap is read as floats: 123 as 123.0.
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _is_gap(value: object) -> bool:
    return value is None or value != value  # noqa: PLR0124 - NaN and NaT differ from themselves


def _day(value: object, row: int) -> date:
    if isinstance(value, datetime) and not _is_gap(value):
        return value.date()
    if isinstance(value, date) and not _is_gap(value):
        return value
    try:
        return date.fromisoformat(str(value).strip()[:10])
    except ValueError:
        raise BadInput("not a date", row=row, column="date", value=value, expected="2024-01-31") from None


def _value(value: Any, name: str, row: int) -> float | None:
    try:
        return number(value)
    except (TypeError, ValueError):
        raise BadInput("not a number", row=row, column=name, value=value, expected="a number") from None


def _figure(side: dict[str, float | None], name: str) -> float | None:
    return ratio(side.get("clicks"), side.get("impressions")) if name == "ctr" else side.get(name)


def _sum(side: Side, name: str) -> float | None:
    known = [value for row in side.values() if (value := row.get(name)) is not None]
    return sum(known) if known else None


def _agrees(ours: float | None, theirs: float | None, tolerance: float) -> bool:
    if ours is None or theirs is None:
        return not (ours or theirs)
    return abs(ours - theirs) <= tolerance * abs(theirs) * (1 + 1e-9)  # at the limit, floats differ by noise


def _by(total: Mismatch) -> str:
    if total.difference is not None:
        return f" by {format_value(total.difference, '%')}"
    return " (only ours)" if total.ours else " (only theirs)"


def _mismatch(key: tuple[Any, ...], name: str, ours: float | None, theirs: float | None) -> Mismatch:
    difference = None if ours is None or theirs is None else ratio(ours - theirs, theirs)
    return Mismatch(
        campaign_id=str(key[0]), day=key[1], figure=name, ours=ours, theirs=theirs, difference=difference
    )
