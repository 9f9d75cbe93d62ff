"""A disk that is full, for tests: a small one of the test's own, seen by one command alone."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest


@dataclass(frozen=True)
class OnSmallDisk:
    """How a command ended that ran with a small disk at a folder, and what lay there afterwards."""

    code: int
    out: str
    err: str
    files: dict[str, bytes]


@cache
def private_mounts() -> tuple[str, ...]:
    """Return the words that give a command mounts of its own; skips the test where the system refuses."""
    if shutil.which("unshare"):
        for words in (("unshare", "-m"), ("unshare", "-Urm")):
            tried = subprocess.run(
                [*words, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False
            )
            if tried.returncode == 0:
                return words
    pytest.skip("this system lets the tests mount no small disk")


def on_small_disk(disk: Path, command: str, *, kilobytes: int, kept: Path) -> OnSmallDisk:
    """Run a shell command while `disk` is a disk of some kilobytes, with the folder's files on it.

    The disk ends with the command; its files are copied to the folder `kept`.
    """
    disk.mkdir(exist_ok=True)
    kept.mkdir()
    script = f"""
set -u
cp -a {disk} {kept}/.before
mount -t tmpfs -o size={kilobytes}k none {disk} && cp -a {kept}/.before/. {disk}/ || exit 99
{command}
code=$?
rm -rf {kept}/.before; cp -a {disk}/. {kept}/
exit $code
"""
    done = subprocess.run(
        [*private_mounts(), "bash", "-c", script], capture_output=True, text=True, timeout=500, check=False
    )
    assert done.returncode != 99, done.stderr
    files = {
        str(file.relative_to(kept)): file.read_bytes() for file in sorted(kept.rglob("*")) if file.is_file()
    }
    return OnSmallDisk(code=done.returncode, out=done.stdout, err=done.stderr, files=files)
