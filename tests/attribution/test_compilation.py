"""Machine code that is kept is that of the functions as they are now."""

from __future__ import annotations

from pathlib import Path

import pytest

compilation = pytest.importorskip("workbench.attribution.compilation", reason="Numba is not installed")


def test_every_file_with_compiled_functions_names_the_folder_of_what_is_kept() -> None:
    room = Path(compilation.__file__).parent
    text = {file.name: file.read_text() for file in room.glob("*.py")}
    compiled = {name for name, lines in text.items() if "attribution.compilation import" in lines}
    assert compiled
    assert compiled == {file.name for file in compilation.compiled_files()}
