"""Findings from tested metrics: adjusted for each other, with what they are worth and how sure they are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri

from workbench.experiments.analysis.finding import Finding, Role
from workbench.experiments.analysis.monitoring import Monitoring
from workbench.experiments.analysis.tested import Judged, guarded
from workbench.experiments.definition import Experiment
from workbench.experiments.inference.bayesian import Prior, belief, best_share
from workbench.experiments.inference.comparison import Comparison
from workbench.experiments.inference.estimate import Estimate, alpha_of
from workbench.experiments.inference.multiplicity import Adjustment, adjusted
from workbench.experiments.inference.sums import Sums
from workbench.experiments.users.metric import UserMetric
from workbench.experiments.users.users import Seen

MONTH = 365.25 / 12
_ADJUSTMENTS: dict[Role, Adjustment] = {
    "primary": "holm",
    "guardrail": "benjamini_hochberg",
    "secondary": "benjamini_hochberg",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What findings are made from: the plan, the sums, how it is looked at, and which days count."""

    experiment: Experiment
    sums: Sums
    monitoring: Monitoring
    seen: Seen
    metrics: tuple[UserMetric, ...]

    @property
    def alpha(self) -> float:
        """Return the error that is accepted."""
        return alpha_of(self.experiment.level)

    def role(self, metric: str) -> Role:
        """Return what a metric is for."""
        if metric == self.experiment.primary:
            return "primary"
        return "guardrail" if metric in {one.metric for one in self.experiment.guardrails} else "secondary"


def findings_of(case: Case, found: Sequence[Judged]) -> list[Finding]:
    """Return the findings, each adjusted for the others of its role; those that decide come first."""
    made: list[Finding] = []
    for role, adjustment in _ADJUSTMENTS.items():
        mine = [one for one in found if case.role(one.metric.name) == role]
        looks = [_look(case, one.comparison) for one in mine]
        p = [(look or one.comparison.difference).p for one, look in zip(mine, looks, strict=True)]
        several = adjusted(p, adjustment=adjustment) if mine else np.zeros(0)
        rails = _rails(case, mine) if role == "guardrail" else {}
        made += [
            _finding(
                case, one, look, p=float(share), rail=rails.get((one.metric.name, one.comparison.variant))
            )
            for one, look, share in zip(mine, looks, several, strict=True)
        ]
    return made


def _look(case: Case, found: Comparison) -> Estimate | None:
    return case.monitoring.at_this_look(found.difference, found.n + found.n_control, alpha=case.alpha)


def _rails(case: Case, mine: Sequence[Judged]) -> dict[tuple[str, str], Any]:
    metrics = {one.metric.name: one.metric for one in mine}
    found = {
        name: {one.comparison.variant: one.comparison for one in mine if one.metric.name == name}
        for name in metrics
    }
    rails, level = case.experiment.guardrails, case.experiment.level
    return {
        (name, variant): rail
        for name, metric in metrics.items()
        for variant, rail in guarded(
            metric, case.sums, rails, found=found[name], level=level, tails=_tails(case, found[name])
        ).items()
    }


def _tails(case: Case, found: Mapping[str, Comparison]) -> dict[str, float]:
    """Return what each guardrail may err at this look: all looks together as much as one look would."""
    return {
        variant: case.monitoring.tail_at_this_look(one.n + one.n_control, alpha=case.alpha)
        for variant, one in found.items()
    }


def _finding(case: Case, one: Judged, look: Estimate | None, *, p: float, rail: Any) -> Finding:
    found, better = one.comparison, one.metric.better
    chance, loss, prior = _belief(case, one)
    money, basis = _money(case, one.metric, look or found.difference)
    return Finding(
        role=case.role(one.metric.name),
        better=better,
        comparison=found,
        p_adjusted=p,
        alpha=case.alpha,
        monitored=look,
        guarded=rail,
        ranked=one.ranked,
        chance=chance,
        loss=loss,
        prior=prior,
        detectable=_detectable(case, found),
        money=money,
        money_basis=basis,
    )


def _belief(case: Case, one: Judged) -> tuple[float, float, str]:
    """Return the chance that the variant is better, the relative change given up if not, and the prior."""
    found, better = one.comparison, one.metric.better
    control = abs(found.value_control.value)
    if better == "neither" or not (found.difference.known and control > 0):
        return math.nan, math.nan, ""
    if one.metric.kind == "share" and math.isnan(found.reduction):
        users = (found.n_control, found.n)
        shares = [
            case.sums.mean(one.metric.columns.value)[case.sums.variants.index(name)] for name in _names(found)
        ]
        counts = [round(share * n) for share, n in zip(shares, users, strict=True)]
        counts = counts if better == "higher" else [n - k for k, n in zip(counts, users, strict=True)]
        best = best_share(counts, users)
        return best.chance[1], best.loss[1] / control, "every share is equally likely"
    error = found.difference.error / control
    if not (error > 0 and found.value_control.excludes(0.0)):
        return math.nan, math.nan, ""  # relative to what may be nothing, no change is small or large
    aim = case.experiment.minimum_effect
    prior = Prior(spread=max(Prior().spread, aim if aim > 0 else 0.0))
    held = belief(found.difference.value / control, error, prior=prior, better=better)
    return float(held.chance), float(held.loss), f"changes of about ±{prior.spread:.0%}, either way"


def _names(found: Comparison) -> tuple[str, str]:
    return found.control, found.variant


def _detectable(case: Case, found: Comparison) -> float:
    """Return the relative change that so many users find with the planned power, over all variants."""
    alpha = case.alpha / (len(case.sums.variants) - 1)
    needed = float(ndtri(1 - alpha / 2) + ndtri(case.experiment.power))
    control = abs(found.value_control.value)
    error = found.difference.error
    return needed * error / control if control > 0 and error > 0 else math.nan


def _money(case: Case, metric: UserMetric, found: Estimate) -> tuple[Estimate | None, str]:
    """Return what the difference is worth if all users of the experiment got the variant."""
    if metric.kind != "mean" or metric.label.unit != "money" or not found.known:
        return None, ""
    users, days = float(case.sums.n.sum()), case.seen.days_per_user
    if days > 0:
        return found.scaled(users * MONTH / days), f"a month for {users:,.0f} users"
    return found.scaled(users), f"over the test's time for {users:,.0f} users"
