"""What went wrong on a schedule reaches people and programs, by the same ways as reports, and each once."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.charts.drawing import shown
from workbench.governance.names import slug
from workbench.reports.delivery import Delivered, send_each
from workbench.reports.delivery_faults import NotSent
from workbench.reports.delivery_letter import written
from workbench.reports.delivery_mail import Login, read_login, send_mail
from workbench.reports.delivery_plan import DeliveryPlan, FolderAlert, MailServer, WebhookAlert, read_address
from workbench.reports.delivery_ways import Channel, Delivery, checked_folder
from workbench.reports.delivery_webhook import Hook, post, read_hook
from workbench.reports.notebook import sha256, to_bytes
from workbench.reports.record import write_whole

if TYPE_CHECKING:
    from workbench.store.workspace import Workspace

_LONGEST = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something that somebody should look at.

    Parameters
    ----------
    entry : str
        The entry of the schedule.
    workspace : str
        The workspace's name.
    due, started, ended : str
        ISO 8601.
    says : str
        What happened.
    what : str
        What failed: a ``run``, or the ``delivery`` of its reports.
    """

    entry: str
    workspace: str
    due: str
    started: str
    ended: str
    says: str
    what: str = "run"

    @property
    def title(self) -> str:
        """Return what an e-mail about it is called."""
        return f"ALERT: {shown(self.entry, 100)} – {self.workspace}"

    @property
    def lines(self) -> list[str]:
        """Return it in plain sentences, one a line."""
        return [
            f"The {self.what} of {shown(self.entry, 100)} in the workspace {self.workspace} failed.",
            f"It was due {self.due}, began {self.started} and ended {self.ended}.",
            shown(self.says, _LONGEST),
            "All that failed: workbench schedule history --alerts --workspace DIR",
        ]


def deliver_alert(
    workspace: Workspace,
    plan: DeliveryPlan,
    alert: Alert,
    *,
    environment: Mapping[str, str] | None = None,
    sleep: Callable[[float], object] = time.sleep,
) -> Delivered:
    """Tell the plan's `alerts` of something that went wrong; whom it reached already is not told again.

    Parameters
    ----------
    workspace : Workspace
        Whose folder `deliveries` records it.
    plan : DeliveryPlan
        Who is told.
    alert : Alert
        What happened.
    environment : mapping, optional
        Where users, passwords, tokens and URLs are looked up; by default the process's own.
    sleep : callable, optional
        Waits some seconds between two attempts.

    Raises
    ------
    BadInput
        If a folder cannot be used, or the environment lacks what a target needs; nothing is sent then.
    WorkspaceError
        If deliveries cannot be recorded.
    """
    wanted = list(_of_plan(plan, alert, workspace, os.environ if environment is None else environment))
    return Delivered(outcomes=tuple(send_each(workspace, wanted, plan, sleep=sleep)))


def _of_plan(
    plan: DeliveryPlan, alert: Alert, workspace: Workspace, environment: Mapping[str, str]
) -> Iterator[Delivery]:
    for target in plan.alerts:
        if isinstance(target, FolderAlert):
            folder = checked_folder(target.path, workspace)
            yield _delivery("folder", str(folder), alert, partial(_write, alert, folder))
        elif isinstance(target, WebhookAlert):
            hook = read_hook(target, environment)
            yield _delivery("webhook", hook.url, alert, partial(_post, alert, hook), shown_as=hook.host)
        elif plan.mail is not None:
            login = read_login(plan.mail, environment)
            for to in target.to:
                address = read_address(to).addr_spec
                send = partial(_mail, alert, plan.mail, login, to)
                yield _delivery("email", address.lower(), alert, send, shown_as=address)


def _delivery(
    channel: Channel, address: str, alert: Alert, send: Callable[[str], str], *, shown_as: str | None = None
) -> Delivery:
    return Delivery(
        id=sha256(to_bytes(["alert", channel, address, asdict(alert)])).rpartition(":")[2][:40],
        channel=channel,
        target=shown_as or address,
        title=alert.title,
        runs=(),
        send=send,
    )


def _mail(alert: Alert, server: MailServer, login: Login | None, to: str, id_: str) -> str:
    html = "".join(f"<p>{escape(line)}</p>" for line in alert.lines)
    message = written(
        "\n\n".join(alert.lines), html, id_=id_, sender=server.sender, to=to, subject=alert.title
    )
    send_mail(server, login, message, to=to)
    return ""


def _post(alert: Alert, hook: Hook, id_: str) -> str:
    post(hook, _document(alert), id_=id_)
    return ""


def _write(alert: Alert, folder: Path, id_: str) -> str:
    name = f"alert-{slug(alert.entry, 'entry')[:40].rstrip('-_')}-{id_[:16]}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / name, _document(alert))
    except OSError as error:
        raise NotSent(f"the folder cannot be written: {error.strerror}") from None
    return ""


def _document(alert: Alert) -> bytes:
    return to_bytes({"kind": "alert", **asdict(alert)}, indent=1) + b"\n"
