"""Completed runs as files that can be sent: a page, its figures as JSON and CSV, and the gallery over all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import BadInput
from workbench.governance.names import slug
from workbench.reports.gallery_page import Entry, gallery_html, headline, past
from workbench.reports.notebook import to_bytes
from workbench.reports.record import RunRecord, write_whole
from workbench.reports.rendering import FIGURES, PAGE, TABLE, rendered
from workbench.reports.runs import executed_notebook, list_runs
from workbench.reports.staging import staged
from workbench.result import apart

if TYPE_CHECKING:
    from workbench.store.workspace import Workspace

__all__ = [
    "FIGURES",
    "HISTORY",
    "INDEX",
    "PAGE",
    "TABLE",
    "Published",
    "campaign_names",
    "checked_folder",
    "gallery",
    "listed",
    "newest_of",
    "others_of",
    "publish",
    "rendered",
    "subject_of",
]

INDEX, _MANIFEST = "index.html", "index.json"
_SHORT = 16
HISTORY = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What was published.

    Parameters
    ----------
    folder : Path
        Where the files are.
    entries : tuple of Entry
        What the gallery lists, the newest first.
    """

    folder: Path
    entries: tuple[Entry, ...]

    @property
    def index(self) -> Path:
        """Return the gallery's page."""
        return self.folder / INDEX

    @property
    def sentence(self) -> str:
        """Return how many reports there are, and where to look."""
        count = sum(entry.page is not None for entry in self.entries)
        return f"{count} report{'s' if count != 1 else ''} published: open {self.index}."

    def to_json(self) -> dict[str, Any]:
        """Return the publication as JSON values."""
        return {
            "folder": str(self.folder),
            "index": str(self.index),
            "reports": [asdict(entry) for entry in self.entries],
        }


def publish(
    workspace: Workspace,
    to: str | Path,
    *,
    history: int = HISTORY,
    told: Callable[[Entry, int, int], None] | None = None,
) -> Published:
    """Publish the newest completed run of every notebook and parameter set, and some runs before it.

    Parameters
    ----------
    workspace : Workspace
        Whose runs are published.
    to : path
        The folder; made if it does not exist. Files published there earlier and not now are removed.
    history : int
        How many other runs of each report are listed with it. They are shown as they were published then.
    told : callable, optional
        Called after each report with its entry, how many are done, and how many there are.

    Raises
    ------
    BadInput
        If the folder cannot be one for reports, holds those of another workspace, or a file cannot be
        written; nothing there is changed then.
    """
    folder = _own_folder(workspace, Path(to))
    records = list_runs(workspace)
    chosen, others = newest_of(records), others_of(records, history)
    names = campaign_names(workspace, records)
    files = _file_names([record for record in chosen if record.status == "completed"], names)
    entries, before = list[Entry](), listed(folder)
    with staged(folder) as new:
        for record in chosen:
            subject = subject_of(record, names)
            page = _put(workspace, new, record, subject, files.get(record.id))
            past_runs = []
            for other in others.get(record.id, ()):
                stem = f"{(page or slug(record.notebook, 'report'))[:40]}-{other.id[-_SHORT:]}"
                past_runs.append(past(other, _put(workspace, new, other, subject, stem, as_it_was=True)))
            said = headline(executed_notebook(workspace.runs_path / record.id)) if page else {}
            entries.append(Entry.of(record, subject, page, said | {"history": past_runs}))
            if page and told is not None:
                told(entries[-1], len(entries), len(chosen))
        _write_list(workspace, new, entries)
    return _without_unlisted(folder, before, entries)


def _put(
    workspace: Workspace,
    new: Path,
    record: RunRecord,
    subject: str,
    stem: str | None,
    *,
    as_it_was: bool = False,
) -> str | None:
    """Write a completed run's page and figures to a folder; return the name of its files."""
    if record.status != "completed" or stem is None:
        return None
    made = rendered(workspace, workspace.runs_path / record.id, record, subject, as_it_was=as_it_was)
    for source, ending in ((PAGE, "html"), (FIGURES, "json"), (TABLE, "csv")):
        write_whole(new / f"{stem}.{ending}", (made / source).read_bytes())
    return stem


def gallery(workspace: Workspace, to: str | Path) -> Published:
    """Write the gallery anew over the reports that were published to a folder."""
    folder = _own_folder(workspace, Path(to))
    entries = listed(folder)
    with staged(folder) as new:
        _write_list(workspace, new, entries)
    return Published(folder=folder, entries=tuple(entries))


