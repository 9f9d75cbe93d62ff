"""The figures of one campaign of a window, as comparisons and advice read them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignRow:
    """One campaign's figures with 95 % intervals; None where the data cannot say.

    `lead_value`: won deals, and open ones by their chance of closing. `caution`: what may count twice.
    """

    campaign_id: str
    name: str
    channel: str
    status: str
    days: int
    spend: float | None
    revenue: float | None
    impressions: float | None
    clicks: float | None
    conversions: float | None
    leads: float | None
    ctr: float | None
    ctr_low: float | None
    ctr_high: float | None
    conversion_rate: float | None
    conversion_rate_low: float | None
    conversion_rate_high: float | None
    cost_per_conversion: float | None
    cost_per_conversion_low: float | None
    cost_per_conversion_high: float | None
    roas: float | None
    roas_low: float | None
    roas_high: float | None
    roi: float | None
    roi_low: float | None
    roi_high: float | None
    incrementality: float | None
    incrementality_low: float | None
    incrementality_high: float | None
    lead_value: float | None = None
    caution: str = ""

    @property
    def lives_by_leads(self) -> bool:
        """Return whether most of its return lies in deals, which revenue does not hold."""
        return mostly_leads(self.leads, self.lead_value, self.revenue)


def mostly_leads(leads: float | None, lead_value: float | None, revenue: float | None) -> bool:
    """Return whether the leads of a campaign are worth at least what its orders are.

    Examples
    --------
    >>> mostly_leads(40.0, 4000.0, 370.0), mostly_leads(1.0, None, 9000.0), mostly_leads(40.0, None, 0.0)
    (True, False, True)
    """
    return bool(leads) and (lead_value or 0.0) >= (revenue or 0.0)
