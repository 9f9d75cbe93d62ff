"""The stages of the purchase funnel where events are many: first moments from arrays, stage by stage.

What is counted, and by which rules, is what `explore.paths` says in SQL.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.metrics import user_rows
from workbench.metrics.conditions import Condition
from workbench.metrics.large import large
from workbench.metrics.later import NEVER, Moments, firsts, followed
from workbench.metrics.measures import distinct
from workbench.metrics.numbered import Asked
from workbench.metrics.queries import Query
from workbench.metrics.user_rows import UNKNOWN, Part

if TYPE_CHECKING:
    from workbench.metrics import Window
    from workbench.source import Tables

_CAMPAIGN = "campaign_id"
_SHOWN = distinct("campaign_delivered", where=(Condition("is_holdout", "is not", True),))
_CLICKED = distinct("campaign_clicked")
_LATER = (
    distinct("user_engaged"),
    distinct("user_engaged", where=(Condition("kind", "==", "add_to_cart"),)),
    distinct("user_purchased"),
)
# Buckets of users, each small enough for the cache of a processor.
_BUCKETS = 256


def counted(tables: Tables, window: Window, where: Mapping[str, tuple[str, ...]]) -> list[int] | None:
    """Return how many users reach each stage; None where arrays cannot tell.

    Parameters
    ----------
    tables : Tables
        With facts.
    window : Window
        The days in which all stages lie.
    where : mapping
        One of campaign, segment, channel, region, and its values: whose impressions count.
    """
    every = Query(kind="derived", table="facts", leaves=())
    if not large(every, tables):
        return None
    kept = replace(every, where=tuple(Condition(name, "in", values) for name, values in where.items()))
    sent = Asked(query=kept, events=_SHOWN, keys=(_CAMPAIGN,))
    found = user_rows.known(sent, tables)
    if found is None:
        return None
    campaigns = found.column(_CAMPAIGN).to_pylist()
    wanted = np.ones(len(campaigns), bool)
    shown = user_rows.rows(sent, found, wanted, tables=tables, window=window)
    asked = replace(sent, query=every, events=_CLICKED)
    clicks = None if shown is None else user_rows.rows(asked, found, wanted, tables=tables, window=window)
    if shown is None or clicks is None:
        return None
    users, chain = _clicked(shown, clicks, campaigns)
    del shown, clicks
    counts = [users, _length(chain)]
    for events in _LATER:
        asked = Asked(query=every, events=events, keys=())
        later = user_rows.by_user(asked, tables, window, size=_BUCKETS) if counts[-1] else []
        if later is None:
            return None
        chain = _after(chain, later)
        counts.append(_length(chain))
    return counts


def _length(chain: list[Moments]) -> int:
    return sum(len(users) for users, _ in chain)


def _clicked(shown: list[Part], clicks: list[Part], campaigns: list[Any]) -> tuple[int, list[Moments]]:
    """Return how many users saw an impression, and who clicked one of the same campaign, when first.

    The latter by bucket. Impressions that name no user are one user's, as in SQL; no click follows them.
    """
    seen, clicked = [np.zeros(0, np.int64)], []
    for group, campaign in enumerate(campaigns):
        events = [] if campaign is None else clicks
        users, since, then = followed(user_rows.of_group(shown, group), user_rows.of_group(events, group))
        seen.append(users[since != NEVER])
        reached = (then != NEVER) & (users != UNKNOWN)
        clicked.append(user_rows.bucketed(users[reached], then[reached], size=_BUCKETS))
    everyone = np.concatenate(seen)
    everyone.sort()
    number = int(np.count_nonzero(everyone[1:] != everyone[:-1])) + (len(everyone) > 0)
    return number, [firsts(*user_rows.of_group(clicked, bucket)) for bucket in range(_BUCKETS)]


def _after(chain: list[Moments], found: list[Part]) -> list[Moments]:
    """Return by bucket the users who did something once they had come so far, and when first."""
    return [_next(moments, user_rows.of_group(found, bucket)) for bucket, moments in enumerate(chain)]


def _next(moments: Moments, found: Moments) -> Moments:
    users, _, then = followed(moments, found)
    return users[then != NEVER], then[then != NEVER]
