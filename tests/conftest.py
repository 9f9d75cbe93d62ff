"""What every test may rely on, and an honest list of what was left out."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

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
_left_out: dict[str, list[str]] = {}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what this machine lacks; in continuous integration that may be the public data only."""
    for marker, (present, reason) in _NEEDS.items():
        affected = [item for item in items if item.get_closest_marker(marker)]
        if not affected or present():
            continue
        if os.environ.get("CI") == "true" and marker != "data":
            raise pytest.UsageError(f"{len(affected)} tests need more than this machine has: {reason}.")
        for item in affected:
            item.add_marker(pytest.mark.skipif(True, reason=reason))
        _left_out[reason] = [item.nodeid for item in affected]


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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return Chromium without a network; one at a time, since it keeps an event loop running."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--host-resolver-rules=MAP * ~NOTFOUND",
                "--disable-dev-shm-usage",
            ],
        )
        yield opened
        opened.close()
