"""One's own table with one row per user: the same sums as from a workspace, without a copy.

Where every value can be used, one pass sums all. Otherwise the first of two looks at every value and finds
the means; the second sums products of deviations from them. Files are read in pieces, so that memory does
not grow with them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from workbench.errors import BadInput, NotEnoughData, UsageError
from workbench.experiments.users.metric import UserMetric, own_metrics, pairs_of
from workbench.experiments.users.one_pass import one_pass
from workbench.experiments.users.question import NEW
from workbench.experiments.users.reading import Reading, reading_of
from workbench.experiments.users.rows import NOT_SET

if TYPE_CHECKING:
    import polars as pl

Bad = Literal["refuse", "leave out"]
_MOST_NAMED = 20
_FRAMES = "a pandas, Polars or Arrow frame with one row per user"
_SQUARED = (1e-140, 1e140)  # what is larger or smaller cannot be squared and added up


@dataclass(frozen=True, slots=True, kw_only=True)
class UserTable:
    """A table of users that was looked through once.

    Parameters
    ----------
    rows : LazyFrame
        The usable rows: ``variant_``, all columns as numbers, and ``new`` where a covariate can be missing.
    metrics : tuple of UserMetric
        What is compared; columns of zeros and ones are shares.
    variants : tuple of str
        The control comes first.
    middle : dict of str to float
        The mean of each column over all users.
    left_out : int
        Rows that were left out because a value was missing or infinite.
    whole : Reading, optional
        The sums by variant, where looking through the table found them already.
    """

    rows: pl.LazyFrame
    metrics: tuple[UserMetric, ...]
    variants: tuple[str, ...]
    middle: dict[str, float]
    left_out: int = 0
    whole: Reading | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Return the columns that are summed."""
        return tuple(self.middle)

    def read(self, by: str = "") -> Reading:
        """Return the sums by variant, and by stratum where a column is named."""
        import polars as pl

        if not by and self.whole:
            return self.whole
        if by and by not in self.rows.collect_schema().names():
            raise UsageError(f"The table has no column {by!r} to split by.")
        also = (NEW,) if NEW in self.middle else ()
        pairs = pairs_of(self.metrics, also)
        keys = [pl.col("variant_"), *([_stratum(by)] if by else [])]
        shifted = [
            (pl.col(name) - self.middle[name]).alias(f"d{place}") for place, name in enumerate(self.names)
        ]
        d = {name: pl.col(f"d{place}") for place, name in enumerate(self.names)}
        products = [(d[a] * d[b]).alias(f"p{place}") for place, (a, b) in enumerate(pairs)]
        rows = self.rows.select(*keys, *shifted).with_columns(products)
        sums = [pl.col(f"d{place}").mean() for place in range(len(d))]
        sums += [pl.col(f"p{place}").sum() for place in range(len(pairs))]
        found = rows.group_by("variant_", *(["stratum_"] if by else [])).agg(pl.len().alias("users_"), *sums)
        return _reading(found.collect(engine="streaming").to_dicts(), self, pairs)

    def values(self, column: str) -> dict[str, tuple[Any, Any]]:
        """Return for each variant the distinct values of a column, ascending, and their numbers of users."""
        import polars as pl

        rows = self.rows.select("variant_", pl.col(column).alias("value_")).collect(engine="streaming")
        parts = {name: rows.filter(pl.col("variant_") == name)["value_"] for name in self.variants}
        return {name: _counted(part.to_numpy()) for name, part in parts.items()}

    def pairs(self, value: str, of: str) -> dict[str, tuple[Any, Any]]:
        """Return for each variant the distinct pairs of two columns, and their numbers of users."""
        import polars as pl

        keys = ("variant_", pl.col(value).alias("value_"), pl.col(of).alias("of_"))
        rows = self.rows.group_by(*keys).agg(pl.len().alias("users_")).sort("value_", "of_")
        found = rows.collect(engine="streaming")
        parts = {name: found.filter(pl.col("variant_") == name) for name in self.variants}
        return {
            name: (part.select("value_", "of_").to_numpy(), part["users_"].to_numpy().astype(np.int64))
            for name, part in parts.items()
        }