def _write_list(workspace: Workspace, new: Path, entries: list[Entry]) -> None:
    manifest = {"reports": [asdict(entry) for entry in entries], "tenant": workspace.name}
    write_whole(new / _MANIFEST, to_bytes(manifest, indent=1) + b"\n")
    write_whole(new / INDEX, gallery_html(workspace.name, entries).encode())


def _without_unlisted(folder: Path, before: list[Entry], entries: list[Entry]) -> Published:
    for page in _pages(before) - _pages(entries):
        for ending in ("html", "json", "csv"):
            (folder / f"{page}.{ending}").unlink(missing_ok=True)
    return Published(folder=folder, entries=tuple(entries))


def _pages(entries: Iterable[Entry]) -> set[str]:
    pages = (page for entry in entries for page in (entry.page, *(one["page"] for one in entry.history)))
    return {page for page in pages if page}


def listed(folder: Path) -> list[Entry]:
    """Return what the gallery of a folder lists; nothing where there is none."""
    try:
        return [Entry(**values) for values in _manifest(folder)["reports"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _manifest(folder: Path) -> Any:
    return json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))


def _own_folder(workspace: Workspace, folder: Path) -> Path:
    """Return a folder that reports may be written to: none whose gallery is of another workspace."""
    checked = checked_folder(workspace, folder)
    try:
        tenant = _manifest(checked)["tenant"]
    except (OSError, ValueError, KeyError, TypeError):
        return checked
    if tenant != workspace.name:
        raise BadInput(
            f"the reports of another workspace are there, not of {workspace.name!r}",
            file=folder,
            value=tenant,
            fix="Choose another folder, or remove what is there.",
        )
    return checked


def checked_folder(workspace: Workspace, folder: Path) -> Path:
    """Return a folder that reports may be written to, made where it does not exist."""
    for part in (workspace.runs_path, workspace.path / "store"):
        if folder.resolve().is_relative_to(part.resolve()):
            raise BadInput("reports cannot be published there", file=folder, expected="a folder of its own")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"the folder cannot be made: {error.strerror}", file=folder) from None
    return folder


def newest_of(records: Iterable[RunRecord]) -> list[RunRecord]:
    """Return of each notebook and parameter set its newest completed run, else its newest failed one."""
    chosen = [
        next((one for one in runs if one.status == "completed"), runs[0]) for runs in _by_report(records)
    ]
    return sorted(chosen, key=lambda record: record.started or "", reverse=True)


def others_of(records: Iterable[RunRecord], most: int) -> dict[str, list[RunRecord]]:
    """Return, by the run that `newest_of` chooses, the newest other ones of its notebook and parameters."""
    found = {}
    for runs in _by_report(records):
        chosen = newest_of(runs)[0]
        found[chosen.id] = [one for one in runs if one is not chosen][: max(0, most)]
    return found


def _by_report(records: Iterable[RunRecord]) -> list[list[RunRecord]]:
    """Return the runs that ended, those of one notebook and parameter set together, the newest first."""
    ended: dict[bytes, list[RunRecord]] = {}
    for record in records:
        if record.status in {"completed", "failed"}:
            ended.setdefault(record.report, []).append(record)
    return [sorted(runs, key=lambda one: one.started or "", reverse=True) for runs in ended.values()]


def campaign_names(workspace: Workspace, records: Iterable[RunRecord] | None = None) -> dict[str, str]:
    """Return the names of a workspace's campaigns by id; none where no record is about a campaign."""
    if records is not None and all(record.parameters.get("campaign") is None for record in records):
        return {}
    tables = workspace.tables()
    if "campaigns" not in tables.names:
        return {}
    rows = tables.query("SELECT campaign_id, name FROM campaigns").to_pylist()
    return apart({str(row["campaign_id"]): row["name"] for row in rows})


def subject_of(record: RunRecord, names: Mapping[str, str]) -> str:
    """Return what a report is about, besides its kind: its title, campaign, experiment, or parameters."""
    title = record.parameters.get("title")
    if isinstance(title, str):
        return " ".join(title.split())
    campaign, experiment = (record.parameters.get(one) for one in ("campaign", "experiment"))
    text = str(names.get(str(campaign), campaign)) if campaign is not None else record.label
    if campaign is None and experiment is not None:
        text = str(experiment).replace("_", " ")
    return " ".join(text.split())


def _file_names(records: list[RunRecord], names: Mapping[str, str]) -> dict[str, str]:
    """Return a file name for each run, from its kind and subject; where two are the same, its hash tells."""
    wanted = {r.id: slug(f"{r.notebook} {subject_of(r, names)[:200]}", r.notebook) for r in records}
    taken = list(wanted.values())
    return {
        id_: name if taken.count(name) == 1 and name != "index" else f"{name[:40]}-{id_[-_SHORT:]}"
        for id_, name in wanted.items()
    }
