"""Who is moved by a campaign: models that score people by how much treatment adds to their response.

The *T-learner* models the response of the treated and that of the held by themselves and takes the
difference. The *X-learner* models the effect itself, from what each person did and what the model of the
other side expects, which helps where the held are few. Who scores a person has not seen that user.

References
----------
Künzel, Sekhon, Bickel, Yu (2019), PNAS 116, 4156-4165: meta-learners.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.catalog import Catalog
from workbench.errors import BadInput, NotEnoughData
from workbench.experiments.uplift.curves import Floats, Integers, Responses

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

FOLDS = 5
FEWEST_RESPONDERS = 25
_MOST_VALUES = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Learner:
    """A way to model uplift.

    Parameters
    ----------
    name, title : str
        In code and in reports.
    kind : {"t", "x"}
        T-learner or X-learner.
    boosted : bool
        Whether trees are boosted; else logistic and ridge regression.
    says : str
        When to use it.
    """

    name: str
    title: str
    kind: Literal["t", "x"]
    boosted: bool
    says: str


LEARNERS: Catalog[Learner] = Catalog(
    "uplift learner",
    [
        Learner(
            name="t_logistic",
            title="T-learner, logistic regression",
            kind="t",
            boosted=False,
            says="Two logistic regressions: steady, and hard to beat where the data are few.",
        ),
        Learner(
            name="t_boosting",
            title="T-learner, gradient boosting",
            kind="t",
            boosted=True,
            says="Two models of boosted trees: finds steps and interactions, needs many responders.",
        ),
        Learner(
            name="x_logistic",
            title="X-learner, logistic and ridge regression",
            kind="x",
            boosted=False,
            says="For a small holdout: the effect is modelled directly.",
        ),
        Learner(
            name="x_boosting",
            title="X-learner, gradient boosting",
            kind="x",
            boosted=True,
            says="For a small holdout and many responders.",
        ),
    ],
)


def matrix(features: Mapping[str, ArrayLike]) -> Floats:
    """Return features as numbers: texts become one column per value, of the most frequent thirty.

    Raises
    ------
    BadInput
        If there is no feature, or their lengths differ.

    Examples
    --------
    >>> matrix({"orders": [1, 2, 4], "region": ["a", "b", None]}).tolist()
    [[1.0, 0.0, 1.0, 0.0], [2.0, 0.0, 0.0, 1.0], [4.0, 1.0, 0.0, 0.0]]
    """
    if not features:
        raise BadInput("no feature to tell people apart by", fix="Name at least one.")
    parts: list[NDArray[Any]] = []
    for column in features.values():
        values = np.asarray(column)
        if values.dtype.kind in "biuf":
            parts.append(values.astype(float)[:, None])
            continue
        texts = np.array(["" if value is None else str(value) for value in values])
        names, counts = np.unique(texts, return_counts=True)
        most = np.sort(names[np.argsort(-counts, kind="stable")[:_MOST_VALUES]])
        parts.append((texts[:, None] == most).astype(float))
    if len({len(part) for part in parts}) > 1:
        raise BadInput("features of different lengths", expected="one value of each per person")
    return np.column_stack(parts)


def cross_fitted(
    features: Floats, people: Responses, *, learner: str = "t_logistic", folds: int = FOLDS, seed: int = 0
) -> Floats:
    """Return the expected uplift of each person, by models that were fitted on other users.

    Parameters
    ----------
    features : ndarray, shape (people, features)
        What is known before the campaign; NaN where unknown.
    people : Responses
        Who responded, who was treated, who is the same user.
    learner : str
        A name of `LEARNERS`.
    folds : int
        Parts of the users; each is scored by a model of the others.
    seed : int
        Of the parts and of the trees.

    Raises
    ------
    NotEnoughData
        If a side has too few people who responded, or did not, for a model in each part.
    """
    chosen = LEARNERS[learner]
    for side, name in ((1, "treated"), (0, "held out")):
        hits = people.response[people.treated == side]
        few = int(min(hits.sum(), len(hits) - hits.sum()))
        if few < FEWEST_RESPONDERS:
            raise NotEnoughData(
                f"Not enough data: {few} of the {name} did the rarer thing, responding or not; a model of "
                f"who is moved needs {FEWEST_RESPONDERS} on each side."
            )
    fold = _folds(people, folds, seed)
    score = np.empty(len(people.response))
    for place in range(folds):
        out = fold == place
        score[out] = _score(chosen, features, people, out, seed)
    return score


def _folds(people: Responses, folds: int, seed: int) -> Integers:
    """Return the part of each person: users at random, those of one side and response shared out evenly."""
    users = int(people.cluster.max()) + 1
    kind = np.zeros(users)
    np.maximum.at(kind, people.cluster, 1 + people.response + 2 * (1 - people.treated))
    order = np.lexsort((np.random.default_rng(seed).random(users), kind))
    fold = np.empty(users, np.int64)
    fold[order] = np.arange(users) % folds
    return fold[people.cluster]


def _score(
    learner: Learner,
    x: Floats,
    people: Responses,
    out: NDArray[np.bool_],
    seed: int,
) -> Floats:
    one, other = (~out & (people.treated == side) for side in (1, 0))
    treated, held = (
        _classifier(learner, seed).fit(x[side], people.response[side], **_weights(learner, people, side))
        for side in (one, other)
    )
    if learner.kind == "t":
        return _chance(treated, x[out]) - _chance(held, x[out])
    gained = people.response[one] - _chance(held, x[one])
    missed = _chance(treated, x[other]) - people.response[other]
    of_treated = _regressor(learner, seed).fit(x[one], gained).predict(x[out])
    of_held = _regressor(learner, seed).fit(x[other], missed).predict(x[out])
    share = one.sum() / (one.sum() + other.sum())  # of treatment: the larger side has the better model
    mixed: Floats = share * of_held + (1 - share) * of_treated
    return mixed


def _weights(learner: Learner, people: Responses, side: NDArray[np.bool_]) -> dict[str, Floats]:
    if np.ptp(people.weight[side]) == 0:
        return {}
    return {"sample_weight" if learner.boosted else "logisticregression__sample_weight": people.weight[side]}


def _chance(model: Any, x: Floats) -> Floats:
    found: Floats = model.predict_proba(x)[:, 1]
    return found


def _classifier(learner: Learner, seed: int) -> Any:
    if learner.boosted:
        from sklearn.ensemble import HistGradientBoostingClassifier

        return HistGradientBoostingClassifier(**_TREES, random_state=seed)
    from sklearn.linear_model import LogisticRegression

    return _linear(LogisticRegression(max_iter=1000))


def _regressor(learner: Learner, seed: int) -> Any:
    if learner.boosted:
        from sklearn.ensemble import HistGradientBoostingRegressor

        return HistGradientBoostingRegressor(**_TREES, random_state=seed)
    from sklearn.linear_model import Ridge

    return _linear(Ridge(alpha=1.0))


def _linear(model: BaseEstimator) -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    # What is unknown for everybody stays a column, so that parts of the users have the same features.
    filled = SimpleImputer(add_indicator=True, keep_empty_features=True)
    return make_pipeline(filled, StandardScaler(), model)


# Small trees, slowly: effects are far smaller than what trees find in responses. No stopping by a part of the
# data, which would be another draw of chance.
_TREES: dict[str, Any] = {
    "max_iter": 60,
    "learning_rate": 0.05,
    "max_leaf_nodes": 8,
    "min_samples_leaf": 100,
    "early_stopping": False,
}
