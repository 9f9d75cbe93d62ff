"""What an experiment is: a frozen value that says what is tried, on whom, judged by what."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from workbench.errors import UsageError, wrong_kind

Kind = Literal["message", "channel", "timing", "segment", "template", "creative"]
Status = Literal["draft", "running", "paused", "completed", "cancelled"]
KINDS: tuple[Kind, ...] = ("message", "channel", "timing", "segment", "template", "creative")
TRANSITIONS: dict[Status, tuple[Status, ...]] = {
    "draft": ("running", "cancelled"),
    "running": ("paused", "completed", "cancelled"),
    "paused": ("running", "completed", "cancelled"),
    "completed": (),
    "cancelled": (),
}

LEAST_LEVEL = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardrail:
    """A metric that must not become worse by more than a margin.

    Parameters
    ----------
    metric : str
        A metric of the dictionary.
    margin : float
        The worst relative change that is still accepted, 0.02 for 2 %.
    """

    metric: str
    margin: float = 0.02

    def __post_init__(self) -> None:
        if not 0 <= self.margin < 1:
            raise UsageError(f"The margin of {self.metric} is a share from 0 to 1, not {self.margin}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """One A/B/n test as it was planned.

    Parameters
    ----------
    name : str
        A slug; with the user's id it decides the variant.
    hypothesis : str
        What is expected, and why.
    kind : str
        What differs between the variants.
    campaign : str
        The campaign's id; empty where it is none.
    variants : tuple of str
        The control comes first.
    split : tuple of float
        Shares of the variants; they sum to 1.
    primary : str
        The metric of the dictionary that decides.
    secondary : tuple of str
        Metrics that are looked at beside it.
    guardrails : tuple of Guardrail
        Metrics that must not become worse.
    level, power : float
        Of the interval, and of finding the minimum effect.
    minimum_effect : float
        The smallest relative change of the primary metric worth finding; NaN where none was planned.
    start, end : date, optional
        The first and the last day, both part of it.
    looks : int
        How often it is looked at on the way, the end included; 1 is a fixed sample.
    before_days : int
        Days before the start whose figures reduce the variance (CUPED); 0 is without.
    status : str
        Where it stands in its life: see `TRANSITIONS`.

    Raises
    ------
    UsageError
        If its parts do not fit together.
    """

    name: str
    primary: str
    hypothesis: str = ""
    kind: Kind = "message"
    campaign: str = ""
    variants: tuple[str, ...] = ("control", "treatment")
    split: tuple[float, ...] = (0.5, 0.5)
    secondary: tuple[str, ...] = ()
    guardrails: tuple[Guardrail, ...] = ()
    level: float = 0.95
    power: float = 0.8
    minimum_effect: float = float("nan")
    start: date | None = None
    end: date | None = None
    looks: int = 1
    before_days: int = 28
    status: Status = "draft"

    def __post_init__(self) -> None:
        check_split(self.name, self.variants, self.split)
        _check_settings(self)

    @property
    def control(self) -> str:
        """Return the variant that the others are compared with."""
        return self.variants[0]

    def moved_to(self, status: Status) -> Experiment:
        """Return the experiment in its next state.

        Raises
        ------
        UsageError
            If that state cannot follow.

        Examples
        --------
        >>> Experiment(name="new_subject", primary="ctr").moved_to("running").status
        'running'
        """
        if status not in TRANSITIONS[self.status]:
            may = ", ".join(TRANSITIONS[self.status]) or "nothing"
            raise UsageError(f"{self.name} is {self.status}: {may} can follow, not {status}.")
        return replace(self, status=status)


def check_split(name: str, variants: Sequence[str], split: Sequence[float]) -> None:
    """Check that there are several variants, each with its share.

    Raises
    ------
    UsageError
        If a variant stands twice, has no share, or the shares do not sum to 1.

    Examples
    --------
    >>> check_split("new_subject", ("control", "treatment"), (0.5, 0.5))
    """
    if isinstance(variants, str):
        raise wrong_kind(f"variants of {name}", variants, "several names, as ('control', 'treatment')")
    if not name or ":" in name:
        raise UsageError(f"An experiment needs a name without a colon, not {name!r}.")
    if len(variants) < 2 or len(set(variants)) < len(variants) or not all(variants):
        raise UsageError(f"{name} needs two or more variants of different names, not {', '.join(variants)}.")
    if len(split) != len(variants):
        raise UsageError(f"{name} has {len(variants)} variants and {len(split)} shares.")
    if not all(0 < share < 1 for share in split) or not math.isclose(math.fsum(split), 1, abs_tol=1e-9):
        raise UsageError(f"The shares of {name} lie between 0 and 1 and sum to 1, not {tuple(split)}.")


def check_sound(experiment: Experiment) -> None:
    """Check what makes no sense, but was once kept: such a test can be read, and neither made nor analysed.

    Raises
    ------
    UsageError
        If the level is below a half, or a metric is named twice.

    Examples
    --------
    >>> check_sound(Experiment(name="subject", primary="ctr", secondary=("ctr",)))
    Traceback (most recent call last):
        ...
    workbench.errors.UsageError: subject names the metric ctr twice: it is primary, secondary or a guardrail.
    """
    name = experiment.name
    if experiment.level < LEAST_LEVEL:
        raise UsageError(
            f"The level of {name} is {LEAST_LEVEL} at least, not {experiment.level}: "
            "0.95 goes with an alpha of 0.05."
        )
    named = (experiment.primary, *experiment.secondary, *(own.metric for own in experiment.guardrails))
    if twice := sorted({metric for metric in named if named.count(metric) > 1}):
        raise UsageError(
            f"{name} names the metric {twice[0]} twice: it is primary, secondary or a guardrail."
        )


def check_days(name: str, **days: object) -> None:
    """Check that days are days, neither text nor moments.

    Raises
    ------
    UsageError
        If one is something else.

    Examples
    --------
    >>> check_days("mail", start=date(2024, 5, 1), end=None)
    >>> check_days("mail", start="2024-05-01")
    Traceback (most recent call last):
        ...
    workbench.errors.UsageError: The start of mail is a day as date(2024, 5, 1), not the str 2024-05-01.
    """
    for what, day in days.items():
        if day is not None and type(day) is not date:
            raise wrong_kind(f"The {what} of {name}", day, "a day as date(2024, 5, 1)")


def _check_settings(experiment: Experiment) -> None:
    name = experiment.name
    check_days(name, start=experiment.start, end=experiment.end)
    if isinstance(experiment.secondary, str):
        raise wrong_kind(f"secondary of {name}", experiment.secondary, "several metrics, as ('revenue',)")
    for what in ("level", "power"):
        if not 0 < getattr(experiment, what) < 1:
            raise UsageError(f"The {what} of {name} lies between 0 and 1, not {getattr(experiment, what)}.")
    if experiment.looks < 1 or experiment.before_days < 0:
        raise UsageError(f"{name} needs at least one look, and no negative number of days before.")
    if experiment.start and experiment.end and experiment.end < experiment.start:
        raise UsageError(f"{name} ends on {experiment.end}, before it starts on {experiment.start}.")
    if experiment.kind not in KINDS or experiment.status not in TRANSITIONS:
        raise UsageError(
            f"{name}: {experiment.kind} is one of {', '.join(KINDS)}, "
            f"and {experiment.status} one of {', '.join(TRANSITIONS)}."
        )
