"""Of what the outcome is made, period by period: baseline, trend, seasons, controls and every channel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from workbench.errors import unknown_name
from workbench.mmm.curves import contribution, in_region
from workbench.mmm.draws import Draws
from workbench.mmm.estimate import Estimate, estimate
from workbench.mmm.fitted import MixFit
from workbench.mmm.gates import Gates, gates
from workbench.mmm.market import Market
from workbench.mmm.spec import Kind
from workbench.result import format_value, html_table, told, worded
from workbench.stats import hdi

if TYPE_CHECKING:
    import pandas as pd

_ROUNDING = 1e-12  # of the outcome: what floats may leave of a part that is nothing
Array = npt.NDArray[np.float64]
Source = Literal["baseline", "trend", "season", "control", "channel"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """One reason of the outcome over time; intervals are 94 % highest density intervals.

    Parameters
    ----------
    name : str
        Such as ``baseline`` or the name of a channel or control.
    source : {'baseline', 'trend', 'season', 'control', 'channel'}
        What kind of reason it is.
    mean, low, high : array, shape (T,)
        Outcome per period.
    total, share : Estimate
        Outcome over all periods, and as a share of the fitted outcome.
    """

    name: str
    source: Source
    mean: Array
    low: Array
    high: Array
    total: Estimate
    share: Estimate


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decomposition:
    """The fitted outcome as a sum of parts.

    The level is split into its mean (baseline) and its departure from it (trend); seasons and controls are
    departures from their own mean, so they may be below zero. The means of the parts sum to `fitted`.

    Parameters
    ----------
    outcome, currency : str
        What is explained, and the currency of money.
    kind : {'revenue', 'conversions'}
        What the outcome is.
    region : str or None
        None for all regions together.
    dates : array of datetime64[D], shape (T,)
        First day of every period.
    actual, fitted : array, shape (T,)
        The outcome, and what the model expects of it.
    parts : tuple of Part
        The reasons, in the order baseline, trend, seasons, controls, channels.
    without_media : Part
        All parts but the channels, as one.
    gates : Gates
        Whether the model may carry a decision.
    """

    outcome: str
    currency: str
    kind: Kind
    region: str | None
    dates: npt.NDArray[np.datetime64]
    actual: Array
    fitted: Array
    parts: tuple[Part, ...]
    without_media: Part
    gates: Gates

    def of(self, source: Source) -> tuple[Part, ...]:
        """Return the parts of one kind."""
        return tuple(part for part in self.parts if part.source == source)

    @property
    def sentence(self) -> str:
        """Return what media caused and what would have come without them; a missed gate first."""
        caution = "" if self.gates.passed else f"{self.gates.sentence} "
        channels = sorted(self.of("channel"), key=lambda part: -part.total.value)
        whole = float(self.fitted.sum())
        unit = "money" if self.kind == "revenue" else "count"
        said = format_value(whole, unit, currency=self.currency or None)
        largest = ", ".join(
            f"{worded(part.name)} {format_value(part.share.value, '%')}" for part in channels[:3]
        )
        where = f" in {self.region}" if self.region else ""
        alone = format_value(self.without_media.share.value, "%")
        return (
            f"{caution}Of {said} of {self.outcome}{where}, {alone} would have come "
            f"without media; of the rest most came from {largest}."
        )

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return one row per period and part."""
        import pandas as pd

        rows = [
            pd.DataFrame(
                {
                    "date": self.dates,
                    "part": part.name,
                    "source": part.source,
                    "mean": part.mean,
                    "low": part.low,
                    "high": part.high,
                }
            )
            for part in self.parts
        ]
        return pd.concat(rows, ignore_index=True)

    def totals(self) -> pd.DataFrame:
        """Return one row per part: its outcome over all periods, and its share."""
        import pandas as pd

        return pd.DataFrame(
            {
                "part": part.name,
                "source": part.source,
                "total": part.total.value,
                "low": part.total.low,
                "high": part.total.high,
                "share": part.share.value,
            }
            for part in self.parts
        )

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.sentence)}</p>{html_table(self.totals())}"


def decompose(fit: MixFit, *, region: str | None = None) -> Decomposition:
    """Return the parts of the outcome over time.

    Parameters
    ----------
    fit : MixFit
        The model after its data.
    region : str, optional
        One region; all summed by default.

    Raises
    ------
    UsageError
        If there is no region of that name.
    """
    market, spec = fit.market, fit.spec
    if region is not None and region not in market.regions:
        raise unknown_name("region", region, market.regions)
    chosen = range(len(market.regions)) if region is None else [market.regions.index(region)]
    summed: dict[tuple[str, Source], Array] = {}
    for place in chosen:
        for name, source, draws in parts_of(*in_region(fit.draws, market, place)):
            summed[name, source] = summed.get((name, source), 0.0) + draws
    whole = np.sum([part.sum(axis=1) for part in summed.values()], axis=0)
    parts = tuple(_part(name, source, draws, whole) for (name, source), draws in summed.items())
    rest = np.sum([draws for (_, source), draws in summed.items() if source != "channel"], axis=0)
    return Decomposition(
        outcome=spec.outcome,
        currency=spec.currency,
        kind=spec.kind,
        region=region,
        dates=market.dates,
        actual=market.outcome[list(chosen)].sum(axis=0),
        fitted=np.sum([part.mean for part in parts], axis=0),
        parts=parts,
        without_media=_part("without media", "baseline", rest, whole),
        gates=gates(fit),
    )


def parts_of(draws: Draws, market: Market) -> Iterator[tuple[str, Source, Array]]:
    """Yield name, kind and draws, shape (D, T), of every part of a market with a single region."""
    count, periods = len(draws), len(market.dates)
    level = draws.level_over(periods)[:, 0]
    base = level.mean(axis=1, keepdims=True)
    yield "baseline", "baseline", np.broadcast_to(base, (count, periods))
    if draws.moves:
        yield "trend", "trend", level - base
    if draws.season.shape[2]:
        yield "season", "season", draws.season[:, 0] @ draws.seasons.T
    for place, name in enumerate(market.controls):
        scaled = (market.control[0, :, place] - draws.control_mean[place]) / draws.control_scale[place]
        yield name, "control", draws.control_effect[:, 0, place, None] * scaled
    for place, name in enumerate(market.channels):
        yield name, "channel", contribution(draws, market, place)[:, 0]


def expected(draws: Draws, market: Market) -> Array:
    """Return the outcome that every draw expects of a market with a single region, shape (D, T)."""
    found = np.zeros((len(draws), len(market.dates)))
    for _, _, part in parts_of(draws, market):
        found += part
    return found


def _part(name: str, source: Source, draws: Array, whole: Array) -> Part:
    low, high = hdi(draws)
    total = draws.sum(axis=1)
    # A departure from its own mean adds up to nothing but the rounding of its floats.
    total = np.where(np.abs(total) < _ROUNDING * np.abs(whole), 0.0, total)
    return Part(
        name=name,
        source=source,
        mean=draws.mean(axis=0),
        low=low,
        high=high,
        total=estimate(total),
        share=estimate(total / whole),
    )
