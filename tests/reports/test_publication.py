"""Pages, figures and a gallery that no name can break, and that ask nothing of a network."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from shutil import copytree, rmtree
from typing import TYPE_CHECKING, Any

import pytest

from workbench.charts import mime
from workbench.errors import BadInput, WorkspaceError
from workbench.reports.exporter import about_of
from workbench.reports.exports import export
from workbench.reports.gallery_page import headline
from workbench.reports.notebook import sha256, to_bytes
from workbench.reports.page import Page
from workbench.reports.publication import gallery, publish
from workbench.reports.receipt import receipt_bytes
from workbench.reports.record import RunRecord
from workbench.reports.rendering import window_days
from workbench.reports.runs import list_runs, run
from workbench.reports.verification import verify
from workbench.store.workspace import Workspace

from .conftest import NASTY, OPEN, Write, make_workspace, write_notebook

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SHOW = """
from IPython.display import display
card = {"name": "spend", "title": "Spend", "value": "€1,200", "interval": "", "change": "+4%",
        "change_is": "good", "line": [[[0, 28], [60, 4], [120, 12]]]}
display({
    "application/vnd.workbench.kpi+json": {"period": "1–31 January 2024", "caption": "", "cards": [card]},
    "application/vnd.workbench.figures+json": [
        {"name": "spend", "value": 1200.5, "change": 0.04, "unit": "money", "note": "=1+1"},
        {"name": "roas", "value": None, "unit": "x", "note": "@SUM(A1)"},
    ],
    "text/plain": "Spend: 1200",
}, raw=True)
"""
ROWS = """
display({
    "application/vnd.workbench.sentence+json": {"text": f"{campaign} earned most."},
    "application/vnd.workbench.figures+json": [{"channel": "email", "campaign": campaign, "value": 3.0}],
    "text/plain": str(campaign),
}, raw=True)
"""


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a workspace `w` whose runs are published to `out`; tests work on copies."""
    folder = tmp_path_factory.mktemp("original")
    workspace = make_workspace(folder / "w")
    path = write_notebook(folder, "small", OPEN, SHOW, ROWS, parameters="campaign = None\nwindow = None")
    for name in NASTY[:3]:
        assert run(workspace, str(path), {"campaign": name}).completed
    run(workspace, str(path), {"campaign": "x" * 10_000, "window": "30d"})
    run(workspace, str(write_notebook(folder, "broken", "1/0", head="# Never <b>done</b>")))
    publish(workspace, folder / "out")
    return folder


@pytest.fixture
def published(original: Path, tmp_path: Path) -> Path:
    copytree(original, tmp_path / "copy")
    return tmp_path / "copy" / "out"


@pytest.fixture
def workspace(published: Path) -> Workspace:
    return Workspace.open(published.with_name("w"))


def test_pages_figures_and_names(workspace: Workspace, published: Path) -> None:
    names = sorted(path.name for path in published.iterdir())
    assert len(names) == 4 * 3 + 2
    assert all(re.fullmatch(r"[a-z0-9-]{1,70}\.(html|json|csv)", name) for name in names)
    entries = json.loads((published / "index.json").read_text())["reports"]
    assert [entry["status"] for entry in entries] == ["failed", *["completed"] * 4]
    assert entries[-1]["figures"] == [
        {"title": "Spend", "value": "€1,200", "change": "+4%", "change_is": "good"}
    ]
    assert entries[-1]["period"] == "1–31 January 2024"
    assert entries[-1]["sentence"] == "<script>alert(1)</script> earned most."


def test_nothing_in_a_page_runs_or_asks_for_anything(published: Path) -> None:
    for page in published.glob("*.html"):
        text = page.read_text()
        assert len(text) <= 600_000
        assert not re.search(r"<script>alert|49</|uid=\d|<b>done|HYPERLINK\(\"", text)
        assert not re.search(r"""(?:src|href|action)\s*=\s*["']?\s*(?:https?:)?//""", text)
        assert not re.search(r"url\(|@import|<iframe|<object|<embed|<link", text)
        assert re.search(r"default-src (?:'|&#39;)none(?:'|&#39;)", text)
        assert "\u202e" not in text
        assert "wb.open" not in text
        assert str(published.parent) not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in (published / "index.html").read_text()


