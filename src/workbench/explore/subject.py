"""Which campaign a page is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.errors import UsageError, unknown_name
from workbench.explore.campaigns import campaign_facts
from workbench.explore.figures import Figures, figures
from workbench.explore.query import told_apart, window_of
from workbench.source import given

if TYPE_CHECKING:
    from workbench.metrics import Window
    from workbench.source import Tables

_ACTIVITY = ("impressions", "clicks", "leads")
_LISTED = 20


def campaign_of(tables: Tables, campaign_id: str | None = None, *, window: str | Window | None = None) -> str:
    """Return the id of the campaign asked for, or of the one that spent most; empty where none is known.

    Where nobody reports spend, the one that was seen, clicked or answered most stands for it.

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
    if days and (not any(known.values()) or campaign_id not in (None, *known, *names.values())):
        known = {**known, **_active(tables, days), **{own: money for own, money in spent.items() if money}}
    if campaign_id is not None:
        named = [own for own, name in names.items() if name == campaign_id]
        if campaign_id not in known and len(named) > 1:
            raise UsageError(f"{campaign_id:.80} is the name of {len(named)} campaigns: {', '.join(named)}.")
        if campaign_id not in known and not named:
            largest = sorted(known, key=lambda own: -known[own])
            raise unknown_name(
                "campaign", campaign_id, [names.get(own, own) for own in largest], most=_LISTED
            )
        return campaign_id if campaign_id in known else named[0]
    return max(sorted(known), key=lambda name: known[name], default="")


def campaign_named(tables: Tables, campaign_id: str) -> str:
    """Return a campaign's name as a page begins with it: its id where it has none."""
    facts = told_apart(campaign_facts(given(tables)))
    return str(facts.get(campaign_id, {}).get("name") or campaign_id or "No campaign")


def _active(tables: Tables, days: Window) -> dict[str, float]:
    """Return how often each campaign was seen, clicked or answered."""
    found = figures(tables, _ACTIVITY, by=("campaign",), window=days)
    return {
        str(key[0]): sum(found.of(key, name).value or 0.0 for name in _ACTIVITY)
        for key in found.slices
        if key[0] is not None
    }
