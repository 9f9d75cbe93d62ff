"""The sums of an experiment's users, asked of the engine in one question.

Products are summed as they are, and the means are taken off afterwards. Where a mean is so large beside the
spread of its values that digits would be lost, the engine is asked again: then the mean of each variant is
taken off the values before they are multiplied, and at any offset nothing is lost.

References
----------
Chan, Golub, LeVeque (1983), The American Statistician 37, eq. (1.6): sums of squares of shifted data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import NotEnoughData
from workbench.experiments.inference.sums import Sums
from workbench.experiments.users.question import Question
from workbench.experiments.users.rows import assignments, first_instant, user_rows
from workbench.experiments.users.variant_sums import MOST_VARIANTS, sums_apart, variant_names, variant_sums
from workbench.metrics import sql
from workbench.metrics.queries import aggregated
from workbench.metrics.user_keys import with_user_keys
from workbench.metrics.window import Window

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.source import Tables


_DAY = 86_400.0
_FAR = 100.0  # squared means in variances: beyond, more than two digits of sixteen are lost
_ROUNDING = 1e-12  # of the shift: what is left of a mean is no figure then


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The sums of an experiment.

    Parameters
    ----------
    sums : Sums
        By variant; with strata, one more axis in front.
    strata : tuple of str
        The names along that axis; empty where there is none.
    early : int
        Events between the first day and the assignment of their users: they belong to no variant and are
        left out.
    others : dict of str to int
        Users in variants that nobody asked for.
    """

    sums: Sums
    strata: tuple[str, ...] = ()
    early: int = 0
    others: dict[str, int] = field(default_factory=dict)


def read(tables: Tables, question: Question, *, variants: Sequence[str]) -> Reading:
    """Return sizes, means and centred products of all columns that are asked for, by variant.

    Parameters
    ----------
    tables : Tables
        With assignments in the table ``experiments``, and what the outcomes are read from.
    question : Question
        Experiment, outcomes and days.
    variants : sequence of str
        The control comes first; others are counted apart.

    Raises
    ------
    NotEnoughData
        If nobody was assigned.
    """
    answer = _plain_answer(tables, question)
    if not answer["variant_"]:
        raise NotEnoughData(f"Nobody was assigned to {question.experiment} until {question.window.last}.")
    places, pairs = question.places, question.paired
    names = {place: name for name, place in places.items()}
    if _keeps_digits(answer, pairs):
        answer |= {f"gc{place}": [0.0] * len(answer["users_"]) for place in names}
    else:
        answer = _answer(tables, question, _summed_about_means)
    found = reading_of(
        answer,
        columns=tuple(names[place] for place in range(len(names))),
        pairs=[(names[a], names[b]) for a, b in pairs],
        variants=tuple(variants),
    )
    each = [places[name] for name in question.names]
    sums = replace(
        found.sums,
        columns=question.names,
        means=found.sums.means[..., each],
        products=found.sums.products[..., each, :][..., each],
    )
    return replace(found, sums=sums)


def _plain_answer(tables: Tables, question: Question) -> dict[str, list[Any]]:
    """Return the sums of values as they are; one row per user is made only where tables go together."""
    if not sums_apart(question):
        return _answer(tables, question, _summed)
    found = _answer(tables, question, variant_names)["variant_"]
    names = tuple(sorted(str(name) for name in found if name is not None))
    if not 0 < len(names) <= MOST_VARIANTS:
        return _answer(tables, question, _summed)
    answer = _answer(tables, question, variant_sums, names)
    return answer | {"variant_": [names[at] if at >= 0 else None for at in answer["variant_"]]}


def _answer(
    tables: Tables, question: Question, asked: Callable[..., Any], *also: tuple[str, ...]
) -> dict[str, list[Any]]:
    key = ("experiment", asked.__name__, _source(), question.key, *also)
    text = sql.to_sql(lambda: asked(question, *also), key, tables.dialect)
    return dict(tables.query(_on_days(text, question, tables.dialect)).to_pydict())


def _keeps_digits(answer: dict[str, list[Any]], pairs: Sequence[tuple[int, int]]) -> bool:
    """Return whether no mean is so far from 0 that taking it off products of values costs digits."""
    users = np.array(answer["users_"], float)
    own = {a: answer[f"p{at}"] for at, (a, b) in enumerate(pairs) if a == b}
    squares = np.array(list(own.values()), float)
    means = np.array([answer[f"c{place}"] for place in own], float)
    off = users * means**2
    with np.errstate(invalid="ignore"):
        apart = squares - off
        # Of 0 and 1 sums are exact: all 1 is no spread.
        good = (off <= _FAR * apart) | (users == 1) | ((apart == 0) & (means == 1))
    return bool(good.all())


