"""What the outcome does by itself: its level, its trend, and the media's mean taken out of the level."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc.dims as pmd
from pymc_extras.prior import Prior
from pymc_marketing.mmm import HSGP
from pymc_marketing.mmm.additive_effect import MuEffect
from pytensor.xtensor import as_xtensor

from workbench.errors import UsageError
from workbench.mmm.priors import Varied

_WAVES = 12  # enough for bends of half a year over five years


class Baseline(MuEffect):  # type: ignore[misc]
    """Trend, less the mean of all media: what the model calls level is then the mean of the outcome.

    The mean of an outcome is known to a per cent, the baseline without media is not. Sampling the mean and
    taking the media's share out of it removes the ridge between baseline and returns.

    Parameters
    ----------
    trend : {'none', 'linear', 'varying'}
        How the baseline moves.
    regions, periods, per_year : int
        The market's size, and periods in a year.
    centring : array, shape ()
        How the regions' slopes are sampled.
    figures : dict
        What priors are made of: name -> (array, dimensions). As data of the model they can be exchanged
        after compiling for those of another market of the same shape.
    """

    trend: str
    figures: dict[str, Any]
    regions: int
    periods: int
    per_year: int
    centring: Any

    def create_data(self, mmm: Any) -> None:  # noqa: ARG002
        """Add which periods are kept, and what priors are made of."""
        pmd.Data("kept", np.ones(self.periods), dims=("date",))
        for name, (values, dims) in self.figures.items():
            pmd.Data(name, np.asarray(values, float), dims=dims)

    def create_effect(self, mmm: Any) -> Any:
        """Return the trend by region less the media's mean."""
        mean = mmm.model["channel_contribution"].sum("channel").mean("date")
        media = pmd.Deterministic("media_mean", mean)
        path = self._trend(mmm)
        path = path - media if path is not None else -media.expand_dims(date=self.periods)
        path = path.transpose("date", "region")
        return pmd.Deterministic("baseline_path", path) if self.trend == "varying" else path

    def set_data(self, mmm: Any, model: Any, X: Any) -> None:  # noqa: ARG002, N803
        """Refuse other periods: forecasts are made from the draws."""
        raise UsageError(
            "This model knows only the periods it was built for; `workbench.mmm.curves` reads the draws."
        )

    def _trend(self, mmm: Any) -> Any:
        if self.trend == "none":
            return None
        time = as_xtensor(np.linspace(-1, 1, self.periods), dims=("date",))
        slope = Varied(regions=self.regions, feature="", centring=self.centring)
        line = slope.create_variable("trend_slope") * time
        return line if self.trend == "linear" else line + self._bends() * mmm.model["variation"]

    def _bends(self) -> Any:
        half = (self.periods - 1) / 2
        bends = HSGP(
            m=min(_WAVES, max(self.periods // 8, 3)),
            L=1.3 * half,
            eta=Prior("HalfNormal", sigma=1.0),
            ls=Prior("InverseGamma", alpha=4, beta=3 * self.per_year),
            dims=("date",),
            drop_first=True,
        )
        bends.register_data(pmd.Data("period_index", np.arange(self.periods, dtype=float), dims=("date",)))
        path = bends.create_variable("bends", xdist=True)
        return path - path.mean("date")
