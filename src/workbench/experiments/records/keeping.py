"""One experiment as a workspace keeps it: every version of its definition, who is in it, what was decided.

Nothing here writes: a change is a value that follows the newest version, and the store adds it as a row.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from workbench.errors import UsageError, unknown_name
from workbench.experiments.definition import Experiment, Status, check_sound
from workbench.experiments.geo.plan import GeoTest
from workbench.experiments.records.documents import Plan, check_words, document_of

# What a running test may not change: its answer would be one to another question.
FIXED = ("variants", "split", "primary", "campaign", "kind", "level", "looks", "start")
GEO_FIXED = ("treated", "controls", "excluded", "metric", "level", "start", "cooldown", "first_day")
GROUPS = ("control", "treated")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One version of an experiment: how it was defined from then on, by whom, and why."""

    version: int
    experiment: Plan
    changed_at: datetime
    changed_by: str
    reason: str

    def to_row(self) -> dict[str, Any]:
        """Return it as a row of `experiment_definitions`."""
        return {
            "name": self.experiment.name,
            "version": self.version,
            "definition": json.dumps(document_of(self.experiment), sort_keys=True),
            "status": self.experiment.status,
            "changed_at": self.changed_at,
            "changed_by": self.changed_by,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One decision: what was done, with which variant, why, and the figures it rested on."""

    name: str
    number: int
    decision: str
    variant: str
    why: str
    figures: Mapping[str, Any]
    data_version: int
    decided_at: datetime
    decided_by: str

    def to_row(self) -> dict[str, Any]:
        """Return it as a row of `experiment_decisions`."""
        row = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return row | {"figures": json.dumps(dict(self.figures), sort_keys=True)}

    @property
    def sentence(self) -> str:
        """Return who decided what, when and why."""
        done = {
            "rollout": f"{self.variant!r} goes to everybody",
            "stop": f"the test stops with {self.variant!r}",
        }
        said = done.get(self.decision, f"the test goes on, {self.variant!r} in view")
        return f"{self.decided_at:%Y-%m-%d}, {self.decided_by}: {said}. {self.why}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One experiment with its history.

    Parameters
    ----------
    name : str
        Its name.
    changes : tuple of Change
        All versions, the oldest first; none where only assignments are known.
    decisions : tuple of Decision
        The oldest first.
    users : mapping of str to int
        How many users each variant has; one of several variants counts in each.
    everyone : int, optional
        How many users there are; the sum over the variants where it is not given.
    unreadable : str
        Why what is kept of its definition cannot be understood; empty where it can.
    """

    name: str
    changes: tuple[Change, ...] = ()
    decisions: tuple[Decision, ...] = ()
    users: Mapping[str, int] = field(default_factory=dict)
    everyone: int | None = None
    unreadable: str = ""

    @property
    def plan(self) -> Plan | None:
        """Return the newest version, or None where it was never defined here."""
        return self.changes[-1].experiment if self.changes else None

    @property
    def experiment(self) -> Experiment | None:
        """Return the newest version of a test on users, or None where it was never defined here.

        Raises
        ------
        UsageError
            If it is a geo test.
        """
        plan = self.plan
        if isinstance(plan, GeoTest):
            raise UsageError(
                f"{self.name} is a geo test: it compares regions, and has no users. "
                f"`workbench experiment analyze {self.name}` and the notebook geo_experiment read it."
            )
        return plan

    @property
    def geo_test(self) -> GeoTest | None:
        """Return the newest version of a geo test, or None where it is none."""
        return self.plan if isinstance(self.plan, GeoTest) else None

    @property
    def variants(self) -> tuple[str, ...]:
        """Return what can be decided on: the variants, of a geo test its two groups of regions."""
        if isinstance(self.plan, GeoTest):
            return GROUPS
        return self.plan.variants if self.plan else tuple(self.users)

    @property
    def status(self) -> str:
        """Return where it stands, or ``"undefined"``, or ``"unreadable"``."""
        if self.unreadable:
            return "unreadable"
        return self.plan.status if self.plan else "undefined"

    @property
    def size(self) -> int:
        """Return how many users there are, each counted once."""
        return sum(self.users.values()) if self.everyone is None else self.everyone

    def progress(self, today: date) -> float | None:
        """Return which share of a geo test's days has passed; None where days are not all it takes."""
        plan = self.geo_test
        if plan is None or plan.status == "cancelled":
            return None
        return 0.0 if plan.status == "draft" else plan.progress(today)

    @property
    def version(self) -> int:
        """Return the number of the newest version, 0 where there is none."""
        return self.changes[-1].version if self.changes else 0

    @property
    def sentence(self) -> str:
        """Return where it stands, who is in it, and what was decided last."""
        if self.unreadable:
            return f"What is kept of {self.name} cannot be understood: {self.unreadable}"
        size, twice = self.size, sum(self.users.values()) > self.size
        who = f"{size:,} users in {len(self.users)} variants" if size else "no users yet"
        who += ", some of them in several" if twice else ""
        if isinstance(self.plan, GeoTest):
            who = f"{len(self.plan.treated)} treated regions from {self.plan.start} to {self.plan.end}"
        status = "a draft" if self.status == "draft" else self.status
        said = f"{self.name} is {status}, with {who}."
        if not self.changes:
            said = f"{self.name} has {who}, but was not defined here."
        return f"{said} {self.decisions[-1].sentence}" if self.decisions else said


def next_version(kept: Kept, experiment: Plan, *, at: datetime, by: str, reason: str = "") -> Change | None:
    """Return the change that gives an experiment a new definition; None where it has that one already.

    Parameters
    ----------
    kept : Kept
        The experiment as it is; one without versions gets its first.
    experiment : Experiment or GeoTest
        The new definition; its status is not looked at.
    at, by, reason : datetime, str, str
        When, who and why.

    Raises
    ------
    UsageError
        If it has ended, runs and something would change that its answer depends on, or is of another kind.
    """
    check_words(reason, "The reason")
    if isinstance(experiment, Experiment):
        check_sound(experiment)
    old = kept.plan
    if old is None:
        _check_known_users(kept, experiment)
        return Change(
            version=1,
            experiment=replace(experiment, status="draft"),
            changed_at=at,
            changed_by=by,
            reason=reason,
        )
    new = _following(old, experiment)
    different = _different(old, new)
    if not different:
        return None
    if old.status in ("completed", "cancelled"):
        raise UsageError(
            f"{old.name} is {old.status}: it cannot be changed any more. Define one of a new name."
        )
    fixed = [name for name in _fixed(old, new, at.date()) if name in different]
    if fixed and (old.status != "draft" or (kept.users and {"variants", "split"} & set(fixed))):
        why = f"is {old.status}" if old.status != "draft" else "has users already"
        raise UsageError(
            f"{old.name} {why}: its {', '.join(fixed)} cannot change, or it would answer another question. "
            "Cancel it and define one of a new name."
        )
    return Change(version=kept.version + 1, experiment=new, changed_at=at, changed_by=by, reason=reason)


def _following(old: Plan, new: Plan) -> Plan:
    """Return a new definition with the status of the old one.

    One without a first day leaves the one that starting it gave.
    """
    if isinstance(old, GeoTest) and isinstance(new, GeoTest):
        return replace(new, status=old.status)
    if isinstance(old, GeoTest) or isinstance(new, GeoTest):
        is_, other = ("a geo test", "a test on users") if isinstance(old, GeoTest) else _SWAPPED
        raise UsageError(f"{old.name} is {is_}: define {other} under another name.")
    return replace(new, status=old.status, start=new.start or old.start)


_SWAPPED = ("a test on users", "a geo test")


def _fixed(old: Plan, new: Plan, today: date) -> tuple[str, ...]:
    """Return what may not change; a geo test's end not any more once its result could have been seen."""
    if not isinstance(old, GeoTest):
        return FIXED
    seen = today > min(old.end, new.end or old.end)
    return (*GEO_FIXED, "end") if seen else GEO_FIXED


def _different(old: Plan, new: Plan) -> list[str]:
    before, after = document_of(old), document_of(new)
    return [name for name in before if before[name] != after[name]]


def _check_known_users(kept: Kept, experiment: Plan) -> None:
    if isinstance(experiment, GeoTest):
        if kept.users:
            raise UsageError(f"{kept.name} has users already: define the geo test under another name.")
        return
    strange = sorted(set(kept.users) - set(experiment.variants))
    if strange:
        raise UsageError(
            f"{kept.name} has users in {', '.join(map(repr, strange))} already, which the definition lacks."
        )


def next_status(kept: Kept, status: Status, *, at: datetime, by: str, reason: str = "") -> Change | None:
    """Return the change that moves an experiment on; None where it is there already.

    What starts without a planned first day gets that of the start; what ends without a last one gets that
    of the end. A geo test is completed after its last day, for it is judged once.

    Raises
    ------
    UsageError
        If that status cannot follow, or the experiment was never defined.
    """
    check_words(reason, "The reason")
    old = kept.plan
    if old is None:
        raise UsageError(f"{kept.name} was not defined here: `workbench experiment create` does it.")
    if old.status == status:
        return None
    new: Plan = old.moved_to(status)
    if isinstance(new, GeoTest):
        _check_over(new, at.date())
    elif status == "running" and new.start is None:
        new = replace(new, start=at.date())
    elif status in ("completed", "cancelled") and new.start is not None and new.end is None:
        new = replace(new, end=max(at.date(), new.start))
    return Change(version=kept.version + 1, experiment=new, changed_at=at, changed_by=by, reason=reason)


def _check_over(test: GeoTest, today: date) -> None:
    if test.status == "completed" and today <= test.end:
        raise UsageError(
            f"{test.name} runs until {test.end}, and {test.progress(today):.0%} of its days have come: "
            "complete it after that day, or cancel it."
        )


def next_decision(kept: Kept, given: Decision) -> Decision | None:
    """Return a decision with its number; None where the last one says the same.

    Raises
    ------
    UsageError
        If the variant is unknown, nobody was in the test, or no reason was given.
    """
    check_words(given.why, "The reason")
    if not given.why.strip():
        raise UsageError("A decision needs its reason: say why.")
    if given.variant not in kept.variants:
        raise unknown_name("variant", given.variant, kept.variants)
    if kept.status == "draft" or not (kept.users or kept.geo_test):
        raise UsageError(f"{kept.name} has not run, so there is nothing to decide on.")
    if kept.decisions:
        last = kept.decisions[-1]
        told = ("decision", "variant", "why", "decided_by")
        if all(getattr(last, name) == getattr(given, name) for name in told):
            return None
    return replace(given, number=kept.decisions[-1].number + 1 if kept.decisions else 1)
