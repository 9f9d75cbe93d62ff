"""The arithmetic of the holdout on arrays: strata of pairs, their weights, products of users' deviations.

The rules are those of `derived.holdout`, where they are SQL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.metrics.derived.holdout import COVERED, EXPECTED, FEWEST, PRODUCTS, SUMS
from workbench.metrics.equal_rows import coded
from workbench.metrics.user_rows import Ints, Part, bucketed, of_group

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float64]
# Users are summed over in buckets of about this many pairs, which fit into the cache of a processor.
_BUCKET = 1 << 17
# The four deviations of a user: what the treated, then the holdout, bought and were worth.
_DEVIATIONS = 4


@dataclass(frozen=True, slots=True)
class Pairs:
    """Users of one campaign in one slice: who, who was held out, and the places and worth of the buyers."""

    users: Ints
    held: NDArray[np.bool_]
    buyers: Ints
    worth: Floats


def figures(
    known: pa.Table, by: Sequence[str], pairs: Sequence[Pairs], tested: NDArray[np.bool_], *, alone: bool
) -> pa.Table:
    """Return the figures of the holdout by slice.

    Parameters
    ----------
    known : table
        What is known of every stratum.
    by : sequence of str
        The columns that tell its slice: ``d0`` ...
    pairs : sequence of Pairs
        The pairs of every stratum.
    tested : array of bool
        Whether the stratum's campaign kept somebody out, in this slice or another.
    alone : bool
        Whether a slice is one campaign: a user is one pair of it at most.
    """
    import pyarrow as pa

    first, codes = coded(known, by)
    size = len(first) if by else 1
    strata = _sums(pairs)
    told = np.bincount(codes, strata["holdout"] > 0, minlength=size) > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        strata["weight"] = _weights(strata, codes, size, alone=alone)
        found = _compared(strata, codes, size)
        found = {name: np.where(told, column, 0.0) for name, column in found.items()}
        found |= _apart(strata, codes, size) if alone else _over_users(pairs, strata, codes, size, tested)
    columns: dict[str, Any] = {name: known.column(name).take(first) for name in by}
    # Without a holdout, as in SQL, sums are zero and products that need one are not known.
    unknown = [name for name in PRODUCTS if not alone or name.endswith("hh")]
    columns |= {
        name: pa.array(found[name], mask=~told if name in unknown else None)
        for name in (*SUMS, *EXPECTED, *PRODUCTS, *COVERED)
    }
    whole = pa.table(columns)
    return whole if alone or not by else whole.filter(pa.array(told))


def _sums(pairs: Sequence[Pairs]) -> dict[str, Floats]:
    """Return users, buyers, revenue and its squares by side, of every stratum."""
    sums = {
        f"{side}{what}": np.zeros(len(pairs))
        for side in ("treated", "holdout")
        for what in ("", "_buyers", "_revenue", "_squares")
    }
    for place, one in enumerate(pairs):
        out = one.held[one.buyers]
        for side, all_, own in (
            ("treated", ~one.held, one.worth[~out]),
            ("holdout", one.held, one.worth[out]),
        ):
            sums[side][place], sums[f"{side}_buyers"][place] = np.count_nonzero(all_), len(own)
            sums[f"{side}_revenue"][place], sums[f"{side}_squares"][place] = own.sum(), own @ own
    return sums


def _weights(strata: dict[str, Floats], codes: Ints, size: int, *, alone: bool) -> Floats:
    """Return the weight of one held out user of each stratum, NaN where it cannot be compared."""
    tested = strata["holdout"] > 0
    several = np.bincount(codes, tested, minlength=size)[codes]
    enough = tested & ((strata["holdout"] >= FEWEST) | alone | (several == 1))
    return np.where(enough, strata["treated"] / strata["holdout"], np.nan)


def _compared(strata: dict[str, Floats], codes: Ints, size: int) -> dict[str, Floats]:
    """Return what is counted in the strata of each slice that can be compared, and which part they are."""
    weight = strata["weight"]
    can = ~np.isnan(weight)
    buyers = strata["treated_buyers"] + strata["holdout_buyers"]
    figures = {name: strata[name] for name in SUMS}
    figures["expected_buyers"] = weight * strata["holdout_buyers"]
    figures["expected_revenue"] = weight * strata["holdout_revenue"]
    figures["chance_buyers"] = strata["holdout"] * buyers / (strata["treated"] + strata["holdout"])
    figures = {name: np.where(can, column, 0.0) for name, column in figures.items()}
    figures |= {"campaigns": np.ones(len(can)), "compared": can.astype(float), "reached": strata["treated"]}
    return {name: _by_slice(codes, column, size) for name, column in figures.items()}


def _by_slice(codes: Ints, column: Floats, size: int) -> Floats:
    return np.bincount(codes, column, minlength=size).astype(float)


def _means(strata: dict[str, Floats]) -> dict[str, Floats]:
    """Return buyers and revenue per user by side; zero where nobody is on it."""
    return {
        f"{side}_{what}": np.divide(
            strata[f"{side}_{what}"], strata[side], out=np.zeros(len(strata[side])), where=strata[side] > 0
        )
        for side in ("treated", "holdout")
        for what in ("buyers", "revenue")
    }


def _apart(strata: dict[str, Floats], codes: Ints, size: int) -> dict[str, Floats]:
    """Return the products of slices in which a user is one pair on one side: no sums by user are needed."""
    means, found = _means(strata), {}
    weights = {"tt": np.ones(len(codes)), "hh": np.nan_to_num(strata["weight"], nan=0.0)}
    for what, squares in (("buyers", "buyers"), ("revenue", "squares")):
        found[f"{what}_th"] = np.zeros(size)
        for side, sides in (("treated", "tt"), ("holdout", "hh")):
            total = strata[f"{side}_{what}"]
            deviation = strata[f"{side}_{squares}"] - total * means[f"{side}_{what}"]
            found[f"{what}_{sides}"] = _by_slice(codes, weights[sides] ** 2 * deviation, size)
    return found


def _over_users(
    pairs: Sequence[Pairs], strata: dict[str, Floats], codes: Ints, size: int, tested: NDArray[np.bool_]
) -> dict[str, Floats]:
    """Return the products of every user's deviations from the means of its campaigns, summed over users."""
    found = {name: np.zeros(size) for name in PRODUCTS}
    means, weight = _means(strata), strata["weight"]
    can = ~np.isnan(weight) & tested
    # Of a stratum and side: what a pair that bought nothing adds to its user's deviations.
    nothing = np.zeros((len(pairs), 2, _DEVIATIONS))
    for place, what in enumerate(("buyers", "revenue")):
        nothing[:, 0, place] = -means[f"treated_{what}"]
        nothing[:, 1, 2 + place] = -weight * means[f"holdout_{what}"]
    for code in range(size):
        rows = np.flatnonzero(can & (codes == code)).tolist()
        sums = _products([(pairs[row], nothing[row], float(weight[row])) for row in rows])
        for place, what in enumerate(("buyers", "revenue")):
            for sides, one, other in (("tt", 0, 0), ("th", 0, 2), ("hh", 2, 2)):
                found[f"{what}_{sides}"][code] = sums[one + place, other + place]
    return found


