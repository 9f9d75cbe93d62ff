"""Which campaign a page is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.errors import unknown_name
from workbench.explore.campaigns import campaign_facts
from workbench.explore.figures import Figures, figures
from workbench.explore.query import window_of

if TYPE_CHECKING:
    from workbench.metrics import Tables, Window


def campaign_of(tables: Tables, campaign_id: str | None = None, *, window: str | Window | None = None) -> str:
    """Return the campaign asked for, or the one that spent most; an empty text where none is known.

    Raises
    ------
    UsageError
        If there is no such campaign.
    """
    days = window_of(tables, window)
    found = figures(tables, ["spend"], by=("campaign",), window=days) if days else Figures((), {})
    spent = {str(key[0]): found.of(key, "spend").value or 0.0 for key in found.slices}
    known = {**dict.fromkeys(campaign_facts(tables), 0.0), **spent}
    if campaign_id is not None:
        if campaign_id not in known:
            largest = sorted(known, key=lambda name: -known[name])[:20]
            raise unknown_name("campaign", campaign_id[:80], [name[:80] for name in largest])
        return campaign_id
    return max(sorted(known), key=lambda name: known[name], default="")
