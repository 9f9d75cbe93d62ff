"""Arrow columns as arrays: instants, flags, values and codes, each with one clear error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.attribution.journeys import NOT_SET
from workbench.attribution.touchpoints import Coded
from workbench.errors import BadInput

if TYPE_CHECKING:
    import pyarrow as pa

_SHORT = np.iinfo(np.int16).max
_BLOCK = 1 << 16


class Growing:
    """A column while it is read, in a store that doubles: one allocated anew gets large pages."""

    def __init__(self, kind: type) -> None:
        self._store: NDArray[Any] = np.empty(0, kind)
        self._size = 0

    @property
    def array(self) -> NDArray[Any]:
        """Return what was read so far."""
        return self._store[: self._size]

    def append(self, part: NDArray[Any]) -> None:
        """Add rows, in a wider kind where they need one."""
        size = self._size + len(part)
        kind = self._store.dtype if np.can_cast(part.dtype, self._store.dtype) else part.dtype
        if size > len(self._store) or kind != self._store.dtype:
            store = np.empty(max(size, 2 * len(self._store)), kind)
            store[: self._size] = self.array
            self._store = store
        self._store[self._size : size] = part
        self._size = size


def column(batch: pa.RecordBatch, name: str) -> Any:
    """Return one column.

    Raises
    ------
    BadInput
        If there is none of that name.
    """
    if name not in batch.schema.names:
        found = ", ".join(map(repr, batch.schema.names))
        raise BadInput("there is no such column", column=name, expected=f"one of {found}")
    return batch.column(name)


def instants(some: Any, name: str, before: int) -> NDArray[np.int64]:
    """Return microseconds since 1970; times without a zone are UTC. `before` rows came before these."""
    import pyarrow as pa

    if not (pa.types.is_timestamp(some.type) or pa.types.is_date(some.type)):
        expected = "dates with times, e.g. from pandas.to_datetime"
        raise BadInput(f"{some.type} is no instant", column=name, expected=expected)
    _complete(some, name, before)
    unit = pa.timestamp("us", tz=getattr(some.type, "tz", None))
    return np.asarray(some.cast(unit, safe=False).cast(pa.int64()).to_numpy(zero_copy_only=False))


def flags(batch: pa.RecordBatch, name: str, before: int) -> NDArray[np.bool_]:
    """Return which rows are conversions; none where no column says so."""
    import pyarrow as pa

    if name not in batch.schema.names:
        return np.zeros(batch.num_rows, bool)
    some = batch.column(name)
    if not (pa.types.is_boolean(some.type) or pa.types.is_integer(some.type)):
        raise BadInput(
            f"{some.type} does not say yes or no", column=name, expected="true or false, or 1 and 0"
        )
    _complete(some, name, before)
    return np.asarray(some.cast(pa.bool_()).to_numpy(zero_copy_only=False), bool)


def values(batch: pa.RecordBatch, name: str, converts: NDArray[np.bool_], before: int) -> NDArray[np.float64]:
    """Return the value of each conversion; 0 where there is no such column."""
    import pyarrow as pa

    if name not in batch.schema.names or not converts.any():
        return np.zeros(int(converts.sum()))
    some = batch.column(name)
    numeric = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    if not any(test(some.type) for test in numeric):
        raise BadInput(f"{some.type} is no number", column=name, expected="the value of each conversion")
    places = np.flatnonzero(converts)
    found = np.asarray(some.cast(pa.float64()).to_numpy(zero_copy_only=False)[places], float)
    wrong = places[~np.isfinite(found)]
    if len(wrong):
        raise BadInput("a conversion has no value", column=name, row=before + int(wrong[0]) + 1)
    return found


def codes(some: Any, known: dict[str, int], converts: NDArray[np.bool_]) -> NDArray[Any]:
    """Return the code of each touch, new values joining `known`; a null is ``(not set)``, -1 a conversion."""
    import pyarrow as pa

    if not pa.types.is_dictionary(some.type):
        some = (some.cast(pa.string()) if pa.types.is_null(some.type) else some).dictionary_encode()
    names = [NOT_SET if name is None else str(name) for name in some.dictionary.to_pylist()]
    for name in sorted(names):  # known in their order at once, so that no row need be coded again
        known.setdefault(name, len(known))
    at = [*(known[name] for name in names), -1]
    places = some.indices
    if places.null_count:
        places = places.fill_null(len(names))
    kind = np.int16 if len(known) < _SHORT else np.int32
    found: NDArray[Any] = np.array(at, kind)[places.to_numpy(zero_copy_only=False)]
    if some.null_count and ((found < 0) & ~converts).any():
        found[found < 0] = known.setdefault(NOT_SET, len(known))
    found[converts] = -1
    return found


def sorted_names(found: NDArray[Any], known: dict[str, int]) -> Coded:
    """Return codes, which are changed in place, with sorted names, of which each is that of a touch."""
    used = np.zeros(len(known) + 1, bool)  # the last stands for the code -1, here as below
    blocks = [slice(first, first + _BLOCK) for first in range(0, len(found), _BLOCK)]
    for block in blocks:
        used[found[block]] = True
        if used[:-1].all():
            break
    names = tuple(sorted(name for name, code in known.items() if used[code]))
    place: NDArray[Any] = np.full(len(known) + 1, -1, found.dtype)
    place[[known[name] for name in names]] = np.arange(len(names))
    if not np.array_equal(place[:-1], np.arange(len(known))):
        for block in blocks:
            found[block] = place[found[block]]
    return Coded(names=names, codes=found)


def user_part(some: Any) -> Any:
    """Return users as 32-bit numbers where they are such, none missing; else as they are."""
    import pyarrow as pa

    if not pa.types.is_integer(some.type) or some.null_count or not len(some):
        return some
    found = some.to_numpy()
    return found.astype(np.int32) if found.min() >= 0 and found.max() < 2**31 - 1 else some


def user_codes(parts: list[Any]) -> tuple[NDArray[np.int32], pa.Array[Any] | None, NDArray[np.bool_] | None]:
    """Return each row's user as a code, the ids by code, and which rows have no user.

    Small whole numbers are their own codes. A row without a user gets a code of its own.
    """
    import pyarrow as pa

    narrow = all(isinstance(part, np.ndarray) for part in parts)
    if narrow and max((int(part.max()) for part in parts), default=-1) < 4 * sum(map(len, parts)) + 1000:
        return np.concatenate([*parts, np.zeros(0, np.int32)]), None, None
    plain = [pa.array(part, pa.int64()) if isinstance(part, np.ndarray) else part for part in parts]
    whole: Any = pa.chunked_array(_alike(plain))
    coded = whole.dictionary_encode().unify_dictionaries()
    ids = coded.chunk(0).dictionary if coded.num_chunks else pa.array([], whole.type)
    places = [part.indices.fill_null(-1).to_numpy(zero_copy_only=False) for part in coded.chunks]
    found = np.concatenate([*places, np.zeros(0, np.int32)]).astype(np.int32)
    absent = np.flatnonzero(found < 0)
    if not len(absent):
        return found, ids, None
    found[absent] = len(ids) + np.arange(len(absent))
    nobody = np.zeros(len(found), bool)
    nobody[absent] = True
    return found, pa.concat_arrays([ids, pa.nulls(len(absent), ids.type)]), nobody


def _alike(parts: list[Any]) -> list[Any]:
    """Return ids of one type: whole numbers, also where a missing one made them floats, or text."""
    import pyarrow as pa

    plain = [part.cast(part.type.value_type) if pa.types.is_dictionary(part.type) else part for part in parts]
    numbers = [pa.types.is_integer(part.type) or pa.types.is_floating(part.type) for part in plain]
    nulls = [part.null_count == len(part) for part in plain]
    if any(number and not null for number, null in zip(numbers, nulls, strict=True)):
        if not all(number or null for number, null in zip(numbers, nulls, strict=True)):
            raise BadInput(
                "users are numbers in one place and text in another", fix="Make them text in both."
            )
        try:
            return [part.cast(pa.int64()) for part in plain]
        except pa.ArrowInvalid as error:
            raise BadInput("a user is no whole number", fix="Make the ids text.") from error
    return [part.cast(pa.large_string()) for part in plain]


def _complete(some: Any, name: str, before: int) -> None:
    if some.null_count:
        import pyarrow.compute as pc

        row = int(pc.index(some.is_null(), True).as_py())
        raise BadInput("there is no value", column=name, row=before + row + 1)
