"""How much memory a fit takes, and how much there is: asked before it starts, not found out in the middle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.errors import NotEnoughData

if TYPE_CHECKING:
    from workbench.mmm.market import Market
    from workbench.mmm.spec import MixSpec

# Measured as the most that a fit held (maximum resident set), see `benchmarks/mmm_sampling.py`: libraries and
# compiled model, and then so many copies of the draws (while sampling, as a tree, and as plain arrays).
BASE = 900_000_000
COPIES = 4
_NUMBER = 8


def memory_needed(spec: MixSpec, market: Market) -> int:
    """Return about how many bytes the sampling of a model takes.

    Parameters
    ----------
    spec : MixSpec
        Says how many draws are kept.
    market : Market
        Says how large each of them is.
    """
    regions, periods = market.outcome.shape
    channels = len(market.channels)
    draws = spec.sampling.chains * spec.sampling.draws
    path = periods if spec.trend == "varying" else 3
    waves = 2 * spec.seasonality + (6 if market.period == "day" else 0)
    each = regions * (2 * (channels + waves + len(market.controls)) + path + 3) + 4 * channels
    arrays = regions * periods * (2 * channels + 2) * _NUMBER
    return int(BASE + COPIES * draws * each * _NUMBER + 10 * arrays)


def refuse_too_large(needed: int, free: int | None) -> None:
    """Refuse a fit that cannot end well.

    Raises
    ------
    NotEnoughData
        Saying how much it takes and how much there is.

    Examples
    --------
    >>> refuse_too_large(10, None)
    >>> refuse_too_large(3_000_000_000, 1_000_000_000)
    Traceback (most recent call last):
        ...
    workbench.errors.NotEnoughData: The fit takes about 3.0 GB of memory, and 1.0 GB are free. Keep fewer ...
    """
    if free is not None and needed > free:
        raise NotEnoughData(
            f"The fit takes about {needed / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are free. "
            "Keep fewer draws, group regions or weeks, end other programs, or take a larger machine."
        )
