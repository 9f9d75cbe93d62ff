"""Orders as a person looks for them: by an order's or a customer's id, newest first, under any window."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from workbench.attribution.attributing import journeys_from
from workbench.attribution.buying import MODELS_OF_TOTALS, Ways
from workbench.attribution.crediting import credit_of, rakings
from workbench.attribution.raking import Raking
from workbench.attribution.reading import touchpoints_of
from workbench.attribution.recorded import ATTRIBUTES, touchpoints
from workbench.attribution.sequences import Sequences, sequences
from workbench.attribution.timeline import Buyers, Timeline, Timelines, timelines
from workbench.attribution.touchpoints import Touchpoints
from workbench.attribution.windows import LookBack
from workbench.errors import NotEnoughData

if TYPE_CHECKING:
    from workbench.source import Tables

_TOLD = ("channel", "campaign", "platform", "device")  # of each touch, where it is known


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSearch:
    """What orders are looked for.

    Parameters
    ----------
    text : str
        The id of an order or of a customer; empty for all orders.
    buyers : {"all", "new", "returning"}
        Only first orders in the data, or only later ones.
    look_back : str
        How far back touches are looked for: ``"30d"``, or ``"any"``.
    newest : int
        How many orders are returned at most.
    """

    text: str = ""
    buyers: Buyers = "all"
    look_back: str = "30d"
    newest: int = 50


def browsable(
    source: Tables | Touchpoints | Sequences | Any, *, by: str = "channel", window: str | None = None
) -> Sequences:
    """Return journeys whose orders can be looked for, from whatever they can be cut from.

    Parameters
    ----------
    source : Tables, Touchpoints, Sequences or frame
        A workspace's tables; touchpoints or journeys made before; or a frame of touches and conversions.
    by : str
        What tells touches apart: ``"channel"``, ``"campaign"`` ...
    window : str, optional
        The days whose orders are looked for, where the source is tables; all by default.

    Raises
    ------
    NotEnoughData
        If there are no events.
    UsageError
        If touches are not known by that attribute.
    """
    if isinstance(source, Sequences):
        return source
    if isinstance(source, Touchpoints):
        return sequences(source.by(by))
    if hasattr(source, "query") and hasattr(source, "dialect"):
        also = [name for name in _TOLD if name in ATTRIBUTES]
        return sequences(touchpoints(source, by=by, also=also, window=window))
    columns: Collection[str] = getattr(source, "column_names", getattr(source, "columns", ()))
    return sequences(touchpoints_of(source, by=by, also=[name for name in _TOLD if name in columns]))


def sharers(found: Sequences, look_back: str | timedelta | LookBack | None = "30d") -> Mapping[str, Raking]:
    """Return how the models that say totals only share out single orders; none where nobody was touched.

    Parameters
    ----------
    found : Sequences
        The journeys.
    look_back : str, timedelta, LookBack or None
        How far back touches are looked for.
    """
    points = found.touchpoints
    if not points.names:
        return {}
    journeys = journeys_from(points, by=points.attribute, window=look_back)
    credit = credit_of(journeys, MODELS_OF_TOTALS, window=look_back, replicates=0)
    return {} if credit.missing else rakings(journeys, credit)


def find_orders(
    found: Sequences, asked: OrderSearch | None = None, *, models: Mapping[str, Raking] | None = None
) -> Timelines:
    """Return the orders that a search finds, the newest first, with every touch and its credit.

    The text is looked for as the id of an order, then as that of a customer. Workspaces know customers of
    touches by 63 bits of the MD5 of their id; either may be asked for.

    Parameters
    ----------
    found : Sequences
        The journeys.
    asked : OrderSearch, optional
        What is looked for; the newest orders of all by default.
    models : mapping of str to Raking, optional
        What `sharers` returns for the same window.

    Raises
    ------
    NotEnoughData
        If there is neither an order nor a customer of that name.

    Examples
    --------
    >>> import pandas as pd
    >>> day = pd.to_datetime(["2024-01-01", "2024-01-02"])
    >>> some = browsable(pd.DataFrame({"user_id": "ann", "timestamp": day, "channel": ["email", None],
    ...     "is_conversion": [False, True], "conversion_id": [None, "o1"], "value": [None, 30.0]}))
    >>> [row.conversion_id for row in find_orders(some, OrderSearch(text="ann")).rows]
    ['o1']
    """
    asked = asked or OrderSearch()
    # What a page sends may hold halves of characters, which nothing below takes.
    text = asked.text.strip().encode(errors="replace").decode()
    ways: list[dict[str, Any]] = [{}]
    if text:
        ways = [{"conversion_id": text}, {"user": text}, {"user": user_key(text)}]
    for way in ways:
        try:
            return timelines(
                found,
                **way,
                buyers=asked.buyers,
                window=asked.look_back,
                newest=asked.newest,
                models=models,
            )
        except NotEnoughData:
            continue
    raise NotEnoughData(f"There is no order or customer {text[:80]!r}.")


def user_key(user_id: str) -> int:
    """Return the number that stands for a user in facts: 63 bits of the MD5 of the id.

    Examples
    --------
    >>> user_key("ann")
    6429283252768367742
    """
    return int.from_bytes(hashlib.md5(user_id.encode(), usedforsecurity=False).digest(), "little") >> 65


def order_alone(found: Timelines, order: Timeline, model: str | None = None) -> Ways:
    """Return one of the orders found as charts take it, with the credit of one model, or of all.

    Parameters
    ----------
    found : Timelines
        What was found.
    order : Timeline
        One of its rows.
    model : str, optional
        The model; all where it is not named.
    """
    touches = tuple(
        replace(touch, credit={name: some for name, some in touch.credit.items() if model in (None, name)})
        for touch in order.touches
    )
    return Ways(
        by=found.attribute,
        look_back=found.window,
        order=replace(found, rows=(replace(order, touches=touches),)),
        currency=found.currency,
    )
