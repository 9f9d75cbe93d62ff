"""How well a model tells journeys that convert from those that do not, on users it has not seen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.errors import NotEnoughData
from workbench.result import format_value

if TYPE_CHECKING:
    from workbench.attribution.journeys import Journeys

Floats = NDArray[np.float64]
FOLDS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldOut:
    """What a model achieves on users it has not seen.

    Parameters
    ----------
    auc : float or None
        The chance that a converting journey is given a higher chance to convert than one that did not; 0.5
        is guessing. None where only one kind of journey is there.
    log_loss : float
        Mean of -log of the chance given to what happened, per journey, in nats.
    plain_log_loss : float
        The same for a model that gives every journey the same chance.
    journeys, conversions : float
        How many were judged, and how many of them converted.
    """

    auc: float | None
    log_loss: float
    plain_log_loss: float
    journeys: float
    conversions: float

    @property
    def chance(self) -> float | None:
        """Return how often an AUC is as high where the model knows nothing (Mann and Whitney); None without.

        Examples
        --------
        >>> some = judged([0.1, 0.4, 0.4, 0.9], [0, 10, 0, 20], [20, 0, 10, 10], plain=0.43)
        >>> some.chance < 0.001
        True
        """
        lost = self.journeys - self.conversions
        if self.auc is None or not self.conversions * lost > 0:
            return None
        error = math.sqrt((self.journeys + 1) / (12 * self.conversions * lost))
        return math.erfc((self.auc - 0.5) / error / math.sqrt(2)) / 2

    @property
    def sentence(self) -> str:
        """Return whether the model knows anything."""
        auc = format_value(self.auc) if self.auc is not None else "unknown"
        gain = self.plain_log_loss - self.log_loss
        told = "better" if gain > 0 else "no better"
        return (
            f"On users it had not seen, the model predicts conversions {told} than their mean "
            f"(AUC {auc}, log-loss {self.log_loss:.4f} against {self.plain_log_loss:.4f})."
        )


def auc(scores: ArrayLike, positives: ArrayLike, negatives: ArrayLike) -> float | None:
    """Return the area under the ROC curve of weighted scores, None where one kind is missing.

    Ties count half.

    Parameters
    ----------
    scores : array_like
        What the model says of each kind of journey.
    positives, negatives : array_like
        How many of them converted, and how many did not.

    References
    ----------
    Hanley and McNeil (1982), Radiology 143, 29-36.

    Examples
    --------
    >>> auc([0.1, 0.4, 0.4, 0.9], [0, 1, 0, 2], [2, 0, 1, 1])
    0.791...
    """
    _, place = np.unique(np.asarray(scores, float), return_inverse=True)
    good = np.bincount(place, np.asarray(positives, float))
    bad = np.bincount(place, np.asarray(negatives, float))
    if not good.sum() > 0 or not bad.sum() > 0:
        return None
    below = np.cumsum(bad) - bad
    return float((good * (below + bad / 2)).sum() / (good.sum() * bad.sum()))


def judged(chances: ArrayLike, positives: ArrayLike, negatives: ArrayLike, *, plain: float) -> HoldOut:
    """Return how well chances fit what happened.

    Parameters
    ----------
    chances : array_like
        The chance to convert that the model gives each kind of journey, between 0 and 1.
    positives, negatives : array_like
        How many of them converted, and how many did not.
    plain : float
        The conversion rate of the users that the model was fitted on.

    Raises
    ------
    NotEnoughData
        If there is no journey.
    """
    p, good, bad = (np.asarray(some, float) for some in (chances, positives, negatives))
    count = float(good.sum() + bad.sum())
    if not count > 0:
        raise NotEnoughData("Not enough data: no journey is left to judge the model on.")
    return HoldOut(
        auc=auc(p, good, bad),
        log_loss=float(_loss(p, good, bad)) / count,
        plain_log_loss=float(_loss(np.full(len(p), plain), good, bad)) / count,
        journeys=count,
        conversions=float(good.sum()),
    )


def _loss(chances: Floats, positives: Floats, negatives: Floats) -> float:
    p = np.clip(chances, 1e-12, 1 - 1e-12)
    return float(-(positives * np.log(p) + negatives * np.log1p(-p)).sum())


def folds_of(journeys: Journeys, folds: int = FOLDS) -> list[tuple[Floats, Floats]]:
    """Return weights of user buckets, pairs of those to fit on and those to judge on.

    Raises
    ------
    NotEnoughData
        If the journeys were cut into fewer buckets than folds.
    """
    buckets = journeys.settings.buckets
    if buckets < folds:
        raise NotEnoughData(
            f"Not enough data: users are cut into {buckets} buckets, and {folds} folds need as many."
        )
    fold = np.arange(buckets) % folds
    return [((fold != some).astype(float), (fold == some).astype(float)) for some in range(folds)]
