"""A report's page as PDF as it looks, printed by a Chromium found here: no network, no script, no remains."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from workbench.errors import RunFailed, UsageError

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
SECONDS = 60.0
_LONGEST_PATH = 58  # a socket's path may have 104 characters on macOS; the browser's name for it takes 45
HOW_TO = (
    "Install Chromium (Debian, Ubuntu: apt-get install chromium; macOS: brew install --cask chromium), "
    "Chrome or Edge so that it is on the PATH; or open the HTML page in any browser and print it."
)
_FLAGS = (
    "--headless",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-breakpad",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-pdf-header-footer",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
# The page is drawn without scripts too, and so nothing in it runs while it is printed.
_NO_SCRIPT = (
    b"<meta http-equiv=\"Content-Security-Policy\" content=\"script-src 'none'; connect-src 'none'\">"
)
_DATED = re.compile(rb"/(CreationDate|ModDate) \(D:\d{14}[^)]{0,10}\)")


def find_browser() -> str | None:
    """Return the path of a browser that prints; None where there is none."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def print_page(page: bytes, *, ended: str | None = None, seconds: float = SECONDS) -> bytes:
    """Return a page as PDF, A4.

    The same page by the same Chromium gives the same bytes: the dates in the file are those of the run.

    Parameters
    ----------
    page : bytes
        Self-contained HTML.
    ended : str, optional
        When the run ended, ISO 8601.
    seconds : float
        After which the browser is ended.

    Raises
    ------
    UsageError
        If there is no browser; the message says how to get one.
    RunFailed
        If the browser did not print.
    """
    browser = find_browser()
    if browser is None:
        raise UsageError(f"No Chromium was found to print with. {HOW_TO} Or leave it to Typst.")
    with tempfile.TemporaryDirectory(prefix="wb-pdf-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        source, printed = folder / "report.html", folder / "report.pdf"
        source.write_bytes(page.replace(b"<head>", b"<head>" + _NO_SCRIPT, 1))
        said = _browse(
            [browser, *_flags(folder), f"--print-to-pdf={printed}", source.as_uri()], folder, seconds
        )
        content = printed.read_bytes() if printed.is_file() else b""
    if not content.startswith(b"%PDF-") or not content.rstrip().endswith(b"%%EOF"):
        raise RunFailed(f"{browser} did not print the report{': ' + said if said else ''}.")
    return _dated(content, ended)


def _flags(folder: Path) -> list[str]:
    # Chromium refuses its sandbox to root, as which containers run; no script of the page runs either way.
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    return [*_FLAGS, f"--user-data-dir={folder / 'profile'}", *(["--no-sandbox"] if root else [])]


def _browse(words: list[str], folder: Path, seconds: float) -> str:
    """Run the browser to its end, end what it leaves running, and return the last line of what it said."""
    said = folder / "said.txt"
    with said.open("wb") as told:
        process = subprocess.Popen(  # noqa: S603  the words are ours, the path is that of `which`
            words,
            stdin=subprocess.DEVNULL,
            stdout=told,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=os.environ | {"DBUS_SESSION_BUS_ADDRESS": "disabled:"} | _temporary(folder),
        )
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise RunFailed(f"{words[0]} did not print the report within {seconds:g} s.") from None
        finally:
            _end(process)
    lines = said.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")


def _temporary(folder: Path) -> dict[str, str]:
    """Return where the browser keeps what is temporary: with ours, where its socket's path stays short."""
    return {"TMPDIR": str(folder)} if len(str(folder)) <= _LONGEST_PATH else {}


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):  # all of them have ended
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _dated(content: bytes, ended: str | None) -> bytes:
    moment = datetime.fromisoformat(ended).astimezone(UTC) if ended else datetime(2000, 1, 1, tzinfo=UTC)
    stamp = f"D:{moment:%Y%m%d%H%M%S}+00'00'".encode()

    def replaced(found: re.Match[bytes]) -> bytes:
        made = b"/" + found[1] + b" (" + stamp + b")"
        # The file's table of contents counts bytes: another length would break it.
        return made if len(made) == len(found[0]) else found[0]

    return _DATED.sub(replaced, content)
