"""Journeys as small sums from which every attribution model follows, and which add up.

Words: *statistics* are sums over journeys; those of two sets of users are added to get those of both. They
are kept by *bucket*, a random group of users that depends on the user's id alone, so that intervals need no
second look at the data.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from workbench.attribution.chain import Chain, chain_of_steps
from workbench.attribution.coalitions import Coalitions
from workbench.attribution.grids import Grid
from workbench.attribution.tallies import (
    Floats,
    Integers,
    Tally,
    bits_of,
    tally,
    words_of,
)
from workbench.attribution.windows import JourneySettings, LookBack
from workbench.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

NOT_SET, UNATTRIBUTED = "(not set)", "(unattributed)"
LONGEST = 255  # paths of so many touches, or more, are counted together
HOURS = 24 * 90  # as are those that took longer
NEW, RETURNING = 0, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where journeys come from, and what was noticed on the way.

    Parameters
    ----------
    touches, conversions : int
        Rows that were counted.
    duplicates : int
        Rows left out because an earlier one has the same id.
    nobody : int
        Touches left out because they have no user.
    not_set : int
        Touches without a name: they count as ``(not set)``.
    negative : int
        Conversions of negative value (returns): their credit is negative, too.
    first, last : int or None
        The first and the last instant, in microseconds since 1970, UTC.
    """

    touches: int = 0
    conversions: int = 0
    duplicates: int = 0
    nobody: int = 0
    not_set: int = 0
    negative: int = 0
    first: int | None = None
    last: int | None = None

    def __add__(self, other: Provenance) -> Provenance:
        """Return the provenance of both."""
        firsts = [some for some in (self.first, other.first) if some is not None]
        lasts = [some for some in (self.last, other.last) if some is not None]
        counts = {
            name: getattr(self, name) + getattr(other, name)
            for name in ("touches", "conversions", "duplicates", "nobody", "not_set", "negative")
        }
        return Provenance(**counts, first=min(firsts, default=None), last=max(lasts, default=None))

    @property
    def sentence(self) -> str:
        """Return how much was counted, from when to when, and what was left out."""
        if self.first is None or self.last is None:
            return "There is neither a touch nor a conversion."
        first, last = (
            (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=some)).date()
            for some in (self.first, self.last)
        )
        said = [f"{self.touches:,} touches and {self.conversions:,} conversions from {first} to {last}"]
        if self.duplicates:
            said.append(f"{self.duplicates:,} rows were there twice and count once")
        if self.nobody:
            said.append(f"{self.nobody:,} touches have no user and are left out")
        if self.not_set:
            said.append(f"{self.not_set:,} touches have no name and count as {NOT_SET}")
        if self.negative:
            said.append(f"{self.negative:,} conversions have a negative value, and so has their credit")
        return f"{'; '.join(said)}."


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Journeys:
    """The statistics of journeys.

    Parameters
    ----------
    settings : JourneySettings
        How journeys were built.
    attribute : str
        What tells touches apart: ``"channel"``, ``"campaign_id"`` ...
    names : tuple of str
        Its values, sorted; a touch's code is its place here.
    credit : array, shape (buckets, windows, rules, names, 2)
        Conversions and value that each rule credits in each window.
    unattributed : array, shape (buckets, windows, 2)
        Conversions without a touch in the window, and their value.
    totals : array, shape (buckets, 2)
        All conversions and their value.
    steps : Tally or Grid
        How often each touch follows those before it: by bucket and code of up to order + 1 touches.
    ends : Tally
        Conversions, value and nulls: by bucket and code of the last `order` touches.
    sets : Tally
        Conversions, value and nulls: by bucket and the bits of the distinct touches, in words of 62.
    lengths : array, shape (windows, 2, 256, 2)
        Conversions and value by number of touches, of new and of returning buyers; the last place is 255
        or more.
    lags : array, shape (windows, 2, 2161)
        Conversions by whole hours since the first touch; the last place is 90 days or more.
    spans : array, shape (windows, 2, 2)
        The sum of touches, and of the time since the first touch in microseconds.
    provenance : Provenance
        Where they come from.
    reach : LookBack, optional
        How far back the touches in steps, ends and sets go; all since the conversion before where it is None.
    """

    settings: JourneySettings
    attribute: str
    names: tuple[str, ...]
    credit: Floats
    unattributed: Floats
    totals: Floats
    steps: Tally | Grid
    ends: Tally
    sets: Tally
    lengths: Floats
    lags: Floats
    spans: Floats
    provenance: Provenance = Provenance()
    reach: LookBack | None = None

    def __repr__(self) -> str:
        """Return what was counted in a line; the figures themselves fill pages."""
        return f"<Journeys by {self.attribute}: {self.provenance.sentence}>"

    @property
    def conversions(self) -> float:
        """Return the number of conversions, those without a touch included."""
        return float(self.totals[:, 0].sum())

    @property
    def value(self) -> float:
        """Return the value of all conversions."""
        return float(self.totals[:, 1].sum())

    @property
    def size(self) -> int:
        """Return how many sums the tables of paths hold."""
        return self.steps.size + self.ends.size + self.sets.size

    @property
    def untouched(self) -> Floats:
        """Return conversions and value without any touch since the conversion before, shape (2,)."""
        return np.asarray(self.totals.sum(axis=0) - self.ends.sums[:, :2].sum(axis=0))

    @property
    def journeys(self) -> float:
        """Return the number of journeys with a touch, converting or not."""
        return float(self.ends.sums[:, [0, 2]].sum())

    def credited(
        self, rule: str, window: str | timedelta | LookBack | None, weights: Floats | None = None
    ) -> Floats:
        """Return what one rule credits in one window, shape (names, 2): conversions and value.

        Parameters
        ----------
        rule : str
            Its name.
        window : str, timedelta, LookBack or None
            One of those the journeys were built with.
        weights : array, optional
            How often each bucket of users counts; shape (buckets,), or (replicates, buckets), which gives
            shape (replicates, names, 2).
        """
        names = [some.name for some in self.settings.rules]
        if rule not in names:
            raise UsageError(f"These journeys were not built with the rule {rule!r}: {', '.join(names)}.")
        cube = self.credit[:, self.settings.place(window), names.index(rule)]
        return np.asarray(cube.sum(axis=0) if weights is None else np.tensordot(weights, cube, axes=1))

    def chain(self, order: int = 1, weights: Floats | None = None) -> Chain:
        """Return the counts of a Markov chain.

        Parameters
        ----------
        order : int
            How many touches a state remembers: at most the order the journeys were built with.
        weights : array, shape (buckets,), optional
            How often each bucket of users counts.

        Raises
        ------
        UsageError
            If the order is higher.
        """
        if not 1 <= order <= self.settings.order:
            most = self.settings.order
            raise UsageError(f"These journeys hold chains of order 1 to {most}, not {order}.")
        base = len(self.names) + 1
        steps = self.steps.folded(base ** (order + 1), weights)
        ends = self.ends.folded(base**order, weights)
        return chain_of_steps(
            self.names,
            before=_digits(steps.keys[:, 0] // base, base, order),
            after=steps.keys[:, 0] % base - 1,
            steps=steps.sums[:, 0],
            ends=_digits(ends.keys[:, 0], base, order),
            outcomes=ends.sums,
        )

    def lower(self, order: int) -> Journeys:
        """Return the same statistics with chains of a lower order only: fewer sums, which weigh faster."""
        base = len(self.names) + 1
        return replace(
            self,
            settings=replace(self.settings, order=order),
            steps=self.steps.lower(base ** (order + 1)),
            ends=self.ends.lower(base**order),
        )

    def coalitions(self, weights: Floats | None = None) -> Coalitions:
        """Return the counts by set of touches; `weights` says how often each bucket of users counts."""
        sets = self.sets.weighted(weights)
        bits = bits_of(sets.keys, len(self.names))
        return Coalitions(
            names=self.names,
            ends=np.cumsum(bits.sum(axis=1), dtype=np.int64),
            members=np.nonzero(bits)[1].astype(np.int64),
            conversions=sets.sums[:, 0],
            value=sets.sums[:, 1],
            journeys=sets.sums[:, 0] + sets.sums[:, 2],
        )

    def over(self, names: tuple[str, ...]) -> Journeys:
        """Return the same statistics over more names.

        Raises
        ------
        UsageError
            If a name of these journeys is missing, or the paths of so many names have no code.
        """
        if names == self.names:
            return self
        if not set(self.names) <= set(names):
            raise UsageError("The names of touches can grow, but none may be left out.")
        check_codes(len(names), self.settings)
        at = {name: place for place, name in enumerate(names)}
        places = np.array([at[name] for name in self.names], np.int64)
        sizes, order = (len(self.names) + 1, len(names) + 1), self.settings.order
        credit = np.zeros((*self.credit.shape[:3], len(names), 2))
        credit[:, :, :, places] = self.credit
        bits = np.zeros((len(self.sets.keys), len(names)), bool)
        bits[:, places] = bits_of(self.sets.keys[:, 1:], len(self.names))
        sets = np.column_stack([self.sets.keys[:, :1], words_of(bits)])
        return replace(
            self,
            names=names,
            credit=credit,
            steps=self.steps.recoded(places, sizes, order + 1),
            ends=self.ends.recoded(places, sizes, order),
            sets=tally(sets, self.sets.sums),
        )

    def __add__(self, other: Journeys) -> Journeys:
        """Return the statistics of the journeys of both; each user's rows must be in one of them only.

        Raises
        ------
        UsageError
            If they were built with different settings.
        """
        if (self.settings, self.attribute, self.reach) != (other.settings, other.attribute, other.reach):
            raise UsageError("Journeys built with different settings cannot be added up.")
        names = tuple(sorted({*self.names, *other.names}))
        mine, theirs = self.over(names), other.over(names)
        summed = {field.name: getattr(mine, field.name) + getattr(theirs, field.name) for field in _SUMS}
        return replace(mine, **summed)

    def __neg__(self) -> Journeys:
        """Return the statistics with the opposite sign, so that what is counted again can be taken away."""
        turned = {field.name: -getattr(self, field.name) for field in _SUMS if field.name != "provenance"}
        return replace(self, **turned)

    def to_frame(self) -> pd.DataFrame:
        """Return what each rule credits: one row per window, rule and name, and one for what has no touch."""
        import pandas as pd

        sums, without = self.credit.sum(axis=0), self.unattributed.sum(axis=0)
        rows = [
            (str(window), rule.name, name, *figures)
            for w, window in enumerate(self.settings.lookbacks)
            for r, rule in enumerate(self.settings.rules)
            for name, figures in zip(
                (*self.names, UNATTRIBUTED), [*sums[w, r].tolist(), without[w].tolist()], strict=True
            )
        ]
        return pd.DataFrame(rows, columns=["window", "rule", self.attribute, "conversions", "value"])


_SUMS = [one for one in fields(Journeys) if one.name not in ("settings", "attribute", "names", "reach")]


def check_codes(names: int, settings: JourneySettings) -> None:
    """Raise where the paths of so many names have no 64-bit code.

    Raises
    ------
    UsageError
        If a lower order is needed.
    """
    if (names + 1) ** (settings.order + 1) >= 2**62:
        raise UsageError(
            f"{names:,} different touches are too many for order {settings.order}: take a lower order, or "
            "group them first."
        )


def _digits(codes: Integers, base: int, length: int) -> NDArray[np.int64]:
    """Return codes as digits, the oldest first."""
    powers = base ** np.arange(length - 1, -1, -1, dtype=np.int64)
    return codes[:, None] // powers % base
