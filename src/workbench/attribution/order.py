"""How many touches a Markov model should remember, chosen on users it has not seen.

Words: a model of order k gives each next step (a channel, a conversion, the end without one) a chance that
depends on the last k touches; its *loss* is the mean of -log of the chance given to what came, per journey.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from workbench.attribution.chain import Chain
from workbench.attribution.validation import FOLDS, HoldOut, folds_of, judged
from workbench.errors import NotEnoughData
from workbench.result import shown, told

if TYPE_CHECKING:
    import pandas as pd

    from workbench.attribution.journeys import Journeys

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
_NO_GAIN = 1e-3  # of the loss: less is no reason to remember more


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    """One order and what speaks for it.

    Parameters
    ----------
    order : int
        How many touches are remembered.
    states : int
        How many states the data have.
    loss : float
        Held-out loss per journey, in nats.
    error : float
        Standard error of its difference from the best order's, over folds of users.
    bic : float
        Bayesian information criterion on all data, for information: lower is better.
    hold_out : HoldOut
        How well the last touches tell whether the journey converts.
    """

    order: int
    states: int
    loss: float
    error: float
    bic: float
    hold_out: HoldOut


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderChoice:
    """The order chosen, and the orders it was chosen from."""

    order: int
    rows: tuple[OrderRow, ...]

    @property
    def sentence(self) -> str:
        """Return the order and why it is enough."""
        best = min(self.rows, key=lambda row: row.loss)
        if best.order == self.order:
            return f"Order {self.order} predicts the steps of unseen users best of {len(self.rows)} orders."
        return (
            f"Order {self.order} predicts the steps of unseen users as well as order {best.order}, "
            "within chance, and is simpler."
        )

    __repr__ = told
    _repr_html_ = shown

    def to_frame(self) -> pd.DataFrame:
        """Return one row per order."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "order": row.order,
                    "states": row.states,
                    "loss": row.loss,
                    "error": row.error,
                    "bic": row.bic,
                    "auc": row.hold_out.auc,
                    "chosen": row.order == self.order,
                }
                for row in self.rows
            ]
        )


def choose_order(journeys: Journeys, *, highest: int | None = None, folds: int = FOLDS) -> OrderChoice:
    """Return the order of the Markov model that predicts the next steps of unseen users best.

    Users are cut into folds; each is judged by chains counted on the others. A step that a state has not
    seen backs off to the shorter state. The simplest order is taken whose loss is within one standard
    error, or a thousandth, of the best.

    Parameters
    ----------
    journeys : Journeys
        Built with at least `highest` touches of memory.
    highest : int, optional
        The highest order to try; that of the journeys by default.
    folds : int
        Into how many parts users are cut.

    Raises
    ------
    NotEnoughData
        If there is no journey, or there are fewer buckets of users than folds.

    References
    ----------
    Witten and Bell (1991), IEEE Transactions on Information Theory 37, method C (backing off); Hastie,
    Tibshirani, Friedman (2009), The Elements of Statistical Learning, section 7.10 (one standard error).
    """
    top = highest or journeys.settings.order
    if not journeys.journeys:
        raise NotEnoughData("Not enough data: there is no journey with a touch.")
    losses, ends, count = np.zeros((folds, top)), [], np.zeros(folds)
    for fold, (fitting, judging) in enumerate(folds_of(journeys, folds)):
        known = _Backoff(journeys.chain(top, fitting))
        unseen = journeys.chain(top, judging)
        count[fold] = unseen.journeys
        losses[fold] = known.losses(unseen)
        ends.append((known, unseen))
    per_journey = losses.sum(axis=0) / count.sum()
    best = int(np.argmin(per_journey))
    apart = (losses - losses[:, [best]]) / count.mean()
    errors = apart.std(axis=0, ddof=1) / np.sqrt(folds)
    slack = np.maximum(errors, _NO_GAIN * per_journey[best])
    chosen = int(np.flatnonzero(per_journey <= per_journey[best] + slack)[0]) + 1
    whole = journeys.chain(top)
    rows = tuple(
        OrderRow(
            order=order,
            states=len(whole.lower(order).states),
            loss=float(per_journey[order - 1]),
            error=float(errors[order - 1]),
            bic=_bic(whole.lower(order)),
            hold_out=_hold_out(ends, order),
        )
        for order in range(1, top + 1)
    )
    return OrderChoice(order=chosen, rows=rows)


