"""The gallery: one page that lists the reports of a workspace, in the look of the reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from workbench.charts import mime
from workbench.charts.drawing import shown
from workbench.reports.definitions import NOTEBOOKS
from workbench.reports.markup import unbroken
from workbench.reports.record import RunRecord

_HERE = Path(__file__).parent
_MOST_FIGURES = 3
STATUSES = {"completed": "Completed", "failed": "Did not complete"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One report as the gallery lists it.

    Parameters
    ----------
    run, notebook, title, subject, status : str
        The run, its notebook, the report's heading, what it is about, how the run ended.
    named : bool
        Whether the subject is a name of its own, such as a campaign's; else it is the parameters set.
    page : str or None
        The name of its files without the ending; None where there is no report.
    prepared : str
        When the run ended, UTC, ISO 8601.
    data_version : int
        What was read.
    period, sentence : str
        The days it is about, and the first sentence that it says.
    figures : list of dict
        Its first cards: title, value, change and whether that is good.
    line : list
        The daily line of the first card.
    history : list of dict
        The other runs of the same report, the newest first: run, status, page (None where there is none to
        look at), when it was prepared, and its data version.
    """

    run: str
    notebook: str
    title: str
    subject: str
    status: str
    page: str | None
    prepared: str
    data_version: int
    named: bool = False
    period: str = ""
    sentence: str = ""
    figures: list[dict[str, str]] = field(default_factory=list)
    line: list[Any] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, record: RunRecord, subject: str, page: str | None, told: Mapping[str, Any]) -> Self:
        """Return the entry of a run; `told` is what `headline` found in it, and its history."""
        return cls(
            run=record.id,
            notebook=record.notebook,
            title=shown(record.title, 120),
            subject=shown(subject, 160),
            status=record.status,
            page=page,
            prepared=record.ended or record.started or "",
            data_version=record.data_version,
            named=any(record.parameters.get(one) is not None for one in ("campaign", "experiment", "title")),
            **told,
        )


def past(record: RunRecord, page: str | None) -> dict[str, Any]:
    """Return a run as the history of its report lists it."""
    return {
        "run": record.id,
        "status": record.status,
        "page": page,
        "prepared": record.ended or record.started or "",
        "data_version": record.data_version,
    }


def headline(executed: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an executed notebook says first: its period, a sentence, its first figures."""
    told: dict[str, Any] = {"period": "", "sentence": "", "figures": [], "line": []}
    aside = False  # after a table or a chart, cards are of their own days, not of the report's
    for cell in executed["cells"]:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if not told["sentence"]:
                told["sentence"] = _said(data)
            if not told["figures"] and mime.KPI in data:
                cards = [card for card in data[mime.KPI]["cards"] if card.get("value") not in {"", "–", None}]
                told["period"] = "" if aside else shown(data[mime.KPI].get("period", ""), 80)
                told["figures"] = [_figure(card) for card in cards[:_MOST_FIGURES]]
                told["line"] = next((card["line"] for card in cards if card.get("line")), [])
            aside |= mime.TABLE in data or mime.CHART in data
    return told


def _said(data: Mapping[str, Any]) -> str:
    """Return the sentence of an output, or the finding of its chart."""
    if mime.SENTENCE in data:
        return shown(data[mime.SENTENCE].get("text", ""), 400)
    title = data[mime.CHART].get("title") if mime.CHART in data else None
    return shown(title.get("text", ""), 400) if isinstance(title, Mapping) else ""


def _figure(card: Mapping[str, Any]) -> dict[str, str]:
    return {name: shown(card.get(name, ""), 60) for name in ("title", "value", "change", "change_is")}


def gallery_html(tenant: str, entries: Sequence[Entry]) -> str:
    """Return the gallery's page: self-contained, and every text in it escaped."""
    from jinja2 import Environment, FileSystemLoader
    from markupsafe import Markup

    from workbench.charts.theme import css_variables
    from workbench.reports.kept_templates import KEPT
    from workbench.reports.vega import script_hash

    style = css_variables() + _own("template/style.css") + _own("gallery/gallery.css")
    script = _own("gallery/gallery.js")
    entries = sorted(entries, key=lambda entry: entry.prepared, reverse=True)
    listed = [_listed(entry) for entry in entries]
    prepared = listed[0]["prepared"] if listed else ""
    latest = _latest(listed)
    environment = Environment(
        loader=FileSystemLoader(_HERE / "gallery"), autoescape=True, bytecode_cache=KEPT
    )
    return unbroken(
        environment.get_template("index.html.j2")
        .render(
            tenant=tenant,
            entries=listed,
            latest=latest,
            kinds=[(entry["notebook"], entry["notebook_name"]) for entry in latest],
            statuses=_statuses(entries),
            listing=len(listed) > len(latest) or any(entry.history for entry in entries),
            count=sum(entry.page is not None for entry in entries),
            period=next((entry["period"] for entry in latest if entry["period"]), ""),
            prepared=prepared,
            data_version=max((entry.data_version for entry in entries), default=None),
            style=Markup(style),  # noqa: S704 - our own file
            script=Markup(script),  # noqa: S704 - our own file
            policy=(
                f"default-src 'none'; script-src 'sha256-{script_hash(script)}'; "
                f"style-src 'sha256-{script_hash(style)}'; base-uri 'none'; form-action 'none'"
            ),
        )
        .lstrip()
    )


def _own(name: str) -> str:
    return (_HERE / name).read_text("utf-8")


def _latest(listed: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the newest entry of each notebook, in the order of the notebooks."""
    order = {name: place for place, name in enumerate(NOTEBOOKS)}
    found = {entry["notebook"]: entry for entry in reversed(listed)}
    return sorted(found.values(), key=lambda e: (order.get(e["notebook"], len(order)), e["words"]))


def _statuses(entries: Sequence[Entry]) -> list[tuple[str, str]]:
    """Return the choices of the filter by status; none where all reports ended alike."""
    found = {entry.status for entry in entries}
    return [(one, words) for one, words in STATUSES.items() if one in found] if len(found) > 1 else []


def _listed(entry: Entry) -> dict[str, Any]:
    name = NOTEBOOKS[entry.notebook].title if entry.notebook in NOTEBOOKS else shown(entry.notebook, 60)
    runs = " ".join(str(one["run"]) for one in entry.history)
    words = f"{entry.title} {entry.subject} {name} {entry.run} {entry.status} {entry.period} {runs}".lower()
    newer = next((one for one in entry.history if one["prepared"] > entry.prepared), None)
    return {
        "notebook": entry.notebook,
        "notebook_name": name,
        "kind": entry.title if entry.named else name if name != entry.title else "",
        "title": entry.subject if entry.named else entry.title,
        "subject": "" if entry.named else entry.subject,
        "status": entry.status,
        "page": entry.page,
        "period": entry.period,
        "prepared": spoken_day(entry.prepared),
        "sentence": entry.sentence,
        "figures": entry.figures,
        "line": entry.line,
        "words": words,
        "newer": spoken_day(newer["prepared"]) if newer and not newer["page"] else "",
        "history": [one | {"prepared": spoken_day(one["prepared"])} for one in entry.history],
    }


def spoken_day(moment: str | None) -> str:
    """Return the day of a moment as one reads it.

    Examples
    --------
    >>> spoken_day("2025-03-01T06:00:00+00:00")
    '1 March 2025'
    """
    if not moment:
        return ""
    day = datetime.fromisoformat(moment)
    return f"{day.day} {day:%B %Y}"
