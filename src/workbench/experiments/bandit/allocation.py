"""A batch of impressions shared out between creatives: each one's chance to be best, and its part."""

from __future__ import annotations

from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING, Literal

from workbench.result import format_value, html_table, told

if TYPE_CHECKING:
    import pandas as pd

Reward = Literal["clicks", "conversions", "revenue"]
FLOOR = 0.02
_CLEAR = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """What one creative was shown, and what came of it.

    Parameters
    ----------
    name : str
        The creative.
    trials, successes : float
        Impressions, and those that led to a click or a conversion.
    value : float, optional
        The values of all successes, summed.
    squares : float, optional
        Their squares, summed; without them the standard deviation is taken as twice the mean.
    """

    name: str
    trials: float
    successes: float
    value: float | None = None
    squares: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmShare:
    """One arm's posterior and its share of the next batch.

    Parameters
    ----------
    name : str
        The creative.
    trials, successes : float
        What was seen.
    shown : float
        Its share of the trials so far.
    mean, low, high : float
        Posterior mean of what a trial earns, and the ends of its 95 % credible interval.
    chance : float
        The chance that it earns the most.
    share : float
        Its share of the next batch.
    """

    name: str
    trials: float
    successes: float
    shown: float
    mean: float
    low: float
    high: float
    chance: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """How to share out the next batch.

    Parameters
    ----------
    rows : tuple of ArmShare
        The most likely best first.
    reward : str
        What a trial earns: ``"clicks"``, ``"conversions"`` or ``"revenue"``.
    floor : float
        The least share of an arm.
    loss : float
        What going with the leader alone is expected to give up, as a share of what it earns.
    error : float
        The largest standard error of the chances; 0 where they were integrated, not drawn.
    currency : str, optional
        Of revenue.
    caveats : tuple of str
        What a reader must know.
    missing : str
        Why there is nothing to share out; empty where there is.
    """

    rows: tuple[ArmShare, ...] = ()
    reward: Reward = "conversions"
    floor: float = FLOOR
    loss: float = float("nan")
    error: float = 0.0
    currency: str | None = None
    caveats: tuple[str, ...] = ()
    missing: str = ""

    @property
    def unit(self) -> str:
        """Return the unit of the means."""
        return "money" if self.reward == "revenue" else "%"

    @property
    def sentence(self) -> str:
        """Return whom to show more, how sure that is, and what the others keep."""
        if self.missing:
            return self.missing
        top = self.rows[0]
        kept = f"every creative keeps at least {format_value(self.floor, '%')}"
        if top.chance < _CLEAR:
            return (
                f"No creative leads clearly: {top.name!r} is best with a chance of {top.chance:.0%} and gets "
                f"{top.share:.0%} of the next impressions; {kept}."
            )
        return (
            f"Give {top.name!r} {top.share:.0%} of the next impressions: it is best with a chance of "
            f"{top.chance:.0%}, and showing it alone would give up {format_value(self.loss, '%')} of what it "
            f"earns; {kept}."
        )

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return one row per creative."""
        import pandas as pd

        names = list(ArmShare.__dataclass_fields__)
        return pd.DataFrame({name: [getattr(row, name) for row in self.rows] for name in names})

    def _repr_html_(self) -> str:
        said = "".join(f"<li>{escape(caveat)}</li>" for caveat in self.caveats)
        return f"<p>{escape(self.sentence)}</p>{html_table(self.to_frame())}<ul>{said}</ul>"


def with_caveats(found: Allocation, *caveats: str) -> Allocation:
    """Return an allocation with more to bear in mind, the empty ones left out."""
    return replace(found, caveats=(*(caveat for caveat in caveats if caveat), *found.caveats))
