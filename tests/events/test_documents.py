"""Small files that people write: read whole, and never read on where there is no end."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from workbench.errors import BadInput
from workbench.events.documents import LARGEST, read_whole
from workbench.events.mapping import load_mapping
from workbench.governance.roles import read_assignments
from workbench.reports.batch_file import read_batch_file, read_parameter_file
from workbench.reports.delivery_plan import read_plan
from workbench.reports.notebook import read_notebook

ENDLESS = Path("/dev/zero")


@pytest.mark.parametrize(
    "read",
    [
        load_mapping,
        read_assignments,
        read_batch_file,
        read_plan,
        read_notebook,
        lambda path: read_parameter_file(path, "x"),
    ],
)
def test_what_has_no_end_is_refused_by_its_size(read: object) -> None:
    with pytest.raises(BadInput, match="/dev/zero: the file is too large; expected at most"):
        read(ENDLESS)  # type: ignore[operator]


def test_a_pipe_that_ends_is_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("\ufeffa: é",))
    writer.start()
    assert read_whole(pipe) == "a: é"
    writer.join()


def test_the_size_is_told_before_a_letter_that_was_cut(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("é" * LARGEST, encoding="utf-8")
    with pytest.raises(BadInput, match="too large"):
        read_whole(file)
    with pytest.raises(BadInput, match="Is a directory"):
        read_whole(tmp_path)
