"""What a derived query is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.metrics.measures import Distinct
from workbench.metrics.queries import Query
from workbench.metrics.sql import Expression

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.metrics.window import Window
    from workbench.source import Tables

Counted = Callable[[Query, "Tables", "Window"], "pa.Table | None"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedQuery:
    """A documented query whose figures are leaves.

    Parameters
    ----------
    name, says : str
        The name in formulas, and what it computes, rule by rule.
    table : str
        The table that is sliced: its dimensions are those of the query.
    needs : frozenset of str
        The tables without which it has no answer.
    figures : tuple of str
        The columns it answers, after the dimensions.
    build : callable
        Returns the expression for a `Query`: the dimensions as ``d0`` ..., and every figure under its own
        name.
    time : bool
        Whether it can be sliced by day, week and month.
    daily : bool
        Whether its figures are sums that it also answers by day, as ``day_``.
    looks_back : int
        How many days of purchases before the window its figures need to be sound.
    leans : str
        What is wrong with them where the records begin later than that.
    grows : str
        Why they move with the length of the records alone, so that two windows are not compared.
    listed : Distinct, optional
        The users whose lists answer it too, see `workbench.metrics.user_lists`: its figures are the users,
        their events, and the squares of events per user.
    counted : callable, optional
        Returns what its SQL would, from arrays instead, where events are many (`workbench.metrics.large`);
        None where it cannot.
    """

    name: str
    says: str
    table: str
    needs: frozenset[str]
    figures: tuple[str, ...]
    build: Callable[[Query], Expression]
    time: bool = True
    daily: bool = False
    looks_back: int = 0
    leans: str = ""
    grows: str = ""
    listed: Distinct | None = None
    counted: Counted | None = None
