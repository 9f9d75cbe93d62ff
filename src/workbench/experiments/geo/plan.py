"""What a geo test is: a frozen value that says where a campaign runs, where it does not, and when."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import Any, Literal, get_args

from workbench.errors import BadInput, NotEnoughData, UsageError, wrong_kind
from workbench.experiments.definition import LEAST_LEVEL, Status, check_days
from workbench.experiments.definition import TRANSITIONS as OF_USERS
from workbench.experiments.geo.panel import Panel
from workbench.experiments.geo.split import Split, split

GeoStatus = Literal["draft", "running", "completed", "cancelled"]
# The life of every test, without a pause: days that passed in the regions cannot be taken back.
TRANSITIONS: dict[GeoStatus, tuple[GeoStatus, ...]] = {
    status: tuple(one for one in may if one != "paused")
    for status, may in OF_USERS.items()
    if status != "paused"
}
_LISTS = ("treated", "controls", "excluded")
_DAYS = ("start", "end", "first_day")
_YEARS, _LONGEST = (1900, 2200), 3660


@dataclass(frozen=True, slots=True, kw_only=True)
class GeoTest:
    """One geo test as it was planned, or as it is remembered: an analysis needs no stored plan.

    Parameters
    ----------
    name : str
        What it is called.
    treated : tuple of str
        The geos in which the campaign runs.
    start, end : date
        First and last day of the campaign there, both part of it.
    controls : tuple of str
        The geos to compare with; all others where empty.
    excluded : tuple of str
        Geos that are neither, e.g. because another campaign runs there.
    metric : str
        What is looked at.
    cooldown : int
        Periods after the end in which the effect may still arrive.
    first_day : date, optional
        Where the pre-period begins; with the data where not given.
    budget : float, optional
        What the campaign costs in the treated geos, where it is known beforehand.
    minimum_effect : float, optional
        The smallest lift worth finding, where one was planned.
    level, power : float
        Of the interval, and of finding the minimum effect.
    status : str
        draft, running, completed or cancelled.

    Raises
    ------
    UsageError
        If its parts do not fit together.

    Examples
    --------
    >>> test = GeoTest(name="posters", treated=("Bremen",), start=date(2024, 5, 1), end=date(2024, 5, 28))
    >>> test.progress(date(2024, 5, 7)), test.moved_to("running").status
    (0.25, 'running')
    >>> GeoTest.from_json(test.to_json()) == test
    True
    """

    name: str
    treated: tuple[str, ...]
    start: date
    end: date
    controls: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    metric: str = "revenue"
    cooldown: int = 0
    first_day: date | None = None
    budget: float | None = None
    minimum_effect: float | None = None
    level: float = 0.95
    power: float = 0.8
    status: GeoStatus = "draft"

    def __post_init__(self) -> None:
        if not self.name or not self.treated:
            raise UsageError("A geo test has a name, and at least one treated geo.")
        check_days(self.name, start=self.start, end=self.end, first_day=self.first_day)
        if isinstance(self.treated, str):
            raise wrong_kind(f"treated of {self.name}", self.treated, "several geos, as ('Bremen',)")
        if self.end < self.start or (self.first_day is not None and self.first_day >= self.start):
            raise UsageError(f"{self.name}: its pre-period, start and end do not follow one another.")
        if self.status not in TRANSITIONS:
            raise UsageError(f"{self.name}: a geo test is {', '.join(TRANSITIONS)}, not {self.status}.")
        if self.start.year < _YEARS[0] or self.end.year > _YEARS[1]:
            raise UsageError(f"{self.name}: its days lie from {_YEARS[0]} to {_YEARS[1]}.")
        if not (0 < self.level < 1 and 0 < self.power < 1) or not 0 <= self.cooldown <= _LONGEST:
            raise UsageError(
                f"{self.name}: level and power lie between 0 and 1, the cooldown from 0 to {_LONGEST}."
            )
        if self.level < LEAST_LEVEL:
            raise UsageError(
                f"The level of {self.name} is {LEAST_LEVEL} at least, not {self.level}: "
                "0.95 goes with an alpha of 0.05."
            )
        for what in ("budget", "minimum_effect"):
            value = getattr(self, what)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise UsageError(f"{self.name}: {what} is a figure above 0, not {value}.")
        _refuse_overlap(self)

    def progress(self, today: date) -> float:
        """Return the share of its days that have passed, `today` included; 0 before, 1 after."""
        days = (self.end - self.start).days + 1
        return min(max(((today - self.start).days + 1) / days, 0.0), 1.0)

    def moved_to(self, status: Status) -> GeoTest:
        """Return the test in its next state.

        Raises
        ------
        UsageError
            If that state cannot follow.
        """
        if status not in TRANSITIONS[self.status]:
            may = ", ".join(TRANSITIONS[self.status]) or "nothing"
            raise UsageError(f"{self.name} is {self.status}: {may} can follow, not {status}.")
        return replace(self, status=status)

    @property
    def last_effect(self) -> date:
        """Return the last day on which its effect may arrive, the cooldown counted in days."""
        return self.end + timedelta(days=self.cooldown)

    def uses(self, geo: str) -> bool:
        """Return whether a geo is treated, or may be a control.

        Examples
        --------
        >>> days = {"start": date(2024, 3, 1), "end": date(2024, 3, 14)}
        >>> test = GeoTest(name="x", treated=("Kiel",), excluded=("Jena",), **days)
        >>> test.uses("Kiel"), test.uses("Bonn"), test.uses("Jena")
        (True, True, False)
        """
        if geo in self.excluded:
            return False
        return not self.controls or geo in self.controls or geo in self.treated

    def disturbed_by(self, other: GeoTest) -> tuple[str, ...]:
        """Return the regions of this test in which another one ran at the same time.

        Examples
        --------
        >>> days = {"start": date(2024, 5, 1), "end": date(2024, 5, 28)}
        >>> mine, other = (GeoTest(name=one, treated=(one,), **days) for one in ("Bremen", "Kiel"))
        >>> mine.disturbed_by(other), replace(mine, excluded=("Kiel",)).disturbed_by(other)
        (('Kiel',), ())
        """
        if other.start > self.last_effect or other.last_effect < self.start:
            return ()
        return tuple(geo for geo in other.treated if self.uses(geo))

    def split(self, panel: Panel) -> Split:
        """Return who of a panel is treated and who stands for them, checked.

        Raises
        ------
        UsageError, NotEnoughData
            As `workbench.experiments.geo.split.split` does; also where the data end before the test.
        """
        _refuse_unfinished(self, panel)
        kept = panel.without(self.excluded) if self.excluded else panel
        if self.first_day is not None:
            kept = kept.cut(kept.position(self.first_day), len(kept.days))
        return split(
            kept,
            treated=self.treated,
            start=self.start,
            end=self.end,
            controls=self.controls or None,
            cooldown=self.cooldown,
        )

    def to_json(self) -> str:
        """Return the test as JSON text; `from_json` reads it again."""
        return json.dumps(asdict(self), default=str, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, *, file: object = None) -> GeoTest:
        """Return the test that a text says.

        Raises
        ------
        BadInput
            Naming the field that cannot be accepted.
        """
        try:
            read = json.loads(text)
        except ValueError as error:
            raise BadInput("not JSON", file=file, fix=str(error)) from None
        if not isinstance(read, dict):
            raise BadInput("not a geo test", file=file, expected="an object")
        return cls.from_document(read, file=file)

    @classmethod
    def from_document(cls, read: Mapping[str, Any], *, file: object = None) -> GeoTest:
        """Return the test that a mapping of its fields says.

        Raises
        ------
        BadInput
            Naming the field that cannot be accepted.

        Examples
        --------
        >>> said = {"name": "posters", "treated": ["Bremen"], "start": "2024-05-01", "end": "2024-05-28"}
        >>> GeoTest.from_document(said).end
        datetime.date(2024, 5, 28)
        """
        fields = cls.__dataclass_fields__
        unknown = [name for name in read if name not in fields]
        lacking = [name for name in ("name", "treated", "start", "end") if name not in read]
        if unknown or lacking:
            what = f"unknown field {unknown[0][:80]!r}" if unknown else f"no {lacking[0]}"
            raise BadInput(what, file=file, expected=f"the fields {', '.join(fields)}")
        try:
            return cls(**{name: _read(name, value, file) for name, value in read.items()})
        except UsageError as error:
            raise BadInput(str(error).rstrip("."), file=file) from None


def _read(name: str, value: Any, file: object) -> Any:
    """Return one field of a test from what JSON has for it."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if name in _LISTS and isinstance(value, list) and all(isinstance(geo, str) for geo in value):
        return tuple(value)
    if name in _DAYS and isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    if value is None and name in ("first_day", "budget", "minimum_effect"):
        return None
    if name in ("budget", "minimum_effect", "level", "power") and number:
        return float(value)
    if name == "cooldown" and isinstance(value, int) and number:
        return value
    if name in ("name", "metric") and isinstance(value, str):
        return value
    if name == "status" and value in get_args(GeoStatus):
        return value
    raise BadInput("not accepted", file=file, column=name, value=value, expected=_expected(name))


def _expected(name: str) -> str:
    if name in _LISTS:
        return "a list of texts"
    if name in _DAYS:
        return "a day such as 2026-03-01"
    if name == "status":
        return ", ".join(TRANSITIONS)
    return "a text" if name in ("name", "metric") else "a number"


def _refuse_unfinished(test: GeoTest, panel: Panel) -> None:
    step = panel.days[-1] - panel.days[-2] if len(panel.days) > 1 else timedelta(days=1)
    last = panel.days[-1] + step - timedelta(days=1)
    if last < test.end:
        raise NotEnoughData(
            f"{test.name} ends on {test.end}, the data on {last}: {test.progress(last):.0%} of its days have "
            "passed, and an effect is judged once, at the end. Wait for it, or plan an earlier end before "
            "looking."
        )


def _refuse_overlap(test: GeoTest) -> None:
    groups = {"treated": test.treated, "control": test.controls, "excluded": test.excluded}
    place: dict[str, str] = {}
    for group, geos in groups.items():
        for geo in geos:
            if geo in place:
                raise UsageError(f"{test.name}: {geo} is named as {place[geo]} and as {group}.")
            place[geo] = group
