"""What one channel returned, what its next unit of money returns, and the words for it."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Any

from workbench.mmm.beliefs import Learning
from workbench.mmm.estimate import Estimate
from workbench.mmm.saturation import Saturation
from workbench.mmm.spec import Kind
from workbench.result import format_value, worded

SURE = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelReturn:
    """What one channel caused; intervals are 94 % highest density intervals.

    Parameters
    ----------
    channel : str
        Its name.
    region : str or None
        None for all regions together.
    spend : float
        Money over all periods.
    spend_share : float
        Of the money of all channels.
    contribution : Estimate
        Outcome that it caused over all periods.
    outcome_share : Estimate
        The same, as a share of the whole outcome.
    media_share : Estimate
        The same, as a share of what all media caused.
    roi : Estimate
        Contribution per unit of money.
    cost : Estimate or None
        Money per conversion; None where the outcome is revenue.
    marginal_roi : Estimate
        Outcome that one more unit of money would bring, at the spend of the reference window.
    chance_paid : float or None
        Probability that it returned more than it cost, NaN without spend; None where the outcome is no money.
    chance_next_pays : float
        Probability that the next unit of money returns more than `threshold`; NaN without spend lately.
    threshold : float
        1 for revenue; for conversions what all media return on average.
    half_life : Estimate
        Periods until half of an effect has come.
    saturation : Saturation or None
        Where more money stops to pay; None without spend in the window, and for single regions.
    learning : Learning or None
        How much the data said beside the prior; None for single regions.
    """

    channel: str
    region: str | None
    spend: float
    spend_share: float
    contribution: Estimate
    outcome_share: Estimate
    media_share: Estimate
    roi: Estimate
    cost: Estimate | None
    marginal_roi: Estimate
    chance_paid: float | None
    chance_next_pays: float
    threshold: float
    half_life: Estimate
    saturation: Saturation | None
    learning: Learning | None

    def in_words(self, *, kind: Kind, currency: str, period: str = "week") -> str:
        """Return what it returned and what to do about its spend.

        Parameters
        ----------
        kind : {'revenue', 'conversions'}
            What the outcome is.
        currency : str
            ISO 4217 code of the money.
        period : {'day', 'week'}
            What spend is counted by.
        """
        if not self.spend > 0:
            return f"{self._where} spent nothing."
        one = _one(currency)
        if kind == "revenue":
            past = f"returned {_money(self.roi, currency)} for {one}"
            then = f"the next {one} returns {_money(self.marginal_roi, currency)}"
        else:
            cost = "unknown" if self.cost is None else _money(self.cost, currency)
            past = f"cost {cost} per conversion"
            thousand = Estimate(**{end: 1000 * getattr(self.marginal_roi, end) for end in _ENDS})
            then = f"the next {format_value(1000, 'money', currency=currency)} bring " + thousand.said()
        if not self.marginal_roi.known:
            return f"{self._where} {past}; it spent nothing lately. {self._heard}".strip()
        return f"{self._where} {past}; {then}. {self._advice(kind, currency, period)}"

    @property
    def _where(self) -> str:
        channel = worded(self.channel)
        return channel if self.region is None else f"{channel} in {self.region}"

    @property
    def _heard(self) -> str:
        return self.learning.sentence if self.learning is not None and self.learning.from_prior else ""

    def _advice(self, kind: Kind, currency: str, period: str) -> str:
        """Return what to do about the spend; for conversions by what media return on average."""
        if self.learning is not None and self.learning.from_prior:
            return f"{self._heard} A test would tell what more or less spend does."
        point = self.saturation.break_even.value if self.saturation is not None else float("inf")
        place = f"{format_value(point, 'money', currency=currency)} a {period}"
        inside = 0 < point < float("inf")
        average = "" if kind == "revenue" else " than media do on average"
        pays = "brings more revenue than it costs" if kind == "revenue" else f"brings more{average}"
        if self.chance_next_pays >= SURE:
            far = self._how_far(place, currency, period) if inside else ""
            return f"More spend {pays} (probability {_chance(self.chance_next_pays)}){far}."
        if self.chance_next_pays <= 1 - SURE:
            cost = "costs more than it brings" if kind == "revenue" else f"brings less{average}"
            if inside and self.saturation is not None and point > self.saturation.current:
                return (
                    f"Its next part {cost}; its curve rises late, so far more, up to about {place}, may pay."
                )
            if inside:
                return f"What is spent above about {place} {cost}."
            return f"{'Its last part' if point > 0 else 'Even its first part'} {cost}."
        return (
            f"Whether more spend {pays} is open (probability {self.chance_next_pays:.0%}): a test would tell."
        )

    def _how_far(self, place: str, currency: str, period: str) -> str:
        """Return up to which spend, and whether anybody ever saw as much."""
        point = self.saturation
        if point is None or point.break_even.value <= point.most_seen:
            return f", up to about {place}"
        seen = f"{format_value(point.most_seen, 'money', currency=currency)} a {period}"
        return f"; up to about {place} by its curve, but over such a time it never had more than {seen}"

    def to_row(self) -> dict[str, Any]:
        """Return it as one flat row of figures."""
        row: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            match value:
                case Estimate():
                    row |= _flat(field.name, value)
                case Saturation():
                    row |= {"current": value.current, "most_seen": value.most_seen}
                    row |= {"chance_beyond": value.chance_beyond}
                    row |= _flat("break_even", value.break_even) | _flat("full", value.full)
                case Learning():
                    row |= {"prior_median": value.prior.median, "prior_spread": value.prior.spread}
                    row |= {"spread_left": value.spread_left, "moved": value.moved}
                case None if field.name in {"cost", "saturation", "learning"}:
                    continue
                case _:
                    row[field.name] = value
        return row


_ENDS = ("value", "low", "high")


def _flat(name: str, value: Estimate) -> dict[str, float]:
    return {name: value.value, f"{name}_low": value.low, f"{name}_high": value.high}


def _chance(share: float) -> str:
    """Return a share of draws as a probability: some thousand draws cannot say that nothing else can be."""
    return "over 99%" if share >= 0.995 else f"{share:.0%}"


def _money(value: Estimate, currency: str) -> str:
    return value.said("money", currency=currency)


def _one(currency: str) -> str:
    """Return one unit of money as it is read.

    Examples
    --------
    >>> _one("EUR"), _one("CHF"), _one("KWD"), _one("")
    ('€1', '1 CHF', '1 KWD', '1 of spend')
    """
    sign = re.sub(r"\.0+", "", format_value(1.0, "money", currency=currency or None))
    return sign if currency else "1 of spend"
