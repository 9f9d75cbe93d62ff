"""Files that appear together: written aside first, so that a full disk changes nothing that is there."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from workbench.errors import BadInput

_PREFIX = ".new-"
_ABANDONED = 3600.0


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """Give a folder to write files into; when all are written they are moved into `folder`.

    Parameters
    ----------
    folder : Path
        Where the files are to appear, in place of those of the same names.

    Yields
    ------
    Path
        An empty folder on the same disk.

    Raises
    ------
    BadInput
        If a file cannot be written, e.g. for want of space. What was in `folder` is then unchanged.
    """
    new: Path | None = None
    try:
        _remove_abandoned(folder)
        new = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder))
        yield new
        for file in sorted(new.iterdir()):
            file.replace(folder / file.name)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise BadInput(
            f"the files cannot be written ({why}), and nothing there was changed",
            file=folder,
            fix="Make room or give another folder, then try again.",
        ) from None
    finally:
        if new is not None:
            shutil.rmtree(new, ignore_errors=True)


def _remove_abandoned(folder: Path) -> None:
    """Remove what a killed process left."""
    for left in folder.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _ABANDONED:
                shutil.rmtree(left, ignore_errors=True)
