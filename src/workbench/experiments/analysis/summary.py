"""All tests of a workspace on one page: what each found on the metric that decides, and what came of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from workbench.errors import NotEnoughData, UsageError
from workbench.experiments.analysis.analysis import Analysis
from workbench.experiments.analysis.asked import ENDLESS
from workbench.experiments.analysis.finding import Course, Finding
from workbench.experiments.analysis.verdict import FEWEST
from workbench.experiments.analysis.views import ab_test
from workbench.experiments.inference.multiplicity import adjusted
from workbench.experiments.records.keeping import Kept
from workbench.experiments.records.kept import kept_experiments
from workbench.result import html_table, told

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd

    from workbench.source import Tables

MOST = 12
_ALPHA = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryRow:
    """One variant of one test, on the metric that decides.

    Parameters
    ----------
    experiment, status : str
        Its name, and how far it is.
    users : int
        All that count.
    metric, variant, control : str
        What decides, which variant, and against what.
    effect : str
        The difference with interval and p, in words.
    relative, low, high : float or None
        The relative change and its interval at the test's level; None where the test is looked at on the
        way, whose bounds stand in `effect`, or where it is not known.
    p, p_all : float or None
        Adjusted within the test, and then over all tests (Benjamini-Hochberg).
    course : str
        ``"better"``, ``"worse"``, ``"changed"``, ``"open"`` or ``"unknown"``.
    blocked : bool
        Whether something is wrong with the test itself, or too few users are in it for any figure to decide.
    verdict, decision : str
        What it comes to, and what was decided; empty where nothing was.
    guarded : bool
        Whether each of its guardrails is known to hold, if there are any.
    first_day, last_day : date or None
        The days that count.
    caution : str
        What to bear in mind of it.
    """

    experiment: str
    status: str
    users: int
    metric: str
    variant: str
    control: str
    effect: str
    relative: float | None
    low: float | None
    high: float | None
    p: float | None
    p_all: float | None
    course: Course
    blocked: bool
    verdict: str
    decision: str
    guarded: bool = True
    first_day: date | None = None
    last_day: date | None = None
    caution: str = ""

    @property
    def sure(self) -> bool:
        """Return whether it differs also when all tests are counted, and nothing is wrong with it."""
        return not self.blocked and self.p_all is not None and self.p_all < _ALPHA


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentSummary:
    """All tests that have users, the newest first.

    Parameters
    ----------
    rows : tuple of SummaryRow
        One per test and variant.
    left_out : tuple of (str, str)
        Tests without a figure, each with the reason.
    missing : str
        Why there is nothing.
    """

    rows: tuple[SummaryRow, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    missing: str = ""

    @property
    def sentence(self) -> str:
        """Return how many tests found something that lasts when all are counted."""
        if self.missing or not self.rows:
            return self.missing or "Not enough data: no test has a figure yet."
        names = list(dict.fromkeys(row.experiment for row in self.rows))
        better = [row for row in self.rows if row.sure and row.course == "better"]
        won = {row.experiment for row in better if row.guarded}
        harmful = {row.experiment for row in better} - won
        lost = [name for name in names if any(row.sure and row.course == "worse" for row in self._of(name))]
        blocked = [name for name in names if any(row.blocked for row in self._of(name))]
        tests = f"{len(names)} test{'s' if len(names) > 1 else ''}"
        left = (
            f" ({len(self.left_out)} more {'is' if len(self.left_out) == 1 else 'are'} left out)"
            if self.left_out
            else ""
        )
        parts = [f"{len(won) or 'none'} found a clearly better variant"]
        parts += [f"{len(harmful)} one that may do harm elsewhere"] if harmful else []
        parts += [f"{len(lost) or 'none'} a clearly worse one"]
        parts += [f"in {len(blocked)} the test itself is in doubt"] if blocked else []
        endless = {row.experiment for row in self.rows if row.caution == ENDLESS}
        counted = f"{'these' if left else 'all'} tests counted together" if len(names) > 1 else ""
        after = f"; of {len(endless)} the end is not known: all days to the last count" if endless else ""
        return f"Of {tests}{left}, {', '.join([*parts, counted]).rstrip(', ')}{after}."

    def _of(self, name: str) -> list[SummaryRow]:
        return [row for row in self.rows if row.experiment == name]

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return one row per test and variant."""
        import pandas as pd

        names = [field.name for field in fields(SummaryRow)]
        return pd.DataFrame([[getattr(row, n) for n in names] for row in self.rows], columns=names)

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.sentence)}</p>{html_table(self.to_frame())}"


