"""Tests that are simulated on one's own users: how often nothing is found to be something, and the power.

An A/A test assigns the very same users at random, as a hash would. For power, users are drawn again with the
change put in. Each test is decided by the procedure that the analysis would choose for it: see
`workbench.experiments.power.rehearsing`.

References
----------
Kohavi, Tang, Xu (2020), Trustworthy Online Controlled Experiments, chapter 19: A/A tests.
Hanley, MacGibbon (2006), Computer Methods and Programs in Biomedicine 83: drawing users by Poisson counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import chdtrc

from workbench.errors import UsageError, wrong_kind
from workbench.experiments.power.procedure import Procedure
from workbench.experiments.power.rehearsing import rehearsed
from workbench.experiments.power.resampling import assigned, drawn
from workbench.experiments.power.sample_size import power_of
from workbench.experiments.power.user_values import UserValues
from workbench.result import html_table, signed, told
from workbench.stats import share_interval

if TYPE_CHECKING:
    import pandas as pd

BINS = 10
MOST_RUNS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FalseAlarms:
    """What A/A tests found on one's own users.

    Parameters
    ----------
    runs, users : int
        Tests, and users in each.
    alpha : float
        The promised rate of false alarms.
    found : int
        Tests that found a difference.
    low, high : float
        95 % interval of their share.
    above, below : int
        Those that found the variant better, and worse.
    bins : tuple of int
        p-values by tenths; even where the procedure keeps its promise at every level.
    uniform : float
        p of the hypothesis that they are even.
    missing : str
        Why there are no tests; empty where there are.
    shuffled : float
        The share of comparisons that were made by shuffling users, as the analysis would.
    note : str
        What was rehearsed, where it is not simply the plain test.
    """

    runs: int
    users: int
    alpha: float
    found: int
    low: float
    high: float
    above: int
    below: int
    bins: tuple[int, ...]
    uniform: float
    missing: str = ""
    shuffled: float = 0.0
    note: str = ""

    @property
    def rate(self) -> float:
        """Return the share of tests with a false alarm."""
        return self.found / self.runs if self.runs else float("nan")

    @property
    def kept(self) -> bool:
        """Return whether the promised rate lies in the interval."""
        return self.low <= self.alpha <= self.high

    @property
    def sentence(self) -> str:
        """Return whether the promise is kept."""
        if self.missing:
            return self.missing
        return f"{self._found} {self.note}".rstrip()

    @property
    def _found(self) -> str:
        said = f"{self.rate:.2%} ({self.low:.2%} to {self.high:.2%})"
        start = f"In {self.runs:,} tests of nothing on {self.users:,} users, {said} found a difference"
        if self.kept:
            return f"{start}: as promised ({self.alpha:g})."
        if self.rate < self.alpha:
            return f"{start}, fewer than the promised {self.alpha:g}: safe, but it finds less than it could."
        return f"{start}, more than the promised {self.alpha:g}: do not trust this test on these users."

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return the p-values by tenths."""
        import pandas as pd

        ends = np.arange(1, len(self.bins) + 1) / len(self.bins)
        share = np.array(self.bins) / max(sum(self.bins), 1)
        return pd.DataFrame({"p_up_to": ends, "tests": self.bins, "share": share})

    def _repr_html_(self) -> str:
        return html_table(self.to_frame(), self.sentence)


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerRow:
    """The power for one change: simulated with its 95 % interval, and as the formula has it.

    The formula takes users to differ as much as before; a change in parts makes them differ more.
    """

    lift: float
    power: float
    low: float
    high: float
    calculated: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedPower:
    """The power of a test on one's own users, by the size of the change.

    `planned` is the change that a plan is for, where there is one, and `goal` the power it is to have.
    """

    runs: int
    users: int
    alpha: float
    rows: tuple[PowerRow, ...]
    missing: str = ""
    note: str = ""
    planned: float | None = None
    goal: float = 0.8

    @property
    def sentence(self) -> str:
        """Return how often the planned change is found, or which change is found most of the time."""
        if self.missing or not self.rows:
            return self.missing or "No change was tried."
        enough = [row for row in self.rows if row.power >= self.goal]
        found = min(enough, key=lambda row: abs(row.lift)) if enough else max(self.rows, key=_power)
        shown = next((row for row in self.rows if row.lift == self.planned), found)
        of = "a" if self.planned is None else "the planned"
        short = shown.high < self.goal if self.planned is not None else not enough
        said = (
            f"{self.users:,} users find {of} change of {signed(shown.lift)} in {shown.power:.0%} of tests"
            f"{' only' if short else ''} "
            f"({shown.low:.0%} to {shown.high:.0%}: {self.runs:,} were simulated)"
        )
        if short and self.planned is not None:
            said += f", less often than the {self.goal:.0%} of the plan"
            said += f"; one of {signed(found.lift)} in {found.power:.0%}" if enough else ""
        return f"{said}. {self.note}".rstrip()

    __repr__ = told

    def to_frame(self) -> pd.DataFrame:
        """Return the rows as a table."""
        import pandas as pd

        names = PowerRow.__slots__
        return pd.DataFrame([{name: getattr(row, name) for name in names} for row in self.rows])

    def _repr_html_(self) -> str:
        return html_table(self.to_frame(), self.sentence)


