"""The campaigns and their creatives: the plan, before anything is sent or spent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench.events.simulation.names import uuids
from workbench.events.simulation.seasons import stream
from workbench.events.simulation.spec import MarketSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

_THEMES = (
    ("DISCOUNT", "Weekend saver", None),
    ("CASHBACK", "Cash back on basics", None),
    ("LOYALTY", "Double points", None),
    ("RE_ENGAGEMENT", "We saved your basket", "INACTIVE"),
    ("CATEGORY_PROMOTION", "Garden and home week", None),
    ("VIP", "Early access", "HIGH_SPENDER"),
    ("SPENDING_MILESTONE", "Next reward is close", None),
    ("LOCATION_BASED", "New in your store", None),
)
_OWNED = ("email", "push", "email", "sms", "email", "in_app")
_COST_PER_SEND = {"email": 0.13, "push": 0.10, "sms": 0.26, "in_app": 0.12}
_OPENING = {"email": 0.15, "push": 0.12, "sms": 0.21, "in_app": 0.19}
# What campaigns truly add, in conversions per person reached: most work, some do nothing, one does harm.
_LIFTS = (0.034, 0.026, 0.042, 0.0, 0.028, 0.050, 0.020, 0.038, -0.006)
_BASES = (0.010, 0.008, 0.012, 0.005, 0.010, 0.014, 0.009, 0.011, 0.012)
_PAID_NAMES = {
    "paid_search": ("Search brand terms", "Search product terms"),
    "paid_social": ("Social always on", "Social new season"),
    "video": ("Video stories", "Video launch"),
    "display": ("Display prospecting", "Display retargeting"),
    "affiliate": ("Partner programme", "Partner coupons"),
    "linkedin": ("Business buyers", "Business webinar"),
}
_HEADLINES = ("Made for your week", "Ready when you are", "A little extra for you")
_CTAS = ("Shop now", "See what is new", "Get yours")


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """One campaign of the plan.

    Parameters
    ----------
    first_day, last_day : int
        Days from the market's start; the last may lie after its end.
    kind : str
        ``"owned"``, ``"paid"``, ``"leads"``, or ``"planned"``: it starts after the market's end.
    base, lift : float
        Of an owned campaign: the conversion rate without it, and what it adds to it.
    waves : int
        How many messages each person gets.
    use : float
        Share of the budget that is used; above 1 it is overspent.
    """

    index: int
    campaign_id: str
    name: str
    campaign_type: str
    channel: str
    kind: str
    first_day: int
    last_day: int
    creatives: tuple[int, ...]
    target: str | None = None
    base: float = 0.0
    lift: float = 0.0
    opening: float = 0.0
    clicking: float = 0.0
    audience: float = 0.0
    waves: int = 1
    cost_per_send: float = 0.0
    use: float = 0.9
    share: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All campaigns, and per creative its campaign, its share of the showing, and its appeal."""

    campaigns: tuple[Campaign, ...]
    creative_ids: tuple[str, ...]
    creative_campaign: NDArray[np.int64]
    creative_share: NDArray[np.float64]
    appeal: NDArray[np.float64]

    def of(self, kind: str) -> tuple[Campaign, ...]:
        """Return the campaigns of one kind."""
        return tuple(c for c in self.campaigns if c.kind == kind)


def _owned(spec: MarketSpec, rng: np.random.Generator) -> list[dict[str, object]]:
    starts = np.linspace(3, spec.days - 18, spec.owned_campaigns) + rng.uniform(-2, 2, spec.owned_campaigns)
    drafts = []
    for i, start in enumerate(np.clip(starts, 1, spec.days - 16).astype(int)):
        campaign_type, theme, target = _THEMES[i % len(_THEMES)]
        channel = _OWNED[i % len(_OWNED)]
        waves = int(rng.integers(2, 5))
        drafts.append(
            {
                "name": f"{theme} {i // len(_THEMES) + 1}",
                "campaign_type": campaign_type,
                "channel": channel,
                "kind": "owned",
                "first_day": int(start),
                "last_day": int(start) + 7 * (waves - 1) + 14,
                "target": target,
                "base": _BASES[i % len(_BASES)],
                "lift": _LIFTS[i % len(_LIFTS)],
                "opening": _OPENING[channel] * rng.uniform(0.8, 1.2),
                "clicking": rng.uniform(0.07, 0.14),
                "audience": 0.95 if target else rng.uniform(0.45, 0.6),
                "waves": waves,
                "cost_per_send": _COST_PER_SEND[channel] * rng.uniform(0.8, 1.3),
                "use": rng.uniform(0.8, 1.03),
            }
        )
    return drafts


