"""What a schedule owes after a run: its reports to people, and an alert where something went wrong.

Each stands in a file before it is tried and until it is done, so a kill loses none. What fails for the moment
is tried again, ever later, for a day; then it is reported.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from workbench.errors import WorkbenchError, WorkspaceError
from workbench.reports import delivery
from workbench.reports.delivery_alerts import Alert, deliver_alert
from workbench.reports.delivery_plan import read_plan
from workbench.reports.notebook import sha256, to_bytes
from workbench.reports.publication import campaign_names, rendered, subject_of
from workbench.reports.record import read_record
from workbench.reports.schedule_due import Clock, Due
from workbench.reports.schedule_record import Outcome, instant, schedule_folder
from workbench.store.staging import write_durably

if TYPE_CHECKING:
    from workbench.store.workspace import Workspace

FOLDER = "owed"
_FIRST_WAIT, _LONGEST_WAIT, _GIVEN_UP = timedelta(minutes=5), timedelta(hours=1), timedelta(days=1)
_MOST_TOLD = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """Reports or an alert that are yet to be delivered.

    Parameters
    ----------
    what : str
        ``delivery`` of reports, or ``alert``.
    entry, due : str
        The occurrence they belong to.
    plan : str
        The file of deliveries.
    since, at : datetime
        When it was first owed, and when it is to be tried.
    tries : int
        How often it was tried.
    runs : tuple of str
        The runs whose reports are delivered.
    published : str, optional
        The folder of their gallery.
    alert : Alert, optional
        What people are told.
    reported : tuple of str
        The deliveries that failed for good, which was reported.
    """

    what: Literal["delivery", "alert"]
    entry: str
    due: str
    plan: str
    since: datetime
    at: datetime
    tries: int = 0
    runs: tuple[str, ...] = ()
    published: str | None = None
    alert: Alert | None = None
    reported: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return the name of its file."""
        key = [
            self.what,
            self.entry,
            self.due,
            *([self.alert.what, self.alert.started] if self.alert else []),
        ]
        return sha256(to_bytes(key)).rpartition(":")[2][:32] + ".json"

    def is_due(self, moment: datetime) -> bool:
        """Return whether it is to be tried; a time far off is one of a clock that was set back since."""
        return self.at <= moment or self.at > moment + 2 * _LONGEST_WAIT


def owe(folder: Path, owed: Owed) -> None:
    """Keep what is owed; it is on the disk when this returns."""
    place = folder / FOLDER
    place.mkdir(exist_ok=True)
    times = {"since": owed.since.isoformat(), "at": owed.at.isoformat()}
    write_durably(place / owed.name, json.dumps(asdict(owed) | times) + "\n")


def owe_reports(folder: Path, due: Due, runs: tuple[str, ...], moment: datetime) -> None:
    """Owe the reports of an entry's runs, where it names a plan for them and there are any."""
    if due.entry.deliver is None or not runs:
        return
    published = due.entry.publish
    owed = Owed(
        what="delivery",
        entry=due.entry.name,
        due=due.at.isoformat(),
        plan=str(due.entry.deliver),
        since=moment,
        at=moment,
        runs=runs,
        published=str(published) if published is not None else None,
    )
    owe(folder, owed)


def owe_alert(workspace: Workspace, plan: Path | None, outcome: Outcome, moment: datetime) -> None:
    """Owe an alert of what failed, where a plan says who is told; that one could not be told is no alert."""
    if plan is None or outcome.status != "failed" or outcome.what == "alert":
        return
    alert = Alert(
        entry=outcome.entry,
        workspace=workspace.name,
        due=outcome.due,
        started=outcome.started,
        ended=outcome.ended,
        says=outcome.says,
        what=outcome.what,
    )
    owed = Owed(
        what="alert",
        entry=outcome.entry,
        due=outcome.due,
        plan=str(plan),
        since=moment,
        at=moment,
        alert=alert,
    )
    owe(schedule_folder(workspace), owed)


def read_owed(folder: Path) -> list[Owed]:
    """Return what is owed, the longest first, reports before alerts.

    Raises
    ------
    WorkspaceError
        If a file cannot be read: to drop it is a person's decision.
    """
    found = []
    for path in sorted((folder / FOLDER).glob("[!.]*.json")):
        try:
            found.append(_read(json.loads(path.read_text(encoding="utf-8"))))
        except FileNotFoundError:
            continue
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise WorkspaceError(
                f"{path} is damaged. Remove it to go on: what it stands for is not sent then."
            ) from None
    return sorted(found, key=lambda owed: (owed.at, owed.what == "alert", owed.name))


