"""Touchpoints from frames: pandas, Polars or Arrow, in one piece or batch by batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from workbench.attribution import encoding
from workbench.attribution.journeys import NOT_SET, Provenance
from workbench.attribution.touchpoints import (
    Coded,
    Touchpoints,
    arrange,
    first_of_equals,
    in_time,
)
from workbench.errors import BadInput

if TYPE_CHECKING:
    import pyarrow as pa

Ties = Literal["arrival", "name"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """How the columns of a frame are called.

    Parameters
    ----------
    user, time : str
        Who, and when.
    converts : str
        Whether the row is a conversion; without such a column all rows are touches.
    value : str
        The value of a conversion; without such a column it is 0.
    conversion, event : str
        The ids of conversions and of touches: rows that are equal in these and all else count once.
    """

    user: str = "user_id"
    time: str = "timestamp"
    converts: str = "is_conversion"
    value: str = "value"
    conversion: str = "conversion_id"
    event: str = "event_id"


COLUMNS = Columns()


def touchpoints_of(
    touches: Any,
    conversions: Any = None,
    *,
    by: str = "channel",
    also: Sequence[str] = (),
    columns: Columns = COLUMNS,
    ties: Ties = "arrival",
    since: int | None = None,
) -> Touchpoints:
    """Return touchpoints from a frame of touches and one of conversions, or from one frame of both.

    Parameters
    ----------
    touches : pandas, Polars or Arrow frame, or iterable of Arrow record batches
        With columns for user, instant and what tells touches apart. A column ``is_conversion`` marks rows
        that are conversions. Touches without a user are left out.
    conversions : frame, optional
        With columns for user and instant, and best for value and id.
    by : str
        The column that tells touches apart; a null counts as ``(not set)``.
    also : sequence of str
        More that is known of each touch.
    columns : Columns
        How the other columns are called.
    ties : {"arrival", "name"}
        How touches of equal instants are ordered: by name where rows have no order of their own.
    since : int, optional
        The instant, in microseconds since 1970, from which conversions are reported.

    Raises
    ------
    BadInput
        If a column is missing, holds the wrong kind of value, or lacks one where there must be one.

    Examples
    --------
    >>> import pandas as pd
    >>> some = touchpoints_of(
    ...     pd.DataFrame({"user_id": ["u", "u"], "timestamp": pd.to_datetime(["2024-01-02", "2024-01-01"]),
    ...         "channel": ["email", None]}),
    ...     pd.DataFrame({"user_id": ["u"], "timestamp": pd.to_datetime(["2024-01-02"]), "value": [9.5]}))
    >>> some.names, some.touch.tolist(), some.provenance.not_set
    (('(not set)', 'email'), [0, 1, -1], 1)
    """
    given: Iterator[tuple[pa.RecordBatch, bool | None]] = ((batch, None) for batch in batches(touches))
    if conversions is not None:
        given = chain(
            ((batch, False) for batch in batches(touches)), ((batch, True) for batch in batches(conversions))
        )
    gathered = _Gathered(tuple(dict.fromkeys((by, *also))), columns)
    for batch, converting in given:
        gathered.take(batch, converting)
    return gathered.ordered(ties, since)


_FRAME = "a pandas, Polars or Arrow frame"


def batches(frame: Any) -> Iterable[pa.RecordBatch]:
    """Return a frame as Arrow record batches.

    Raises
    ------
    BadInput
        If it is no frame.
    """
    import pyarrow as pa

    if isinstance(frame, pa.Table):
        return list(frame.to_batches()) or [pa.RecordBatch.from_pylist([], schema=frame.schema)]
    if isinstance(frame, pa.RecordBatch):
        return [frame]
    if hasattr(frame, "to_arrow"):
        return batches(frame.to_arrow())
    if hasattr(frame, "iloc"):
        return batches(pa.Table.from_pandas(frame, preserve_index=False))
    for row in frame if isinstance(frame, list | tuple) else ():
        if not hasattr(row, "num_rows"):
            raise BadInput(
                f"a {type(row).__name__} is no record batch", expected=f"{_FRAME}, or record batches"
            )
    if isinstance(frame, Iterable) and not isinstance(frame, str | bytes | dict):
        return frame
    raise BadInput(f"a {type(frame).__name__} is no frame", expected=_FRAME)


class _Gathered:
    """Columns while they are read, batch by batch."""

    def __init__(self, names: Sequence[str], columns: Columns) -> None:
        self.names, self.columns = names, columns
        self.rows = {None: 0, False: 0, True: 0}  # of the one frame, or of touches and conversions
        self.users, self.timely = encoding.Users(), True
        self.instants, self.converts = encoding.Growing(np.int64), encoding.Growing(np.bool_)
        self.values = encoding.Growing(np.float64)
        self.ids: list[Any] = []
        self.codes = {name: encoding.Growing(np.int16) for name in names}
        self.known: dict[str, dict[str, int]] = {name: {} for name in names}

    def take(self, batch: pa.RecordBatch, converting: bool | None) -> None:
        """Add the rows of one batch; `converting` says what they are where no column does."""
        if not hasattr(batch, "num_rows"):
            raise BadInput(f"a {type(batch).__name__} is no record batch", expected="Arrow record batches")
        at, size, before = self.columns, batch.num_rows, self.rows[converting]
        self.users.append(encoding.column(batch, at.user))
        self.instants.append(encoding.instants(encoding.column(batch, at.time), at.time, before))
        if converting is None:
            converts = encoding.flags(batch, at.converts, before)
        else:
            converts = np.full(size, converting)
        self.converts.append(converts)
        self.values.append(encoding.values(batch, at.value, converts, before))
        self.ids.append(_ids(batch, converts, at))
        for name in self.names:
            if converts.all():
                self.codes[name].append(np.full(size, -1, np.int16))
            else:
                some = encoding.column(batch, name)
                encoding.codes(some, self.known[name], converts, self.codes[name])
        self.timely = self.timely and in_time(self.instants.array, self.converts.array, size)
        self.rows[converting] += size

    def ordered(self, ties: Ties, since: int | None) -> Touchpoints:
        """Return all rows in order, those left out that are there twice or are touches of nobody."""
        user, users, nobody = self.users.coded()
        instant, converts, value = self.instants.array, self.converts.array, self.values.array
        coded = {
            name: encoding.sorted_names(some.array, self.known[name]) for name, some in self.codes.items()
        }
        ids = self._joined_ids()
        kept = None if nobody is None else ~nobody | converts
        without = 0 if kept is None else len(user) - int(kept.sum())
        if ids is not None:
            of_row = np.zeros(len(user))
            of_row[converts] = value
            first = first_of_equals(ids, (user, instant, coded[self.names[0]].codes, of_row))
            kept = first if kept is None else first & kept
        left = len(user) if kept is None else int(kept.sum())
        duplicates = len(user) - without - left
        ordering = None if ties == "arrival" else tuple(some.codes for some in coded.values())
        rows, layout = arrange(user, instant, converts, kept=kept, ties=ordering, timely=self.timely)
        if rows is not None:
            place = (np.cumsum(converts) - 1)[rows][converts[rows]]
            value, user, instant, converts = value[place], user[rows], instant[rows], converts[rows]
            ids = None if ids is None else ids.take(rows)
            coded = {name: _taken(some, rows) for name, some in coded.items()}
        return Touchpoints(
            attribute=self.names[0],
            attributes=coded,
            user=user,
            user_count=int(user.max(initial=-1)) + 1 if users is None else len(users),
            users=users,
            instant=instant,
            value=value,
            conversion_ids=None if ids is None else ids.filter(converts),
            layout=layout,
            since=since,
            provenance=replace(
                _provenance(coded[self.names[0]], instant, value, timely=layout == "time"),
                duplicates=duplicates,
                nobody=without,
            ),
        )

    def _joined_ids(self) -> pa.Array[Any] | None:
        import pyarrow as pa

        if all(isinstance(some, int) for some in self.ids):
            return None
        parts: list[Any] = [
            pa.nulls(some, pa.string()) if isinstance(some, int) else some for some in self.ids
        ]
        joined: pa.Array[Any] = pa.concat_arrays(parts)
        return joined


def _ids(batch: pa.RecordBatch, converts: NDArray[np.bool_], columns: Columns) -> Any:
    """Return the id of each row, or only how many rows there are where none has one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    names = (columns.conversion, columns.event)
    if not set(names) & set(batch.schema.names):
        return len(converts)
    found: list[Any] = [
        batch.column(name).cast(pa.string())
        if name in batch.schema.names
        else pa.nulls(len(converts), pa.string())
        for name in names
    ]
    if all(some.null_count == len(some) for some in found):
        return len(converts)
    return pc.if_else(pa.array(converts), *found)


def _taken(coded: Coded, rows: NDArray[np.int64]) -> Coded:
    """Return the codes of some rows; names that none of them has are left out."""
    codes = coded.codes[rows]
    used = np.bincount(codes + 1, minlength=len(coded.names) + 1)[1:] > 0
    if used.all():
        return Coded(names=coded.names, codes=codes)
    place: NDArray[Any] = np.append(np.cumsum(used) - 1, -1).astype(codes.dtype)
    names = tuple(name for name, some in zip(coded.names, used, strict=True) if some)
    return Coded(names=names, codes=place[codes])


def _provenance(
    touches: Coded, instant: NDArray[np.int64], value: NDArray[np.float64], *, timely: bool
) -> Provenance:
    ends = instant[[0, -1]] if timely and len(instant) else instant
    return Provenance(
        touches=len(instant) - len(value),
        conversions=len(value),
        not_set=_count(touches, NOT_SET),
        negative=int((value < 0).sum()),
        first=int(ends.min()) if len(ends) else None,
        last=int(ends.max()) if len(ends) else None,
    )


def _count(coded: Coded, name: str) -> int:
    return int((coded.codes == coded.names.index(name)).sum()) if name in coded.names else 0
