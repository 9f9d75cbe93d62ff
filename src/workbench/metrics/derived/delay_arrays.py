"""The hours to conversion where events are many: the few messages to who converted are sifted out of all.

What is counted, and by which rules, is what `derived.delay` says in SQL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.metrics import user_rows
from workbench.metrics.conditions import Condition
from workbench.metrics.equal_rows import coded
from workbench.metrics.later import firsts, mixed
from workbench.metrics.measures import distinct
from workbench.metrics.numbered import Asked
from workbench.metrics.queries import Query
from workbench.metrics.user_rows import UNKNOWN, Ints, Part, Sieve
from workbench.metrics.window import Window

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.source import Tables

Floats = NDArray[np.float64]
# The ranks of the 95 % interval of a median, without a table of the binomial distribution: for every number
# of values up to 30,000 they cover at least 95 %, and no other pair of ranks this close to the middle does.
Z = 1.96
_CAMPAIGN = "campaign_id"
SMALLEST = 20  # conversions of a group that are worth it: there are few of them beside the messages
# Of the bits that are told apart, one in so many stands for a buyer; 2 ** 25 of them take 32 MB.
_SPARSE, MOST_BITS, _ODD = 16, 25, 0xC2B2AE3D27D4EB4F
_SECOND, _HOUR = 1_000_000, 3600
_CONVERTED = distinct("campaign_converted")
_SEEN = distinct(("campaign_delivered", "campaign_viewed"), where=(Condition("is_holdout", "is not", True),))


def counted(query: Query, tables: Tables, window: Window) -> pa.Table | None:
    """Return what the SQL of the delay answers; None where arrays cannot."""
    import pyarrow as pa

    asked = Asked(query=query, events=_CONVERTED, keys=(_CAMPAIGN,))
    found = user_rows.groups(asked, tables, window, smallest=SMALLEST)
    if found is None or not found.num_rows:
        return None
    named = found.column(_CAMPAIGN).is_valid().to_numpy()
    wanted = user_rows.meeting(found) & np.asarray(named, bool)
    bought = user_rows.rows(asked, found, wanted, tables=tables, window=window)
    kept = found.filter(pa.array(wanted))
    if bought is None:
        return None
    first = _first_seen(_by_campaign(bought, kept), tables, query, window)
    if first is None:
        return None
    names = [f"d{place}" for place in range(len(query.by))]
    rows, codes = coded(kept, names)
    size = len(rows) if names else 1
    waits: list[list[Floats]] = [[np.zeros(0)] for _ in range(size)]
    for group, campaign in enumerate(_campaigns(kept)):
        waits[codes[group]].append(_hours(user_rows.of_group(bought, group), first.get(campaign)))
    figures = [_figures(np.sort(np.concatenate(some))) for some in waits]
    columns: dict[str, Any] = {name: kept.column(name).take(rows) for name in names}
    for place, name in enumerate(("hours", "low", "high", "buyers")):
        columns[name] = pa.array([figure[place] for figure in figures], pa.float64())
    whole = pa.table(columns)
    return whole.filter(pa.array([bool(figure[-1]) for figure in figures], pa.bool_())) if names else whole


def _campaigns(found: pa.Table) -> list[str]:
    names: list[Any] = found.column(_CAMPAIGN).to_pylist()
    return names


def _by_campaign(bought: list[Part], kept: pa.Table) -> dict[str, Ints]:
    """Return who converted, by campaign."""
    found: dict[str, list[Ints]] = {}
    for group, campaign in enumerate(_campaigns(kept)):
        found.setdefault(campaign, []).append(user_rows.of_group(bought, group)[0])
    return {campaign: np.concatenate(users) for campaign, users in found.items()}


def _first_seen(
    buyers: dict[str, Ints], tables: Tables, query: Query, window: Window
) -> dict[str, tuple[Ints, Ints]] | None:
    """Return by campaign when its first message was delivered to or viewed by a user, of buyers at least."""
    own = Query(kind="derived", table=query.table, leaves=(), loaded=query.loaded)
    asked = Asked(query=own, events=_SEEN, keys=(_CAMPAIGN,), ever=True)
    found = user_rows.known(asked, tables)
    if found is None:
        return None
    campaigns = _campaigns(found)
    wanted = np.array([campaign in buyers for campaign in campaigns], bool)
    order = [campaign for campaign in campaigns if campaign in buyers]
    sieve = _sieve([buyers[campaign] for campaign in order])
    seen = user_rows.rows(asked, found, wanted, tables=tables, window=window, sieve=sieve)
    if seen is None:
        return None
    return {campaign: firsts(*user_rows.of_group(seen, group)) for group, campaign in enumerate(order)}


def _sieve(buyers: list[Ints]) -> Sieve:
    """Return what tells most rows of no buyer: those of a campaign and user whose mixed bits no buyer has."""
    size = 1 << min((_SPARSE * sum(len(users) for users in buyers)).bit_length(), MOST_BITS)
    salts = (np.arange(len(buyers) + 1, dtype=np.uint64) * np.uint64(_ODD)).view(np.int64)
    bought = np.zeros(size, bool)
    for salt, users in zip(salts, buyers, strict=False):
        bought[mixed(users ^ salt, size)] = True
    return lambda codes, users: bought[mixed(users ^ salts[codes], size)]


def _hours(bought: tuple[Ints, Ints], seen: tuple[Ints, Ints] | None) -> Floats:
    """Return for all who converted after a message the hours from the first message to the conversion."""
    if seen is None or not len(seen[0]):
        return np.zeros(0)
    users, instants = bought
    places = np.minimum(np.searchsorted(seen[0], users), len(seen[0]) - 1)
    since = seen[1][places]
    after = np.flatnonzero((seen[0][places] == users) & (instants >= since) & (users != UNKNOWN))
    who, at = firsts(users[after], instants[after])
    since = seen[1][np.searchsorted(seen[0], who)]
    # Whole seconds, as in SQL: engines round what is shorter differently.
    return np.asarray((at // _SECOND - since // _SECOND) / _HOUR, float)


def _figures(hours: Floats) -> tuple[float | None, float | None, float | None, int]:
    """Return the median of sorted hours, the two of them that enclose it, and how many there are."""
    number = len(hours)
    if not number:
        return None, None, None, 0
    rank = int((number + 1 - Z * number**0.5) // 2)
    low, high = (float(hours[rank - 1]), float(hours[number - rank])) if rank >= 1 else (None, None)
    return float(np.quantile(hours, 0.5)), low, high, number
