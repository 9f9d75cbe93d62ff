"""Which variant a user sees: a hash of the experiment's name and the user's id, the same on every machine.

The hash is a place in [0, 1); the variants take consecutive parts of that line, as long as their shares.
So nothing needs to be stored, the same user always sees the same, and the places of two experiments have
nothing to do with each other. Where the shares of two variants change, only the users between the old and
the new border move.

References
----------
FIPS 180-4: SHA-256. Kohavi, Tang, Xu (2020), Trustworthy Online Controlled Experiments, chapter 4.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from workbench.errors import UsageError, wrong_kind
from workbench.experiments.definition import Experiment, check_split

if TYPE_CHECKING:
    import polars as pl

_BYTES = 8
_FINEST = 2.0**-53
_UNUSED_BITS = np.uint64(11)  # of 64, a float holds 53: more would round up to 1


def places(name: str, users: Iterable[str]) -> NDArray[np.float64]:
    """Return where each user lies on the line from 0 to 1, of one experiment.

    The first 53 bits of the SHA-256 of ``name:user``, as a fraction.

    Parameters
    ----------
    name : str
        The experiment.
    users : iterable of str
        Ids of users.

    Examples
    --------
    >>> places("new_subject", ["ann", "bob"]).round(6).tolist()
    [0.983402, 0.48149]
    """
    if isinstance(users, str) or not isinstance(users, Iterable):  # its letters are no users
        raise wrong_kind("users", users, "several ids, as ['u1', 'u2']")
    started = hashlib.sha256(f"{name}:".encode())
    digests = bytearray()
    for user in users:
        if not isinstance(user, str):
            raise wrong_kind("The id of a user", user, "text, as '7'")
        one = started.copy()
        one.update(user.encode())
        digests += one.digest()[:_BYTES]
    whole = np.frombuffer(bytes(digests), dtype=">u8").astype(np.uint64)
    return (whole >> _UNUSED_BITS).astype(np.float64) * _FINEST


def variants_of(
    name: str, users: Iterable[str], *, variants: Sequence[str], split: Sequence[float]
) -> NDArray[np.object_]:
    """Return the variant of each user.

    Parameters
    ----------
    name : str
        The experiment.
    users : iterable of str
        Ids of users.
    variants : sequence of str
        The variants, in the order in which they take their parts of the line.
    split : sequence of float
        Their shares; they sum to 1.

    Raises
    ------
    UsageError
        If shares and variants do not fit.

    Examples
    --------
    >>> variants_of("new_subject", ["ann", "bob"], variants=("control", "b"), split=(0.5, 0.5)).tolist()
    ['b', 'control']
    """
    check_split(name, variants, split)
    borders = np.cumsum(np.asarray(split, float))[:-1]
    return np.array(variants, dtype=object)[np.searchsorted(borders, places(name, users), side="right")]


def assign(experiment: Experiment, users: Iterable[str]) -> NDArray[np.object_]:
    """Return the variant of each user of an experiment.

    Parameters
    ----------
    experiment : Experiment
        Its name, variants and split decide.
    users : iterable of str
        Ids of users.

    Examples
    --------
    >>> assign(Experiment(name="new_subject", primary="ctr"), ["ann", "bob", "ann"]).tolist()
    ['treatment', 'control', 'treatment']
    """
    if not isinstance(experiment, Experiment):
        raise wrong_kind("What users are assigned to", experiment, "an Experiment, with its variants")
    return variants_of(experiment.name, users, variants=experiment.variants, split=experiment.split)


def assigned(experiment: Experiment, user: str = "user_id") -> pl.Expr:
    """Return the variant of each row's user as a Polars expression; null where there is no user.

    Parameters
    ----------
    experiment : Experiment
        Its name, variants and split decide.
    user : str
        The column of the users' ids, which are text.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"user_id": ["ann", None, "bob"]})
    >>> frame.select(assigned(Experiment(name="new_subject", primary="ctr"))).to_series().to_list()
    ['treatment', None, 'control']
    """
    import polars as pl

    def of(ids: pl.Series) -> pl.Series:
        if ids.dtype != pl.String and ids.null_count() < len(ids):
            raise UsageError(f"Ids of users are text, not {ids.dtype}: cast {user!r} to text first.")
        known = ids.drop_nulls()
        found = pl.Series(assign(experiment, known.to_list()), dtype=pl.String)
        place = ids.is_not_null().cast(pl.Int64).cum_sum() - 1
        return found.gather(pl.select(pl.when(ids.is_not_null()).then(place)).to_series())

    return pl.col(user).map_batches(of, return_dtype=pl.String).alias("variant")
