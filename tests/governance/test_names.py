"""Whatever text names a thing, its path stays in its folder."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import UsageError
from workbench.governance.names import inside, is_slug, slug


@given(st.text())
def test_every_text_has_a_slug(text: str) -> None:
    assert is_slug(slug(text))


@given(st.from_regex(r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?", fullmatch=True))
def test_a_slug_is_its_own_slug(name: str) -> None:
    assert is_slug(name)
    assert slug(name) == name


@pytest.mark.parametrize(
    "name",
    ["<script>alert(1)</script>", "=HYPERLINK(1)", "../../x", "{{7*7}}", "$(id)", "\u202ex", "y" * 10_000],
)
def test_hostile_names_become_plain(name: str) -> None:
    assert is_slug(slug(name))


@given(st.lists(st.text(max_size=20), max_size=4))
def test_a_path_never_leaves_its_folder(parts: list[str]) -> None:
    folder = Path("/srv/acme")
    try:
        path = inside(folder, *parts)
    except (UsageError, OSError):
        return
    assert path.is_relative_to(folder)


def test_a_link_does_not_lead_out(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link").symlink_to(tmp_path)
    for parts in (("..",), ("link", "x"), ("/etc/passwd",), ("a\0b",)):
        with pytest.raises(UsageError):
            inside(tmp_path / "in", *parts)