def summarize_tests(tables: Tables, *, metrics: str = "orders", most: int = MOST) -> ExperimentSummary:
    """Return what every test of a workspace found on the metric that decides.

    Parameters
    ----------
    tables : Tables
        A workspace's tables.
    metrics : str
        What decides tests that were only loaded; defined ones have their own.
    most : int
        How many tests are analysed, the newest first; the others are named.

    References
    ----------
    Benjamini, Hochberg (1995), JRSS B 57: over the p-values of all tests, each adjusted within its test.
    """
    if "experiments" not in tables.names:
        return ExperimentSummary(rows=(), missing="No assignments of experiments are loaded.")
    found = [kept for kept in kept_experiments(tables).rows if kept.geo_test is None]
    began = {
        row["experiment"]: row["began"]
        for row in tables.query(
            "SELECT experiment, max(assigned_at) AS began FROM experiments GROUP BY experiment"
        ).to_pylist()
    }
    begun = [kept for kept in found if kept.name in began]
    begun.sort(key=lambda kept: (began[kept.name], kept.name), reverse=True)
    rows: list[SummaryRow] = []
    left_out: list[tuple[str, str]] = []
    for kept in begun[:most]:
        try:
            test = ab_test(tables, kept.name, metrics=metrics, daily=False)
        except (UsageError, NotEnoughData) as error:
            left_out.append((kept.name, str(error)))
            continue
        if test.analysis is None:
            left_out.append((kept.name, test.missing))
        else:
            rows += summary_rows(kept, test.analysis)
    newest = f"{most} newest tests are" if most > 1 else "newest test is"
    left_out += [(kept.name, f"Only the {newest} analysed here.") for kept in begun[most:]]
    missing = "" if begun else "Not enough data: nobody was assigned to a test yet."
    return ExperimentSummary(rows=_over_all(rows), left_out=tuple(left_out), missing=missing)


def summary_rows(kept: Kept, analysis: Analysis) -> list[SummaryRow]:
    """Return what one test found on the metric that decides, a row for each variant."""
    return [_row(kept, analysis, one) for one in analysis.primary]


def _row(kept: Kept, analysis: Analysis, one: Finding) -> SummaryRow:
    lift = one.comparison.relative
    known = one.monitored is None and lift.known
    decided = kept.decisions[-1] if kept.decisions else None
    days = analysis.seen.window
    return SummaryRow(
        experiment=kept.name,
        status=kept.status,
        users=analysis.users,
        metric=one.comparison.label.heading,
        variant=one.variant,
        control=one.comparison.control,
        effect=one.effect,
        relative=_finite(lift.value) if known else None,
        low=_finite(lift.low) if known else None,
        high=_finite(lift.high) if known else None,
        p=_finite(one.p_adjusted),
        p_all=None,
        course=one.course,
        blocked=analysis.verdict.blocked or min(analysis.ratio.seen, default=0) < FEWEST,
        verdict=analysis.verdict.sentence,
        decision=f"{decided.decision} {decided.variant}".strip() if decided else "",
        guarded=all(
            found.guarded is None or found.guarded.verdict == "ok"
            for found in analysis.findings
            if found.variant == one.variant
        ),
        first_day=days.first if days else None,
        last_day=days.last if days else None,
        caution="" if kept.changes else ENDLESS,
    )


def _over_all(rows: list[SummaryRow]) -> tuple[SummaryRow, ...]:
    p = adjusted(
        np.array([math.nan if row.p is None else row.p for row in rows]), adjustment="benjamini_hochberg"
    )
    return tuple(replace(row, p_all=_finite(float(one))) for row, one in zip(rows, p, strict=True))


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
