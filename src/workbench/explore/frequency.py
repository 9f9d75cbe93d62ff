"""How often people are reached, and how they answer by how often.

Words: a user's *frequency* is the number of messages delivered in the window, the holdout left out; it is
counted as 1, 2, 3, and 4 or more. *Response* is the share of users of a frequency who clicked, converted or
unsubscribed at least once. It compares different people: those who answer are also sent more, so it is no
effect of frequency.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.explore.query import ask, window_of
from workbench.explore.shares import difference_of_shares, share_with_interval
from workbench.explore.view import View, frame_of, lacking
from workbench.metrics import sql
from workbench.metrics.measures import count
from workbench.metrics.presence import loaded
from workbench.result import format_value

if TYPE_CHECKING:
    import pandas as pd

    from workbench.metrics import Window
    from workbench.source import Tables

_SURE = 0.05
LABELS = ("1x", "2x", "3x", "4x+")
_RESPONSES = {
    "clicked": "campaign_clicked",
    "converted": "campaign_converted",
    "unsubscribed": "user_unsubscribed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FrequencyRow:
    """Users of one frequency, and the shares that answered, with Wilson's 95 % intervals."""

    frequency: str
    users: int
    share: float
    messages: int
    clicked: float | None
    clicked_low: float | None
    clicked_high: float | None
    converted: float | None
    converted_low: float | None
    converted_high: float | None
    unsubscribed: float | None
    unsubscribed_low: float | None
    unsubscribed_high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FrequencyView(View):
    """The distribution of frequency; `mean` is messages per reached user."""

    rows: tuple[FrequencyRow, ...]
    users: int
    mean: float | None
    missing: str = ""

    @property
    def sentence(self) -> str:
        """Return how often people were reached, and whether more often goes with leaving."""
        if self.missing:
            return self.missing
        often = self.rows[-1]
        who = "person was" if self.users == 1 else "people were"
        head = (
            f"{self.users:,} {who} reached {self.mean:.2f} times on average, "
            f"{format_value(often.share, '%')} of them four times or more"
        )
        once = self.rows[0]
        left = [round((row.unsubscribed or 0.0) * row.users) for row in (often, once)]
        # One who left of five is no proof, which the intervals of the two shares do not see.
        p = difference_of_shares(left[0], often.users, left[1], once.users).p_value
        low, high = often.unsubscribed_low, once.unsubscribed_high
        if low is not None and high is not None and low > high and (p or 0.0) < _SURE:
            return f"{head}; these unsubscribe more often than those reached once: think about a cap."
        return f"{head}."

    def to_frame(self) -> pd.DataFrame:
        """Return one row per frequency."""
        return frame_of(self.rows, FrequencyRow)


def frequency(
    tables: Tables, *, campaign_id: str | None = None, window: str | Window | None = "30d"
) -> FrequencyView:
    """Return how often users were reached in a window, and how they answered.

    Parameters
    ----------
    tables : Tables
        Needs facts.
    campaign_id : str, optional
        Count the messages of, and the answers to, this campaign only; unsubscribing names no campaign.
    window : str or Window, optional
        The days.
    """
    days = window_of(tables, window)
    missing = lacking(tables, "facts")
    if missing or days is None:
        return FrequencyView(rows=(), users=0, mean=None, missing=missing or lacking(tables))
    found = ask(tables, lambda: _per_frequency(campaign_id), "frequency", campaign_id, window=days)
    there = loaded(tables, [count(kind) for kind in _RESPONSES.values()])
    return frequency_of(found, recorded=[name for name, kind in _RESPONSES.items() if kind in there])


def frequency_of(
    rows: Iterable[Mapping[str, Any]], *, recorded: Collection[str] = tuple(_RESPONSES)
) -> FrequencyView:
    """Return the distribution, from one row per number of messages with users and users per response.

    Of a response that is never `recorded` no share is known: that is not 0.
    """
    classes: list[dict[str, int]] = [dict.fromkeys(("users", "messages", *_RESPONSES), 0) for _ in LABELS]
    for row in rows:
        place = min(int(row["messages"]), len(LABELS)) - 1
        classes[place]["users"] += int(row["users"])
        classes[place]["messages"] += int(row["users"]) * int(row["messages"])
        for name in _RESPONSES:
            classes[place][name] += int(row[name] or 0)
    users = sum(some["users"] for some in classes)
    if users == 0:
        reason = "Not enough data: no message was delivered to anybody."
        return FrequencyView(rows=(), users=0, mean=None, missing=reason)
    return FrequencyView(
        rows=tuple(_row(label, some, users, recorded) for label, some in zip(LABELS, classes, strict=True)),
        users=users,
        mean=sum(some["messages"] for some in classes) / users,
    )


def _row(label: str, some: Mapping[str, int], users: int, recorded: Collection[str]) -> FrequencyRow:
    shares = {
        name: share_with_interval(some[name] if name in recorded else None, some["users"])
        for name in _RESPONSES
    }
    return FrequencyRow(
        frequency=label,
        users=some["users"],
        share=some["users"] / users,
        messages=some["messages"],
        **{
            f"{name}{end}": value
            for name, share in shares.items()
            for end, value in zip(("", "_low", "_high"), share, strict=True)
        },
    )


def _per_frequency(campaign_id: str | None) -> Any:
    facts = sql.unbound("facts")
    kept = facts.filter(
        [
            *sql.within(facts.day, instant=False),
            facts.event_type.isin(["campaign_delivered", *_RESPONSES.values()]),
        ]
    )
    if campaign_id is not None:
        kept = kept.filter(
            sql.any_of([kept.campaign_id == campaign_id, kept.event_type == "user_unsubscribed"])
        )
    shown = (kept.event_type == "campaign_delivered") & (sql.when(kept.is_holdout, 1, 0) == 0)
    # One row per user first: a sum over flags of users is exact and costs one pass.
    users = kept.group_by("user_key").agg(
        messages=sql.when(shown, 1, 0).sum(),
        **{name: sql.when(kept.event_type == kind, 1, 0).max() for name, kind in _RESPONSES.items()},
    )
    reached = users.filter(users.messages > 0)
    return reached.group_by("messages").agg(
        users=reached.count(), **{name: reached[name].sum() for name in _RESPONSES}
    )
