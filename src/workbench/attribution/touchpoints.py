"""Touches and conversions of users, as columns in an order that journeys can be counted in.

Words: a *touchpoint* is one contact of a user with the company's marketing; a *conversion* is an order. A
touch sorts before a conversion of the same instant; equal touches keep their order of arrival.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from workbench.attribution.journeys import Provenance
from workbench.errors import NotEnoughData, unknown_name

if TYPE_CHECKING:
    import pyarrow as pa

Integers = NDArray[np.int64]
Codes = NDArray[np.int16] | NDArray[np.int32]
_BLOCK = 1 << 16  # rows looked at together, so that checks of long columns need little memory


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Coded:
    """A column of few distinct values.

    Parameters
    ----------
    names : tuple of str
        The values, sorted.
    codes : array of int
        The place of each row's value; -1 for a conversion.
    """

    names: tuple[str, ...]
    codes: Codes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Touchpoints:
    """Touches and conversions, one row each, in order for every user.

    Parameters
    ----------
    attribute : str
        What tells touches apart: one of `attributes`.
    attributes : mapping of str to Coded
        What is known of each touch.
    user : array of int
        The code of each row's user.
    user_count : int
        Codes are below it.
    users : pyarrow.Array, optional
        The ids, by code; a user's code is the id itself where it is None.
    instant : array of int
        Microseconds since 1970, UTC.
    value : array
        The value of each conversion, in the order of rows.
    conversion_ids : pyarrow.Array, optional
        The id of each conversion.
    layout : {"time", "user"}
        Whether all rows are in the order of time, or each user's rows stand together.
    since : int, optional
        The instant from which conversions are reported; what lies before it is there to be looked back at.
    user_keys, bought : arrays, optional
        By code: well-mixed bits of the user's id, where they stand for the id, and who converted before.
    currency : str, optional
        ISO 4217 code of all values.
    provenance : Provenance
        Where they come from.
    """

    attribute: str
    attributes: Mapping[str, Coded]
    user: NDArray[np.int32]
    user_count: int
    users: pa.Array[Any] | None = None
    instant: Integers
    value: NDArray[np.float64]
    conversion_ids: pa.Array[Any] | None = None
    layout: Literal["time", "user"]
    since: int | None = None
    user_keys: NDArray[np.uint64] | None = None
    bought: NDArray[np.bool_] | None = None
    currency: str | None = None
    provenance: Provenance = field(default_factory=Provenance)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the distinct touches."""
        return self.attributes[self.attribute].names

    @property
    def touch(self) -> Codes:
        """Return the code of each row's touch; -1 for a conversion."""
        return self.attributes[self.attribute].codes

    def by(self, attribute: str) -> Touchpoints:
        """Return the same touches, told apart by something else that is known of them.

        Raises
        ------
        UsageError
            If that was not read.
        """
        if attribute not in self.attributes:
            raise unknown_name("attribute of these touchpoints", attribute, self.attributes)
        return replace(self, attribute=attribute)

    def buckets(self, count: int) -> NDArray[np.uint16]:
        """Return the bucket of each user, 0 to count - 1; it depends on the user's id alone."""
        if self.users is not None or self.user_keys is not None:
            return (self.keys() % np.uint64(count)).astype(np.uint16)
        found = np.empty(self.user_count, np.uint16)
        for first in range(0, self.user_count, _BLOCK):
            some = np.arange(first, min(first + _BLOCK, self.user_count), dtype=np.uint64)
            found[first : first + _BLOCK] = mixed(some) % np.uint64(count)
        return found

    def keys(self) -> NDArray[np.uint64]:
        """Return well-mixed bits of each user's id, equal for equal ids of any data."""
        if self.user_keys is not None:
            return self.user_keys
        if self.users is None:
            ids = np.arange(self.user_count, dtype=np.uint64)
        elif np.issubdtype(self.users.type.to_pandas_dtype(), np.integer):
            told = self.users.fill_null(np.iinfo(np.int64).min)  # with nulls, NumPy would round large ids
            ids = told.to_numpy(zero_copy_only=False).astype(np.int64).view(np.uint64)
        else:
            from pandas.util import hash_array

            ids = hash_array(np.asarray(self.users.to_numpy(zero_copy_only=False), object), categorize=False)
        return mixed(ids)

    def user_code(self, user: object) -> int:
        """Return the code of a user's id.

        Raises
        ------
        NotEnoughData
            If there is neither a touch nor a conversion of that user.
        """
        if self.users is None:
            text = str(user)
            code = int(text) if text.isdecimal() and len(text) < 20 else -1
        else:
            import pyarrow.compute as pc

            code = int(pc.index(pc.cast(self.users, "string"), str(user)).as_py())
        if not 0 <= code < self.user_count:
            raise NotEnoughData(f"There is neither a touch nor a conversion of the user {str(user)[:80]!r}.")
        return code

    def user_id(self, code: int) -> str:
        """Return the id of a user as text."""
        return str(code if self.users is None else self.users[code].as_py())

    def __len__(self) -> int:
        return len(self.instant)


