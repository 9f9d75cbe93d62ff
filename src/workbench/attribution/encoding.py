"""Arrow columns as arrays: instants, flags, values and codes, each with one clear error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.attribution.journeys import NOT_SET, UNATTRIBUTED
from workbench.attribution.touchpoints import Coded
from workbench.errors import BadInput

if TYPE_CHECKING:
    import pyarrow as pa

_SHORT = np.iinfo(np.int16).max
_BLOCK = 1 << 16
_MORE = 8  # times as much room as is needed so far: memory that is never written costs nothing


class Growing:
    """A column while it is read, in a store with room for more: what is allocated anew gets large pages."""

    def __init__(self, kind: type) -> None:
        self._store: NDArray[Any] = np.empty(0, kind)
        self._size = 0

    @property
    def array(self) -> NDArray[Any]:
        """Return what was read so far."""
        return self._store[: self._size]

    def room(self, rows: int, kind: type | np.dtype[Any] | None = None) -> NDArray[Any]:
        """Return where the next rows are to be written, in a wider kind where they need one."""
        first, self._size = self._size, self._size + rows
        widest = self._store.dtype if kind is None else np.promote_types(self._store.dtype, kind)
        if self._size > len(self._store) or widest != self._store.dtype:
            store = np.empty(_MORE * self._size if first or rows > _BLOCK else rows, widest)
            store[:first] = self._store[:first]
            self._store = store
        return self._store[first : self._size]

    def clear(self) -> None:
        """Forget all rows, and keep their room."""
        self._size = 0

    def append(self, part: NDArray[Any]) -> None:
        """Add rows, in a wider kind where they need one."""
        self.room(len(part), part.dtype)[:] = part


class Users:
    """Users while they are read: as 32-bit numbers as long as they are such, none missing."""

    def __init__(self) -> None:
        self._numbers = Growing(np.int32)
        self._highest = -1
        self._parts: list[Any] = []  # of all rows, from where a user is something else

    def append(self, some: Any) -> None:
        """Add the users of some rows, an Arrow array."""
        import pyarrow as pa

        if not self._parts and not len(some):
            return
        if not self._parts and pa.types.is_integer(some.type) and not some.null_count:
            found = some.to_numpy()
            highest = int(found.max())
            if found.min() >= 0 and highest < 2**31 - 1:
                self._numbers.room(len(found))[:] = found
                self._highest = max(self._highest, highest)
                return
        if not self._parts and len(self._numbers.array):
            self._parts.append(pa.array(self._numbers.array, pa.int64()))
        self._parts.append(some)

    def coded(self) -> tuple[NDArray[np.int32], pa.Array[Any] | None, NDArray[np.bool_] | None]:
        """Return each row's user as a code, the ids by code, and which rows have no user.

        Small whole numbers are their own codes. A row without a user gets a code of its own.
        """
        import pyarrow as pa

        found = self._numbers.array
        if not self._parts:
            if self._highest < 4 * len(found) + 1000:
                return found, None, None
            self._parts.append(pa.array(found, pa.int64()))
        return _coded(self._parts)


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
    return _bits(some.cast(pa.bool_()), 1)


def _bits(some: Any, buffer: int) -> NDArray[np.bool_]:
    """Return the bits of a column: buffer 0 says which rows have a value, 1 their truth."""
    raw = some.buffers()[buffer]
    if raw is None:
        return np.ones(len(some), bool)
    told = np.frombuffer(raw, np.uint8)[some.offset // 8 : (some.offset + len(some) + 7) // 8]
    bits = np.unpackbits(told, bitorder="little")[some.offset % 8 :]
    return bits[: len(some)].view(np.bool_)


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
    sold = some if len(places) == len(some) else some.take(pa.array(places, pa.int64()))
    found = np.asarray(sold.cast(pa.float64()).to_numpy(zero_copy_only=False), float)
    wrong = np.flatnonzero(~np.isfinite(found))
    if len(wrong):
        said = "an infinite value" if np.isinf(found[wrong[0]]) else "no value"
        raise BadInput(f"a conversion has {said}", column=name, row=before + int(places[wrong[0]]) + 1)
    return found


def codes(some: Any, known: dict[str, int], converts: NDArray[np.bool_], into: Growing) -> None:
    """Add the code of each touch, new values joining `known`; a null is ``(not set)``, -1 a conversion.

    Values that only conversions have get no code.
    """
    import pyarrow as pa

    if not pa.types.is_dictionary(some.type):
        some = (some.cast(pa.string()) if pa.types.is_null(some.type) else some).dictionary_encode()
    # A touch that calls itself unattributed would pass for the row of what has no touch.
    names = [NOT_SET if n in (None, UNATTRIBUTED) else str(n) for n in some.dictionary.to_pylist()]
    told = _bits(some.indices, 0)
    absent = () if told.all() else np.flatnonzero(~(told | converts))
    indices = some.indices.cast(pa.int32())
    places = np.frombuffer(indices.buffers()[1], np.int32)[indices.offset : indices.offset + len(indices)]
    new = set(names) - set(known)
    if new:
        met = np.bincount(places[told & ~converts], minlength=len(names))
        new &= {names[place] for place in np.flatnonzero(met)}
    if len(absent):
        new.add(NOT_SET)
    for name in sorted(new):
        known.setdefault(name, len(known))  # in their order at once, so that no row need be coded again
    kind = np.int16 if len(known) < _SHORT else np.int32
    code: NDArray[Any] = np.array([*(known.get(name, -1) for name in names), -1], kind)
    found = into.room(len(places), kind)
    for first in range(0, len(places), _BLOCK):  # what stands in the place of a null may be anything
        found[first : first + _BLOCK] = np.take(code, places[first : first + _BLOCK], mode="clip")
    if len(absent):
        found[absent] = known[NOT_SET]
    found[converts] = -1


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


def _coded(parts: list[Any]) -> tuple[NDArray[np.int32], pa.Array[Any], NDArray[np.bool_] | None]:
    """Return codes of ids of any kind, the ids by code, and which rows have none."""
    import pyarrow as pa

    whole: Any = pa.chunked_array(_alike(parts))
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


def has_ids(batch: pa.RecordBatch, columns: tuple[str, ...]) -> bool:
    """Return whether a row has an id in one of the columns, where they are there."""
    there = [batch.column(name) for name in columns if name in batch.schema.names]
    return any(some.null_count < len(some) for some in there)


def _complete(some: Any, name: str, before: int) -> None:
    if some.null_count:
        import pyarrow.compute as pc

        row = int(pc.index(some.is_null(), True).as_py())
        raise BadInput("there is no value", column=name, row=before + row + 1)
