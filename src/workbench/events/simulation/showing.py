"""Which creative of which campaign shows on which day, and so who gets the click."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench.events.simulation.campaigns import Plan
from workbench.events.simulation.media import Media
from workbench.events.simulation.spec import MarketSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Showing:
    """Spend by creative and day, and each channel's creatives.

    Parameters
    ----------
    spend : array
        One row per creative of the plan (zero where it is not a paid one), one column per day.
    creatives : tuple of arrays
        The creatives of each paid channel.
    """

    spend: NDArray[np.float64]
    creatives: tuple[NDArray[np.int64], ...]

    def draw(
        self,
        channel: NDArray[np.int64],
        day: NDArray[np.int64],
        appeal: NDArray[np.float64],
        rng: np.random.Generator,
    ) -> NDArray[np.int64]:
        """Return a creative for each touch: those with more spend, and more appeal, more often."""
        chosen = np.full(len(channel), -1, dtype=np.int64)
        chance = rng.random(len(channel))
        for place, members in enumerate(self.creatives):
            mine = np.flatnonzero(channel == place)
            weight = np.cumsum((self.spend[members] + 1e-9) * appeal[members][:, None], axis=0)
            weight /= weight[-1]
            above = chance[mine][None, :] > weight[:, day[mine]]
            chosen[mine] = members[np.minimum(above.sum(axis=0), len(members) - 1)]
        return chosen


def show(spec: MarketSpec, plan: Plan, media: Media) -> Showing:
    """Return how each channel's spend falls on its campaigns and creatives."""
    spend = np.zeros((len(plan.creative_ids), spec.days))
    days = np.arange(spec.days)
    members: list[NDArray[np.int64]] = []
    for place, channel in enumerate(spec.channels):
        campaigns = [c for c in plan.of("paid") if c.channel == channel.name]
        weight = np.array([c.share * ((days >= c.first_day) & (days <= c.last_day)) for c in campaigns])
        weight /= weight.sum(axis=0)
        for campaign, part in zip(campaigns, weight, strict=True):
            for creative in campaign.creatives:
                spend[creative] = media.spend[place] * part * plan.creative_share[creative]
        members.append(np.concatenate([np.array(c.creatives) for c in campaigns]))
    return Showing(spend=np.round(spend, 2), creatives=tuple(members))