def _read(values: dict[str, Any]) -> Owed:
    typed = {
        "since": instant(values["since"]),
        "at": instant(values["at"]),
        "runs": tuple(values["runs"]),
        "alert": Alert(**values["alert"]) if values["alert"] else None,
        "reported": tuple(values["reported"]),
    }
    return Owed(**(values | typed))


def settle(
    workspace: Workspace,
    owed: Owed,
    clock: Clock,
    *,
    keep: Callable[[Outcome], None],
    say: Callable[[str], None],
) -> Outcome | None:
    """Try what is owed, and return what became of it; None where it is only tried again later.

    Parameters
    ----------
    workspace : Workspace
        Whose reports they are.
    owed : Owed
        What is tried.
    clock : Clock
        Tells the time, and waits between the attempts that the plan wants at once.
    keep : callable
        Records the outcome before what is owed goes.
    say : callable
        Told what is tried again later.
    """
    folder, started = schedule_folder(workspace), clock.now()
    again, outcome = None, None
    try:
        done = _tried(workspace, owed, clock)
    except WorkbenchError as error:
        outcome = _outcome(owed, started, clock.now(), "failed", str(error))
    except Exception as error:  # noqa: BLE001 - the other entries go on, whatever one does
        outcome = _outcome(owed, started, clock.now(), "failed", f"{type(error).__name__}: {error}")
    else:
        again = _again(owed, done, clock.now())
        lost = [one for one in done.outcomes if _is_lost(one, owed, final=again is None)]
        if lost or again is None:
            says = " ".join([done.sentence, *done.notes, *(one.sentence for one in lost[:_MOST_TOLD])])
            says += f" When it is mended: workbench deliver --plan {owed.plan}" * bool(lost and owed.runs)
            outcome = _outcome(owed, started, clock.now(), "failed" if lost else "completed", says)
        if again is not None:
            reported = (*owed.reported, *(one.step.id for one in lost))
            again = replace(again, reported=reported)
            at = again.at.isoformat(timespec="seconds")
            say(f"{owed.entry}, due {owed.due}: {done.sentence} What failed is tried again at {at}.")
    if outcome is not None:
        keep(outcome)
    if again is not None:
        owe(folder, again)
    else:
        (folder / FOLDER / owed.name).unlink(missing_ok=True)
    return outcome


def _tried(workspace: Workspace, owed: Owed, clock: Clock) -> delivery.Delivered:
    plan = read_plan(Path(owed.plan))
    if owed.alert is not None:
        return deliver_alert(workspace, plan, owed.alert, sleep=clock.sleep)
    if owed.published is not None:
        plan = plan.model_copy(update={"published": owed.published})
    names = campaign_names(workspace)
    for id_ in owed.runs:
        record = read_record(workspace.runs_path / id_)
        if record is not None and record.status == "completed":
            rendered(workspace, workspace.runs_path / id_, record, subject_of(record, names))
    return delivery.deliver(workspace, plan, owed.runs, sleep=clock.sleep)


def _is_passing(one: delivery.Outcome) -> bool:
    """Return whether it may go well later; a folder's disk may have room again, or be there again."""
    return one.status == "busy" or (one.status == "failed" and (one.passing or one.step.channel == "folder"))


def _is_lost(one: delivery.Outcome, owed: Owed, *, final: bool) -> bool:
    if one.status in {"sent", "kept"} or one.step.id in owed.reported:
        return False
    return final or not _is_passing(one)


def _again(owed: Owed, done: delivery.Delivered, moment: datetime) -> Owed | None:
    """Return what is tried again, and when: after 5 minutes, then twice as long, at most an hour."""
    if not any(map(_is_passing, done.outcomes)) or moment - owed.since >= _GIVEN_UP:
        return None
    wait = min(_FIRST_WAIT * 2 ** min(owed.tries, 10), _LONGEST_WAIT)
    return replace(owed, tries=owed.tries + 1, at=moment + wait)


def _outcome(
    owed: Owed, started: datetime, ended: datetime, status: Literal["completed", "failed"], says: str
) -> Outcome:
    return Outcome(
        entry=owed.entry,
        due=owed.due,
        status=status,
        started=started.isoformat(timespec="seconds"),
        ended=ended.isoformat(timespec="seconds"),
        late=max(0.0, round((started - instant(owed.due)).total_seconds(), 3)),
        says=says,
        what=owed.what,
    )
