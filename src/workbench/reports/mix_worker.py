"""The process that samples a media mix model: what it needs, and what it finds, lies in the run's folder.

It is a process of its own, so that running out of memory ends it and not the notebook or the command that
asked. It ends when the one that started it does: nobody would wait for what it finds.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import threading
import warnings
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.mmm.sampling import Progress

_PARENT_DEATH = 1  # PR_SET_PDEATHSIG
# Where each stage begins and ends on the way from 0 to 1, as measured on national and regional markets.
STAGES = {
    "building": (0.0, 0.1),
    "compiling": (0.1, 0.3),
    "sampling": (0.3, 0.8),
    "forecasting": (0.8, 1.0),
}


def main() -> None:
    """Fit what the standard input names, and tell on the standard output how it goes, a line of JSON each."""
    _end_by_the_system()
    asked = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True, name="parent-watch").start()
    _offer_to_end_first()
    told = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # libraries print where nobody reads JSON
    try:
        _tell(told, _fitted(Path(asked["folder"]), asked["spec"], asked["market"], told))
    except Exception as error:  # noqa: BLE001 - whatever ends a run is what its record says
        _tell(told, {"error": str(error), "kind": type(error).__name__})


def _fitted(folder: Path, spec: dict[str, Any], market: dict[str, str], told: int) -> dict[str, Any]:
    """Return the names and hashes of the files with what was found, and what it showed at the gates."""
    from workbench.mmm.archive import archive_of
    from workbench.mmm.document import from_document
    from workbench.mmm.fitting import fit
    from workbench.mmm.gates import gates
    from workbench.reports.mix_files import keep_archive, read_market

    asked = from_document(spec)
    warnings.simplefilter("ignore")
    found = fit(asked, read_market(folder, market), on_progress=lambda progress: _follow(told, progress))
    # Looked at here: what the gates need of memory is refused to this process, not to the one that waits.
    verdicts = [asdict(one) for one in gates(found).verdicts]
    return {"files": keep_archive(folder, archive_of(found)), "gates": verdicts}


def _follow(told: int, progress: Progress) -> None:
    first, last = STAGES.get(progress.stage, (0.0, 0.0))
    share = first + (last - first) * progress.done
    left = f", {progress.divergences} steps left the path" if progress.divergences else ""
    _tell(told, {"progress": round(share, 4), "doing": f"{progress.stage}{left}"})


def _tell(told: int, line: dict[str, Any]) -> None:
    os.write(told, (json.dumps(line) + "\n").encode())  # in one piece, whichever thread tells


def _end_with_parent() -> None:
    """End when the other end of the standard input is gone, which is so as soon as its process is."""
    sys.stdin.read()
    os._exit(1)


def _end_by_the_system() -> None:
    """Ask Linux for the same: a thread that waits cannot end an interpreter that is busy with itself."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PARENT_DEATH, signal.SIGKILL)


def _offer_to_end_first() -> None:
    """Ask Linux to end this process, not the one that waits for it, where memory runs out."""
    with suppress(OSError):  # another system, or one that does not allow it
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


if __name__ == "__main__":
    main()