def _paid(spec: MarketSpec, rng: np.random.Generator) -> list[dict[str, object]]:
    drafts = []
    for i, channel in enumerate(spec.channels):
        names = _PAID_NAMES.get(channel.name, (f"{channel.name} always on", f"{channel.name} flight"))
        begin = int(spec.days * rng.uniform(0.15, 0.55))
        for second, name in enumerate(names):
            drafts.append(
                {
                    "name": name,
                    "campaign_type": "OTHER",
                    "channel": channel.name,
                    "kind": "paid",
                    "first_day": begin if second else 0,
                    "last_day": min(begin + int(spec.days * 0.4), spec.days - 10)
                    if second
                    else spec.days + 30,
                    "share": 0.45 if second else 0.55,
                    "use": 1.32 if second and i == 1 % len(spec.channels) else rng.uniform(0.82, 1.04),
                }
            )
    return drafts


def _leads(spec: MarketSpec, rng: np.random.Generator) -> list[dict[str, object]]:
    return [
        {
            "name": f"Wholesale enquiry {i + 1}",
            "campaign_type": "OTHER",
            "channel": "contact_form",
            "kind": "leads",
            "first_day": int(spec.days * i / (spec.lead_campaigns + 1)),
            "last_day": int(spec.days * (i + 2) / (spec.lead_campaigns + 1)) - 1,
            "use": rng.uniform(0.85, 1.0),
        }
        for i in range(spec.lead_campaigns)
    ]


def _planned(spec: MarketSpec) -> list[dict[str, object]]:
    return [
        {
            "name": name,
            "campaign_type": campaign_type,
            "channel": "email",
            "kind": "planned",
            "first_day": spec.days + 9,
            "last_day": spec.days + 30,
        }
        for name, campaign_type in (("New year saver", "DISCOUNT"), ("Spring preview", "VIP"))
    ]


def plan_campaigns(spec: MarketSpec) -> Plan:
    """Return the campaigns of the market: owned, paid, and those that gather leads."""
    rng = stream(spec, "campaigns")
    drafts = [*_owned(spec, rng), *_paid(spec, rng), *_leads(spec, rng), *_planned(spec)]
    counts = [3 if draft["kind"] == "paid" else 2 for draft in drafts]
    firsts = np.concatenate([[0], np.cumsum(counts)]).astype(int)
    ids, creative_ids = uuids(len(drafts), rng).to_list(), uuids(int(firsts[-1]), rng).to_list()
    shares = np.concatenate([(0.5, 0.3, 0.2) if n == 3 else (0.5, 0.5) for n in counts])
    appeal = rng.uniform(0.9, 1.15, len(creative_ids))
    weak = next((i for i, d in enumerate(drafts) if d["channel"] == "paid_social"), 0)
    appeal[firsts[weak] + 1] = 0.3  # one creative that draws clicks and sells little
    campaigns = tuple(
        Campaign(
            index=i,
            campaign_id=ids[i],
            creatives=tuple(range(firsts[i], firsts[i + 1])),
            **draft,  # type: ignore[arg-type]
        )
        for i, draft in enumerate(drafts)
    )
    return Plan(
        campaigns=campaigns,
        creative_ids=tuple(creative_ids),
        creative_campaign=np.repeat(np.arange(len(drafts)), counts),
        creative_share=shares,
        appeal=appeal,
    )


def creative_text(plan: Plan, creative: int) -> tuple[str, str, str]:
    """Return headline, body and call to action of a creative."""
    campaign = plan.campaigns[int(plan.creative_campaign[creative])]
    place = campaign.creatives.index(creative)
    return (
        f"{campaign.name}: {_HEADLINES[place]}",
        f"Version {'ABC'[place]} of {campaign.name}.",
        _CTAS[place],
    )
