"""What a media mix model is asked to explain: a frozen value that says everything but the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from math import isfinite
from typing import Any, ClassVar, Literal, get_args

from workbench.errors import UsageError, unknown_name

Adstock = Literal["geometric", "delayed"]
Saturation = Literal["michaelis-menten", "hill", "logistic"]
Trend = Literal["none", "linear", "varying"]
Kind = Literal["revenue", "conversions"]
_CHOICES = {"kind": Kind, "adstock": Adstock, "saturation": Saturation, "trend": Trend}
LONGEST_CARRY_OVER = 120
_STRICT: dict[str, Any] = {"extra": "forbid", "strict": True}  # how pydantic reads them from documents


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnPrior:
    """What is believed about a channel's return before its data are seen: a log-normal.

    Parameters
    ----------
    median : float
        Outcome per unit of spend that is as likely to be exceeded as not.
    spread : float
        Standard deviation of the logarithm: 0.9 puts 94 % between a fifth of the median and five times it.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    median: float
    spread: float = 0.9

    def __post_init__(self) -> None:
        if not (0 < self.median < float("inf") and 0 < self.spread < float("inf")):
            raise UsageError("The prior of a return needs a median and a spread above 0.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One medium whose effect is asked for.

    Parameters
    ----------
    name : str
        As it is shown; also the column of spend where `spend` is not given.
    spend : str, optional
        Column with the money spent in each period.
    exposure : str, optional
        Column of what people saw (impressions, GRPs), where it drives the effect better than money does.
    prior : ReturnPrior, optional
        What is believed of its return; by default its share of what all media are believed to cause.
    share : float, optional
        What is believed, said another way: the part of the outcome that it causes, as likely to be exceeded
        as not. Becomes a prior of the return, by what the channel costs.

    Raises
    ------
    UsageError
        With both, or with a share that is none.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    name: str
    spend: str = ""
    exposure: str | None = None
    prior: ReturnPrior | None = None
    share: float | None = None

    def __post_init__(self) -> None:
        if self.share is not None and self.prior is not None:
            raise UsageError(f"The channel {self.name!r} says a prior and a share: leave out one of them.")
        if self.share is not None and not 0 < self.share < 1:
            raise UsageError(
                f"The share of {self.name!r} is a part of the outcome: expected a number between 0 and 1."
            )

    @property
    def spend_column(self) -> str:
        """Return the column that holds its money."""
        return self.spend or self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftTest:
    """One experiment's finding about one channel, as evidence for the model.

    The data hold the market as it was with the test in it.

    Parameters
    ----------
    channel : str
        The channel whose spend was changed.
    start, end : date
        First and last day of the test, both included.
    spend_change : float
        Money spent more (or, below zero, less) over the whole test because of it.
    outcome_change : float
        Outcome that it caused over the whole test.
    error : float
        Standard error of `outcome_change`.
    regions : tuple of str
        Where it ran; empty where it ran everywhere.
    share : float
        Share of the people there (by their spend) whose spend was changed: a holdout of a tenth has 0.1, and
        so has a test in regions with a tenth of the market where the model does not tell regions apart.
    source : str
        The experiment's name, for the record.
    spent_until : date, optional
        Last day on which its money was moved, where it went on counting after that; by default `end`.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    channel: str
    start: date
    end: date
    spend_change: float
    outcome_change: float
    error: float
    regions: tuple[str, ...] = ()
    share: float = 1.0
    source: str = ""
    spent_until: date | None = None

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise UsageError(f"The lift test of {self.channel!r} ends before it starts.")
        if self.spent_until is not None and not self.start <= self.spent_until <= self.end:
            raise UsageError(f"The lift test of {self.channel!r} moves money outside of its own days.")
        figures = (self.error, self.spend_change, self.outcome_change)
        if not all(map(isfinite, figures)) or not self.error > 0 or self.spend_change == 0:
            raise UsageError(
                f"The lift test of {self.channel!r} needs a standard error above 0 and a change of spend."
            )
        if not 0 < self.share <= 1:
            raise UsageError(f"The share of the lift test of {self.channel!r} lies above 0 and is at most 1.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How long the sampler runs.

    Parameters
    ----------
    chains, tune, draws : int
        Chains, and steps of each that are thrown away and kept.
    target_accept : float
        Acceptance rate that the step size is tuned to.
    seed : int
        Of the sampler; the same seed on the same data gives the same draws.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    chains: int = 4
    tune: int = 500
    draws: int = 500
    target_accept: float = 0.9
    seed: int = 1

    def __post_init__(self) -> None:
        if self.chains < 1 or self.tune < 1 or self.draws < 1:
            raise UsageError("The sampler needs at least 1 chain, 1 step of tuning and 1 draw.")
        if not 0.5 <= self.target_accept < 1:
            raise UsageError("target_accept is a rate of acceptance: expected a number from 0.5 to below 1.")
        if not 0 <= self.seed < 2**32:
            raise UsageError("seed is a whole number from 0 to 4,294,967,295.")


@dataclass(frozen=True, slots=True, kw_only=True)
class MixSpec:
    """A media mix model before its data: what is explained by what, and what is believed beforehand.

    Parameters
    ----------
    name : str
        Of the model, as it is listed.
    outcome : str
        Column that is explained.
    channels : tuple of Channel
        The media.
    kind : {'revenue', 'conversions'}
        Whether the outcome is money (then returns compare with 1) or a count.
    date : str
        Column of the first day of each period.
    controls : tuple of str
        Columns that move the outcome and are no media: price, promotions, holidays.
    region : str, optional
        Column of the region; none for a national model.
    adstock : {'geometric', 'delayed'}
        How an effect is carried over to later periods.
    carry_over : int
        Periods that an effect can last, its own included.
    saturation : {'michaelis-menten', 'hill', 'logistic'}
        How an effect falls off with more spend.
    seasonality : int
        Pairs of yearly sine and cosine; 0 for none.
    trend : {'none', 'linear', 'varying'}
        How the baseline may move.
    media_share : float
        Share of the outcome that all media together are believed to cause; sets the returns' prior medians.
    lift_tests : tuple of LiftTest
        Findings of experiments that the model has to agree with.
    currency : str
        ISO 4217 code of spend (and of the outcome where it is revenue).
    sampling : Sampling
        How long the sampler runs, and its seed.

    Raises
    ------
    UsageError
        Without a channel, with a name used twice, or with a figure out of range.

    Examples
    --------
    >>> media = Channel(name="tv"), Channel(name="search")
    >>> spec = MixSpec(name="weekly", outcome="revenue", channels=media)
    >>> spec.channel_names
    ('tv', 'search')
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    name: str
    outcome: str
    channels: tuple[Channel, ...]
    kind: Kind = "revenue"
    date: str = "date"
    controls: tuple[str, ...] = ()
    region: str | None = None
    adstock: Adstock = "geometric"
    carry_over: int = 8
    saturation: Saturation = "michaelis-menten"
    seasonality: int = 2
    trend: Trend = "linear"
    media_share: float = 0.3
    lift_tests: tuple[LiftTest, ...] = ()
    currency: str = ""
    sampling: Sampling = field(default_factory=Sampling)

    def __post_init__(self) -> None:
        if not self.channels:
            raise UsageError(f"The model {self.name!r} names no channel.")
        for name, known in _CHOICES.items():
            if getattr(self, name) not in get_args(known):
                raise unknown_name(name, str(getattr(self, name)), get_args(known))
        self._check_names()
        if not 0 < self.media_share < 1:
            raise UsageError("media_share is a share of the outcome: expected a number between 0 and 1.")
        if not 1 <= self.carry_over <= LONGEST_CARRY_OVER:
            raise UsageError(f"carry_over is from 1 to {LONGEST_CARRY_OVER} periods.")
        if not 0 <= self.seasonality <= 26:
            raise UsageError("seasonality is from 0 to 26 pairs of waves.")
        code = self.currency
        if code and not (len(code) == 3 and code.isascii() and code.isalpha() and code.isupper()):
            raise UsageError(f"currency is a code of three capitals such as EUR, not {code[:20]!r}.")
        for test in self.lift_tests:
            if test.channel not in self.channel_names:
                raise UsageError(
                    f"A lift test names the channel {test.channel!r}, which the model does not have."
                )

    def _check_names(self) -> None:
        columns = [
            self.date,
            self.outcome,
            *([self.region] if self.region else []),
            *(one.spend_column for one in self.channels),
            *self.controls,
        ]
        exposures = [one.exposure for one in self.channels if one.exposure]
        for names in (self.channel_names, columns, [*exposures, self.date, self.outcome, *self.controls]):
            twice = _twice(names)
            if twice:
                raise UsageError(f"The model {self.name!r} uses {twice!r} twice.")
        if "" in (*self.channel_names, *columns, self.name):
            raise UsageError(f"The model {self.name!r} has an empty name.")

    @property
    def channel_names(self) -> tuple[str, ...]:
        """Return the names of the channels, in order."""
        return tuple(one.name for one in self.channels)

    def with_lift_tests(self, tests: tuple[LiftTest, ...]) -> MixSpec:
        """Return the same model with further evidence."""
        return replace(self, lift_tests=self.lift_tests + tests)


def _twice(names: Sequence[str]) -> str:
    return next((one for one in sorted(set(names)) if names.count(one) > 1), "")
