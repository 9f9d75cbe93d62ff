"""All attribution models as data: what each asks, assumes, and when it misleads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from workbench.attribution.bootstrap import by_influence, first_order_counts, markov_replicates
from workbench.attribution.influence import by_derivative
from workbench.attribution.markov import markov_credit
from workbench.attribution.order import choose_order
from workbench.attribution.regression import fit_regression, regression_credit, regression_of
from workbench.attribution.rules import RULES, Rule
from workbench.attribution.shapley import coverage_shapley, markov_shapley, markov_shapleys
from workbench.attribution.tallies import bits_of
from workbench.attribution.windows import LookBack
from workbench.catalog import Catalog
from workbench.errors import NotEnoughData

if TYPE_CHECKING:
    from workbench.attribution.chain import Chain
    from workbench.attribution.journeys import Journeys

Floats = NDArray[np.float64]
_QUICK_SETS = 13  # channels up to which all sets are solved once per bucket of users
_QUICK_FITS = 30  # channels up to which a regression is fitted anew for each replicate
_FITS = 250  # such replicates
_QUICK_SAMPLES = 60  # channels up to which permutations are sampled once per bucket; beyond, per group
_GROUPS = 16
_WORK = 2e9
_ROUNDING = 1e-9  # of a conversion
_SCALED = "removal effects add up to more than 1 and are scaled to the total, which is a convention."


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a model is asked beside the journeys.

    Parameters
    ----------
    window : LookBack
        The look-back window of the rules.
    order : int or None
        The order of the Markov model; chosen on unseen users where None.
    seed : int
        Of everything that is sampled.
    """

    window: LookBack
    order: int | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Solution:
    """What a model credits, and how to do it again for other weights of the users.

    Parameters
    ----------
    credit : array, shape (names, 2)
        Conversions and value.
    untouched : array, shape (buckets, 2)
        Conversions and value that no touch can be credited with.
    again : callable
        Returns from weights of the buckets, shape (replicates, buckets), the credit of each replicate.
    most : int or None
        How many replicates it is worth to ask for, where each takes long.
    caveats : tuple of str
        What a reader must know of this fit.
    """

    credit: Floats
    untouched: Floats
    again: Callable[[Floats], Floats]
    most: int | None = None
    caveats: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributionModel:
    """One way to credit conversions to touches.

    Parameters
    ----------
    name, title : str
        In code, and in pages.
    says : str
        What the model does, in one sentence.
    question : str
        The question that it answers.
    assumes : str
        What it takes for granted.
    misleads : str
        When its answer is wrong.
    solve : callable
        Returns the solution from journeys and a question.
    """

    name: str
    title: str
    says: str
    question: str
    assumes: str
    misleads: str
    solve: Callable[[Journeys, Question], Solution]


def _by_rule(name: str) -> Callable[[Journeys, Question], Solution]:
    def solve(journeys: Journeys, question: Question) -> Solution:
        place = journeys.settings.place(question.window)
        return Solution(
            credit=journeys.credited(name, question.window),
            untouched=journeys.unattributed[:, place],
            again=lambda weights: journeys.credited(name, question.window, weights),
        )

    return solve


def _untouched(journeys: Journeys) -> Floats:
    """Return, by bucket, conversions and value without any touch since the conversion before."""
    touched = np.zeros_like(journeys.totals)
    np.add.at(touched, journeys.ends.keys[:, 0], journeys.ends.sums[:, :2])
    rest = journeys.totals - touched
    return np.where(rest[:, :1] > _ROUNDING, rest, 0.0)


def _markov(journeys: Journeys, question: Question) -> Solution:
    order, caveats = question.order, []
    if order is None:
        order, said = _chosen_order(journeys)
        caveats.append(said)

    def solve(weights: Floats | None = None) -> Floats:
        return _or_nothing(journeys.chain(order, weights))

    chain = journeys.chain(order)
    credit = markov_credit(chain)

    def replicated(weights: Floats) -> Floats:
        again = markov_replicates(journeys) if order == 1 else None
        again = again or by_derivative(journeys, chain, credit)
        return (again or by_influence(solve, credit, journeys.settings.buckets, groups=_GROUPS))(weights)

    return Solution(
        credit=credit,
        untouched=_untouched(journeys),
        again=replicated,
        caveats=(*caveats, f"Markov: {_SCALED}"),
    )


