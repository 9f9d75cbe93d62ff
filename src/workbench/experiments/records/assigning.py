"""Which users an experiment gets: new ones by the hash, those it has where they are, and who is in others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.errors import NotEnoughData, UsageError
from workbench.events.parsing import literal
from workbench.experiments.records.keeping import Kept
from workbench.experiments.records.kept import ASSIGNMENTS
from workbench.experiments.users.assignment import assign
from workbench.result import shown, told

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from workbench.source import Tables

_OPEN = ("draft", "running")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """What assigning users comes to.

    Parameters
    ----------
    name : str
        The experiment.
    rows : Table
        The new users: ``user_id`` and ``variant``.
    users : mapping of str to int
        How many new users each variant gets.
    known : int
        How many were in the experiment already, and stay where they are.
    elsewhere : int
        How many of those are in another variant than the hash says, since they came from a file.
    overlap : mapping of str to int
        Of each other experiment that runs, how many of all users asked for are in it, too.
    """

    name: str
    rows: pa.Table
    users: Mapping[str, int]
    known: int
    elsewhere: int
    overlap: Mapping[str, int]

    @property
    def sentence(self) -> str:
        """Return how many users came to which variant, and what to look out for."""
        new = sum(self.users.values())
        where = ", ".join(f"{count:,} to {variant!r}" for variant, count in self.users.items())
        said = [
            f"{new:,} users are new in {self.name}: {where}." if new else f"No user is new in {self.name}."
        ]
        if self.known:
            said.append(f"{self.known:,} were in it already and stay where they are.")
        if self.elsewhere:
            said.append(f"{self.elsewhere:,} of them are in another variant than the hash gives.")
        said += [
            f"{count:,} are also in {other!r}, which runs: the two may disturb each other."
            for other, count in self.overlap.items()
            if count
        ]
        return " ".join(said)

    __repr__ = told
    _repr_html_ = shown

    def to_frame(self) -> pd.DataFrame:
        """Return the new users by variant."""
        import pandas as pd

        return pd.DataFrame({"variant": list(self.users), "users": list(self.users.values())})


def everybody(tables: Tables) -> list[str]:
    """Return the ids of all users: those of the users table, else those who have an event.

    Raises
    ------
    NotEnoughData
        If there is neither.
    """
    for name in ("users", "events"):
        if name in tables.names:
            rows = tables.query(f"SELECT DISTINCT user_id FROM {name} WHERE user_id <> '' ORDER BY user_id")
            return [str(user) for user in rows["user_id"].to_pylist()]
    raise NotEnoughData("Not enough data: there are no users and no events, so nobody can be assigned.")


def assigning(tables: Tables, kept: Kept, users: Sequence[str], *, others: Sequence[str] = ()) -> Assigned:
    """Return the places of users in an experiment; nobody who is in it is moved.

    Parameters
    ----------
    tables : Tables
        A workspace's tables.
    kept : Kept
        The experiment: a draft, or running.
    users : sequence of str
        Ids; one that stands twice counts once.
    others : sequence of str
        Experiments that run at the same time.

    Raises
    ------
    UsageError
        If it was never defined, is paused, or has ended.
    """
    import polars as pl

    plan = kept.experiment
    if plan is None:
        raise UsageError(f"{kept.name} was not defined here: `workbench experiment create` does it.")
    if plan.status not in _OPEN:
        raise UsageError(f"{plan.name} is {plan.status}: only a draft or a running experiment gets users.")
    asked = pl.DataFrame({"user_id": list(dict.fromkeys(users))}, schema={"user_id": pl.String})
    hashed = asked.with_columns(
        pl.Series("hashed", assign(plan, asked["user_id"].to_list()), dtype=pl.String)
    )
    placed = hashed.join(_members(tables, plan.name), on="user_id", how="left")
    new = placed.filter(pl.col("variant").is_null())
    counted = dict(new["hashed"].value_counts().iter_rows())
    return Assigned(
        name=plan.name,
        rows=new.select("user_id", pl.col("hashed").alias("variant")).to_arrow(),
        users={variant: counted.get(variant, 0) for variant in plan.variants},
        known=placed.height - new.height,
        elsewhere=placed.filter(pl.col("variant") != pl.col("hashed")).height,
        overlap={other: asked.join(_members(tables, other), on="user_id").height for other in others},
    )


def _members(tables: Tables, name: str) -> pl.DataFrame:
    import polars as pl

    schema = {"user_id": pl.String, "variant": pl.String}
    if ASSIGNMENTS not in tables.names:
        return pl.DataFrame(schema=schema)
    rows = tables.query(
        f"SELECT user_id, min(variant) AS variant FROM {ASSIGNMENTS} WHERE experiment = {literal(name)} "
        "GROUP BY user_id"
    )
    return pl.DataFrame(rows, schema_overrides=schema)
