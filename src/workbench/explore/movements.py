"""Which figures left their usual range: the changes of many metrics, judged together.

Words: a *movement* is the change of one figure between two blocks of days, against how much it usually moves
(`trends`); it *stands out* where its p is below 5 % after all figures are counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from workbench.errors import UsageError
from workbench.explore.nature import mean_said
from workbench.explore.shares import holm
from workbench.explore.trends import KINDS, Trends, trends
from workbench.explore.view import View, frame_of, listed, span
from workbench.result import format_value

if TYPE_CHECKING:
    import pandas as pd

    from workbench.metrics import Window
    from workbench.source import Tables

Kind = Literal["WoW", "MoM", "YoY"]
OVERALL = ("revenue", "spend", "roas", "ctr", "cost_per_conversion", "leads")
AGAINST = {"WoW": "the week before", "MoM": "the four weeks before", "YoY": "a year ago"}
_ALARM = 0.05
_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """The change of one figure.

    Parameters
    ----------
    metric, title, unit, better : str
        As in the dictionary.
    slice : str
        The channel, empty for all.
    current, previous : float or None
        The figure in the last block and in the one before.
    change, change_low, change_high : float or None
        Relative, with its own 95 % interval.
    p_value : float or None
        Corrected for all figures by Holm's method; None where `reason` says why. Else that says which days
        alone made the movement.
    """

    metric: str
    title: str
    unit: str
    better: str
    slice: str
    current: float | None
    previous: float | None
    change: float | None
    change_low: float | None
    change_high: float | None
    p_value: float | None
    reason: str

    @property
    def name(self) -> str:
        """Return what moved, as it is read."""
        return f"{self.title} of {self.slice.replace('_', ' ')}" if self.slice else self.title

    @property
    def label(self) -> str:
        """Return the same with what tells it apart first."""
        return f"{self.slice.replace('_', ' ')}: {self.title}" if self.slice else self.title

    @property
    def stands_out(self) -> bool:
        """Return whether it moved more than it usually does."""
        return self.p_value is not None and self.p_value < _ALARM

    @property
    def good(self) -> bool | None:
        """Return whether the movement is good news; None where neither is meant."""
        step = (self.current or 0.0) - (self.previous or 0.0)
        if self.better not in ("higher", "lower") or not step:
            return None
        return (step > 0) == (self.better == "higher")


@dataclass(frozen=True, slots=True, kw_only=True)
class Movements(View):
    """The movements of all figures, those that stand out first.

    `unknown` are metrics that have no value at all, each with the reason; `left_out` says which last days
    were not looked at.
    """

    kind: str
    rows: tuple[Movement, ...]
    unknown: tuple[tuple[str, str], ...]
    currency: str | None
    missing: str = ""
    left_out: str = ""

    @property
    def outstanding(self) -> tuple[Movement, ...]:
        """Return the movements that stand out."""
        return tuple(row for row in self.rows if row.stands_out)

    @property
    def sentence(self) -> str:
        """Return what left its usual range, or that nothing did, and which days were left out."""
        return self.missing or " ".join(part for part in (self.finding, self.left_out) if part)

    @property
    def finding(self) -> str:
        """Return what left its usual range, or that nothing did."""
        judged = sum(row.p_value is not None for row in self.rows)
        if self.missing or not judged:
            return self.missing or "Not enough data: no figure has enough days to be judged."
        found = self.outstanding
        against = f"against {AGAINST[self.kind]}"
        if not found:
            who = f"None of {judged} figures" if judged > 1 else "The only figure that can be judged never"
            apart = sum(row.p_value is not None and bool(row.reason) for row in self.rows)
            had = "one had days" if apart == 1 else f"{apart} had days"
            days = f"; {had} that stand apart, as holidays do" if apart else ""
            return f"{who} left its usual range {against}{days}."
        told = listed(f"{row.name} {self._moved(row)}" for row in found[:_NAMED])
        more = f", and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        count = f"{len(found)} of {judged} figure{'' if judged == 1 else 's'}"
        whose = "its" if len(found) == 1 else "their"
        return f"{count} left {whose} usual range {against}: {told}{more}."

    def _moved(self, row: Movement) -> str:
        way = "rose" if (row.current or 0.0) > (row.previous or 0.0) else "fell"
        if row.change is None:
            ends = (mean_said(x, row.metric, currency=self.currency) for x in (row.previous, row.current))
            return f"{way} from {' to '.join(ends)}"
        return f"{way} by {format_value(abs(row.change), '%')}{span(row.change_low, row.change_high, '%')}"

    def to_frame(self) -> pd.DataFrame:
        """Return one row per figure."""
        return frame_of(self.rows, Movement)


def movements(
    tables: Tables,
    metrics: Sequence[str] = OVERALL,
    *,
    kind: Kind = "WoW",
    by: Sequence[str] = ("roas", "spend"),
    window: str | Window | None = "90d",
) -> Movements:
    """Return which figures left their usual range.

    Parameters
    ----------
    tables : Tables
        The data at one version.
    metrics : sequence of str
        Metrics of the dictionary, over everything.
    kind : {"WoW", "MoM", "YoY"}
        The last 7 days against the 7 before, the last 28 against the 28 before, or against a year ago.
    by : sequence of str
        Metrics that are looked at by channel, too.
    window : str or Window, optional
        Its last day ends the last block.

    Raises
    ------
    UsageError
        If a metric or a kind is unknown.

    References
    ----------
    Holm (1979), Scandinavian Journal of Statistics 6: over channels within a metric, then over all figures.
    """
    if kind not in KINDS:
        raise UsageError(f"Movements are of kind {', '.join(KINDS)}, not {kind!r}.")
    views = [trends(tables, name, window=window) for name in dict.fromkeys(metrics)]
    views += [trends(tables, name, by="channel", window=window) for name in dict.fromkeys(by)]
    unknown = tuple((view.title, view.missing) for view in views if view.missing and view.by is None)
    found = [row for view in views for row in _rows(view, kind)]
    corrected = holm([row.p_value for row in found])
    rows = [replace(row, p_value=p) for row, p in zip(found, corrected, strict=True)]
    rows.sort(key=lambda row: (row.p_value is None, row.p_value or 0.0))
    missing = unknown[0][1] if not rows and unknown else ""
    return Movements(
        kind=kind,
        rows=tuple(rows),
        unknown=unknown,
        currency=tables.currency,
        missing=missing,
        left_out=_left_out([view for view in views if not view.missing]),
    )


def _left_out(views: Sequence[Trends]) -> str:
    """Return which days were left out; where not of all figures, of which."""
    titles: dict[str, list[str]] = {}
    for view in views:
        if view.title not in titles.setdefault(view.left_out, []):
            titles[view.left_out].append(view.title)
    if len(titles) == 1:
        return next(iter(titles))
    told = ((said, listed(names)) for said, names in titles.items() if said)
    return " ".join(f"{names}: {said[0].lower()}{said[1:]}" for said, names in told)


def _rows(view: Trends, kind: str) -> list[Movement]:
    return [
        Movement(
            metric=view.metric,
            title=view.title,
            unit=view.unit,
            better=view.better,
            slice=change.slice,
            current=change.current,
            previous=change.previous,
            change=change.change,
            change_low=change.change_low,
            change_high=change.change_high,
            p_value=change.p_value,
            reason=change.reason,
        )
        for change in view.changes
        if change.kind == kind
    ]