def _or_nothing(chain: Chain) -> Floats:
    """Return the credit of a chain, nothing where leaving out users leaves no conversion."""
    if not chain.conversions.sum() > 0:
        return np.zeros((len(chain.names), 2))
    return markov_credit(chain)


def _chosen_order(journeys: Journeys) -> tuple[int, str]:
    try:
        choice = choose_order(journeys)
    except NotEnoughData:
        return 1, "Markov: order 1, since there are too few users to choose an order by."
    return choice.order, f"Markov: {choice.sentence}"


def _coverage(journeys: Journeys, _question: Question) -> Solution:
    found = coverage_shapley(journeys.coalitions())
    sets, parts = journeys.sets, []
    starts = np.searchsorted(sets.keys[:, 0], np.arange(journeys.settings.buckets + 1))
    for first, after in pairwise(starts):
        members = bits_of(sets.keys[first:after, 1:], len(journeys.names))
        parts.append((members / members.sum(axis=1, keepdims=True)).T @ sets.sums[first:after, :2])
    return Solution(
        credit=np.column_stack([found.conversions, found.value]),
        untouched=_untouched(journeys),
        again=lambda weights: np.tensordot(weights, parts, axes=1),
    )


def _markov_game(journeys: Journeys, question: Question) -> Solution:
    channels, short = len(journeys.names), journeys.lower(1)
    found = markov_shapley(short.chain(1), seed=question.seed)
    credit = np.column_stack([found.conversions, found.value])
    quick = channels <= _QUICK_SETS
    groups = journeys.settings.buckets if channels <= _QUICK_SAMPLES else _GROUPS
    permutations = int(np.clip(_WORK / (groups * channels**3), 8, 128))

    def solve(weights: Floats) -> Floats:
        chain = short.chain(1, weights)
        if not chain.conversions.sum() > 0:
            return np.zeros((channels, 2))
        # The same permutations for all buckets: their sampling error cancels in the differences.
        some = markov_shapley(chain, most_exact=0, permutations=permutations, seed=question.seed)
        return np.column_stack([some.conversions, some.value])

    def again(weights: Floats) -> Floats:
        buckets = journeys.settings.buckets
        if quick:
            return _exact_games(short, credit)(weights)
        reference = solve(np.ones(buckets))
        return by_influence(solve, reference, buckets, groups=groups)(weights) + (credit - reference)

    caveats: tuple[str, ...] = ()
    if found.conversions_error is not None:
        worst = float(found.conversions_error.max() / found.conversions.sum())
        caveats = (
            f"Shapley (Markov game): {channels} channels are too many for all sets; {found.permutations} "
            f"permutations were sampled, which leaves a standard error of up to {100 * worst:.2g}% of all "
            "conversions.",
        )
    return Solution(
        credit=credit,
        untouched=_untouched(journeys),
        again=again,
        caveats=caveats,
    )


def _exact_games(journeys: Journeys, point: Floats) -> Callable[[Floats], Floats]:
    """Return what gives the credit of replicates where the games without each bucket are solved at once."""
    counts = first_order_counts(journeys)

    def solve(weights: Floats) -> Floats:
        return markov_shapleys(*(np.tensordot(weights, some, axes=1) for some in counts))

    return by_influence(solve, point, journeys.settings.buckets, at_once=True)


