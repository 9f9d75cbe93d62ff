"""Reports as e-mail: a short text, its HTML twin, and the files; no foreign text breaks out of its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from html import escape
from pathlib import Path

from workbench.charts.drawing import shown
from workbench.reports.delivery_faults import NotSent
from workbench.reports.delivery_plan import read_address
from workbench.reports.gallery_page import Entry, spoken_day
from workbench.reports.notebook import sha256

# No server has to take more than ASCII in lines of 998 characters (RFC 5322, section 2.1.1).
_PLAIN = SMTP.clone(cte_type="7bit")
_MEGABYTE = 1_000_000
_KINDS = {
    "html": ("text", "html"),
    "xlsx": ("application", "vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "pdf": ("application", "pdf"),
    "json": ("application", "json"),
    "csv": ("text", "csv"),
}
_STYLE = "font:16px/1.5 system-ui,sans-serif;color:#1a1a1a;max-width:40em"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFile:
    """A file of a report, and the hash it was published with.

    Parameters
    ----------
    path : Path
        Where it is.
    sha256 : str
        What its content must be.
    """

    path: Path
    sha256: str

    def read(self) -> bytes:
        """Return its content.

        Raises
        ------
        NotSent
            If it cannot be read, or is not what was published.
        """
        try:
            content = self.path.read_bytes()
        except OSError as error:
            raise NotSent(f"{self.path.name} cannot be read: {error.strerror}") from None
        if sha256(content) != self.sha256:
            raise NotSent(f"{self.path.name} is not what was published; do again: workbench publish")
        return content


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A published report that can be delivered.

    Parameters
    ----------
    entry : Entry
        What the gallery says of it.
    name : str
        The name of its files without the ending: a-z, 0-9 and hyphens.
    files : mapping
        Form (``html``, ``pdf``, ``excel``, ``json``, ``csv``) to file, as far as they were made.
    content : str
        The hash of its figures.
    """

    entry: Entry
    name: str
    files: Mapping[str, ReportFile]
    content: str

    @property
    def title(self) -> str:
        """Return its heading with what it is about."""
        return shown(": ".join(filter(None, (self.entry.title, self.entry.subject))), 160)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """Reports with the files that go with them.

    Parameters
    ----------
    reports : tuple of Report
        What it tells of.
    files : mapping
        Name to file.
    left_out : tuple of str
        The names of files that do not go with them, and why.
    """

    reports: tuple[Report, ...]
    files: Mapping[str, ReportFile]
    left_out: tuple[str, ...]


def pack(reports: Sequence[Report], forms: Sequence[str], *, largest: float) -> Parcel:
    """Return reports with those of their files that fit into one message.

    Parameters
    ----------
    reports : sequence of Report
        In the order in which their files are taken.
    forms : sequence of str
        Which files, the most wanted first.
    largest : float
        How many megabytes (10^6 bytes) they may have together, as they are sent.

    Raises
    ------
    NotSent
        If a file is not there any more.
    """
    room, files, left_out = largest * _MEGABYTE, {}, []
    for report in reports:
        for form in (form for form in dict.fromkeys(forms) if form in report.files):
            path = report.files[form].path
            name = f"{report.name}{path.suffix}"
            try:
                # Base64 writes 57 bytes as a line of 76 characters and its end.
                size = path.stat().st_size * 78 / 57
            except OSError as error:
                raise NotSent(f"{name} cannot be read: {error.strerror}") from None
            if size > room:
                left_out.append(f"{name} (too large)")
                continue
            room -= size
            files[name] = report.files[form]
    return Parcel(reports=tuple(reports), files=files, left_out=tuple(left_out))


def letter(
    parcel: Parcel, *, id_: str, sender: str, to: str, subject: str, gallery: str | None = None
) -> EmailMessage:
    """Return the e-mail about one report or many, with its files.

    Parameters
    ----------
    parcel : Parcel
        The reports and files.
    id_ : str
        The delivery's id: the message's id is made of it, so that a mailbox can know a copy.
    sender, to : str
        Addresses.
    subject : str
        Any text.
    gallery : str, optional
        The URL of the gallery's folder; each report is then linked.

    Raises
    ------
    NotSent
        If a file cannot be read, or is not what was published.
    """
    closing = f"Not attached: {', '.join(parcel.left_out)}." if parcel.left_out else ""
    texts = [_text(report, gallery) for report in parcel.reports]
    message = written(
        "\n\n".join([*texts, *([closing] if closing else [])]),
        "".join(_html(report, gallery) for report in parcel.reports)
        + (f"<p>{escape(closing)}</p>" if closing else ""),
        id_=id_,
        sender=sender,
        to=to,
        subject=subject,
    )
    for name, file in parcel.files.items():
        main, sub = _KINDS[file.path.suffix.removeprefix(".")]
        encoding = {"charset": "utf-8"} if main == "text" else None
        message.add_attachment(file.read(), maintype=main, subtype=sub, filename=name, params=encoding)
    return message


def written(text: str, html: str, *, id_: str, sender: str, to: str, subject: str) -> EmailMessage:
    """Return an e-mail of a text and its HTML twin, in which foreign text is escaped already."""
    message = EmailMessage(policy=_PLAIN)
    from_ = read_address(sender)
    message["From"] = from_
    message["To"] = read_address(to)
    message["Subject"] = shown(subject, 180)
    message["Date"] = formatdate(localtime=False)
    message["Message-ID"] = f"<{id_}@{from_.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(f"{text}\n")
    message.add_alternative(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><body style="{_STYLE}">{html}</body></html>\n',
        subtype="html",
    )
    return message


def _facts(report: Report) -> list[str]:
    entry = report.entry
    figures = (f"{one['title']}: {one['value']} {one['change']}".strip() for one in entry.figures)
    source = f"Prepared {spoken_day(entry.prepared)} from data version {entry.data_version}, run {entry.run}"
    return [shown(line, 300) for line in (entry.sentence, entry.period, *figures, source) if line]


def _link(report: Report, gallery: str | None) -> str:
    return f"{gallery.rstrip('/')}/{report.entry.page}.html" if gallery and report.entry.page else ""


def _text(report: Report, gallery: str | None) -> str:
    return "\n".join(filter(None, (report.title, *_facts(report), _link(report, gallery))))


def _html(report: Report, gallery: str | None) -> str:
    link, title = escape(_link(report, gallery), quote=True), escape(report.title)
    heading = f'<a href="{link}">{title}</a>' if link else title
    lines = "".join(f"<p>{escape(line)}</p>" for line in _facts(report))
    return f'<h1 style="font-size:1.2em">{heading}</h1>{lines}'
