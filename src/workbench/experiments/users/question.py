"""What is asked about the users of an experiment, and how the columns of the answer are called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from workbench.experiments.users.outcomes import Outcome, Terms, UserLeaf
from workbench.metrics.window import Window

Several = Literal["exclude", "first", "refuse"]
NEW = "new"
STRATA = ("region", "acquisition_channel", "tenure", "segment", "platform", "assigned_day")


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The columns of one metric.

    Parameters
    ----------
    value, of : str
        What a user brought, and by what it is divided; empty where it is no ratio.
    before, of_before : str
        The same of the days before the user was assigned; empty where nobody asked for them.
    """

    value: str
    of: str = ""
    before: str = ""
    of_before: str = ""

    @property
    def all(self) -> tuple[str, ...]:
        """Return the columns that there are."""
        return tuple(name for name in (self.value, self.of, self.before, self.of_before) if name)

    @property
    def covariates(self) -> tuple[str, ...]:
        """Return the columns of the days before."""
        return tuple(name for name in (self.before, self.of_before) if name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is read of the users of one experiment.

    Parameters
    ----------
    experiment : str
        Its name.
    outcomes : tuple of Outcome
        What is summed per user.
    window : Window
        The days of the experiment that are looked at.
    before_days : int
        Length of the time before a user's assignment that is summed too; 0 is none.
    several : str
        What becomes of users with several variants: ``exclude`` leaves them out, ``first`` takes the variant
        they saw first.
    by : str
        A stratum; empty for none.
    loaded : frozenset of str
        The tables and event types with rows.
    mixed : tuple of str
        Campaigns of several channels, see `workbench.metrics.mixed_channels`.
    """

    experiment: str
    outcomes: tuple[Outcome, ...]
    window: Window
    before_days: int = 0
    several: Several = "exclude"
    by: str = ""
    loaded: frozenset[str] = frozenset()
    mixed: tuple[str, ...] = ()

    @property
    def leaves(self) -> tuple[UserLeaf, ...]:
        """Return the leaves of all outcomes, each once."""
        return tuple(dict.fromkeys(leaf for one in self.outcomes for leaf in one.leaves))

    @property
    def terms(self) -> dict[str, tuple[Terms, bool]]:
        """Return the columns that are summed: their terms, and whether they are of the days before."""
        found: dict[str, tuple[Terms, bool]] = {}
        for one in self.outcomes:
            columns = self.columns(one)
            sides = ((columns.value, one.numerator), (columns.of, one.denominator))
            found |= {name: (terms, False) for name, terms in sides if name}
            sides = ((columns.before, one.numerator), (columns.of_before, one.denominator))
            found |= {name: (terms, True) for name, terms in sides if name}
        return found

    @property
    def names(self) -> tuple[str, ...]:
        """Return all columns of the answer."""
        return (*self.terms, *((NEW,) if self.tells_new else ()))

    @property
    def places(self) -> dict[str, int]:
        """Return where each column stands in the answer: what is summed alike stands there once."""
        terms, at = self.terms, dict[object, int]()
        return {name: at.setdefault(terms.get(name, name), len(at)) for name in self.names}

    @property
    def tells_new(self) -> bool:
        """Return whether it is asked who was not yet known before."""
        return self.before_days > 0 and "users" in self.loaded

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Return the pairs of columns whose products are needed: those of one metric, and who is new."""
        found: dict[tuple[str, str], None] = {}
        for one in self.outcomes:
            names = (*self.columns(one).all, *((NEW,) if self.tells_new else ()))
            found |= dict.fromkeys((a, b) for place, a in enumerate(names) for b in names[place:])
        return tuple(found)

    @property
    def paired(self) -> list[tuple[int, int]]:
        """Return the places of the columns whose products are summed, each pair once."""
        at = self.places
        return sorted({(min(p), max(p)) for a, b in self.pairs for p in [(at[a], at[b])]})

    def columns(self, outcome: Outcome) -> Columns:
        """Return the columns of one metric."""
        name, ratio = outcome.metric.name, bool(outcome.denominator)
        before = self.before_days > 0
        return Columns(
            value=name,
            of=f"{name} of" if ratio else "",
            before=f"{name} before" if before else "",
            of_before=f"{name} of before" if before and ratio else "",
        )

    @property
    def key(self) -> tuple[object, ...]:
        """Return everything the query depends on but its days."""
        terms = tuple(
            (name, tuple((repr(leaf), w) for leaf, w in some), b) for name, (some, b) in self.terms.items()
        )
        tables = tuple(sorted(self.loaded & {"campaigns", "users", "facts"}))
        first = self.window.first.isoformat()
        return (self.experiment, first, terms, self.before_days, self.several, self.by, tables, self.mixed)
