"""What every test may rely on, and an honest list of what was left out."""

from __future__ import annotations

import gc
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page
    from xdist.scheduler import LoadFileScheduling

    from workbench.store import Workspace

# Before any library reads them: workers share the cores, and idle threads of linear algebra wait by turning.
for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")
# Days are those of UTC wherever the machine stands: here a third of a day's events would fall on another day.
os.environ["TZ"] = "America/Los_Angeles"
time.tzset()

ROOT = Path(__file__).resolve().parents[1]
PUBLIC_DATA = ROOT.parent / "shared" / "data"
_NEEDS = {
    "browser": (lambda: shutil.which("chromium") is not None, "Chromium is not installed"),
    "postgres": (
        lambda: any(Path("/usr/lib/postgresql").glob("*/bin/initdb")),
        "no Postgres server is installed",
    ),
    "data": (PUBLIC_DATA.is_dir, "the public data sets are not beside the checkout"),
}
# Rooms whose files take minutes: they begin, so that no worker waits at the end for another's longest file.
_LONGEST = ("notebooks", "acceptance", "browser", "mmm", "reports", "cli", "store", "experiments", "charts")
_IN_JUPYTERLAB = ("budget_simulator_lab", "experiment_designer_browser", "journey_browser", "jupyterlab")
# Files that share what is dear to make (a loaded market, a fitted model, a server, what is compiled): one
# worker makes it.
_TOGETHER = (
    ("tests/acceptance/test_independent_",),
    ("tests/attribution/",),
    tuple(f"tests/browser/test_{name}.py" for name in _IN_JUPYTERLAB),
    ("tests/engines/",),
    ("tests/events/simulation/",),
    tuple(f"tests/mmm/test_{name}.py" for name in ("curves_reference", "fitting", "model", "report")),
    ("tests/notebooks/",),
)
_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
_WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_left_out: dict[str, list[str]] = {}


class _Examples:
    """Modules without an example are not imported to look for one: some take seconds."""

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        sought = collection_path.suffix == ".py" and collection_path.is_relative_to(ROOT / "src")
        return True if sought and b">>>" not in collection_path.read_bytes() else None


class _Turns:
    """Each worker collects from another file on: what one has compiled then, the others need not."""

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        report = yield
        if isinstance(collector, pytest.Directory) and report.passed:
            first = len(report.result) * int(_WORKER.removeprefix("gw")) // _WORKERS
            report.result = [*report.result[first:], *report.result[:first]]
        return report


def pytest_configure(config: pytest.Config) -> None:
    """Look for examples in the package too, beside which no file of this kind lies."""
    config.pluginmanager.register(_Examples())
    if _WORKER:
        config.pluginmanager.register(_Turns())
    if (os.cpu_count() or 1) < _WORKERS:
        _ask_in_one_thread()


def _ask_in_one_thread() -> None:
    """Let DuckDB use one thread where workers are more than cores, and each would wait for a second one.

    Fewer workers, as those of the oldest DuckDB are, ask as everybody does.
    """
    import duckdb

    connect = duckdb.connect

    def connect_with_one(
        database: str = ":memory:", read_only: bool = False, config: dict[str, Any] | None = None
    ) -> duckdb.DuckDBPyConnection:
        return connect(database, read_only, {"threads": 1} | (config or {}))

    duckdb.connect = connect_with_one


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the longest, in one order for all workers, and leave out what this machine lacks."""
    if _WORKER:
        items.sort(key=lambda item: (item.path.is_relative_to(ROOT / "src"), str(item.path)))
    items.sort(key=lambda item: _rank(item.path))
    _leave_out(items)


@cache
def _rank(path: Path) -> int:
    """Return the place of a file's room among the longest; all others come behind them, as they were."""
    inside = path.relative_to(ROOT).parts if path.is_relative_to(ROOT) else ()
    return _LONGEST.index(inside[1]) if inside[1:] and inside[1] in _LONGEST else len(_LONGEST)


def _leave_out(items: list[pytest.Item]) -> None:
    """Skip what needs more than there is; in continuous integration that may be the public data only."""
    for marker, (present, reason) in _NEEDS.items():
        affected = [item for item in items if item.get_closest_marker(marker)]
        if not affected or present():
            continue
        if os.environ.get("CI") == "true" and marker != "data":
            raise pytest.UsageError(f"{len(affected)} tests need more than this machine has: {reason}.")
        for item in affected:
            item.add_marker(pytest.mark.skipif(True, reason=reason))
        _left_out[reason] = [item.nodeid for item in affected]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    """Share out whole files in the order above, not by how many tests are in them."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class ByRoom(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            together = (begins[0] for begins in _TOGETHER if nodeid.startswith(begins))
            return next(together, super()._split_scope(nodeid))

    config.option.loadscopereorder = False
    return ByRoom(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect no garbage while modules are loaded and rewritten, of which nearly all stays."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    """Spare what is loaded by now, garbage or not, from later collections of it, and let those be rarer."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def pytest_sessionfinish() -> None:
    """Let go of it, for libraries that look at the end for what was forgotten."""
    gc.unfreeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the tests that were left out."""
    for reason, names in _left_out.items():
        terminalreporter.section(f"left out, because {reason}")
        for name in names:
            terminalreporter.line(name)


@pytest.fixture(scope="session")
def public_data() -> Path:
    """Return the folder of the public data sets."""
    return PUBLIC_DATA


@pytest.fixture(scope="session")
def empty_workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace `acme` that holds nothing, to be copied: one is copied sooner than it is made."""
    from workbench.store import Workspace

    return Path(Workspace.create(tmp_path_factory.mktemp("empty") / "acme").path)


