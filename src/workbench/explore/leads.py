"""Lead quality: where good leads come from, how far they get, what they cost and bring.

Words: the *win rate* is won / (won + lost), open leads left out; the *expected value* of a lead is its deal
value when won, nothing when lost, deal value x close probability while open; the *return* is (expected
value - cost) / cost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.explore.figures import figures
from workbench.explore.query import ask, days_since_epoch, window_of
from workbench.explore.shares import share_with_interval
from workbench.explore.view import View, frame_of, lacking, ratio, span
from workbench.metrics import sql
from workbench.result import format_value

if TYPE_CHECKING:
    import pandas as pd

    from workbench.metrics import Window
    from workbench.source import Tables

# A lead in a stage has been through those before it; a lost one was worked, as `engaged_leads` counts it, and
# nobody recorded how far.
STAGES = (
    ("leads", frozenset({"new", "engaged", "replied", "qualified", "pipeline", "won", "lost"})),
    ("engaged", frozenset({"engaged", "replied", "qualified", "pipeline", "won", "lost"})),
    ("replied", frozenset({"replied", "qualified", "pipeline", "won"})),
    ("qualified", frozenset({"qualified", "pipeline", "won"})),
    ("won", frozenset({"won"})),
)
_MANY_OPEN = 0.1  # of all: fewer move the share of won ones by less than their chance does
UNGRADED = "no grade"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadRow:
    """The leads of one channel, with 95 % intervals.

    `new_per_day` is the velocity of arrival, `days_to_close` the median of won leads, `roi` needs costs.
    """

    channel: str
    leads: int
    won: int
    lost: int
    open: int
    conversion: float | None
    conversion_low: float | None
    conversion_high: float | None
    win_rate: float | None
    win_rate_low: float | None
    win_rate_high: float | None
    won_value: float | None
    expected_value: float | None
    new_per_day: float | None
    days_to_close: float | None
    cost: float | None
    cost_per_lead: float | None
    roi: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GradeCell:
    """How many leads of a channel have a grade, and their win rate with its 95 % interval."""

    channel: str
    grade: str
    leads: int
    share: float
    win_rate: float | None
    win_rate_low: float | None
    win_rate_high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadStage:
    """How many leads came at least to a stage, and the share of the stage before that got here."""

    stage: str
    leads: int
    rate: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadReport(View):
    """Lead quality; `total` is the row over all channels that bring leads, and its cost is theirs alone."""

    total: LeadRow | None
    rows: tuple[LeadRow, ...]
    grades: tuple[GradeCell, ...]
    stages: tuple[LeadStage, ...]
    currency: str | None
    missing: str = ""

    @property
    def sentence(self) -> str:
        """Return the number of leads, the win rate and what they are worth."""
        if self.missing or self.total is None:
            return self.missing
        row = self.total
        cost = format_value(row.cost_per_lead, "money", currency=self.currency)
        value = format_value(row.expected_value, "money", currency=self.currency)
        price = f" at {cost} each" if row.cost_per_lead is not None else ""
        parts = [f"{row.leads:,} lead{'' if row.leads == 1 else 's'}{price}"]
        if row.win_rate is None:
            parts.append("none is decided yet")
        else:
            interval = span(row.win_rate_low, row.win_rate_high, "%")
            parts.append(f"{format_value(row.win_rate, '%')} of the decided were won{interval}{_open(row)}")
        known = row.expected_value is not None
        parts.append(f"they are worth {value}" if known else "what they are worth is not recorded")
        return f"{'; '.join(parts)}."

    @property
    def only(self) -> Mapping[str, tuple[str, ...]] | None:
        """Return what keeps other figures to the channels that bring leads; None where there are none.

        What is spent to sell in the shop is no cost of a lead.
        """
        return {"channel": tuple(row.channel for row in self.rows)} if self.rows else None

    def to_frame(self) -> pd.DataFrame:
        """Return one row per channel."""
        return frame_of(self.rows, LeadRow)

    def grades_frame(self) -> pd.DataFrame:
        """Return one row per channel and grade."""
        return frame_of(self.grades, GradeCell)

    def stages_frame(self) -> pd.DataFrame:
        """Return one row per stage."""
        return frame_of(self.stages, LeadStage)


def leads(tables: Tables, *, window: str | Window | None = "90d") -> LeadReport:
    """Return the quality of leads, over all and by channel.

    Parameters
    ----------
    tables : Tables
        Needs leads; costs come from daily_performance.
    window : str or Window, optional
        The days on which the leads arrived.

    Notes
    -----
    Young leads have had less time to be won, so the win rate of a recent window looks at the quickly decided.
    """
    days = window_of(tables, window)
    missing = lacking(tables, "leads")
    if missing or days is None:
        return _nothing(tables, missing or lacking(tables))
    rows = ask(tables, _counts, "lead counts", window=days)
    if not rows:
        return _nothing(tables, f"Not enough data: no lead arrived {days.told}.")
    waits = ask(tables, _waits, "lead waits", window=days)
    channels = sorted({row["channel"] for row in rows}, key=lambda name: (-_size(rows, name), name))
    only = {"channel": tuple(channels)}
    whole = figures(tables, ["spend"], window=days, where=only).of((), "spend").value
    costs = figures(tables, ["spend"], by=("channel",), window=days, where=only)
    return LeadReport(
        total=_row("all", rows, waits, whole, days.days),
        rows=tuple(
            _row(
                name,
                [row for row in rows if row["channel"] == name],
                [row for row in waits if row["channel"] == name],
                costs.of((name,), "spend").value,
                days.days,
            )
            for name in channels
        ),
        grades=tuple(cell for name in channels for cell in _grades(name, rows)),
        stages=lead_stages(rows),
        currency=tables.currency,
    )


def _open(row: LeadRow) -> str:
    """Return within what the share of won leads may end where many are open: those decided were quick."""
    if row.open < _MANY_OPEN * row.leads:
        return ""
    ends = [format_value(won / row.leads, "%") for won in (row.won, row.won + row.open)]
    are = "is" if row.open == 1 else "are"
    return f", but {row.open:,} {are} open: of all leads it may end at {ends[0]} to {ends[1]}"


def lead_stages(rows: Iterable[Mapping[str, Any]]) -> tuple[LeadStage, ...]:
    """Return how many leads came at least to each stage, from rows of stage and leads.

    Examples
    --------
    >>> stages = lead_stages([{"stage": "new", "leads": 6}, {"stage": "won", "leads": 2}])
    >>> [(stage.stage, stage.leads) for stage in stages]
    [('leads', 8), ('engaged', 2), ('replied', 2), ('qualified', 2), ('won', 2)]
    """
    counts: Counter[str] = Counter()
    for row in rows:
        counts[row["stage"]] += int(row["leads"])
    reached = [(name, sum(counts[stage] for stage in stages)) for name, stages in STAGES]
    found = []
    for place, (name, count) in enumerate(reached):
        rate, low, high = share_with_interval(count, reached[place - 1][1]) if place else (None, None, None)
        found.append(LeadStage(stage=name, leads=count, rate=rate, low=low, high=high))
    return tuple(found)


def _row(
    channel: str,
    rows: Sequence[Mapping[str, Any]],
    waits: Sequence[Mapping[str, Any]],
    cost: float | None,
    days: int,
) -> LeadRow:
    count = sum(int(row["leads"]) for row in rows)
    won = sum(int(row["leads"]) for row in rows if row["stage"] == "won")
    lost = sum(int(row["leads"]) for row in rows if row["stage"] == "lost")
    conversion, win = share_with_interval(won, count), share_with_interval(won, won + lost)
    priced = any(row["priced"] for row in rows)
    value = sum(float(row["expected"] or 0.0) for row in rows) if priced else None
    return LeadRow(
        channel=channel,
        leads=count,
        won=won,
        lost=lost,
        open=count - won - lost,
        conversion=conversion[0],
        conversion_low=conversion[1],
        conversion_high=conversion[2],
        win_rate=win[0],
        win_rate_low=win[1],
        win_rate_high=win[2],
        won_value=sum(float(row["deals"] or 0.0) for row in rows if row["stage"] == "won")
        if priced
        else None,
        expected_value=value,
        new_per_day=ratio(count, days),
        days_to_close=weighted_median([(float(row["days"]), int(row["leads"])) for row in waits]),
        cost=cost,
        cost_per_lead=ratio(cost, count),
        roi=None if value is None or cost is None else ratio(value - cost, cost),
    )


def weighted_median(pairs: Iterable[tuple[float, int]]) -> float | None:
    """Return the median of values that each stand for several.

    Examples
    --------
    >>> weighted_median([(1.0, 1), (2.0, 1), (10.0, 2)]), weighted_median([])
    (6.0, None)
    """
    ordered = sorted(pairs)
    size = sum(weight for _, weight in ordered)
    if size == 0:
        return None
    middle = []
    for at in ((size - 1) // 2, size // 2):
        seen = 0
        for value, weight in ordered:
            seen += weight
            if seen > at:
                middle.append(value)
                break
    return sum(middle) / 2


def _size(rows: Iterable[Mapping[str, Any]], channel: str) -> int:
    return sum(int(row["leads"]) for row in rows if row["channel"] == channel)


def _grades(channel: str, rows: Sequence[Mapping[str, Any]]) -> list[GradeCell]:
    mine = [row for row in rows if row["channel"] == channel]
    total = _size(mine, channel)
    cells = []
    for grade in sorted({row["grade"] or UNGRADED for row in mine}):
        some = [row for row in mine if (row["grade"] or UNGRADED) == grade]
        won = sum(int(row["leads"]) for row in some if row["stage"] == "won")
        decided = sum(int(row["leads"]) for row in some if row["stage"] in ("won", "lost"))
        count, win = _size(some, channel), share_with_interval(won, decided)
        cells.append(
            GradeCell(
                channel=channel,
                grade=grade,
                leads=count,
                share=count / total,
                win_rate=win[0],
                win_rate_low=win[1],
                win_rate_high=win[2],
            )
        )
    return cells


def _counts() -> Any:
    table = sql.unbound("leads")
    kept = table.filter(sql.within(table.created_at, instant=True))
    expected = sql.when(
        kept.stage == "won",
        kept.deal_value,
        sql.when(kept.stage == "lost", sql.number(sql.literal(0)), kept.deal_value * kept.close_probability),
    )
    rows = kept.select(
        "channel",
        "grade",
        "stage",
        "deal_value",
        expected=expected,
        priced=sql.when(kept.deal_value.notnull(), 1, 0),
    )
    return rows.group_by(["channel", "grade", "stage"]).agg(
        leads=rows.count(),
        deals=rows.deal_value.sum(),
        expected=rows.expected.sum(),
        priced=rows.priced.max(),
    )


def _waits() -> Any:
    table = sql.unbound("leads")
    kept = table.filter(
        [*sql.within(table.created_at, instant=True), table.stage == "won", table.closed_at.notnull()]
    )
    rows = kept.select("channel", days=days_since_epoch(kept.closed_at) - days_since_epoch(kept.created_at))
    return rows.group_by(["channel", "days"]).agg(leads=rows.count())


def _nothing(tables: Tables, reason: str) -> LeadReport:
    return LeadReport(total=None, rows=(), grades=(), stages=(), currency=tables.currency, missing=reason)