def user_table(
    frame: Any,
    metrics: Sequence[UserMetric],
    *,
    variants: Sequence[str],
    variant: str = "variant",
    user: str = "",
    bad: Bad = "refuse",
) -> UserTable:
    """Return a table of users, looked through.

    Parameters
    ----------
    frame : pandas, Polars or Arrow frame, or Polars LazyFrame
        One row per user. Covariates may be missing: their users count as new.
    metrics : sequence of UserMetric
        What is compared.
    variants : sequence of str
        The control comes first; rows of others are counted apart.
    variant, user : str
        The columns of variant and user; with `user` it is checked that nobody stands twice.
    bad : {"refuse", "leave out"}
        What becomes of rows in which a figure is missing, infinite or no number.

    Raises
    ------
    BadInput
        If a column is missing or no number, a value cannot be used, or a user stands twice.
    """
    import polars as pl

    if bad not in ("refuse", "leave out"):
        raise UsageError(f"Rows without a figure: refuse or leave out, not {bad!r}.")
    rows, known = _lazy(frame), own_metrics(metrics)
    columns = tuple(dict.fromkeys(name for metric in known for name in metric.columns.all))
    covariates = {name for metric in known for name in metric.columns.covariates}
    outcomes = tuple(name for name in columns if name not in covariates)
    _check_columns(rows, (variant, *([user] if user else [])), columns)
    if user:
        _check_users(rows, user)
    rows = rows.with_columns(
        pl.col(variant).cast(pl.String).fill_null(NOT_SET).alias("variant_"),
        *(pl.col(name).cast(pl.Float64) for name in columns),
    )
    found = one_pass(rows, columns, pairs_of(known), outcomes=outcomes, variants=tuple(variants))
    table = UserTable(rows=rows, metrics=known, variants=tuple(variants), middle={})
    if found:
        return replace(
            table,
            metrics=_with_shares(known, found.shares),
            middle=found.middle,
            whole=found.reading,
        )
    return _looked_through(table, columns, outcomes, bad=bad)


def _looked_through(
    table: UserTable, columns: Sequence[str], outcomes: Sequence[str], *, bad: Bad
) -> UserTable:
    """Return the table with the rows that can be used, and the mean of each column."""
    import polars as pl

    rows, covariates = table.rows, tuple(name for name in columns if name not in outcomes)
    seen = _look_through(rows, columns, outcomes, covariates)
    if seen["rows"] == 0:
        raise NotEnoughData("The table of users has no rows.")
    if seen["bad"] and bad == "refuse":
        raise _first_bad(rows, outcomes)
    if seen["bad"] == seen["rows"]:
        raise NotEnoughData(f"None of {seen['rows']:,} rows has a finite number in {' and '.join(outcomes)}.")
    _check_sizes(seen, columns)
    middle = {name: float(seen[f"mean {name}"] or 0.0) for name in columns}
    if seen["bad"]:
        rows = rows.filter(_all_finite(outcomes))
    if covariates and seen["new"]:
        known_before = _all_finite(covariates)
        filled = [pl.when(_finite(name)).then(pl.col(name)).otherwise(middle[name]) for name in covariates]
        rows = rows.with_columns(
            (~known_before).cast(pl.Float64).alias(NEW),
            *(f.alias(n) for f, n in zip(filled, covariates, strict=True)),
        )
        middle[NEW] = seen["new"] / seen["rows"]
    shares = {name for name in outcomes if seen.get(f"share {name}")}
    metrics = _with_shares(table.metrics, shares)
    return replace(table, rows=rows, metrics=metrics, middle=middle, left_out=int(seen["bad"]))


def _counted(values: Any) -> tuple[Any, Any]:
    """Return distinct values, ascending, and their numbers: sorting is faster than grouping floats."""
    ordered = np.sort(values.astype(float))
    begins = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)])
    return ordered[begins], np.diff(np.append(begins, len(ordered)))


def _lazy(frame: Any) -> pl.LazyFrame:
    import polars as pl

    if isinstance(frame, pl.LazyFrame):
        return frame
    if isinstance(frame, pl.DataFrame):
        return frame.lazy()
    kind = f"a {type(frame).__name__}"
    if frame is None:
        raise BadInput("there is no table", expected=_FRAMES)
    try:
        return pl.DataFrame(pl.from_pandas(frame) if hasattr(frame, "iloc") else pl.from_arrow(frame)).lazy()
    except TypeError:
        raise BadInput(f"{kind} is no frame", expected=_FRAMES) from None
    except ValueError as error:  # of Arrow too: columns of one name, numbers and texts in one column
        raise BadInput(f"{kind} cannot be read: {str(error).rstrip('.')}", expected=_FRAMES) from None


def _check_columns(rows: pl.LazyFrame, texts: Sequence[str], numbers: Sequence[str]) -> None:
    import polars as pl

    schema = rows.collect_schema()
    for name in (*texts, *numbers):
        if name not in schema:
            listed = ", ".join(schema.names()[:_MOST_NAMED])
            raise BadInput("the table has no such column", column=name, expected=f"one of {listed}")
    for name in numbers:
        if not (schema[name].is_numeric() or schema[name] in (pl.Boolean, pl.Null)):
            raise BadInput("the column holds no numbers", column=name, expected="numbers, or true and false")


