"""Power of a geo test: which lift is found how often, by the length of the test, on the geos' own past."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import UsageError
from workbench.experiments.geo.backtests import Backtests, backtests, promised, window_starts
from workbench.experiments.geo.panel import Floats, Panel
from workbench.result import format_value, html_table, told

if TYPE_CHECKING:
    import pandas as pd

LIFTS = tuple(place / 100 for place in range(26))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PowerCurve:
    """How often a lift is found, for each length of the test.

    Parameters
    ----------
    treated : tuple of str
        The geos in which the campaign would run.
    periods : tuple of int
        Lengths of the test.
    lifts : tuple of float
        As shares.
    powers : ndarray, shape (lifts, periods)
        The share of rehearsals in which it was found.
    effects : tuple of float
        Of each length the lift that the next test finds with the power asked for; infinite where the past is
        too short to say, or no lift would do.
    power, level : float
        The power asked for, and the level of the test.
    windows : int
        Rehearsals on which all this rests; they overlap.
    false_positives : tuple of float
        Of each length, how often an effect was found though there was none.
    """

    treated: tuple[str, ...]
    periods: tuple[int, ...]
    lifts: tuple[float, ...]
    powers: Floats
    effects: tuple[float, ...]
    power: float
    level: float
    windows: int
    false_positives: tuple[float, ...]

    @property
    def sentence(self) -> str:
        """Return the smallest lift that each length finds."""
        where = ", ".join(self.treated)
        known = {n: lift for n, lift in zip(self.periods, self.effects, strict=True) if np.isfinite(lift)}
        if not known:
            return f"In {where} no lift is sure to be found: the past is too short, or moves too much."
        said = ", ".join(f"{format_value(lift, '%')} in {length} periods" for length, lift in known.items())
        return f"In {where} a lift of {said} is found {self.power:.0%} of the time."

    def power_at(self, lift: float) -> tuple[float, ...]:
        """Return the power of each length at a lift, between those that were tried by a straight line."""
        return tuple(float(np.interp(lift, self.lifts, column)) for column in self.powers.T)

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each length and lift."""
        import pandas as pd

        count = len(self.lifts)
        return pd.DataFrame(
            {
                "periods": np.repeat(self.periods, count),
                "lift": np.tile(self.lifts, len(self.periods)),
                "power": self.powers.T.ravel(),
            }
        )

    def to_document(self) -> dict[str, Any]:
        """Return the curve as JSON takes it; what is unknown is null."""
        lengths = zip(self.periods, self.effects, self.false_positives, strict=True)
        return {
            "treated": list(self.treated),
            "power": self.power,
            "level": self.level,
            "windows": self.windows,
            "lengths": [
                {"periods": length, "lift": lift if np.isfinite(lift) else None, "false_positives": rate}
                for length, lift, rate in lengths
            ],
            "sentence": self.sentence,
        }

    def _repr_html_(self) -> str:
        return html_table(self.to_frame(), self.sentence)


def power_curve(
    panel: Panel,
    treated: Sequence[str],
    *,
    periods: Iterable[int],
    lifts: Sequence[float] = LIFTS,
    controls: Sequence[str] | None = None,
    level: float = 0.95,
    power: float = 0.8,
) -> PowerCurve:
    """Return how often a test in some geos would have found a lift, on windows of the past.

    Parameters
    ----------
    panel : Panel
        Days on which none of the geos was treated.
    treated : sequence of str
        The geos in which the campaign would run.
    periods : iterable of int
        Lengths of the test, the cooldown with it.
    lifts : sequence of float
        As shares, increasing.
    controls : sequence of str, optional
        The geos to compare with; all others if not given.
    level, power : float
        Of the test, and how often the smallest lift is to be found.

    Raises
    ------
    UsageError
        For a geo that is unknown or on both sides.
    NotEnoughData
        If the past is too short to rehearse the longest test.
    """
    rows = panel.rows(treated)
    names = [geo for geo in panel.geos if geo not in set(treated)] if controls is None else list(controls)
    both = sorted(set(treated) & set(names))
    if both or not len(rows):
        raise UsageError(f"{', '.join(both) or 'No geo'} cannot be treated and control at once.")
    lengths = tuple(sorted(set(periods)))
    chosen, later = window_starts(len(panel.days), max(lengths))
    found = backtests(
        panel,
        [np.sort(rows)],
        starts=sorted({*chosen, *later}),
        periods=lengths,
        donors=np.sort(panel.rows(names)),
        level=level,
    )
    return curve_of(found, treated=tuple(treated), lifts=lifts, level=level, power=power)


def curve_of(
    found: Backtests, *, treated: tuple[str, ...], lifts: Sequence[float], level: float, power: float
) -> PowerCurve:
    """Return the power of the first group of some rehearsals."""
    return PowerCurve(
        treated=treated,
        periods=found.periods,
        lifts=tuple(lifts),
        powers=found.power(np.array(lifts))[:, 0],
        effects=tuple(promised(found.needed[0].T, power, windows=len(found.starts)).tolist()),
        power=power,
        level=level,
        windows=len(found.starts),
        false_positives=tuple(found.false_positives[0].mean(0).tolist()),
    )
