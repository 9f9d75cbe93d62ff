"""A schedule: which batches and notebooks are run at which times, read from a YAML file and checked whole."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workbench.errors import BadInput, unknown_name
from workbench.events.documents import read_document, read_whole
from workbench.reports.batch_file import expand, read_batch_file
from workbench.reports.cluster import check_address
from workbench.reports.cron import Cron, read_cron
from workbench.reports.delivery_plan import read_plan
from workbench.reports.notebook import find_notebook
from workbench.reports.parameters import read_parameters, refuse_unknown

_MOST_ENTRIES = 500
_HOUR = 3_600.0
_Path = Annotated[str, Field(min_length=1, max_length=4000)]


class _EntryText(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: str = Field(min_length=1, max_length=100)
    cron: str
    time_zone: str | None = None
    batch: _Path | None = None
    notebook: _Path | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)
    timeout: float = Field(default=900.0, ge=1, le=86_400, strict=False)
    catch_up: bool = True
    wanted_within: float = Field(default=_HOUR, ge=1, le=31 * 86_400, strict=False)
    on: str | None = None
    publish: _Path | None = None
    deliver: _Path | None = None


class _ScheduleText(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    time_zone: str | None = None
    alerts: _Path | None = None
    entries: list[_EntryText] = Field(min_length=1, max_length=_MOST_ENTRIES)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleEntry:
    """One thing that is run again and again.

    Parameters
    ----------
    name : str
        What it is called; unique in its file.
    cron : Cron
        When it falls due.
    batch : Path, optional
        The batch file it runs.
    notebook : str, optional
        The notebook it runs, where there is no batch.
    parameters : mapping
        The notebook's parameters.
    timeout : float
        The seconds the notebook may take; a batch file says its own.
    catch_up : bool
        Whether what fell due while no scheduler was at work is run once, late.
    wanted_within : float
        The seconds after which a run that has not ended is not on time.
    on : str, optional
        The Dask cluster where a batch runs.
    publish : Path, optional
        The folder where reports are published afterwards.
    deliver : Path, optional
        The plan by which the reports of its runs are delivered.
    """

    name: str
    cron: Cron
    batch: Path | None = None
    notebook: str | None = None
    parameters: Mapping[str, Any]
    timeout: float = 900.0
    catch_up: bool = True
    wanted_within: float = _HOUR
    on: str | None = None
    publish: Path | None = None
    deliver: Path | None = None

    @property
    def times(self) -> str:
        """Return the cron line and its time zone."""
        return f"{self.cron} {self.cron.zone.key}"

    @property
    def runs(self) -> str:
        """Return what it runs."""
        return str(self.batch or self.notebook)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The entries of a schedule file, each checked.

    Parameters
    ----------
    path : Path
        The file.
    entries : tuple of ScheduleEntry
        In the order of the file.
    alerts : Path, optional
        The plan that says who is told of what fails.
    """

    path: Path
    entries: tuple[ScheduleEntry, ...]
    alerts: Path | None = None

    def entry(self, name: str) -> ScheduleEntry:
        """Return the entry of a name.

        Raises
        ------
        UsageError
            If there is none; it names the nearest.
        """
        for entry in self.entries:
            if entry.name == name:
                return entry
        raise unknown_name("schedule entry", name, [entry.name for entry in self.entries])

    def coming(self, after: datetime, most: int) -> Iterator[tuple[datetime, ScheduleEntry]]:
        """Yield the next `most` times of every entry, all in order of time."""
        times = [(at, entry) for entry in self.entries for at in islice(entry.cron.following(after), most)]
        yield from sorted(times, key=lambda pair: pair[0])


def read_schedule(path: str | Path) -> Schedule:
    """Return the schedule of a file; the batches, notebooks and plans it names are read and checked, too.

    Raises
    ------
    BadInput
        Naming the file, the entry, and what was expected there.
    """
    file = Path(path)
    text = read_whole(file)
    try:
        document = _ScheduleText.model_validate(read_document(text, file))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        given = first["input"]
        raise BadInput(
            f"{_place(first['loc'])}: {first['msg'][:1].lower()}{first['msg'][1:]}",
            file=file,
            value=given if isinstance(given, (str, int, float)) else None,
        ) from None
    entries = tuple(
        _entry(one, document.time_zone, file, number) for number, one in enumerate(document.entries, start=1)
    )
    seen: set[str] = set()
    for entry in entries:
        if entry.name in seen:
            raise BadInput(
                "two entries have one name", file=file, value=entry.name, expected="a name of its own"
            )
        seen.add(entry.name)
    alerts = file.resolve().parent / document.alerts if document.alerts else None
    if alerts is not None and not read_plan(alerts).alerts:
        raise BadInput("it says of nobody who is told of failures", file=alerts, expected="'alerts'")
    return Schedule(path=file, entries=entries, alerts=alerts)


