"""Published reports go to people and programs, each once.

Nothing is sent without a record of it on the disk before; what may have arrived is not sent again by itself.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from workbench.errors import WorkspaceError
from workbench.reports.delivery_faults import MaybeSent, NotSent
from workbench.reports.delivery_journal import (
    Book,
    State,
    Step,
    book_of,
    interrupted,
    list_steps,
    sent_earlier,
    tidy,
)
from workbench.reports.delivery_plan import DeliveryPlan, read_plan
from workbench.reports.delivery_reports import chosen_reports
from workbench.reports.delivery_ways import Delivery, deliveries
from workbench.reports.record import now

if TYPE_CHECKING:
    from workbench.store.workspace import Workspace

Status = Literal["sent", "kept", "failed", "unknown", "busy"]
_WORDS: dict[Status, str] = {
    "sent": "sent",
    "kept": "had been sent before",
    "failed": "failed",
    "unknown": "may have arrived and not sent again (--again does)",
    "busy": "being sent by another process",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one delivery.

    Parameters
    ----------
    status : str
        ``sent`` now, ``kept`` as it was sent before, ``failed``, ``unknown`` where it may have arrived, or
        ``busy`` where another process is at it.
    step : Step
        The delivery as its file has it.
    note : str
        What else is to be said.
    passing : bool
        Of one that failed: whether it may go well later.
    """

    status: Status
    step: Step
    note: str = ""
    passing: bool = False

    @property
    def sentence(self) -> str:
        """Return what became of it, and why."""
        said = "; ".join(filter(None, (_WORDS[self.status], self.step.reason, self.note)))
        return f"{self.step.title} to {self.step.target} ({self.step.channel}): {said}."

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self.step) | {"status": self.status, "note": self.note}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What became of all deliveries of a plan.

    Parameters
    ----------
    outcomes : tuple of Outcome
        In the order of the plan.
    notes : tuple of str
        The runs that have no published report.
    """

    outcomes: tuple[Outcome, ...]
    notes: tuple[str, ...] = ()

    @property
    def well(self) -> bool:
        """Return whether everything is where it should be, or another process sees to it."""
        return not any(outcome.status in {"failed", "unknown"} for outcome in self.outcomes)

    @property
    def sentence(self) -> str:
        """Return how many were sent, and how many were not."""
        counts = Counter(outcome.status for outcome in self.outcomes)
        parts = [f"{counts[status]} {words}" for status, words in _WORDS.items() if counts[status]]
        return f"Deliveries: {', '.join(parts)}." if parts else "There is nothing to deliver."

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "deliveries": [outcome.to_json() for outcome in self.outcomes],
            "notes": list(self.notes),
            "sentence": self.sentence,
        }


def deliver(
    workspace: Workspace,
    plan: DeliveryPlan | str | Path,
    runs: Sequence[str] = (),
    *,
    again: bool = False,
    environment: Mapping[str, str] | None = None,
    sleep: Callable[[float], object] = time.sleep,
    told: Callable[[Outcome, int, int], None] | None = None,
) -> Delivered:
    """Deliver published reports as a plan says; what was sent is not sent again.

    Parameters
    ----------
    workspace : Workspace
        Whose reports are delivered, and whose folder `deliveries` records it.
    plan : DeliveryPlan or path
        The targets.
    runs : sequence of str
        Their ids, or the beginnings of ids; none means the newest of every notebook and parameter set.
    again : bool
        Whether to send even what was sent, or may have arrived.
    environment : mapping, optional
        Where users, passwords, tokens and URLs are looked up; by default the process's own.
    sleep : callable, optional
        Waits some seconds between two attempts.
    told : callable, optional
        Called after each delivery with its outcome, how many are done, and how many there are.

    Raises
    ------
    BadInput, UsageError
        If the plan cannot be used; nothing is sent then.
    WorkspaceError
        If a named run has no published report, or deliveries cannot be recorded.
    """
    checked = plan if isinstance(plan, DeliveryPlan) else read_plan(Path(plan))
    published = Path(checked.published or Path("reports") / workspace.name)
    reports, notes = chosen_reports(workspace, runs, published)
    wanted = deliveries(checked, reports, workspace, os.environ if environment is None else environment)
    outcomes: list[Outcome] = []
    for outcome in send_each(workspace, wanted, checked, again=again, sleep=sleep):
        outcomes.append(outcome)
        if told is not None:
            told(outcome, len(outcomes), len(wanted))
    tidy(workspace.path)
    return Delivered(outcomes=tuple(outcomes), notes=tuple(notes))


def send_each(
    workspace: Workspace,
    wanted: Sequence[Delivery],
    plan: DeliveryPlan,
    *,
    again: bool = False,
    sleep: Callable[[float], object] = time.sleep,
) -> Iterator[Outcome]:
    """Yield what became of each delivery, as they are sent.

    Raises
    ------
    WorkspaceError
        If a delivery cannot be recorded; it is not sent then.
    """
    for delivery in wanted:
        try:
            yield _deliver(workspace.path, delivery, plan, again=again, sleep=sleep)
        except OSError as error:
            raise WorkspaceError(f"Deliveries cannot be recorded: {error.strerror}.") from None


def list_deliveries(workspace: Workspace) -> list[Step]:
    """Return what became of every delivery of a workspace, the newest first."""
    return list_steps(workspace.path)


def _deliver(
    folder: Path, delivery: Delivery, plan: DeliveryPlan, *, again: bool, sleep: Callable[[float], object]
) -> Outcome:
    if not again and (earlier := sent_earlier(folder, delivery.id)) is not None:
        return Outcome(status="kept", step=earlier)
    with book_of(folder, delivery.id) as book:
        if book is None:
            return Outcome(status="busy", step=_step(delivery, "sending"))
        before = book.last
        if before is not None and not again:
            if before.state == "sent":
                return Outcome(status="kept", step=before)
            if before.state == "sending" and not delivery.repeatable:
                before = interrupted(before)
                book.write(before)
            if before.state == "unknown":
                return Outcome(status="unknown", step=before)
        return _attempt(book, delivery, plan, sleep)


def _attempt(book: Book, delivery: Delivery, plan: DeliveryPlan, sleep: Callable[[float], object]) -> Outcome:
    for left in range(plan.attempts - 1, -1, -1):
        book.write(_step(delivery, "sending"))
        try:
            note = delivery.send(delivery.id)
        except NotSent as fault:
            # Recorded before the wait: a process that ends while it waits has sent nothing.
            failed = _step(delivery, "failed", fault.reason)
            book.write(failed)
            if not fault.passing or not left:
                return Outcome(status="failed", step=failed, passing=fault.passing)
            sleep(plan.wait * 2 ** (plan.attempts - 1 - left))
        except MaybeSent as fault:
            unknown = _step(delivery, "unknown", fault.reason)
            book.write(unknown)
            return Outcome(status="unknown", step=unknown)
        else:
            sent = _step(delivery, "sent")
            book.write(sent)
            return Outcome(status="sent", step=sent, note=note)
    raise AssertionError("a plan has at least one attempt")


def _step(delivery: Delivery, state: State, reason: str = "") -> Step:
    return Step(
        id=delivery.id,
        state=state,
        at=now(),
        channel=delivery.channel,
        target=delivery.target,
        title=delivery.title,
        runs=delivery.runs,
        reason=reason,
    )
