"""The sums of a table of users from one pass over it, where all of its figures can be used.

Its first rows say about where each column lies. Values are shifted by that before they are multiplied, and
what is left of the means is taken off the products afterwards, so that nothing is lost at any offset. Where
the first rows mislead, or a figure is missing or infinite, this says so, and two passes do the work.

References
----------
Chan, Golub, LeVeque (1983), The American Statistician 37, eq. (1.6): shifted data, and the error of a shift
that lies far from the mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.experiments.users.reading import Reading, reading_of

if TYPE_CHECKING:
    import polars as pl

_FIRST_ROWS = 4096
# Of three standard deviations a shift costs one digit of sixteen.
_FAR = 9.0
_SMALL = 1e-140  # squares of what is smaller are lost


@dataclass(frozen=True, slots=True, kw_only=True)
class OnePass:
    """What one pass found.

    Parameters
    ----------
    reading : Reading
        Sizes, means and centred products by variant.
    middle : dict of str to float
        The mean of each column over all users.
    shares : frozenset of str
        Outcomes that are 0 or 1 for everybody.
    """

    reading: Reading
    middle: dict[str, float]
    shares: frozenset[str]


def one_pass(
    rows: pl.LazyFrame,
    columns: Sequence[str],
    pairs: Sequence[tuple[str, str]],
    *,
    outcomes: Sequence[str],
    variants: tuple[str, ...],
) -> OnePass | None:
    """Return the sums of columns by variant from one pass; None where two are needed.

    Parameters
    ----------
    rows : LazyFrame
        ``variant_`` and the columns, as numbers.
    columns, pairs : sequence
        What is summed, and which products; a column's own square is among them.
    outcomes : sequence of str
        The columns that are looked at for being 0 or 1 only.
    variants : tuple of str
        The control comes first.

    Examples
    --------
    >>> import polars as pl
    >>> rows = pl.LazyFrame({"variant_": ["a", "a", "b", "b"], "y": [1.0, 3.0, 2.0, 6.0]})
    >>> found = one_pass(rows, ["y"], [("y", "y")], outcomes=["y"], variants=("a", "b"))
    >>> found.reading.sums.mean("y").tolist(), found.reading.sums.variance("y").tolist()
    ([2.0, 4.0], [2.0, 8.0])
    """
    import polars as pl

    start, flags = _first_rows(rows, columns, outcomes)
    place = {name: f"d{at}" for at, name in enumerate(columns)}
    shifted = rows.select(
        "variant_",
        *((pl.col(name) - start[name]).alias(place[name]) for name in columns),
        *(pl.col(name).is_in([0.0, 1.0]).alias(f"f{at}") for at, name in enumerate(flags)),
    )
    found = shifted.group_by("variant_").agg(
        pl.len().alias("users_"),
        *(pl.col(name).null_count().alias(f"n{name}") for name in place.values()),
        *(pl.col(name).mean() for name in place.values()),
        *((pl.col(place[a]) * pl.col(place[b])).sum().alias(f"p{at}") for at, (a, b) in enumerate(pairs)),
        *(pl.col(f"f{at}").all() for at in range(len(flags))),
    )
    answer = found.collect(engine="streaming").to_dict(as_series=False)
    users = np.array(answer["users_"], float)
    means = np.array([answer[name] for name in place.values()], float)
    squares = {a: np.array(answer[f"p{at}"], float) for at, (a, b) in enumerate(pairs) if a == b}
    if not len(users) or any(any(answer[f"n{name}"]) for name in place.values()):
        return None
    if any(0 < abs(value) < _SMALL for value in start.values()):
        return None
    if not _near(users, means, np.array([squares[name] for name in columns])):
        return None
    about = np.array([start[name] for name in columns])
    answer |= {f"gc{at}": [value] * len(users) for at, value in enumerate(about)}
    answer |= {f"c{at}": answer[name] for at, name in enumerate(place.values())}
    middle = about + means @ users / users.sum()
    return OnePass(
        reading=reading_of(answer, columns=tuple(columns), pairs=pairs, variants=variants),
        middle=dict(zip(columns, map(float, middle), strict=True)),
        shares=frozenset(name for at, name in enumerate(flags) if all(answer[f"f{at}"])),
    )


def _first_rows(
    rows: pl.LazyFrame, columns: Sequence[str], outcomes: Sequence[str]
) -> tuple[dict[str, float], list[str]]:
    """Return the mean of each column over the first rows, and the outcomes that are 0 or 1 there."""
    import polars as pl

    first = rows.select(columns).head(_FIRST_ROWS).collect()
    start = {}
    for name in columns:
        values = first[name].drop_nulls().to_numpy()
        # A column of one value is shifted to zeros exactly.
        same = len(values) and (values == values[0]).all()
        guess = float(values[0] if same else values.mean() if len(values) else 0.0)
        start[name] = guess if np.isfinite(guess) else 0.0
    flags = [name for name in outcomes if first.select(pl.col(name).is_in([0.0, 1.0]).all()).item()]
    return start, flags


def _near(users: Any, means: Any, squares: Any) -> bool:
    """Return whether all sums are finite, and each shift lies near the means of the variants."""
    if not (np.isfinite(means).all() and np.isfinite(squares).all()):
        return False
    off = users * means**2
    return bool((off <= _FAR * (squares - off)).all())
