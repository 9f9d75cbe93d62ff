"""Who is moved by campaigns: a model's scores, held against what happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from workbench.errors import NotEnoughData
from workbench.experiments.holdout.pairs import Pairs
from workbench.experiments.holdout.reading import read_pairs
from workbench.experiments.inference.estimate import Estimate, unknown
from workbench.experiments.uplift.curves import (
    TOP,
    Curve,
    Decile,
    Responses,
    area_interval,
    chance,
    curve,
    deciles,
    responses,
    uplift_at,
)
from workbench.experiments.uplift.uplift import LEARNERS, cross_fitted, matrix
from workbench.metrics.window import Window
from workbench.result import ModelFigure, format_value, html_table, model_results_of, told

if TYPE_CHECKING:
    from datetime import datetime

    import pandas as pd

    from workbench.source import Tables

_POINTS = 101
_LARGE = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Uplift:
    """How well a model tells who is moved.

    Parameters
    ----------
    learner : str
        The title of the model.
    people, treated, responded : int
        Pairs of user and campaign, those treated, and those who bought.
    overall : float
        The uplift of everybody.
    qini, auuc : Estimate
        Areas above chance, as shares of the largest possible.
    chance : (float, float)
        Between which ends the Qini area lies when people are scored at random.
    top : Estimate
        The uplift of the 30 % with the highest scores.
    deciles : tuple of Decile
        Tenths by score.
    curve : Curve or None
        The Qini curve.
    level : float
        Of the intervals.
    missing : str
        Why there is no answer; empty where there is one.
    """

    learner: str
    people: int
    treated: int
    responded: int
    overall: float
    qini: Estimate
    auuc: Estimate
    chance: tuple[float, float]
    top: Estimate
    deciles: tuple[Decile, ...]
    curve: Curve | None
    level: float
    missing: str = ""

    @property
    def tells(self) -> bool:
        """Return whether the model is surely better than chance."""
        return bool(self.qini.low > 0 and self.qini.value > self.chance[1])

    @property
    def sentence(self) -> str:
        """Return whether the model tells who is moved, and what that is worth."""
        if self.missing:
            return self.missing
        low, high = self.qini.low, self.qini.high
        found = f"Qini {self.qini.value:.3f}, {self.level * 100:g}% interval {low:.3f} to {high:.3f}"
        by_chance = f"random scores reach {self.chance[0]:.3f} to {self.chance[1]:.3f}"
        if self.tells:
            return (
                f"The model tells who is moved: the {TOP:.0%} with the highest scores gain "
                f"{format_value(self.top.value, 'pp')} by treatment, all together "
                f"{format_value(self.overall, 'pp')} ({found}; {by_chance})."
            )
        return (
            f"The model does not tell persuadable users apart ({found}; {by_chance}): "
            "do not choose whom to send to by it."
        )

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return one row per tenth of the people."""
        import pandas as pd

        names = list(Decile.__dataclass_fields__)
        return pd.DataFrame(
            [{name: getattr(row, name) for name in names} for row in self.deciles], columns=names
        )

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.sentence)}</p>{html_table(self.to_frame())}"


def uplift_model(
    tables: Tables,
    *,
    campaign: str | None = None,
    window: str | Window | None = None,
    learner: str = "t_logistic",
    level: float = 0.95,
    seed: int = 0,
) -> Uplift:
    """Return how well a model of users before a campaign tells whom it moves to buy within 30 days.

    The features are what each user bought in the 30 days before, how long it is known, and its segment,
    region and platform. Held out users count as many times as their campaign treated per held out.

    Parameters
    ----------
    tables : Tables
        Needs facts.
    campaign, window, level
        As in `holdouts`.
    learner : str
        A name of `LEARNERS`.
    seed : int
        Of parts, trees and resamples.
    """
    title = LEARNERS[learner].title
    try:
        pairs = read_pairs(tables, campaign=campaign, window=window).comparable()
        people = _responses(pairs)
        return uplift_of(_features(pairs), people, learner=learner, level=level, seed=seed)
    except NotEnoughData as error:
        return Uplift(
            learner=title,
            people=0,
            treated=0,
            responded=0,
            overall=float("nan"),
            qini=unknown(str(error)),
            auuc=unknown(str(error)),
            chance=(float("nan"), float("nan")),
            top=unknown(str(error)),
            deciles=(),
            curve=None,
            level=level,
            missing=str(error),
        )


def uplift_of(
    features: Mapping[str, ArrayLike],
    people: Responses,
    *,
    learner: str = "t_logistic",
    level: float = 0.95,
    seed: int = 0,
) -> Uplift:
    """Return how well a model of features tells who is moved; scores are of users the model has not seen.

    Parameters
    ----------
    features : mapping of str to array_like, shape (people,)
        What is known before the treatment: numbers, or texts.
    people : Responses
        Who responded and who was treated.
    learner, level, seed
        As in `uplift_model`.
    """
    score = cross_fitted(matrix(features), people, learner=learner, seed=seed)
    few = 100 if len(score) > _LARGE else 300
    drawn = curve(people, score)
    shares = np.linspace(0, 1, _POINTS)
    return Uplift(
        learner=LEARNERS[learner].title,
        people=len(score),
        treated=int(people.treated.sum()),
        responded=int(people.response.sum()),
        overall=people.uplift,
        qini=area_interval(people, score, "qini", level=level, resamples=few, seed=seed),
        auuc=area_interval(people, score, "uplift", level=level, resamples=few, seed=seed),
        chance=chance(people, "qini", level=level, times=100, seed=seed),
        top=uplift_at(people, score, level=level),
        deciles=deciles(people, score, level=level),
        curve=Curve(share=shares, gain=np.interp(shares, drawn.share, drawn.gain)),
        level=level,
    )


def uplift_results(found: Uplift, *, computed_at: datetime) -> list[dict[str, Any]]:
    """Return the rows of the table `model_results` that store how well a model tells who is moved.

    Its AUUC and Qini are figures of the model ``uplift``, with their intervals; the metric `model_auuc` reads
    ``auuc``. There are none where the model could not be made.

    Parameters
    ----------
    found : Uplift
        What to store.
    computed_at : datetime
        When it was computed; with a time zone.

    Raises
    ------
    BadInput
        If `computed_at` has no time zone.
    """
    known = {"auuc": found.auuc, "qini": found.qini}
    figures = [
        ModelFigure(name, None, one.value, one.low, one.high)
        for name, one in known.items()
        if np.isfinite(one.value)
    ]
    return model_results_of("uplift", figures, computed_at=computed_at)


def _responses(pairs: Pairs) -> Responses:
    n, m = (
        np.bincount(pairs.campaign[pairs.held == side], minlength=len(pairs.campaigns)) for side in (0, 1)
    )
    per_held = (n / np.maximum(m, 1)) / (max(1, n.sum()) / max(1, m.sum()))
    weight = np.where(pairs.held, per_held[pairs.campaign], 1.0)
    return responses(pairs.buys, ~pairs.held, weight=weight, cluster=pairs.user)


def _features(pairs: Pairs) -> dict[str, ArrayLike]:
    found: dict[str, ArrayLike] = {
        "orders": pairs.before_orders,
        "revenue": np.log1p(np.maximum(pairs.before_revenue, 0.0)),
        "known": pairs.known,
    }
    for name, trait in pairs.traits.items():
        texts = np.array([*trait.names, ""], dtype=object)
        found[name] = texts[trait.codes]
    return found