@pytest.fixture
def acme(empty_workspace: Path, tmp_path: Path) -> Workspace:
    """Return a workspace `acme` of the test's own that holds nothing."""
    from workbench.store import Workspace

    return Workspace.open(shutil.copytree(empty_workspace, tmp_path / "acme"))


@pytest.fixture(scope="session")
def write_few() -> Callable[..., list[Path]]:
    """Return the way to write a simulated market into few files."""
    from . import markets

    return markets.write_few


@pytest.fixture(scope="session")
def held_out_market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace of 1,500 users, campaigns with holdouts, loaded once for all workers; to copy."""
    from workbench.events.simulation import MarketSpec, simulate

    from .markets import load, once

    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    spec = replace(MarketSpec.small(), users=1500)
    return once(shared / "held-out-market", lambda home: load(simulate(spec), home))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return Chromium that reaches this machine only; one at a time, since it keeps an event loop running."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=_PATIENCE)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
                "--disable-dev-shm-usage",
            ],
        )
        yield opened
        opened.close()


_PATIENCE = 240_000  # milliseconds: a kernel starts late where many do at once
_LAB_SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    # Cells out of sight are drawn too.
    "notebook-extension/tracker": {"windowingMode": "none"},
}


@dataclass(frozen=True, kw_only=True)
class Lab:
    """A JupyterLab server of the tests' own, and a browser window that looks at it.

    `folder` is what it serves; `foreign` are the addresses outside of it that a page asked for.
    """

    url: str
    token: str
    folder: Path
    context: BrowserContext
    foreign: list[str] = field(default_factory=list)

    def open(self, notebook: str) -> Page:
        """Open a notebook of the folder, and return its page once the kernel is there."""
        page = self.context.new_page()
        page.on("request", lambda sent: None if self._own(sent.url) else self.foreign.append(sent.url))
        page.on("websocket", lambda sent: None if self._own(sent.url) else self.foreign.append(sent.url))
        page.goto(f"{self.url}lab/workspaces/{Path(notebook).stem}/tree/{notebook}?token={self.token}")
        # The page says "idle" before there is a session; what is run then asks for a kernel in a dialog.
        page.wait_for_function(
            "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'",
            timeout=_PATIENCE,
        )
        return page

    def run(self, page: Page) -> None:
        """Run every cell of an open notebook, wait until all have ended, and save it with its outputs."""
        for command in ("notebook:run-all-cells", "docmanager:save"):
            page.evaluate(
                "name => { window.ended = null; jupyterapp.commands.execute(name)"
                ".then(() => window.ended = 'well', error => window.ended = String(error)); }",
                command,
            )
            page.wait_for_function("window.ended !== null", timeout=_PATIENCE)
            assert page.evaluate("window.ended") == "well"

    def ask(self, what: str, *, method: str = "GET") -> Any:
        """Return what the server answers."""
        headers = {"Authorization": f"token {self.token}"}
        request = Request(self.url + what, method=method, headers=headers)  # noqa: S310 - the tests' server
        with urlopen(request, timeout=300) as answer:  # noqa: S310
            told = answer.read()
        return json.loads(told) if told else None

    def _own(self, url: str) -> bool:
        here = self.url.removeprefix("http")
        return url.startswith((f"http{here}", f"ws{here}", f"blob:http{here}", "data:"))


@pytest.fixture(scope="session")
def lab_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Start JupyterLab on an empty folder, with nothing of the user's settings and no news from outside."""
    home = tmp_path_factory.mktemp("lab")
    folder, settings, runtime = home / "served", home / "settings", home / "runtime"
    for name, values in _LAB_SETTINGS.items():
        path = settings / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    folder.mkdir()
    own = {"JUPYTERLAB_SETTINGS_DIR": settings, "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces"}
    own |= {"JUPYTER_CONFIG_DIR": home / "config", "JUPYTER_RUNTIME_DIR": runtime}
    own |= {"JUPYTER_DATA_DIR": home / "data", "IPYTHONDIR": home / "ipython", "HOME": home}
    options = ["--no-browser", "--ip=127.0.0.1", "--port=0", f"--notebook-dir={folder}", "--allow-root"]
    options += ["--expose-app-in-browser", "--LabApp.extension_manager=readonly"]
    with (home / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options],
            env=os.environ | {name: str(path) for name, path in own.items()},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield _lab_address(server, runtime, home / "log")
        finally:
            server.kill()  # asked to end, it waits for its own idle threads for ever where no kernel is left
            server.wait(timeout=300)


@pytest.fixture(scope="module")
def lab(browser: Browser, lab_server: dict[str, str]) -> Iterator[Lab]:
    """Return a window that looks at JupyterLab; its kernels end with it."""
    folder = Path(lab_server["root_dir"])
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(_PATIENCE)
    made = Lab(url=lab_server["url"], token=lab_server["token"], folder=folder, context=context)
    yield made
    context.close()
    for session in made.ask("api/sessions"):
        made.ask(f"api/sessions/{session['id']}", method="DELETE")


def _lab_address(server: subprocess.Popen[bytes], runtime: Path, log: Path) -> dict[str, str]:
    for _ in range(3000):
        for path in runtime.glob("jpserver-*.json"):
            try:
                return json.loads(path.read_text())
            except ValueError:
                continue
        if server.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()}")
