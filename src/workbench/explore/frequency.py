"""How often people are reached, and how they answer by how often.

Words: a user's *frequency* is the number of messages delivered in the window, the holdout left out; it is
counted as 1, 2, 3, and 4 or more. *Response* is the share of users of a frequency who clicked, converted or
unsubscribed at least once. It compares different people: those who answer are also sent more, and who leaves
is sent no more, so it is no effect of frequency. A message is *followed by leaving* where its receiver
unsubscribed before the next one: of the first and of later messages that can be compared.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
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
_OFTEN = len(LABELS)
_SENT, _LEFT = "campaign_delivered", "user_unsubscribed"
_RESPONSES = {"clicked": "campaign_clicked", "converted": "campaign_converted", "unsubscribed": _LEFT}


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
class Followed:
    """Of so many messages how many were followed by leaving."""

    messages: int
    left: int

    @property
    def said(self) -> str:
        """Return the share as it is read."""
        return format_value(self.left / self.messages, "%")


@dataclass(frozen=True, slots=True, kw_only=True)
class FrequencyView(View):
    """The distribution of frequency; `mean` is messages per reached user.

    `first` and `later` are what followed each user's first message of the window, and the fourth and those
    after it.
    """

    rows: tuple[FrequencyRow, ...]
    users: int
    mean: float | None
    missing: str = ""
    first: Followed | None = None
    later: Followed | None = None

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
        first, later = self.first, self.later
        if first is None or later is None:
            return f"{head}."
        found = difference_of_shares(later.left, later.messages, first.left, first.messages)
        if (found.difference or 0.0) > 0 and found.p_value is not None and found.p_value < _SURE:
            ends = f"{later.said} of them, {first.said} of the first ones"
            return f"{head}; after a fourth or later message more people leave ({ends}): think about a cap."
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
    left = ask(tables, lambda: _until_left(campaign_id), "until they left", campaign_id, window=days)
    return frequency_of(found, left, recorded=[name for name, kind in _RESPONSES.items() if kind in there])


def frequency_of(
    rows: Sequence[Mapping[str, Any]],
    left: Sequence[Mapping[str, Any]] = (),
    *,
    recorded: Collection[str] = tuple(_RESPONSES),
) -> FrequencyView:
    """Return the distribution, from one row per number of messages with users and users per response.

    Of those who left, `left` has one row per number of messages until then. Of a response that is never
    `recorded` no share is known: that is not 0.
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
        first=_followed(rows, left, 1, 1) if "unsubscribed" in recorded else None,
        later=_followed(rows, left, _OFTEN, None) if "unsubscribed" in recorded else None,
    )


def _followed(
    rows: Iterable[Mapping[str, Any]], left: Iterable[Mapping[str, Any]], first: int, last: int | None
) -> Followed | None:
    """Return what followed the messages of some places in a user's order; None where there are none."""

    def places(messages: int) -> int:
        return max(min(int(messages), last or int(messages)) - first + 1, 0)

    stayed = sum(
        (int(row["users"]) - int(row["unsubscribed"] or 0)) * places(row["messages"]) for row in rows
    )
    gone = [(int(row["messages"]), int(row["users"])) for row in left]
    messages = stayed + sum(users * places(until) for until, users in gone)
    leaving = sum(users for until, users in gone if first <= until <= (last or until))
    return Followed(messages=messages, left=leaving) if messages else None


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


def _kept(campaign_id: str | None, kinds: Collection[str]) -> Any:
    facts = sql.unbound("facts")
    kept = facts.filter([*sql.within(facts.day, instant=False), facts.event_type.isin(list(kinds))])
    if campaign_id is None:
        return kept
    return kept.filter(sql.any_of([kept.campaign_id == campaign_id, kept.event_type == _LEFT]))


def _shown(kept: Any) -> Any:
    return (kept.event_type == _SENT) & (sql.when(kept.is_holdout, 1, 0) == 0)


def _until_left(campaign_id: str | None) -> Any:
    """Return users who left by the number of messages until then."""
    kept = _kept(campaign_id, (_SENT, _LEFT))
    left = kept.filter(kept.event_type == _LEFT)
    gone = left.group_by(who=left.user_key).agg(at=left.timestamp.min())
    sent = kept.filter(_shown(kept)).select("user_key", sent_at="timestamp")
    before = sent.inner_join(gone, [("user_key", "who")])
    before = before.filter(before.sent_at <= before["at"])
    users = before.group_by("user_key").agg(messages=before.count())
    return users.group_by("messages").agg(users=users.count())


def _per_frequency(campaign_id: str | None) -> Any:
    kept = _kept(campaign_id, (_SENT, *_RESPONSES.values()))
    shown = _shown(kept)
    # One row per user first: a sum over flags of users is exact and costs one pass.
    users = kept.group_by("user_key").agg(
        messages=sql.when(shown, 1, 0).sum(),
        **{name: sql.when(kept.event_type == kind, 1, 0).max() for name, kind in _RESPONSES.items()},
    )
    reached = users.filter(users.messages > 0)
    return reached.group_by("messages").agg(
        users=reached.count(), **{name: reached[name].sum() for name in _RESPONSES}
    )