def values_of(tables: Tables, question: Question, column: str) -> dict[str, tuple[Any, Any]]:
    """Return for each variant the distinct values of a column, ascending, and how many users have each.

    Ranks, quantiles and permutations need no more than that.
    """
    rows = _counts_of(tables, question, (column,))
    return {name: (values[:, 0], users) for name, (values, users) in rows.items()}


def pairs_of_values(tables: Tables, question: Question, value: str, of: str) -> dict[str, tuple[Any, Any]]:
    """Return for each variant the distinct pairs of two columns, and how many users have each."""
    return _counts_of(tables, question, (value, of))


def _counts_of(tables: Tables, question: Question, columns: tuple[str, ...]) -> dict[str, tuple[Any, Any]]:
    places = tuple(question.places[column] for column in columns)
    text = sql.to_sql(
        lambda: _counted(question, places),
        ("experiment values", _source(), question.key, places),
        tables.dialect,
    )
    answer = tables.query(_on_days(text, question, tables.dialect))
    variant = np.array(answer.column("variant_").to_pylist(), dtype=object)
    names = [f"value{place}_" for place in range(len(columns))]
    values = np.column_stack(
        [answer.column(name).to_numpy(zero_copy_only=False).astype(float) for name in names]
    )
    users = answer.column("users_").to_numpy(zero_copy_only=False).astype(np.int64)
    order = np.lexsort(values.T[::-1])
    variant, values, users = variant[order], values[order], users[order]
    return {str(name): (values[variant == name], users[variant == name]) for name in np.unique(variant)}


def users_of(tables: Tables, question: Question) -> pa.Table:
    """Return one row per user: ``variant_`` and the columns ``c0`` ... of the question."""
    text = sql.to_sql(
        lambda: user_rows(question), ("experiment users", _source(), question.key), tables.dialect
    )
    return tables.query(_on_days(text, question, tables.dialect))


def _on_days(text: str, question: Question, dialect: str) -> str:
    first = question.window.first - timedelta(days=question.before_days)
    return sql.with_window(with_user_keys(text, dialect), Window(first, question.window.last))


def _summed(question: Question) -> Any:
    rows = user_rows(question)
    names = [f"c{place}" for place in sorted(set(question.places.values()))]
    figures = {name: rows[name].mean() for name in names}
    return _by_variant(rows, question, "c", figures)


def _summed_about_means(question: Question) -> Any:
    """Return the sums about the mean of each variant.

    About that of all, a variant that lies far from the others would lose the digits of its own variance.
    """
    users = user_rows(question)
    names = [f"c{place}" for place in sorted(set(question.places.values()))]
    means = {f"g{name}": users[name].mean() for name in names}
    middle = aggregated(users, {"of_": users.variant_}, **means)
    rows = users.inner_join(middle, users.variant_ == middle.of_)
    shifted = {f"d{name}": rows[name] - rows[f"g{name}"] for name in names}
    by = ["variant_", *(["stratum_"] if question.by else [])]
    rows = rows.select(*by, "early_", *(f"g{name}" for name in names), **shifted)
    figures = {name: rows[f"d{name}"].mean() for name in names}
    figures |= {f"g{name}": rows[f"g{name}"].max() for name in names}
    return _by_variant(rows, question, "dc", figures)


def _by_variant(rows: Any, question: Question, name: str, figures: dict[str, Any]) -> Any:
    for place, (one, other) in enumerate(question.paired):
        figures[f"p{place}"] = (rows[f"{name}{one}"] * rows[f"{name}{other}"]).sum()
    keys = {key: rows[key] for key in ("variant_", *(["stratum_"] if question.by else []))}
    return aggregated(rows, keys, users_=rows.count(), early_=rows.early_.sum(), **figures)


def _counted(question: Question, places: tuple[int, ...]) -> Any:
    users = user_rows(question)
    keys = {"variant_": users.variant_}
    keys |= {f"value{at}_": users[f"c{place}"] for at, place in enumerate(places)}
    return aggregated(users, keys, users_=users.count())