def chances_of_end(fitted: Chain, unseen: Chain) -> Floats:
    """Return the chance to convert rather than not of journeys that end in each state of another chain."""
    return _Backoff(fitted).chances(unseen, fitted.order)


def _hold_out(folds: list[tuple[_Backoff, Chain]], order: int) -> HoldOut:
    chances = np.concatenate([known.chances(unseen, order) for known, unseen in folds])
    good = np.concatenate([unseen.conversions for _, unseen in folds])
    bad = np.concatenate([unseen.nulls for _, unseen in folds])
    return judged(chances, good, bad, plain=float(good.sum() / (good.sum() + bad.sum())))


class _Backoff:
    """Chances of the next step that back off to shorter states, for all orders at once."""

    def __init__(self, chain: Chain) -> None:
        self.size, self.order = len(chain.names) + 1, chain.order
        self.steps = chain.transitions.shape[1] + 2  # each channel, a conversion, the end without one
        keys, steps, counts = _steps(chain)
        self.tables = [self._table(keys, steps, counts, order) for order in range(chain.order + 1)]

    def _table(
        self, keys: Integers, steps: Integers, counts: Floats, order: int
    ) -> tuple[Integers, Floats, Integers, Floats, Floats]:
        """Return counts of step after state, and per state their sum and how many steps are distinct."""
        short = keys % self.size**order
        pairs, place = np.unique(short * self.steps + steps, return_inverse=True)
        found: Floats = np.bincount(place, counts, minlength=len(pairs)).astype(float)
        states, place = np.unique(pairs // self.steps, return_inverse=True)
        sums: Floats = np.bincount(place, found, minlength=len(states)).astype(float)
        kinds = np.bincount(place[found > 0], minlength=len(states)).astype(float)
        return pairs, found, states, sums, kinds

    def chance(self, keys: Integers, steps: Integers) -> Floats:
        """Return the chance of steps after states, shape (orders, steps): rows are orders 1 and up."""
        chance = np.full(len(keys), 1 / self.steps)
        found = np.empty((self.order + 1, len(keys)))
        for order, (pairs, counts, states, sums, kinds) in enumerate(self.tables):
            short = keys % self.size**order
            seen = _looked_up(pairs, counts, short * self.steps + steps)
            total, distinct = (_looked_up(states, some, short) for some in (sums, kinds))
            whole = total + distinct
            chance = np.where(whole > 0, (seen + distinct * chance) / np.where(whole > 0, whole, 1), chance)
            found[order] = chance
        return found[1:]

    def losses(self, unseen: Chain) -> Floats:
        """Return the loss over all steps of another chain, per order."""
        keys, steps, counts = _steps(unseen)
        return np.asarray(-(np.log(self.chance(keys, steps)) * counts).sum(axis=1), float)

    def chances(self, unseen: Chain, order: int) -> Floats:
        """Return the chance to convert rather than not of journeys that end in each state."""
        keys = unseen.keys
        converted, lost = (
            self.chance(keys, np.full(len(keys), self.steps - some))[order - 1] for some in (2, 1)
        )
        return np.asarray(converted / (converted + lost), float)


def _steps(chain: Chain) -> tuple[Integers, Integers, Floats]:
    """Return all steps of a chain as state, step and count; the last two steps are the ways to end."""
    table, keys = chain.transitions.tocoo(), chain.keys
    channels = len(chain.names)
    ends = [np.flatnonzero(some > 0) for some in (chain.conversions, chain.nulls)]
    return (
        np.concatenate([keys[table.row], *(keys[some] for some in ends)]),
        np.concatenate([table.col, *(np.full(len(some), channels + i) for i, some in enumerate(ends))]),
        np.concatenate([table.data, chain.conversions[ends[0]], chain.nulls[ends[1]]]).astype(float),
    )


def _looked_up(known: Integers, amounts: Floats, asked: Integers) -> Floats:
    """Return the amount of each key, zero where it is not known; known keys ascend."""
    if not len(known):
        return np.zeros(len(asked))
    place = np.minimum(np.searchsorted(known, asked), len(known) - 1)
    return np.where(known[place] == asked, amounts[place], 0.0)


def _bic(chain: Chain) -> float:
    keys, _, counts = _steps(chain)
    states, place = np.unique(keys, return_inverse=True)
    out = np.bincount(place, counts)
    likelihood = float((counts * np.log(counts / out[place])).sum())
    free = len(counts) - len(states)
    return -2 * likelihood + free * float(np.log(chain.journeys))