def test_figures_for_other_software(workspace: Workspace, published: Path) -> None:
    page = next(p for p in published.glob("small-script*.json"))
    payload: dict[str, Any] = json.loads(page.read_text(), parse_constant=pytest.fail)
    assert payload["campaign_id"] == NASTY[0]
    assert payload["date_range"] == {"first": None, "last": "2024-01-08", "window": None}
    assert payload["metrics"]["spend"]["value"] == 1200.5
    assert payload["metrics"]["roas"]["value"] is None
    assert payload["channels"] == [{"channel": "email", "campaign": NASTY[0], "value": 3.0}]
    assert payload["attribution"] == []
    assert payload["run"] in {p.name for p in workspace.runs_path.iterdir()}
    wide = json.loads(next(published.glob("small-xx*.json")).read_text())
    assert wide["date_range"] == {"first": "2023-12-10", "last": "2024-01-08", "window": "30d"}
    for table in published.glob("*.csv"):
        rows = list(csv.reader(table.read_text(encoding="utf-8-sig").splitlines()))
        assert len(rows) == 4
        assert not [cell for row in rows for cell in row if cell[:1] in {"=", "+", "@", "\t"}]
        assert rows[1][rows[0].index("note")] == "'=1+1"


def test_receipts_of_before_do_not_say_the_last_day(workspace: Workspace, published: Path) -> None:
    page = next(published.glob("small-xx*.json"))
    run_folder = workspace.runs_path / json.loads(page.read_text())["run"]
    receipt = json.loads((run_folder / "receipt.json").read_text())
    del receipt["data"]["last_day"], receipt["sha256"]
    receipt["sha256"] = sha256(to_bytes(receipt))
    (run_folder / "receipt.json").write_bytes(receipt_bytes(receipt))
    (run_folder / "published.json").unlink()
    before = json.loads(page.read_text())
    publish(workspace, published)
    after = json.loads(page.read_text())
    assert before.pop("receipt") != after.pop("receipt")
    assert before == after


def test_publishing_again_keeps_what_is_the_same(workspace: Workspace, published: Path, write: Write) -> None:
    before = {path.name: path.read_bytes() for path in published.iterdir()}
    stray = published / "notes.txt"
    stray.write_text("mine")
    publish(workspace, published)
    assert {p.name: p.read_bytes() for p in published.iterdir()} == before | {"notes.txt": b"mine"}
    # A newer run of the same parameters takes the place of the older one.
    path = str(write("small", OPEN, "'new'", parameters="campaign = None\nwindow = None"))
    run(workspace, path, {"campaign": NASTY[0]})
    publish(workspace, published, history=0)
    assert {path.name for path in published.iterdir()} == before.keys() | {"notes.txt"}
    assert (published / "index.html").read_bytes() != before["index.html"]
    assert gallery(workspace, published).index.read_bytes() == (published / "index.html").read_bytes()
    assert len(gallery(workspace, published).entries) == 5


def test_earlier_runs_stay_as_they_were_and_a_newer_failure_is_said(
    workspace: Workspace, published: Path, write: Write
) -> None:
    was = next(p for p in published.glob("small-script*.html")).read_bytes()
    parameters = {"campaign": NASTY[0]}
    cells = {"parameters": "campaign = None\nwindow = None"}
    assert run(workspace, str(write("small", OPEN, "'new'", **cells)), parameters).completed
    assert not run(workspace, str(write("small", OPEN, "1/0", **cells)), parameters).completed
    done = publish(workspace, published, history=2)
    entry = next(one for one in done.entries if one.status == "completed" and one.history)
    assert [one["status"] for one in entry.history] == ["failed", "completed"]
    assert entry.history[0]["page"] is None
    earlier = entry.history[1]["page"]
    assert (published / f"{earlier}.html").read_bytes() == was
    assert json.loads((published / f"{earlier}.json").read_text())["run"] == entry.history[1]["run"]
    assert "'new'" in (published / f"{entry.page}.html").read_text().replace("&#39;", "'")
    index = done.index.read_text()
    assert f'href="{earlier}.html"' in index
    assert "A newer run, of " in index
    assert f"{earlier}.html" in {path.name for path in published.iterdir()}
    publish(workspace, published, history=0)
    assert not (published / f"{earlier}.html").exists()


def test_the_newest_report_comes_first(published: Path) -> None:
    listed = json.loads((published / "index.json").read_text())["reports"]
    rows = re.findall(
        r'<li id="report-\d+" data-kind="([^"]*)" data-status="([^"]*)"',
        (published / "index.html").read_text(),
    )
    newest = sorted(listed, key=lambda one: one["prepared"], reverse=True)
    assert rows == [(one["notebook"], one["status"]) for one in newest]


def test_a_changed_page_is_found(workspace: Workspace, published: Path) -> None:
    id_ = json.loads((published / "index.json").read_text())["reports"][-1]["run"]
    assert verify(workspace, id_).same
    page = workspace.runs_path / id_ / "report.html"
    page.write_text(page.read_text().replace("€1,200", "€9,200"))
    assert verify(workspace, id_).sentence.endswith("report.html: it was changed after it was published.")