def reading_of(
    answer: dict[str, list[Any]],
    *,
    columns: tuple[str, ...],
    pairs: Sequence[tuple[str, str]],
    variants: tuple[str, ...],
) -> Reading:
    """Return the sums that an answer holds, one row per variant and stratum.

    Parameters
    ----------
    answer : dict of str to list
        ``variant_``, ``users_``, perhaps ``stratum_`` and ``early_``; for each column its shift (``gc0`` ...)
        and the mean of what is left of it (``c0`` ...); for each pair the sum of products (``p0`` ...).
    columns, pairs, variants
        What was asked for.
    """
    strata = tuple(sorted({str(name) for name in answer.get("stratum_", [])}))
    size = len(strata) or 1
    n = np.zeros((size, len(variants)))
    means = np.full((*n.shape, len(columns)), np.nan)
    products = np.full((*means.shape, len(columns)), np.nan)
    others: dict[str, int] = {}
    for row, variant in enumerate(answer["variant_"]):
        if variant not in variants:
            others[str(variant)] = others.get(str(variant), 0) + int(answer["users_"][row])
            continue
        at = (strata.index(str(answer["stratum_"][row])) if strata else 0, variants.index(variant))
        n[at] = answer["users_"][row]
        shift = np.array([answer[f"c{place}"][row] for place in range(len(columns))], float)
        total = shift + np.array([answer[f"gc{place}"][row] for place in range(len(columns))], float)
        means[at] = np.where(np.abs(total) <= _ROUNDING * np.abs(shift), 0.0, total)
        about = [answer[f"p{place}"][row] for place in range(len(pairs))]
        products[at] = _products(about, columns, pairs, shift=shift, n=n[at])
    parts = (n, means, products) if strata else (n[0], means[0], products[0])
    found = Sums(variants=variants, columns=columns, n=parts[0], means=parts[1], products=parts[2])
    return Reading(sums=found, strata=strata, early=int(sum(answer.get("early_", []))), others=others)


def _products(
    about: list[float], columns: tuple[str, ...], pairs: Sequence[tuple[str, str]], *, shift: Any, n: float
) -> Any:
    """Return the products about the variant's own means, from those about the means of all."""
    found = np.full((len(columns), len(columns)), np.nan)
    place = {name: at for at, name in enumerate(columns)}
    for value, (one, other) in zip(about, pairs, strict=True):
        a, b = place[one], place[other]
        found[a, b] = found[b, a] = value - n * shift[a] * shift[b]
    diagonal = np.einsum("ii->i", found)
    np.maximum(diagonal, 0.0, out=diagonal)
    # With what does not vary nothing goes together; only rounding says so.
    found[(diagonal == 0) & ~np.isnan(found)] = 0.0
    found[(diagonal == 0)[:, None] & ~np.isnan(found)] = 0.0
    return found


def assigned_users(tables: Tables, question: Question) -> dict[str, Any]:
    """Return who was assigned until the last day.

    ``users``; ``several``, those with several variants; ``before``, those assigned before the first day; the
    ``first`` and ``last`` instant; and the mean ``days`` that count of a user: from its assignment, or from
    the first day where that is later, to the end of the last.
    """
    text = sql.to_sql(
        lambda: _overview(question), ("experiment users of", _source(), question.key), tables.dialect
    )
    return dict(tables.query(_on_days(text, question, tables.dialect)).to_pylist()[0])


def _overview(question: Question) -> Any:
    rows = assignments(question)
    end = sql.seconds(sql.literal(sql.AFTER, "timestamp"))
    begins = first_instant(question)
    counts = sql.when(rows.since_ > begins, rows.since_, begins)
    return rows.aggregate(
        users=rows.count(),
        several=rows.several_.sum(),
        before=sql.when(rows.since_ < begins, 1, 0).sum(),
        first=rows.since_.min(),
        last=rows.since_.max(),
        days=((end - sql.seconds(counts)) / _DAY).mean(),
    )


def until(question: Question, days: int) -> Question:
    """Return the question as it was after so many days."""
    first = question.window.first
    return replace(question, window=Window(first, first + timedelta(days=days - 1)))


@cache
def _source() -> str:
    room = Path(__file__).parent
    names = ("reading.py", "variant_sums.py", "question.py", "rows.py", "outcomes.py")
    return hashlib.sha256(b"".join((room / name).read_bytes() for name in names)).hexdigest()
