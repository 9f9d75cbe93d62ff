"""What a look on the way may say: by planned looks, or at any time.

References
----------
`workbench.experiments.inference.spending` (Lan, DeMets) and
`workbench.experiments.inference.confidence_sequence` (Waudby-Smith et al.).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

from scipy.special import ndtr, ndtri

from workbench.errors import UsageError
from workbench.experiments.definition import Experiment
from workbench.experiments.inference import confidence_sequence, spending
from workbench.experiments.inference.estimate import Estimate
from workbench.experiments.users.joining import user_days
from workbench.experiments.users.users import Seen
from workbench.metrics.window import Window

Monitor = Literal["auto", "planned", "any time", "none"]
PLANNED_USERS = 10_000.0
_NO_NEWS = 1e-3  # looks that are nearer in what is known are one
_LEAST_TAIL = 1e-12  # of one side; smaller ones are lost in 1 - tail


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitoring:
    """How a test is looked at.

    Parameters
    ----------
    kind : {"none", "planned", "any time"}
        One look at the end, planned looks, or looks at will.
    fractions : tuple of float
        Shares of the planned time at the looks so far.
    information : tuple of float
        What was known at those looks, in days that users had been in the test; empty where nobody knows, and
        then the shares of the time stand for it.
    final : bool
        Whether this look ends the test.
    planned_users : float
        Users at which looks at any time see best.
    note : str
        What that means for a reader.
    """

    kind: Literal["none", "planned", "any time"] = "none"
    fractions: tuple[float, ...] = (1.0,)
    information: tuple[float, ...] = ()
    final: bool = True
    planned_users: float = PLANNED_USERS
    note: str = ""

    def at_this_look(self, found: Estimate, users: float, *, alpha: float) -> Estimate | None:
        """Return the difference as it may be read at this look; None where it is the only one."""
        if self.kind == "none" or not (found.known and found.error > 0):
            return None
        below, above = _sides(found, alpha)
        error = below if found.value > 0 else above
        if self.kind == "planned":
            made = spending.look(
                found.value,
                error,
                fractions=self.fractions,
                alpha=alpha,
                final=self.final,
                information=self.information,
            )
        else:
            made = confidence_sequence.at_any_time(
                found.value, error, users, planned=self.planned_users, level=1 - alpha
            ).at(method=confidence_sequence.METHOD)
        bound = (made.high - made.value) / error if math.isfinite(error) else math.inf
        if found.value > 0:
            return replace(made, error=found.error, high=made.value + bound * above)
        return replace(made, error=found.error, low=made.value - bound * below)

    def tail_at_this_look(self, users: float, *, alpha: float) -> float:
        """Return the error of each side at this look; NaN where it is the only one.

        Parameters
        ----------
        users : float
            Of both variants.
        alpha : float
            Of both sides and all looks.
        """
        if self.kind == "none":
            return math.nan
        if self.kind == "planned":
            bound = float(
                spending.bounds(self.fractions, alpha=alpha, final=self.final, information=self.information)[
                    -1
                ]
            )
        else:
            bound = (
                confidence_sequence.at_any_time(0.0, 1.0, users, planned=self.planned_users, level=1 - alpha)
                .at(method=confidence_sequence.METHOD)
                .high
            )
        return max(float(ndtr(-bound)), _LEAST_TAIL)


def _sides(found: Estimate, alpha: float) -> tuple[float, float]:
    """Return the standard errors that the interval of the method has on either side.

    The plain standard error would undo what score, permutation and t do about few and uneven users: with
    1,000 users in the control and 9,000 in the variant, of whom 1 in 200 buys, 8 % of tests would be wrong.
    """
    normal = float(ndtri(1 - alpha / 2))
    sides = (found.value - found.low) / normal, (found.high - found.value) / normal
    return tuple(side if side > 0 else found.error for side in sides)  # type: ignore[return-value]


def monitoring_of(
    experiment: Experiment,
    seen: Seen,
    *,
    monitor: Monitor = "auto",
    planned_users: float = PLANNED_USERS,
    joined: Callable[[], Mapping[date, int]] | None = None,
) -> Monitoring:
    """Return how a test is looked at, from its plan and from how far it got.

    Parameters
    ----------
    experiment : Experiment
        Its looks and its end.
    seen : Seen
        How far the data go.
    monitor : str
        ``auto`` follows the plan: planned looks where there are several; one look where the end is reached;
        before that, looks at any time. ``none`` reads a running test as if it had ended, and says so.
    planned_users : float
        Of looks at any time: where they see best. To be chosen before the first look.
    joined : callable, optional
        Returns how many users joined on each day; asked for planned looks only.

    Raises
    ------
    UsageError
        If planned looks are asked for where no end is planned.
    """
    if monitor not in ("auto", "planned", "any time", "none"):
        raise UsageError(f"A test is looked at: auto, planned, any time or none, not {monitor!r}.")
    if monitor == "any time" or (monitor == "auto" and experiment.looks == 1 and not seen.ended):
        note = (
            "The test still runs, and one look at its end was planned: it is read by an interval that holds "
            "at any time, so that looking early does no harm."
        )
        return Monitoring(kind="any time", final=seen.ended, planned_users=planned_users, note=note)
    if monitor == "none" or (monitor == "auto" and experiment.looks == 1):
        return Monitoring(note=_too_early(experiment, seen))
    if seen.window is None or experiment.end is None:
        if monitor == "auto":
            return Monitoring(
                note="Looks were planned, but no days are known: it is read as one look at the end."
            )
        raise UsageError(f"{experiment.name} has no planned end, so its looks have no place: give it an end.")
    return _planned(experiment, seen, joined() if joined else {})


def _too_early(experiment: Experiment, seen: Seen) -> str:
    """Return what is wrong with one look at the end where the end was not reached; empty where it was."""
    if not seen.ended:
        return "The test still runs: a p-value read before its end finds too much."
    if experiment.end is None or seen.window is None or seen.window.last >= experiment.end:
        return ""
    return (
        f"The test ended before its planned end, {experiment.end}: p and interval hold only if what was seen "
        "on the way was not the reason."
    )


def _planned(experiment: Experiment, seen: Seen, joined: Mapping[date, int]) -> Monitoring:
    assert seen.window is not None  # noqa: S101 - the caller looked
    assert experiment.end is not None  # noqa: S101
    planned = (experiment.end - seen.window.first).days + 1
    reached = min(seen.window.days / planned, 1.0)
    looks = max(experiment.looks, 2)
    before = [place / looks for place in range(1, looks) if place / looks < reached - 1e-9]
    fractions, information = _known_at((*before, reached), seen.window, planned, joined)
    final = seen.window.last >= experiment.end
    note = (
        f"Look {len(before) + 1} of {looks} planned: the interval is as wide as {looks} looks need "
        "(Lan-DeMets, O'Brien-Fleming)."
    )
    if seen.ended and not final:
        note += " The test ended before its planned end, so what later looks would have spent stays unspent."
    return Monitoring(kind="planned", fractions=fractions, information=information, final=final, note=note)


def _known_at(
    fractions: tuple[float, ...], window: Window, planned: int, joined: Mapping[date, int]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the looks that had something new to see, and what was known at each."""
    days = [window.first + timedelta(days=max(round(share * planned), 1) - 1) for share in fractions]
    known = user_days(joined, [*days[:-1], window.last])
    if not known[-1] > 0:
        return fractions, ()
    kept: list[int] = [len(known) - 1]
    for place in range(len(known) - 2, -1, -1):
        if 0 < known[place] < known[kept[-1]] * (1 - _NO_NEWS):
            kept.append(place)
    return tuple(fractions[place] for place in kept[::-1]), tuple(known[place] for place in kept[::-1])