def test_a_changed_notebook_is_not_published(workspace: Workspace, published: Path) -> None:
    id_ = json.loads((published / "index.json").read_text())["reports"][-1]["run"]
    notebook = workspace.runs_path / id_ / "notebook.ipynb"
    notebook.write_text(notebook.read_text().replace("1,200", "9,200"))
    (workspace.runs_path / id_ / "published.json").unlink()
    before = {path.name: path.read_bytes() for path in published.iterdir()}
    with pytest.raises(WorkspaceError, match=f"{id_} was changed after the run"):
        publish(workspace, published)
    assert {path.name: path.read_bytes() for path in published.iterdir()} == before


def test_where_reports_cannot_be(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for folder in (workspace.runs_path / "x", workspace.path / "store", file, file / "below"):
        with pytest.raises(BadInput):
            publish(workspace, folder)


def test_workspaces_do_not_meet_in_a_gallery(workspace: Workspace, published: Path, tmp_path: Path) -> None:
    other = Workspace.create(tmp_path / "other")
    before = {path.name: path.read_bytes() for path in published.iterdir()}
    for write in (publish, gallery):
        with pytest.raises(BadInput, match="the reports of another workspace are there, not of 'other'"):
            write(other, published)
    assert {path.name: path.read_bytes() for path in published.iterdir()} == before
    for run_ in list_runs(workspace):
        (other.runs_path / run_.id).symlink_to(workspace.runs_path / run_.id)
        with pytest.raises(WorkspaceError, match="There is no run"):
            export(other, run_.id, tmp_path / "exported")
    assert not list_runs(other)
    assert not publish(other, tmp_path / "own").entries


def test_an_empty_gallery(workspace: Workspace, tmp_path: Path) -> None:
    rmtree(workspace.runs_path)
    workspace.runs_path.mkdir()
    done = publish(workspace, tmp_path / "out")
    assert "No reports yet" in done.index.read_text()
    assert done.sentence.startswith("0 reports published")


@pytest.mark.browser
def test_the_gallery_in_a_browser(published: Path, browser: Browser) -> None:
    from axe_core_python.sync_playwright import Axe

    for width in (390, 1440):
        for scheme in ("light", "dark"):
            context = browser.new_context(
                viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True
            )
            page = context.new_page()
            asked: list[str] = []
            said: list[str] = []
            page.on("request", lambda request, asked=asked: asked.append(request.url))
            page.on("console", lambda message, said=said: said.append(message.text))
            page.on("dialog", lambda dialog, said=said: said.append(dialog.message))
            page.goto((published / "index.html").as_uri())
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert not Axe().run(page)["violations"]
            page.fill("#search", "HYPERLINK")
            assert page.locator(".rows > li:visible").count() == 1
            page.fill("#search", "nothing like this")
            assert page.locator(".nothing").is_visible()
            page.fill("#search", "")
            page.click("button[data-kind=broken]")
            assert page.locator(".rows > li:visible").count() == 1
            page.click("button[data-status=completed]")
            assert page.locator(".nothing").is_visible()
            page.click("button[data-kind='']")
            assert page.locator(".rows > li:visible").count() == 4
            assert asked == [(published / "index.html").as_uri()]
            assert not said
            context.close()


def test_cards_below_a_table_do_not_give_the_report_their_days() -> None:
    cards = {mime.KPI: {"period": "1-30 March 2025", "cards": [{"title": "Freshness", "value": "5 min"}]}}
    table = {mime.TABLE: {"columns": []}}
    first, after = (
        [{"outputs": [{"data": data} for data in order]}] for order in ([cards, table], [table, cards])
    )
    assert headline({"cells": first})["period"] == "1-30 March 2025"
    assert headline({"cells": after})["period"] == ""
    assert headline({"cells": after})["figures"]


@pytest.mark.parametrize(
    ("notebook", "window", "days"),
    [
        ("holdout", "30d", "2–31 December 2024"),
        ("attribution", "2024-01-30:2024-02-02", "30 January – 2 February 2024"),
        ("reconciliation", None, "all days until 31 December 2024"),
        ("data_quality", "30d", ""),
        ("my_own", "30d", ""),
    ],
)
def test_pages_without_cards_say_the_days_of_their_window(
    notebook: str, window: str | None, days: str
) -> None:
    record = RunRecord(
        id="r",
        notebook=notebook,
        title="T",
        parameters={"window": window},
        tenant="w",
        data_version=3,
        status="completed",
    )
    assert window_days(record, {"data": {"last_day": "2024-12-31"}}) == days
    assert window_days(record, {"data": {}}) == ""
    page = Page()
    assert about_of({"window": days}, page).period == days
    page.period = "1-30 March 2025"
    assert about_of({"window": days}, page).period == page.period
