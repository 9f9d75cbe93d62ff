"""The ways a report goes, and everything that a plan wants to be sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from workbench.errors import BadInput, unknown_name
from workbench.reports.definitions import NOTEBOOKS
from workbench.reports.delivery_faults import NotSent
from workbench.reports.delivery_files import with_files
from workbench.reports.delivery_letter import Report, letter, pack
from workbench.reports.delivery_mail import Login, read_login, send_mail
from workbench.reports.delivery_plan import (
    DeliveryPlan,
    DigestTarget,
    EmailTarget,
    FolderTarget,
    MailServer,
    Target,
    WebhookTarget,
    read_address,
)
from workbench.reports.delivery_webhook import Hook, post, read_hook
from workbench.reports.notebook import sha256, to_bytes
from workbench.reports.record import write_whole

if TYPE_CHECKING:
    from workbench.store.workspace import Workspace

Channel = Literal["email", "digest", "folder", "webhook"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One thing to be sent to one target.

    Parameters
    ----------
    id : str
        The hash of the way, the target, the runs and their figures.
    channel, target, title : str
        The way, where it goes (no secret in it), and what it is.
    runs : tuple of str
        The runs in it.
    send : callable
        Sends it, given its id; returns what is to be said about it, if anything.
    """

    id: str
    channel: Channel
    target: str
    title: str
    runs: tuple[str, ...]
    send: Callable[[str], str]

    @property
    def repeatable(self) -> bool:
        """Return whether doing it twice leaves the same as doing it once."""
        return self.channel == "folder"


def deliveries(
    plan: DeliveryPlan, reports: Sequence[Report], workspace: Workspace, environment: Mapping[str, str]
) -> list[Delivery]:
    """Return everything that a plan wants to be sent; what two targets want alike stands there once.

    Raises
    ------
    UsageError
        If a target names a notebook that does not exist.
    BadInput
        If a folder cannot be used, or the environment lacks what a target needs.
    """
    known = {*NOTEBOOKS, *(report.entry.notebook for report in reports)}
    found: dict[str, Delivery] = {}
    for target in plan.targets:
        for name in target.notebooks or ():
            if name not in known:
                raise unknown_name("notebook", name, known)
        wanted = [r for r in reports if target.notebooks is None or r.entry.notebook in target.notebooks]
        for delivery in _of_target(plan, target, wanted, workspace, environment):
            found.setdefault(delivery.id, delivery)
    return list(found.values())


def _of_target(
    plan: DeliveryPlan,
    target: Target,
    reports: Sequence[Report],
    workspace: Workspace,
    environment: Mapping[str, str],
) -> Iterator[Delivery]:
    if isinstance(target, FolderTarget):
        folder = checked_folder(target.path, workspace)
        for report in reports:
            send = partial(_copy, report, target, workspace)
            yield _delivery("folder", str(folder), [report], report.title, send)
    elif isinstance(target, WebhookTarget):
        hook = read_hook(target, environment)
        for report in reports:
            send = partial(_post, report, hook)
            yield _delivery("webhook", hook.url, [report], report.title, send, shown_as=hook.host)
    elif plan.mail is not None:
        login = read_login(plan.mail, environment)
        batches = [[report] for report in reports] if isinstance(target, EmailTarget) else [list(reports)]
        for batch in filter(None, batches):
            title = batch[0].title
            if isinstance(target, DigestTarget):
                title = f"{plan.name}: {len(batch)} report{'s' if len(batch) != 1 else ''}"
            for to in target.to:
                way = _Post(
                    workspace=workspace,
                    target=target,
                    server=plan.mail,
                    login=login,
                    to=to,
                    subject=f"{title} – {workspace.name}",
                )
                address = read_address(to).addr_spec
                yield _delivery(
                    target.kind, address.lower(), batch, title, partial(_mail, batch, way), shown_as=address
                )


def _delivery(
    channel: Channel,
    address: str,
    reports: Sequence[Report],
    title: str,
    send: Callable[[str], str],
    *,
    shown_as: str | None = None,
) -> Delivery:
    content = sorted((report.entry.run, report.content) for report in reports)
    return Delivery(
        id=sha256(to_bytes([channel, address, content])).rpartition(":")[2][:40],
        channel=channel,
        target=shown_as or address,
        title=title,
        runs=tuple(report.entry.run for report in reports),
        send=send,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Post:
    """What e-mail to one recipient needs."""

    workspace: Workspace
    target: EmailTarget | DigestTarget
    server: MailServer
    login: Login | None
    to: str
    subject: str


def _mail(reports: Sequence[Report], way: _Post, id_: str) -> str:
    found, missing = [], dict[str, str]()
    for report in reports:
        complete, without = with_files(report, way.target.formats, way.workspace)
        found.append(complete)
        missing |= without
    parcel = pack(found, way.target.formats, largest=way.server.largest)
    left_out = (*parcel.left_out, *(f"{name} (could not be made)" for name in missing))
    message = letter(
        replace(parcel, left_out=left_out),
        id_=id_,
        sender=way.server.sender,
        to=way.to,
        subject=way.subject,
        gallery=way.target.gallery if isinstance(way.target, DigestTarget) else None,
    )
    send_mail(way.server, way.login, message, to=way.to)
    reasons = dict.fromkeys(missing.values())
    return "; ".join(filter(None, (f"not attached: {', '.join(left_out)}" if left_out else "", *reasons)))


def _post(report: Report, hook: Hook, id_: str) -> str:
    post(hook, report.files["json"].read(), id_=id_)
    return ""


def _copy(report: Report, target: FolderTarget, workspace: Workspace, id_: str) -> str:
    del id_  # a file that is there already is replaced by its equal
    complete, missing = with_files(report, target.formats, workspace)
    folder = Path(target.path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in (complete.files[form] for form in target.formats if form in complete.files):
            write_whole(folder / f"{report.name}{file.path.suffix}", file.read())
    except OSError as error:
        raise NotSent(f"the folder cannot be written: {error.strerror}") from None
    return "; ".join(f"without {name}: {why}" for name, why in missing.items())


def checked_folder(path: str, workspace: Workspace) -> Path:
    """Return a folder that something may be delivered to.

    Raises
    ------
    BadInput
        If it lies in the workspace, or is no path.
    """
    folder = Path(path)
    if "\0" in path or folder.resolve().is_relative_to(workspace.path.resolve()):
        raise BadInput(
            "reports cannot be delivered there", file=folder, expected="a folder outside the workspace"
        )
    return folder.resolve()
