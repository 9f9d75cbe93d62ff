"""All that a fitted model has to say, as one value for a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.mmm.comparison import RunComparison, compare_runs
from workbench.mmm.decomposition import Decomposition, decompose
from workbench.mmm.fit_figures import FitFigures, fit_figures
from workbench.mmm.fitted import MixFit
from workbench.mmm.response import ResponseCurves, response_curves
from workbench.mmm.results import MixResults, results
from workbench.mmm.window import Window
from workbench.result import shown, told

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class MixReport:
    """What a media mix model found, or why there is nothing to report.

    Parameters
    ----------
    results : MixResults, optional
        What every channel returned.
    curves : ResponseCurves, optional
        What channels would bring at other spends.
    decomposition : Decomposition, optional
        Of what the outcome is made.
    figures : FitFigures, optional
        How well the model fits.
    comparison : RunComparison, optional
        What moved since an earlier run; None without one.
    missing : str
        Why there is nothing.
    """

    results: MixResults | None = None
    curves: ResponseCurves | None = None
    decomposition: Decomposition | None = None
    figures: FitFigures | None = None
    comparison: RunComparison | None = None
    missing: str = ""

    @property
    def sentence(self) -> str:
        """Return what media did and where the next unit of money goes best; a missed gate first."""
        return self.missing if self.results is None else self.results.sentence

    __repr__ = told
    _repr_html_ = shown

    def to_frame(self) -> pd.DataFrame:
        """Return one row per channel, and per channel and region."""
        import pandas as pd

        return pd.DataFrame() if self.results is None else self.results.to_frame()


def mix_report(fit: MixFit, *, before: MixFit | None = None, window: Window | None = None) -> MixReport:
    """Return all that a fitted model has to say.

    Parameters
    ----------
    fit : MixFit
        The model after its data.
    before : MixFit, optional
        An earlier run to compare with.
    window : Window, optional
        The reference window; by default the last 52 weeks.
    """
    return MixReport(
        results=results(fit, window=window),
        curves=response_curves(fit, window=window),
        decomposition=decompose(fit),
        figures=fit_figures(fit),
        comparison=None if before is None else compare_runs(before, fit),
    )