def _products(strata: Sequence[tuple[Pairs, Floats, float]]) -> Floats:
    """Return the sums over users of the products of their deviations, a matrix."""
    total = sum(len(pairs.users) for pairs, _, _ in strata)
    buckets = 1 << max(total // _BUCKET, 1).bit_length() - 1
    everyone: list[Part] = []
    buyers: list[Part] = []
    added: list[Floats] = []
    for place, (pairs, _, weight) in enumerate(strata):
        sides = 2 * place + pairs.held
        everyone.append(bucketed(pairs.users, sides, size=buckets))
        own = np.arange(len(pairs.buyers)) + sum(len(one) for one in added)
        buyers.append(bucketed(pairs.users[pairs.buyers], own, size=buckets))
        added.append(_added(pairs, weight))
    nothing = (
        np.concatenate([of.reshape(2, _DEVIATIONS) for _, of, _ in strata]) if strata else np.zeros((0, 4))
    )
    more = np.concatenate(added) if added else np.zeros((0, _DEVIATIONS))
    found = np.zeros((_DEVIATIONS, _DEVIATIONS))
    for bucket in range(buckets):
        (users, sides), (who, own) = of_group(everyone, bucket), of_group(buyers, bucket)
        summed = _by_user(np.concatenate([users, who]), np.concatenate([nothing[sides], more[own]]))
        found += summed.T @ summed
    return found


def _added(pairs: Pairs, weight: float) -> Floats:
    """Return what buying adds to the deviations of each buyer."""
    out = pairs.held[pairs.buyers]
    added = np.zeros((len(out), _DEVIATIONS))
    for place, value in enumerate((np.ones(len(out)), pairs.worth)):
        added[:, place] = np.where(out, 0.0, value)
        added[:, 2 + place] = np.where(out, weight * value, 0.0)
    return added


def _by_user(users: Ints, values: Floats) -> Floats:
    order = np.argsort(users)
    users = users[order]
    starts = np.flatnonzero(np.concatenate([[True], users[1:] != users[:-1]])[: len(users)])
    return np.add.reduceat(values[order], starts, axis=0) if len(users) else values
