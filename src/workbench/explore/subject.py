"""Which campaign a page is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.errors import UsageError, unknown_name
from workbench.explore.campaigns import campaign_facts
from workbench.explore.figures import Figures, figures
from workbench.explore.query import window_of

if TYPE_CHECKING:
    from workbench.metrics import Tables, Window


def campaign_of(tables: Tables, campaign_id: str | None = None, *, window: str | Window | None = None) -> str:
    """Return the id of the campaign asked for, or of the one that spent most; empty where none is known.

    A campaign is asked for by its id, or by a name that no other campaign has.

    Raises
    ------
    UsageError
        If there is no such campaign, or there are several of that name.
    """
    days = window_of(tables, window)
    found = figures(tables, ["spend"], by=("campaign",), window=days) if days else Figures((), {})
    spent = {str(key[0]): found.of(key, "spend").value or 0.0 for key in found.slices}
    names = {own: str(facts["name"] or own) for own, facts in campaign_facts(tables).items()}
    known = {**dict.fromkeys(names, 0.0), **spent}
    if campaign_id is not None:
        named = [own for own, name in names.items() if name == campaign_id]
        if campaign_id not in known and len(named) > 1:
            raise UsageError(f"{campaign_id:.80} is the name of {len(named)} campaigns: {', '.join(named)}.")
        if campaign_id not in known and not named:
            largest = sorted(known, key=lambda own: -known[own])[:20]
            raise unknown_name("campaign", campaign_id[:80], [names.get(own, own)[:80] for own in largest])
        return campaign_id if campaign_id in known else named[0]
    return max(sorted(known), key=lambda name: known[name], default="")
