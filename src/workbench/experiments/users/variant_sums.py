"""The sums of variants without one row per user: each table is summed for itself.

Means and products of one table's columns need no other table. Who has no rows in it adds nothing, so users
are only counted, and nothing has to be laid beside them. Places stand for the variants' names.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench.experiments.users.question import NEW, Question
from workbench.experiments.users.rows import column_of, counted_users, summed, with_known
from workbench.metrics import sql
from workbench.metrics.queries import aggregated

Expression = Any
MOST_VARIANTS = 30  # a condition with more names is slow to read


def sums_apart(question: Question) -> bool:
    """Return whether each column, and each pair of columns, is of one table alone, without strata."""
    tables = [{leaf.table for leaf in one.leaves} for one in question.outcomes]
    return not question.by and all(len(some) == 1 for some in tables)


def variant_names(question: Question) -> Expression:
    """Return the variants that users were assigned to, as the column ``variant_``."""
    rows = sql.unbound("experiments")
    after = sql.literal(sql.AFTER, "timestamp")
    rows = rows.filter(rows.experiment == sql.literal(question.experiment), rows.assigned_at < after)
    return rows.select(variant_=rows.variant).distinct()


def variant_sums(question: Question, variants: Sequence[str]) -> Expression:
    """Return one row per variant: its place, ``users_``, ``early_``, a mean per column, the sums of products.

    Parameters
    ----------
    question : Question
        What is asked; `sums_apart` holds of it.
    variants : sequence of str
        All variants that users were assigned to, at most `MOST_VARIANTS`. The place of none is -1.
    """
    users = counted_users(question, variants)
    if question.tells_new:
        users = with_known(users)
    tables = dict.fromkeys(leaf.table for leaf in question.leaves)
    whole = _of_users(users, question)
    for table in tables:
        part = _of_table(users, question, table)
        whole = whole.left_join(part, whole.variant_ == part.of_).drop("of_")
    sums = {name: whole[name].fill_null(0.0) for name in whole.columns if name[0] in "cp"}
    figures = {name: value / whole.users_ if name[0] == "c" else value for name, value in sums.items()}
    early = sum((whole[f"early_{table}"].fill_null(0.0) for table in tables), start=sql.literal(0.0))
    return whole.select("variant_", "users_", early_=early, **figures)


def _of_users(users: Expression, question: Question) -> Expression:
    figures = {"users_": users.count()}
    if question.tells_new:
        place, new = question.places[NEW], sql.number(users.new_)
        figures |= {f"c{place}": new.sum(), f"p{question.paired.index((place, place))}": (new * new).sum()}
    return aggregated(users, {"variant_": users.variant_}, **figures)


def _of_table(users: Expression, question: Question, table: str) -> Expression:
    names = {
        place: name
        for name, place in question.places.items()
        if name != NEW and question.terms[name][0][0][0].table == table
    }
    known = ("variant_", *(("new_",) if question.tells_new else ()))
    sums = summed(question, table, users, known)
    columns = {f"c{place}": column_of(sums, question, name) for place, name in names.items()}
    if question.tells_new:
        columns[f"c{question.places[NEW]}"] = column_of(sums, question, NEW)
    rows = sums.select("variant_", f"early_{table}", **columns)
    figures = {f"early_{table}": sql.number(rows[f"early_{table}"].sum())}
    figures |= {f"c{place}": rows[f"c{place}"].sum() for place in names}
    figures |= {
        f"p{at}": (rows[f"c{one}"] * rows[f"c{other}"]).sum()
        for at, (one, other) in enumerate(question.paired)
        if {one, other} & set(names)
    }
    return aggregated(rows, {"of_": rows.variant_}, **figures)