def _check_users(rows: pl.LazyFrame, user: str) -> None:
    import polars as pl

    if nobody := rows.select(pl.col(user).null_count()).collect(engine="streaming").item():
        raise BadInput(
            f"{nobody:,} of the rows have no user", column=user, fix="Leave out who cannot be told apart."
        )
    counted = rows.group_by(user).agg(pl.len().alias("rows_")).filter(pl.col("rows_") > 1)
    found = counted.select(pl.len(), pl.col(user).min().alias("first")).collect(engine="streaming").row(0)
    if found[0]:
        raise BadInput(
            f"{found[0]:,} users stand in more than one row",
            column=user,
            value=found[1],
            expected="one row per user",
            fix="Add up the rows of each user first; leave out who saw several variants.",
        )


def _finite(name: str) -> pl.Expr:
    import polars as pl

    return pl.col(name).is_finite().fill_null(value=False)


def _all_finite(names: Sequence[str]) -> pl.Expr:
    import polars as pl

    return pl.all_horizontal([_finite(name) for name in names])


def _look_through(
    rows: pl.LazyFrame, columns: Sequence[str], outcomes: Sequence[str], covariates: Sequence[str]
) -> dict[str, Any]:
    """Return how many rows there are, how many cannot be used, and the mean of each column."""
    import polars as pl

    figures = [pl.len().alias("rows"), pl.lit(0).alias("bad"), pl.lit(0).alias("new")]
    figures += [pl.col(name).mean().alias(f"mean {name}") for name in columns]
    figures += [pl.col(name).null_count().alias(f"null {name}") for name in columns]
    figures += [pl.col(name).min().alias(f"min {name}") for name in columns]
    figures += [pl.col(name).max().alias(f"max {name}") for name in columns]
    seen = dict(rows.select(figures).collect(engine="streaming").row(0, named=True))
    # One value that is not finite makes the mean so: only then every value is looked at again.
    odd = {name for name in columns if seen[f"null {name}"] or not np.isfinite(seen[f"mean {name}"] or 0.0)}
    if odd:
        more = [pl.col(name).filter(_finite(name)).mean().alias(f"mean {name}") for name in sorted(odd)]
        more += [pl.col(name).filter(_finite(name)).min().alias(f"min {name}") for name in sorted(odd)]
        more += [pl.col(name).filter(_finite(name)).max().alias(f"max {name}") for name in sorted(odd)]
        more += [(~_all_finite(outcomes)).sum().alias("bad")]
        more += [(~_all_finite(covariates)).sum().alias("new")] if covariates else []
        seen |= rows.select(more).collect(engine="streaming").row(0, named=True)
    between = [n for n in outcomes if (seen[f"min {n}"] or 0.0) >= 0 and (seen[f"max {n}"] or 0.0) <= 1]
    if between:
        flags = [pl.col(n).filter(_finite(n)).is_in([0.0, 1.0]).all().alias(f"share {n}") for n in between]
        seen |= rows.select(flags).collect(engine="streaming").row(0, named=True)
    return seen


def _check_sizes(seen: dict[str, Any], columns: Sequence[str]) -> None:
    for name in columns:
        largest = max(seen[f"min {name}"] or 0.0, seen[f"max {name}"] or 0.0, key=abs)
        if largest and not _SQUARED[0] < abs(largest) < _SQUARED[1]:
            raise BadInput(
                "values of this size cannot be added up",
                column=name,
                value=largest,
                expected=f"the largest between {_SQUARED[0]:g} and {_SQUARED[1]:g}",
                fix="Give them in another unit.",
            )


def _first_bad(rows: pl.LazyFrame, outcomes: Sequence[str]) -> BadInput:

    numbered = rows.select(outcomes).with_row_index("row_").filter(~_all_finite(outcomes)).head(1).collect()
    row = numbered.row(0, named=True)
    name = next(name for name in outcomes if row[name] is None or not np.isfinite(row[name]))
    return BadInput(
        "there is no finite number",
        row=int(row["row_"]) + 1,
        column=name,
        value="nothing" if row[name] is None else row[name],
        fix="Write 0 for who did nothing, or ask for such rows to be left out: bad='leave out'.",
    )


def _with_shares(metrics: Iterable[UserMetric], shares: Collection[str]) -> tuple[UserMetric, ...]:
    """Return the metrics; means of zeros and ones are shares of users."""
    return tuple(
        replace(one, kind="share", label=replace(one.label, unit=one.label.unit or "%"))
        if one.kind == "mean" and one.columns.value in shares
        else one
        for one in metrics
    )


def _stratum(by: str) -> pl.Expr:
    import polars as pl

    return pl.col(by).cast(pl.String).fill_null(NOT_SET).alias("stratum_")


def _reading(rows: list[dict[str, Any]], table: UserTable, pairs: Sequence[tuple[str, str]]) -> Reading:
    middle = np.array(list(table.middle.values()))
    answer: dict[str, list[Any]] = {name: [row[name] for row in rows] for name in rows[0]}
    answer |= {f"gc{place}": [mean] * len(rows) for place, mean in enumerate(middle)}
    answer |= {f"c{place}": answer[f"d{place}"] for place in range(len(middle))}
    return reading_of(answer, columns=table.names, pairs=pairs, variants=table.variants)