def mixed(ids: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return well-mixed bits of each id (the finaliser of SplitMix64: Steele, Lea, Flood 2014)."""
    mixed = ids + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)), np.uint64)


Layout = Literal["time", "user"]


def arrange(
    user: NDArray[np.int32],
    instant: Integers,
    converts: NDArray[np.bool_],
    *,
    kept: NDArray[np.bool_] | None,
    ties: tuple[Codes, ...] | None = None,
    timely: bool | None = None,
) -> tuple[Integers | None, Layout]:
    """Return which rows to take in which order, None for all as they are; and the layout that this gives.

    Parameters
    ----------
    user, instant, converts : arrays
        Of each row.
    kept : array of bool, optional
        Rows to take.
    ties : tuple of arrays, optional
        What orders touches of the same instant, where it is not their order of arrival.
    timely : bool, optional
        Whether all rows are in the order of time, where that is known.
    """
    rows = None if kept is None or kept.all() else np.flatnonzero(kept)
    if rows is not None:
        user, instant, converts = user[rows], instant[rows], converts[rows]
    if timely or (timely is None and in_time(instant, converts, len(instant))):
        layout: Layout | None = "time"
    else:
        layout = "user" if by_user(user, instant, converts) else None
    if layout is None or (ties is not None and layout == "user"):
        order = order_of_time(instant, converts)
        rows, layout = (order if rows is None else rows[order]), "time"
        instant, converts = instant[order], converts[order]
    if ties is not None:
        rows = np.arange(len(instant)) if rows is None else rows
        tied = _tied(instant, converts)
        keys = [codes[rows[tied]] for codes in reversed(ties)]
        rows[tied] = rows[tied][np.lexsort((*keys, converts[tied], instant[tied]))]
    return rows, layout


def in_time(instant: Integers, converts: NDArray[np.bool_], last: int) -> bool:
    """Return whether the last so many rows are in the order of time, also with the row before them.

    Touches must stand before conversions of the same instant.
    """
    for first in range(max(len(instant) - last - 1, 0), len(instant) - 1, _BLOCK):
        rows = slice(first, first + _BLOCK + 1)
        if (_backwards(instant[rows], converts[rows])).any():
            return False
    return True


def by_user(user: NDArray[np.int32], instant: Integers, converts: NDArray[np.bool_]) -> bool:
    """Return whether users ascend, and each one's rows are in the order of time."""
    for first in range(0, len(instant) - 1, _BLOCK):
        rows = slice(first, first + _BLOCK + 1)
        before, after = user[rows][:-1], user[rows][1:]
        wrong = _backwards(instant[rows], converts[rows])
        wrong &= after == before
        if wrong.any() or (after < before).any():
            return False
    return True


def _backwards(instant: Integers, converts: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which rows stand after a row that belongs behind them."""
    before, after = instant[:-1], instant[1:]
    wrong: NDArray[np.bool_] = after < before
    sold = np.flatnonzero(converts[:-1])  # few; a touch in the same instant belongs before
    wrong[sold] |= (after[sold] == before[sold]) & ~converts[1:][sold]
    return wrong


def order_of_time(instant: Integers, converts: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the order of rows by instant, touches before conversions, then by arrival."""
    low = instant.min() if len(instant) else np.int64(0)
    return np.asarray(np.argsort((instant - low) * 2 + converts, kind="stable"), np.int64)


def first_of_equals(ids: pa.Array[Any], columns: tuple[NDArray[Any], ...]) -> NDArray[np.bool_]:
    """Return which rows are no repetition of an earlier one: the same id and all else the same."""
    import pyarrow.compute as pc

    first = np.ones(len(ids), bool)
    some = np.flatnonzero(pc.is_valid(ids).to_numpy(zero_copy_only=False))
    coded = ids.take(some).dictionary_encode()
    if len(coded.dictionary) == len(some):
        return first
    keys = (*(column[some] for column in columns), coded.indices.to_numpy())
    order = np.lexsort(keys)
    equal = np.ones(len(some) - 1, bool)
    for key in keys:
        equal &= key[order][1:] == key[order][:-1]
    first[some[order[1:][equal]]] = False
    return first


def _tied(instant: Integers, converts: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the places of rows that share instant and kind with a neighbour."""
    same = (np.diff(instant) == 0) & (np.diff(converts.view(np.int8)) == 0)
    either = np.concatenate([same, [False]]) | np.concatenate([[False], same])
    return np.flatnonzero(either[: len(instant)])