def _regression(journeys: Journeys, _question: Question) -> Solution:
    fitted = regression_of(journeys)
    credit = regression_credit(fitted, journeys.coalitions())

    def solve(weights: Floats) -> Floats:
        some = journeys.coalitions(weights)
        try:
            again = fit_regression(some, penalty=fitted.penalty, start=fitted)
        except NotEnoughData:
            again = fitted
        return regression_credit(again, some)

    # A coefficient at its limit of zero has no smooth effect, so replicates are fitted where that is quick.
    quick = len(journeys.names) <= _QUICK_FITS
    said = fitted.hold_out.sentence if fitted.hold_out else "There are too few users to judge it on."
    return Solution(
        credit=credit,
        untouched=_untouched(journeys),
        again=(lambda weights: np.stack([solve(some) for some in weights]))
        if quick
        else by_influence(solve, credit, journeys.settings.buckets, groups=_GROUPS),
        most=_FITS if quick else None,
        caveats=(f"Regression: {said}",),
    )


_POSITIONS = {
    "first_touch": "Which channel starts the journeys that end in a conversion?",
    "last_touch": "Which channel stands directly before a conversion?",
    "last_non_direct": "Which channel other than direct stands last before a conversion?",
    "linear": "Which channels are touched on the way to a conversion, and how often?",
    "time_decay": "Which channels are touched shortly before a conversion?",
    "position_based": "Which channels start and end the journeys to a conversion?",
}
_RULE_MISLEADS = {
    "first_touch": "Flatters channels that meet people first, whether or not these would have bought.",
    "last_touch": "Flatters search, retargeting and partners, whom buyers meet after they have decided.",
    "last_non_direct": "As last touch; and hides how much comes directly.",
    "linear": "Rewards frequency: a channel that shows itself often to buyers earns by that alone.",
    "time_decay": "As last touch, more gently; the half-life is a choice, not a finding.",
    "position_based": "Its weights are a choice, not a finding.",
}


def _of_rule(rule: Rule) -> AttributionModel:
    return AttributionModel(
        name=rule.name,
        title=rule.title,
        says=rule.says,
        question=_POSITIONS.get(rule.name, "Where on the way to a conversion is a channel touched?"),
        assumes="The rule's weights are taken to be what each place on the way is worth.",
        misleads=_RULE_MISLEADS.get(rule.name, "Its weights are a choice, not a finding."),
        solve=_by_rule(rule.name),
    )


MODELS: Catalog[AttributionModel] = Catalog(
    "attribution model",
    [
        *(_of_rule(rule) for rule in RULES.values()),
        AttributionModel(
            name="markov",
            title="Markov removal effect",
            says="The share of conversions lost if a channel's touches led nowhere, scaled to the total.",
            question="Which channels lie on the ways to a conversion that have no way round?",
            assumes="The next step depends on the last touches; without the channel a journey would end.",
            misleads="People who would have bought anyway also pass through channels, and count for them.",
            solve=_markov,
        ),
        AttributionModel(
            name="shapley",
            title="Shapley value, coverage game",
            says="Each conversion is shared evenly by the distinct channels of its journey.",
            question="What does a channel add if a journey converts only with all of its channels?",
            assumes="Every channel of a converting journey was needed; journeys that fail do not matter.",
            misleads="A channel that is everywhere gets credit everywhere; it equals a linear rule.",
            solve=_coverage,
        ),
        AttributionModel(
            name="shapley_markov",
            title="Shapley value, Markov game",
            says="What a channel adds to the chain's conversions, over all orders in which channels join.",
            question="What do journeys yield more with a channel, averaged over which others are there?",
            assumes="The next step depends on the last touch only; without a channel a journey would end.",
            misleads="As Markov; with more than 20 channels it is sampled.",
            solve=_markov_game,
        ),
        AttributionModel(
            name="regression",
            title="Logistic regression",
            says="Conversions are shared in proportion to what each channel adds to the log-odds.",
            question="Which channels are more often on journeys that convert than on those that fail?",
            assumes="Effects on the log-odds add up, none is negative; the reached are like all others.",
            misleads="Channels that find people about to buy look like channels that make them buy.",
            solve=_regression,
        ),
    ],
)
