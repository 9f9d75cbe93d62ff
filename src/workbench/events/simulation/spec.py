"""What a simulated market is made of: the figures that are true, before any of them is observed.

Amounts are those of a market of `REFERENCE_USERS`; a market of another size scales spend, half saturation and
maxima alike, so that returns do not depend on its size.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

from workbench.errors import UsageError
from workbench.events.definitions import PAID_CHANNELS

REFERENCE_USERS = 20_000
_EVENTS_PER_USER_DAY = 0.14  # measured on the default market; used to size a market by its events


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelTruth:
    """One paid channel: what it costs and what it truly adds.

    Parameters
    ----------
    name : str
        A paid channel.
    daily_spend : float
        Mean spend of a day.
    maximum : float
        Incremental conversions of a day at endless spend.
    half_saturation : float
        Carried-over spend of a day that reaches half of `maximum`.
    shape : float
        Exponent of the Hill curve; at 1 it is Michaelis-Menten, above 1 it is S-shaped.
    carry_over : float
        Share of a day's pressure that is left on the next day (geometric, normalised to keep the total).
    click_cost, click_rate : float
        Money per click; clicks per impression.
    captures : float
        Share of the purchases that would happen anyway whose buyer clicks this channel on the way: it is
        credited with them, and adds nothing.
    opens, closes : float
        How often it is the first, or the last click on the way to a purchase that another channel caused.
    new_share : float
        Share of its incremental conversions that are first orders of users it brings.
    """

    name: str
    daily_spend: float
    maximum: float
    half_saturation: float
    carry_over: float
    click_cost: float
    click_rate: float
    captures: float = 0.0
    opens: float = 1.0
    closes: float = 1.0
    new_share: float = 0.6
    shape: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentTruth:
    """One kind of shopper: how many there are, and how they behave.

    Parameters
    ----------
    name : str
        A behavioural segment, or GENERAL.
    share : float
        Share of the users.
    orders_per_year : float
        Mean orders while a customer; single users vary around it (Gamma).
    order_value : float
        Mean value of an order.
    lifetime_days : float
        Mean days until a customer is lost (exponential).
    response, uplift : float
        Multiples of a campaign's own base conversion rate, and of its lift.
    openness : float
        Multiple of the rate at which messages are opened.
    """

    name: str
    share: float
    orders_per_year: float
    order_value: float
    lifetime_days: float
    response: float = 1.0
    uplift: float = 1.0
    openness: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentTruth:
    """One experiment on the shop: each variant multiplies how often its users order.

    Parameters
    ----------
    name : str
        The experiment.
    variants : tuple of str
        The control comes first.
    effects : tuple of float
        Relative change of the order rate; 0 for the control.
    split : tuple of float
        Shares of the variants.
    first_day, days : float
        When it starts and how long it runs, as shares of the market's days.
    enrolled : float
        Share of the users known at its start who take part.
    """

    name: str
    variants: tuple[str, ...]
    effects: tuple[float, ...]
    split: tuple[float, ...]
    first_day: float
    days: float
    enrolled: float = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class GeoTestTruth:
    """One campaign that ran in some cities only: what it truly added to the sales of their stores.

    Parameters
    ----------
    name : str
        The test.
    treated : tuple of str
        Cities of `markets.CITIES`.
    lift : float
        Share by which orders rose while it ran.
    first_day, days : float
        When it starts and how long it runs, as shares of the market's days.
    daily_spend : float
        Mean spend of a day in all treated cities together.
    """

    name: str
    treated: tuple[str, ...]
    lift: float
    first_day: float
    days: float
    daily_spend: float


PAID: tuple[ChannelTruth, ...] = (
    ChannelTruth(
        name="paid_search", daily_spend=170, maximum=19, half_saturation=190, carry_over=0.1,
        click_cost=1.3, click_rate=0.045, captures=0.03, opens=0.6, closes=5.0, new_share=0.7,
    ),
    ChannelTruth(
        name="paid_social", daily_spend=160, maximum=34, half_saturation=220, carry_over=0.4,
        click_cost=1.1, click_rate=0.018, captures=0.006, opens=3.0, closes=1.0, new_share=0.85,
    ),
    ChannelTruth(
        name="video", daily_spend=95, maximum=17, half_saturation=140, carry_over=0.65,
        click_cost=2.0, click_rate=0.0105, captures=0.001, opens=4.0, closes=0.1, new_share=0.85,
    ),
    ChannelTruth(
        name="display", daily_spend=75, maximum=2.6, half_saturation=50, carry_over=0.3,
        click_cost=0.95, click_rate=0.0075, captures=0.008, opens=2.0, closes=0.6, new_share=0.4,
    ),
    ChannelTruth(
        name="affiliate", daily_spend=50, maximum=3.2, half_saturation=65, carry_over=0.0,
        click_cost=0.8, click_rate=0.03, captures=0.02, opens=0.2, closes=3.0, new_share=0.7,
    ),
    ChannelTruth(
        name="linkedin", daily_spend=35, maximum=1.0, half_saturation=60, carry_over=0.5,
        click_cost=2.6, click_rate=0.008, opens=0.6, closes=0.1, new_share=0.7,
    ),
)  # fmt: skip

SHOPPERS: tuple[SegmentTruth, ...] = (
    SegmentTruth(
        name="HIGH_SPENDER", share=0.12, orders_per_year=9, order_value=80, lifetime_days=480,
        response=1.3, uplift=0.8, openness=1.1,
    ),
    SegmentTruth(
        name="FREQUENT_SHOPPER", share=0.03, orders_per_year=70, order_value=27, lifetime_days=600,
        response=2.2, uplift=0.6, openness=1.4,
    ),
    SegmentTruth(name="WEEKEND_SHOPPER", share=0.12, orders_per_year=11, order_value=40, lifetime_days=400),
    SegmentTruth(name="CATEGORY_FOCUSED", share=0.12, orders_per_year=9, order_value=42, lifetime_days=380),
    SegmentTruth(name="LOCATION_CLUSTERED", share=0.10, orders_per_year=9, order_value=34, lifetime_days=380),
    SegmentTruth(
        name="SEASONAL_SPENDER", share=0.08, orders_per_year=7, order_value=49, lifetime_days=500, uplift=1.3
    ),
    SegmentTruth(
        name="INACTIVE", share=0.08, orders_per_year=4, order_value=31, lifetime_days=40,
        response=0.3, uplift=1.8, openness=0.5,
    ),
    SegmentTruth(
        name="GENERAL", share=0.35, orders_per_year=6, order_value=35, lifetime_days=280,
        response=0.9, uplift=1.1, openness=0.95,
    ),
)  # fmt: skip

EXPERIMENTS: tuple[ExperimentTruth, ...] = (
    ExperimentTruth(
        name="checkout_layout",
        variants=("control", "one_page"),
        effects=(0.0, 0.12),
        split=(0.5, 0.5),
        first_day=0.30,
        days=0.12,
    ),
    ExperimentTruth(
        name="delivery_promise",
        variants=("control", "next_day", "free_returns"),
        effects=(0.0, 0.06, -0.05),
        split=(0.34, 0.33, 0.33),
        first_day=0.60,
        days=0.12,
    ),
    ExperimentTruth(
        name="search_ranking",
        variants=("control", "by_margin"),
        effects=(0.0, 0.0),
        split=(0.5, 0.5),
        first_day=0.80,
        days=0.08,
    ),
)

GEO_TESTS: tuple[GeoTestTruth, ...] = (
    GeoTestTruth(
        name="city_posters",
        treated=("Bremen", "Dresden", "Graz", "Leipzig"),
        lift=0.09,
        first_day=0.70,
        days=0.08,
        daily_spend=3300,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSpec:
    """A market to simulate.

    Parameters
    ----------
    seed : int
        The same specification and seed give the same bytes.
    start : date
        The first day; nothing happens before it, but users may have signed up earlier.
    days : int
        How many days are simulated, at least 60.
    users : int
        How many users there are at the end.
    currency : str
        ISO 4217 code of all money.
    channels : tuple of ChannelTruth
        The paid channels.
    segments : tuple of SegmentTruth
        The kinds of shoppers; their shares sum to 1.
    experiments : tuple of ExperimentTruth
        Experiments on the shop.
    geo_tests : tuple of GeoTestTruth
        Campaigns that ran in some cities only; each city is in one of them at most.
    owned_campaigns : int
        How many e-mail, push, text and in-app campaigns run.
    holdout : float
        Share of an owned campaign's audience that is kept out of it.
    early : float
        Share of the users who signed up before the first day.
    lead_campaigns : int
        How many campaigns gather leads.

    Examples
    --------
    >>> spec = MarketSpec.small()
    >>> spec.last_day - spec.start
    datetime.timedelta(days=179)
    >>> MarketSpec.sized(100_000).users
    1952
    """

    seed: int = 7
    start: date = date(2024, 1, 1)
    days: int = 366
    users: int = REFERENCE_USERS
    currency: str = "EUR"
    channels: tuple[ChannelTruth, ...] = PAID
    segments: tuple[SegmentTruth, ...] = SHOPPERS
    experiments: tuple[ExperimentTruth, ...] = EXPERIMENTS
    geo_tests: tuple[GeoTestTruth, ...] = GEO_TESTS
    owned_campaigns: int = 24
    holdout: float = 0.10
    early: float = 0.40
    lead_campaigns: int = 3

    def __post_init__(self) -> None:
        if self.days < 60 or self.users < 100 or self.owned_campaigns < 1:
            raise UsageError("A market needs at least 60 days, 100 users and one owned campaign.")
        if not 0 <= self.holdout < 1 or not 0 <= self.early < 1:
            raise UsageError("holdout and early are shares: 0 <= share < 1.")
        if abs(sum(segment.share for segment in self.segments) - 1) > 1e-9:
            raise UsageError("The shares of the segments must sum to 1.")
        names = [channel.name for channel in self.channels]
        if not names or len(set(names)) < len(names) or not set(names) <= set(PAID_CHANNELS):
            raise UsageError(f"Channels are distinct paid channels: {', '.join(PAID_CHANNELS)}.")
        if any(not 0 <= channel.carry_over < 1 for channel in self.channels):
            raise UsageError("The carry-over of a channel lies in 0 <= share < 1.")
        if any(channel.half_saturation <= 0 or channel.shape <= 0 for channel in self.channels):
            raise UsageError("Half saturation and shape of a channel are above 0.")

    @classmethod
    def small(cls, seed: int = 7) -> MarketSpec:
        """Return a market for tests: half a year, about 20,000 events."""
        return cls(seed=seed, days=180, users=820, owned_campaigns=6)

    @classmethod
    def sized(cls, events: int, seed: int = 7) -> MarketSpec:
        """Return a year with about so many events."""
        market = cls(seed=seed)
        return replace(market, users=max(100, round(events / _EVENTS_PER_USER_DAY / market.days)))

    @property
    def last_day(self) -> date:
        """Return the last day on which something happens."""
        return self.start + timedelta(days=self.days - 1)

    def experiment_days(self, truth: ExperimentTruth) -> tuple[date, date]:
        """Return the first and the last day of an experiment: two weeks at least."""
        first = self.start + timedelta(days=int(truth.first_day * self.days))
        return first, first + timedelta(days=max(14, int(truth.days * self.days)) - 1)

    @property
    def scale(self) -> float:
        """Return the market's size relative to the one whose amounts the truths name."""
        return self.users / REFERENCE_USERS