def _entry(given: _EntryText, time_zone: str | None, file: Path, number: int) -> ScheduleEntry:
    place = f"{file}, entry {number}"
    if not given.name.isprintable() or given.name != given.name.strip():
        raise BadInput(
            "a name that cannot be printed", file=place, value=given.name, expected="letters, marks, spaces"
        )
    place += f" ({given.name})"
    try:
        cron = read_cron(given.cron, _zone(given.time_zone or time_zone, place))
    except BadInput as error:
        if error.file is not None:
            raise
        raise BadInput(error.problem, file=place, value=error.value, expected=error.expected) from None
    if (given.batch is None) == (given.notebook is None):
        raise BadInput("it names both or neither", file=place, expected="either 'batch' or 'notebook'")
    if given.batch is not None and given.model_fields_set & {"parameters", "timeout"}:
        raise BadInput(
            "a batch has no 'parameters' or 'timeout' here", file=place, fix="Say them in the batch's file."
        )
    if given.on is not None:
        if given.batch is None:
            raise BadInput("only a batch runs 'on' a cluster", file=place)
        check_address(given.on)
    batch = file.resolve().parent / given.batch if given.batch is not None else None
    notebook = _notebook(given, file, place)
    if batch is not None:
        expand(read_batch_file(batch), None, batch)
    return ScheduleEntry(
        name=given.name,
        cron=cron,
        batch=batch,
        notebook=notebook,
        parameters=given.parameters,
        timeout=given.timeout,
        catch_up=given.catch_up,
        wanted_within=given.wanted_within,
        on=given.on,
        publish=file.resolve().parent / given.publish if given.publish is not None else None,
        deliver=_plan(given, file),
    )


def _plan(given: _EntryText, file: Path) -> Path | None:
    if given.deliver is None:
        return None
    plan = file.resolve().parent / given.deliver
    if not read_plan(plan).targets:
        raise BadInput("it says of nobody who gets reports", file=plan, expected="'targets'")
    return plan


def _notebook(given: _EntryText, file: Path, place: str) -> str | None:
    if given.notebook is None:
        return None
    beside = given.notebook.endswith(".ipynb") and not Path(given.notebook).is_absolute()
    name = str(file.resolve().parent / given.notebook) if beside else given.notebook
    found = find_notebook(name, source=place)
    refuse_unknown(found.parameters, given.parameters, source=place)
    read_parameters(found.parameters, given.parameters, source=place)
    return name


def _zone(name: str | None, place: str) -> ZoneInfo:
    if name is None:
        raise BadInput("no time zone", file=place, expected="'time_zone', such as Europe/Berlin")
    if name in _time_zones():
        return ZoneInfo(name)
    folded = {zone.casefold(): zone for zone in sorted(_time_zones())}
    ends = {zone.rpartition("/")[2]: zone for zone in folded}
    wanted = name[:100].casefold().replace(" ", "_")
    near = difflib.get_close_matches(wanted, folded, n=1) or [
        ends[end] for end in difflib.get_close_matches(wanted, ends, n=1)
    ]
    raise BadInput(
        "no such time zone",
        file=place,
        value=name,
        expected="a name such as Europe/Berlin or UTC",
        fix=f"Did you mean {folded[near[0]]!r}?" if near else None,
    )


@lru_cache(maxsize=1)
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _place(loc: tuple[str | int, ...]) -> str:
    if len(loc) > 1 and loc[0] == "entries" and isinstance(loc[1], int):
        return f"entry {loc[1] + 1}" + (f", {'.'.join(map(str, loc[2:]))}" if loc[2:] else "")
    return ".".join(map(str, loc)) or "the file"
