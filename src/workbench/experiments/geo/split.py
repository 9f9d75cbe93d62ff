"""Who was treated and when, and who they are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from workbench.errors import BadInput, NotEnoughData, UsageError
from workbench.experiments.geo.panel import Panel, Rows

MIN_CONTROLS = 4
MIN_PRE = 10
_SQUARED = (1e-140, 1e140)  # what is larger or smaller cannot be squared and added up


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """Who was treated and when, as places in a panel; `split` makes and checks it.

    Parameters
    ----------
    panel : Panel
        From the first day of the pre-period to the last day of the cooldown; treated geos and controls only,
        in the order of their names, so that nothing depends on the order of the data.
    treated, controls : ndarray of int
        Rows of the panel; no geo is in both.
    pre, test, cooldown : int
        Numbers of periods, one after the other; treatment takes place in `test` and may echo in `cooldown`.
    """

    panel: Panel
    treated: Rows
    controls: Rows
    pre: int
    test: int
    cooldown: int = 0

    @property
    def post(self) -> int:
        """Return how many periods the effect is looked for in: the test and the cooldown."""
        return self.test + self.cooldown

    @property
    def treated_names(self) -> tuple[str, ...]:
        """Return the treated geos."""
        return tuple(self.panel.geos[row] for row in self.treated)

    @property
    def control_names(self) -> tuple[str, ...]:
        """Return the geos they are compared with."""
        return tuple(self.panel.geos[row] for row in self.controls)

    @property
    def start(self) -> date:
        """Return the first day of the test."""
        return self.panel.days[self.pre]


def split(
    panel: Panel,
    *,
    treated: Sequence[str],
    start: date,
    end: date | None = None,
    controls: Sequence[str] | None = None,
    cooldown: int = 0,
) -> Split:
    """Return who was treated and when, checked.

    Parameters
    ----------
    panel : Panel
        All geos and days there are.
    treated : sequence of str
        Geos in which the campaign ran.
    start, end : date
        First and last day of the test, both part of it; without an end the last period before the cooldown.
    controls : sequence of str, optional
        Geos to compare with; all others if not given.
    cooldown : int
        Periods after the test in which the effect may still arrive.

    Raises
    ------
    UsageError
        For an unknown geo, a treated geo among the controls, a test outside of the panel.
    NotEnoughData
        For fewer than 4 controls, or a pre-period of fewer than 10 periods or shorter than what it predicts.

    Examples
    --------
    >>> from datetime import date, timedelta
    >>> days = tuple(date(2026, 1, 1) + timedelta(day) for day in range(60))
    >>> values = 100 + np.random.default_rng(1).normal(size=(12, 60))
    >>> values[0, 50:] += 5
    >>> panel = Panel(geos=tuple("abcdefghijkl"), days=days, values=values)
    >>> made = split(panel, treated=["a"], start=days[50])
    >>> made.pre, made.test, made.treated_names, len(made.controls)
    (50, 10, ('a',), 11)
    """
    rows = panel.rows(treated)
    if not len(rows) or len(set(treated)) < len(rows):
        raise UsageError("Name each treated geo once; at least one.")
    names = [geo for geo in panel.geos if geo not in set(treated)] if controls is None else list(controls)
    both = sorted(set(treated) & set(names))
    if both:
        raise UsageError(f"{', '.join(both)} cannot be treated and control at once.")
    if len(set(names)) < max(len(names), MIN_CONTROLS):
        raise NotEnoughData(
            f"{len(set(names))} control geos; at least {MIN_CONTROLS} different ones are needed to "
            "stand for the treated geos."
        )
    first = panel.position(start)
    after = len(panel.days) - cooldown if end is None else _after(panel, end)
    if cooldown < 0 or not 0 <= first < after or after + cooldown > len(panel.days) or start < panel.days[0]:
        raise UsageError(
            f"The test from {start} to {end or 'the end'} with {cooldown} periods of cooldown does not lie "
            f"within the data, {panel.days[0]} to {panel.days[-1]}."
        )
    if start != panel.days[first]:
        raise UsageError(
            f"The test starts on {start}, within the period that begins on {panel.days[first - 1]}: what is "
            "treated in part is neither before the test nor in it. Start it with a period, or take days."
        )
    post = after - first + cooldown
    if first < max(MIN_PRE, post):
        raise NotEnoughData(
            f"The pre-period has {first} periods; {post} are to be predicted from it. At least "
            f"{max(MIN_PRE, post)} are needed, four times the test is good."
        )
    used = panel.cut(0, after + cooldown).only(sorted({*treated, *names}))
    return Split(
        panel=used,
        treated=used.rows(sorted(treated)),
        controls=used.rows(sorted(names)),
        pre=first,
        test=after - first,
        cooldown=cooldown,
    )


def _after(panel: Panel, end: date) -> int:
    days = np.array(panel.days, "datetime64[D]")
    return int(np.searchsorted(days, np.datetime64(end, "D"), side="right"))


def refuse_still(made: Split) -> None:
    """Refuse geos of which nothing can be learnt: they never change, or no computer can square their figures.

    Raises
    ------
    BadInput
        If figures are too large or too small.
    NotEnoughData
        If the treated geos, or all of the controls, have the same figure on every day before the test.
    """
    values = made.panel.values
    largest = float(np.abs(values).max())
    if largest and not _SQUARED[0] < largest < _SQUARED[1]:
        raise BadInput(
            "figures of this size cannot be added up",
            value=largest,
            expected=f"the largest between {_SQUARED[0]:g} and {_SQUARED[1]:g}",
            fix="Give them in another unit.",
        )
    before = values[:, : made.pre]
    for who, moves in (("treated", before[made.treated].sum(axis=0)), ("control", before[made.controls])):
        if not np.ptp(moves, axis=-1).any():
            raise NotEnoughData(
                f"The {who} geos never change in the {made.pre} periods before the test: "
                "nothing can be learnt from them."
            )
