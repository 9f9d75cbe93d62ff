"""Who saw more than one variant, and who is in other experiments too.

Users of several variants belong to none of them. Users of several experiments do no harm as long as the other
experiment's variants are spread evenly over this one's: that is what the test of independence looks at.

References
----------
Kohavi, Tang, Xu (2020), Trustworthy Online Controlled Experiments, chapters 3 and 4. Pearson (1900): the
chi-square test of independence.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import chdtrc

from workbench.errors import NotEnoughData
from workbench.experiments.inference.comparison import shown_p
from workbench.metrics import sql
from workbench.metrics.queries import aggregated
from workbench.result import format_value

if TYPE_CHECKING:
    from workbench.source import Tables

DEPENDENT = 0.001
TOO_MANY = 0.01
_FEWEST_EXPECTED = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Users who are in another experiment, too.

    Parameters
    ----------
    experiment : str
        The other one.
    users : int
        How many are in both.
    p : float
        Of the test that the other's variants are spread evenly over this one's; NaN with too few users.
    """

    experiment: str
    users: int
    p: float

    @property
    def uneven(self) -> bool:
        """Return whether the variants of both go together more than chance lets them."""
        return self.p < DEPENDENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Contamination:
    """Users who saw several variants, and what else was tried on the users.

    Parameters
    ----------
    users : int
        All who were assigned.
    several : int
        Those with more than one variant.
    treated_as : str
        What became of them: ``exclude`` or ``first``.
    before : int
        Those assigned before the first day that counts: what they did until then counts nowhere.
    early : int
        Events before the assignment of their users, left out.
    others : dict of str to int
        Users in variants that the experiment does not have, left out.
    overlaps : tuple of Overlap
        Other experiments, those with most users first.
    """

    users: int
    several: int = 0
    treated_as: str = "exclude"
    before: int = 0
    early: int = 0
    others: dict[str, int]
    overlaps: tuple[Overlap, ...] = ()

    @property
    def share(self) -> float:
        """Return the share of users with several variants."""
        return self.several / self.users if self.users else 0.0

    @property
    def too_many(self) -> bool:
        """Return whether so many users saw several variants that the split itself is in doubt."""
        return self.share > TOO_MANY

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what was left out and what to look at, one sentence each."""
        found = []
        if self.several:
            done = "left out" if self.treated_as == "exclude" else "counted where first seen"
            found.append(
                f"{_users(self.several)} ({format_value(self.share, '%')}) saw several variants: {done}."
            )
        found += [
            f"{_users(n)} in the variant {name}, which the experiment does not have: left out."
            for name, n in self.others.items()
        ]
        if self.before:
            found.append(
                f"{_users(self.before)} assigned before the first day that counts: nothing counts in "
                "between, so an early effect is not seen."
            )
        if self.early:
            events = f"{self.early:,} events" if self.early > 1 else "One event"
            found.append(f"{events} came before their users were assigned: left out.")
        found += [
            f"{one.users:,} users are in {one.experiment} too, and not evenly (p {shown_p(one.p)}): "
            "what differs may come from there."
            for one in self.overlaps
            if one.uneven
        ]
        return tuple(found)

    @property
    def sentence(self) -> str:
        """Return what was found, in one sentence."""
        if not self.notes:
            among = f", {len(self.overlaps)} other experiments among them" if self.overlaps else ""
            return f"No contamination among {self.users:,} users{among}."
        return " ".join(self.notes)


def _users(count: int) -> str:
    return f"{count:,} users" if count > 1 else "One user"


def overlaps(tables: Tables, experiment: str) -> tuple[Overlap, ...]:
    """Return the experiments that share users with one, those with most users first.

    Parameters
    ----------
    tables : Tables
        With the table ``experiments``.
    experiment : str
        The one that is analysed.

    Raises
    ------
    NotEnoughData
        If no assignments are loaded.
    """
    if "experiments" not in tables.names:
        raise NotEnoughData("Not enough data: no assignments of experiments are loaded.")
    text = sql.to_sql(lambda: _both(experiment), ("overlaps", _source(), experiment), tables.dialect)
    rows = tables.query(text).to_pylist()
    found = []
    for name in sorted({row["other_"] for row in rows}):
        mine = [row for row in rows if row["other_"] == name]
        found.append(
            Overlap(
                experiment=name, users=sum(int(row["users_"]) for row in mine), p=independence_p(_table(mine))
            )
        )
    return tuple(sorted(found, key=lambda one: (-one.users, one.experiment)))


def independence_p(table: Any) -> float:
    """Return p of the chi-square test that rows and columns have nothing to do with each other.

    NaN where fewer than five users are expected in a cell: then chance has a shape of its own.

    Examples
    --------
    >>> round(independence_p([[10, 20], [30, 40]]), 6), independence_p([[1, 2], [3, 4]])
    (0.372998, nan)
    """
    seen = np.asarray(table, float)
    rows, columns = seen.sum(axis=1, keepdims=True), seen.sum(axis=0, keepdims=True)
    expected = rows * columns / seen.sum()
    if min(seen.shape) < 2 or expected.min() < _FEWEST_EXPECTED:
        return float("nan")
    statistic = (np.square(seen - expected) / expected).sum()
    p = chdtrc((seen.shape[0] - 1) * (seen.shape[1] - 1), statistic)
    return float(max(p, np.finfo(float).tiny))


def _both(experiment: str) -> Any:
    rows = sql.unbound("experiments")
    keys = {"other_": rows.experiment, "them_": rows.user_id}
    users = aggregated(rows, keys, theirs_=rows.variant.min(), most_=rows.variant.max())
    users = users.filter(users.theirs_ == users.most_)  # who saw two variants is in none of them
    own = users.filter(users.other_ == sql.literal(experiment))
    own = own.select(who_=own.them_, variant_=own.theirs_)
    rest = users.filter(users.other_ != sql.literal(experiment))
    both = own.inner_join(rest, own.who_ == rest.them_)
    keys = {name: both[name] for name in ("other_", "variant_", "theirs_")}
    return aggregated(both, keys, users_=both.count())


def _table(rows: list[dict[str, Any]]) -> list[list[float]]:
    own, other = (sorted({row[name] for row in rows}) for name in ("variant_", "theirs_"))
    found = {(row["variant_"], row["theirs_"]): float(row["users_"]) for row in rows}
    return [[found.get((one, two), 0.0) for two in other] for one in own]


@cache
def _source() -> str:
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
