"""Ridge-augmented synthetic control: what the simplex cannot match is corrected, as far as it predicts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from workbench.experiments.geo.panel import Floats
from workbench.experiments.geo.split import Split
from workbench.experiments.geo.synthetic_control import (
    Counterfactual,
    Weighting,
    centred,
    counterfactual,
    simplex_weights,
)

PENALTIES = 21
SMALLEST = 1e-8


def augmented_synthetic_control(split: Split, *, penalty: float | None = None) -> Counterfactual:
    """Return the counterfactual of synthetic control with a ridge correction of what it misses.

    Parameters
    ----------
    split : Split
        Who was treated and when.
    penalty : float, optional
        Of the ridge; if not given, the largest within one standard error of the best in leave-one-period-out
        cross-validation.

    References
    ----------
    Ben-Michael, Feller, Rothstein (2021), JASA 116, sections 3 and 5; the rule for the penalty is that of
    their R package augsynth, which GeoLift uses.
    """
    values = centred(split.panel.values, split.pre)[:, : split.pre]
    controls, target = values[split.controls], values[split.treated].mean(0)
    chosen = choose_penalty(controls, target) if penalty is None else penalty
    found = counterfactual(split, ridge_weights(chosen), method="augmented synthetic control")
    return replace(found, penalty=chosen)


def ridge_weights(penalty: float) -> Weighting:
    """Return the weighting of augmented synthetic control for one penalty; it may go below 0, its sum is 1.

    Examples
    --------
    >>> import numpy as np
    >>> controls, target = np.array([[0.0, 2.0], [2.0, 0.0]]), np.array([-0.5, 2.5])
    >>> [ridge_weights(penalty)(controls, target).round(3).tolist() for penalty in (1.0, 1e-9)]
    [[1.2, -0.2], [1.25, -0.25]]
    """

    def weights(controls: Floats, target: Floats) -> Floats:
        simplex = simplex_weights(controls, target)
        level = controls.mean(0)
        spread, missed = controls - level, target - simplex @ controls
        # (X'X + lI)^-1 X' r by the smaller of the two Gram matrices
        if len(spread) <= len(missed):
            gram = spread @ spread.T
            shift: Floats = np.linalg.solve(gram + penalty * np.eye(len(gram)), spread @ missed)
        else:
            gram = spread.T @ spread
            shift = spread @ np.linalg.solve(gram + penalty * np.eye(len(gram)), missed)
        return simplex + shift

    return weights


def choose_penalty(controls: Floats, target: Floats) -> float:
    """Return the largest penalty whose error of prediction is within one standard error of the smallest.

    Parameters
    ----------
    controls : ndarray, shape (controls, periods)
        Pre-periods, each row without its mean.
    target : ndarray, shape (periods,)
        The same of the treated geos.

    Notes
    -----
    21 penalties, from the largest eigenvalue down by a factor of 1e8. As in augsynth the last period is not
    left out in turn.
    """
    spread = controls - controls.mean(0)
    eigen, turn = np.linalg.eigh(spread @ spread.T)
    eigen = np.maximum(eigen, 0.0)
    penalties = eigen[-1] * SMALLEST ** (np.arange(PENALTIES) / (PENALTIES - 1))
    errors = _errors(controls, target, turn.T @ spread, 1.0 / (eigen + penalties[:, None]))
    loss = np.square(errors)
    mean, error = loss.mean(1), loss.std(1, ddof=1) / np.sqrt(loss.shape[1])
    best = int(mean.argmin())
    return float(penalties[mean <= mean[best] + error[best]].max())


def _errors(controls: Floats, target: Floats, turned: Floats, inverse: Floats) -> Floats:
    """Return the error (penalties, periods) in each period when it is left out.

    One decomposition serves all: with A = XX' + l, without x (A - xx')^-1 x = A^-1 x / (1 - x'A^-1 x).
    """
    folds = controls.shape[1] - 1
    missed = np.empty(folds)
    directions = np.empty((folds, len(controls)))
    for out in range(folds):
        kept = np.arange(folds + 1) != out
        weights = simplex_weights(controls[:, kept], target[kept])
        left = target - weights @ controls
        missed[out] = left[out]
        directions[out] = turned[:, kept] @ left[kept]
    across = turned[:, :folds]
    shift = inverse @ (directions.T * across)
    leverage = inverse @ np.square(across)
    errors: Floats = missed - shift / (1.0 - leverage)
    return errors