def _power(row: PowerRow) -> float:
    return row.power


def simulate_aa(
    values: UserValues, procedure: Procedure | None = None, *, runs: int = 20_000, seed: int = 0
) -> FalseAlarms:
    """Return how often a test finds a difference between groups of the same users.

    Parameters
    ----------
    values : UserValues
        One's own users; with the time before, the figures are adjusted for it (CUPED).
    procedure : Procedure, optional
        Alpha, split and correction; one look is simulated.
    runs, seed : int
        Tests, and where chance begins.

    Examples
    --------
    >>> from workbench.experiments.power.user_values import user_values
    >>> found = simulate_aa(user_values([0.0] * 900 + [1.0] * 100), runs=2000)
    >>> found.kept, found.users
    (True, 1000)
    """
    chosen = _checked(values, procedure, runs)
    generator = np.random.default_rng(seed)
    batches = assigned(values, chosen.split, runs, generator)
    made = rehearsed(batches, values, chosen, runs=runs, seed=seed)
    p, up, runs = made.p, made.up, len(made.p)
    clear = p < chosen.comparison_alpha
    found = int(clear.any(axis=1).sum())
    interval = share_interval(found, runs)
    known = p[np.isfinite(p)]
    bins = np.histogram(known, bins=BINS, range=(0.0, 1.0))[0]
    expected = max(known.size, 1) / BINS
    return FalseAlarms(
        runs=runs,
        users=values.total,
        alpha=chosen.comparison_alpha if chosen.correction == "none" and p.shape[1] == 1 else chosen.alpha,
        found=found,
        low=float(interval.low),
        high=float(interval.high),
        above=int((clear & up).any(axis=1).sum()),
        below=int((clear & ~up).any(axis=1).sum()),
        bins=tuple(int(count) for count in bins),
        uniform=float(chdtrc(BINS - 1, float(((bins - expected) ** 2).sum() / expected))),
        shuffled=made.shuffled,
        note=made.note,
    )


def simulate_power(
    values: UserValues,
    lifts: Sequence[float],
    procedure: Procedure | None = None,
    *,
    users: int | None = None,
    added: bool = False,
    runs: int = 2000,
    seed: int = 0,
) -> SimulatedPower:
    """Return how often a test finds changes that were put into one's own users.

    Parameters
    ----------
    values : UserValues
        One's own users.
    lifts : sequence of float
        Changes of the variant as parts of the metric: 0.05 for 5 % more.
    procedure : Procedure, optional
        Alpha, sides and split; the first variant is changed, one look is simulated.
    users : int, optional
        Users in each test, all groups together; as many as there are by default.
    added : bool
        Whether everybody brings so much more, instead of more by a part: see `UserValues.lifted`.
    runs, seed : int
        Tests for each change, and where chance begins.

    Examples
    --------
    >>> from workbench.experiments.power.user_values import user_values
    >>> found = simulate_power(user_values([0.0] * 900 + [1.0] * 100), [0.3], users=4000, runs=500)
    >>> abs(found.rows[0].power - found.rows[0].calculated) < 0.06
    True
    """
    chosen = _checked(values, procedure, runs)
    size = values.total if users is None else users
    baseline, rows, fewest, note = values.baseline, [], runs, ""
    for lift in lifts:
        generator = np.random.default_rng(seed)
        groups = (values, values.lifted(lift, added=added))
        sizes = [size * share for share in chosen.split[:2]]
        batches = drawn(groups, sizes, runs, generator)
        made = rehearsed(batches, values, chosen, runs=runs, seed=seed)
        found = int(((made.p < chosen.comparison_alpha) & (made.up == (lift > 0))).sum())
        fewest, note = min(fewest, len(made.p)), made.note or note
        interval = share_interval(found, len(made.p))
        calculated = float(power_of(baseline, lift * baseline.value, float(size), chosen))
        rows.append(
            PowerRow(
                lift=lift,
                power=found / len(made.p),
                low=float(interval.low),
                high=float(interval.high),
                calculated=calculated,
            )
        )
    return SimulatedPower(runs=fewest, users=size, alpha=chosen.comparison_alpha, rows=tuple(rows), note=note)


def _checked(values: UserValues, procedure: Procedure | None, runs: int) -> Procedure:
    if not isinstance(values, UserValues):
        raise wrong_kind("What is simulated on", values, "users, such as user_values(NUMBERS)")
    chosen = procedure or Procedure()
    if chosen.looks > 1 or chosen.margin > 0 or chosen.sides == 1:
        raise UsageError("Tests of two sides with one look are simulated.")
    if not 1 <= runs <= MOST_RUNS:
        raise UsageError(f"Between 1 and {MOST_RUNS:,} tests can be simulated, not {runs:,}.")
    return chosen
