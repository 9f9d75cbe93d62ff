"""Nothing personal and no formula leaves the house: texts, frames, pseudonyms, file names."""

from __future__ import annotations

import csv
import hashlib
import io
import stat
import time
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import UsageError, WorkspaceError
from workbench.governance.masking import (
    E_MAIL,
    PHONE,
    file_name,
    holds_personal_data,
    mask,
    mask_frame,
    neutral,
    neutralise,
    pseudonym,
    pseudonymise,
    purpose_key,
    read_key,
    shown_name,
)

KEY = purpose_key(b"0123456789abcdef" * 2, "acme", "reports")
few = settings(max_examples=200, deadline=None, database=None)


@pytest.mark.parametrize(
    "address",
    [
        "ann@example.com",
        "ann.lee+news@mail.example.co.uk",
        "ANN_LEE@EXAMPLE.COM",
        "o'brien@example.org",
        "jürgen@müller.de",
        "x%40example.com",
        "a@b.co",
        "1@2.de",
    ],
)
def test_addresses_are_masked(address: str) -> None:
    for text in (
        address,
        f"<{address}>",
        f"mail {address}, please",
        f'{{"to":"{address}"}}',
        f"mailto:{address}?x",
    ):
        assert holds_personal_data(text)
        assert address not in mask(text)
        assert E_MAIL in mask(text)


@pytest.mark.parametrize(
    "number",
    [
        "+49 30 12345678",
        "+49 (30) 1234-5678",
        "+1-555-123-4567",
        "+14155552671",
        "+44 20 7946 0958",
        "0044 20 7946 0958",
        "(030) 123 4567",
        "(555) 123-4567",
        "555-123-4567",
        "555.123.4567",
        "030 1234567",
        "0171/2345678",
        "020 7946 0958",
        "01 23 45 67 89",
        "+33 1 23 45 67 89",
    ],
)
def test_telephone_numbers_are_masked(number: str) -> None:
    for text in (number, f"call {number} now", f'"{number}"', f"tel:{number}"):
        assert holds_personal_data(text)
        assert number not in mask(text)
        assert PHONE in mask(text)


@pytest.mark.parametrize(
    "text",
    [
        "2024-05-01",
        "2024-05-01 10:20:30",
        "2024-05-01T10:20:30.123456Z",
        "01.05.2024",
        "213,434,828",
        "213 434 828",
        "58,705.23",
        "0.000178813",
        "order 4711",
        "536365",
        "C536379",
        "9935249409",
        "1510393823694638543",
        "6f9619ff-8b86-d011-b42d-00cf4fc964ff",
        "00000000-0000-3000-8000-000000000000",
        "v1.2.3",
        "192.168.100.200",
        "Brand @ work",
        "50% off",
        "10:00 - 12:00",
        "1,234 of 5,678",
        "age 30-34 M",
        "0.5",
        "+12.5%",
        "+3",
    ],
)
def test_figures_dates_and_ids_stay(text: str) -> None:
    assert mask(text) == text
    assert not holds_personal_data(text)


@few
@given(st.emails())
def test_any_address_is_found(address: str) -> None:
    assert holds_personal_data(f"see {address} there")
    assert address not in mask(f"see {address} there")


@few
@given(st.integers(1, 999), st.integers(10**7, 10**10))
def test_any_international_number_is_found(country: int, number: int) -> None:
    for text in (
        f"+{country}{number}",
        f"+{country} {number}",
        f"+{country}-{str(number)[:4]}-{str(number)[4:]}",
    ):
        assert mask(text) == PHONE


@few
@given(st.floats(allow_nan=False, allow_infinity=False), st.dates(), st.uuids())
def test_no_figure_date_or_uuid_is_taken_for_a_person(figure: float, day: object, uuid: object) -> None:
    for text in (f"{figure:,.2f}", str(day), str(uuid)):
        assert mask(text) == text


@few
@given(st.text())
def test_masking_twice_is_masking_once(text: str) -> None:
    assert mask(mask(text)) == mask(text)


@pytest.mark.parametrize(
    "text", ["a" * 50_000 + "@", "1 " * 50_000, "+1" * 50_000, "a.@" * 30_000, "0-" * 50_000]
)
def test_long_hostile_texts_take_no_time(text: str) -> None:
    start = time.process_time()
    mask(text)
    assert time.process_time() - start < 20  # on a machine that may be slow and busy


def test_frames_are_masked_by_value_and_by_name() -> None:
    frame = pd.DataFrame(
        {
            "Email": ["ann", None],
            "phone": [49301234567, 1],
            "note": ["write to ann@x.com", "fine"],
            "spend": [1.5, 2.5],
            "kind": pd.Categorical(["a@b.co", "plain"]),
            "customer": ["ann", "bob"],
            "mixed": ["a@b.co", 7],
        }
    )
    before = frame.copy()
    masked = mask_frame(frame, columns=["customer"])
    assert masked["Email"].tolist()[0] == E_MAIL
    assert pd.isna(masked["Email"].tolist()[1])
    assert masked["phone"].tolist() == [PHONE, PHONE]
    assert masked["note"].tolist() == [f"write to {E_MAIL}", "fine"]
    assert masked["kind"].tolist() == [E_MAIL, "plain"]
    assert masked["mixed"].tolist() == [E_MAIL, 7]
    assert masked["customer"].tolist() == ["[masked]"] * 2
    assert masked["spend"].tolist() == [1.5, 2.5]
    pd.testing.assert_frame_equal(frame, before)
    with pytest.raises(UsageError, match="No column 'custom' to mask"):
        mask_frame(frame, columns=["custom"])


def test_a_pseudonym_is_keyed_blake2b() -> None:
    made = hashlib.blake2b(b"user-1", key=KEY, person=b"wb-pseudonym", digest_size=16).hexdigest()
    assert pseudonym("user-1", KEY) == made
    # Whoever knows the user but not the key cannot make it.
    assert pseudonym("user-1", KEY) != hashlib.blake2b(b"user-1", digest_size=16).hexdigest()


def test_tenants_and_purposes_cannot_be_joined() -> None:
    secret = b"s" * 32
    pairs = [
        ("acme", "reports"),
        ("acme", "exports"),
        ("other", "reports"),
        ("acmer", "eports"),
        ("", "acmereports"),
    ]
    keys = {purpose_key(secret, tenant, purpose) for tenant, purpose in pairs}
    keys.add(purpose_key(b"t" * 32, "acme", "reports"))
    assert len({pseudonym("user-1", key) for key in keys}) == len(pairs) + 1


@few
@given(st.sets(st.text(), min_size=2, max_size=20))
def test_different_people_get_different_pseudonyms(people: set[str]) -> None:
    people = {p.encode("utf-8", "ignore").decode() for p in people}
    made = {pseudonym(person, KEY) for person in people}
    assert len(made) == len(people)
    assert all(len(one) == 32 for one in made)


def test_short_keys_are_refused() -> None:
    with pytest.raises(UsageError, match="at least 32 bytes"):
        purpose_key(b"short", "acme", "reports")
    with pytest.raises(UsageError, match="at least 32 bytes"):
        pseudonym("user-1", b"")


def test_frames_keep_their_joins_under_pseudonyms() -> None:
    left = pd.DataFrame({"user_id": ["a", "b", None], "x": [1, 2, 3]})
    right = pd.DataFrame({"user_id": ["b", "a"], "y": [20, 10]})
    hidden = [pseudonymise(frame, ["user_id"], KEY) for frame in (left, right)]
    joined = hidden[0].dropna().merge(hidden[1], on="user_id")
    assert sorted(zip(joined["x"], joined["y"], strict=True)) == [(1, 10), (2, 20)]
    assert pd.isna(hidden[0]["user_id"].iloc[2])
    with pytest.raises(UsageError, match="No column 'who'"):
        pseudonymise(left, ["who"], KEY)


def test_the_key_is_made_once_and_is_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "key"
    with pytest.raises(WorkspaceError, match="no key"):
        read_key(path)
    key = read_key(path, create=True)
    assert len(key) == 32
    assert read_key(path, create=True) == read_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_key(tmp_path / "another", create=True) != key
    path.write_bytes(key[:7])
    with pytest.raises(WorkspaceError, match="damaged"):
        read_key(path)


FORMULAS = [
    '=HYPERLINK("http://evil","x")',
    "=1+1",
    "+1+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    " =1+1",
    "\u00a0=1+1",
    "\ufeff=1+1",
    "＝1+1",
    "-",
    "=",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_become_text(text: str) -> None:
    assert neutral(text) == "'" + text.replace("\r", " ")
    assert neutral(neutral(text)) == neutral(text)


@pytest.mark.parametrize(
    "text", ["-5", "+3.25", "-1e9", "-12.5%", "Brand - DE", "a=b", "", "  ", "'quoted'", "<b>"]
)
def test_plain_texts_and_numbers_stay(text: str) -> None:
    assert neutral(text) == text


def test_no_cell_of_an_export_begins_a_formula() -> None:
    cells = [*FORMULAS, "fine\r=1+1", "fine\n=1+1", 'a"\r\n=1+1']
    frame = pd.DataFrame({"=campaign": cells, "spend": range(len(cells))})
    rows = list(csv.reader(io.StringIO(neutralise(frame).to_csv(index=False), newline="")))
    assert len(rows) == len(cells) + 1
    for row in rows:
        for cell in row:
            assert (
                not cell.lstrip(" \u00a0\ufeff")[:1] or cell.lstrip(" \u00a0\ufeff")[0] not in "=+-@\t\r\n＝"
            )
    assert neutralise(frame)["spend"].tolist() == list(range(len(cells)))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Summer sale", "Summer sale"),
        ("a\u202eb\u2066c", "abc"),
        ("a\x00b\x1b[31mc", "ab[31mc"),
        ("line\nbreak", "linebreak"),
        ("x" * 10_000, "x" * 119 + "…"),
        ("שלום", "שלום"),
    ],
)
def test_names_are_shown_as_they_are(text: str, shown: str) -> None:
    assert shown_name(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "../../x",
        "a/b",
        "a\\b",
        "CON",
        "",
        ".",
        "..",
        "x\x00y",
        "$(id)",
        "{{7*7}}",
        "<script>",
        "x" * 10_000,
        "中文",
        "Ünï",
        "a b",
    ],
)
def test_file_names_stay_in_their_folder(text: str, tmp_path: Path) -> None:
    name = file_name(text, ".html")
    assert len(name) <= 80
    path = tmp_path / name
    assert path.resolve().parent == tmp_path.resolve()
    path.write_text("x")
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_names_that_look_alike_get_two_files() -> None:
    assert len({file_name(text, ".csv") for text in ("a/b", "a-b", "A-B", "a b", "a--b", "../a-b")}) == 6
    assert file_name("summer-2024", ".html") == "summer-2024.html"
    with pytest.raises(UsageError, match="not a suffix"):
        file_name("x", "/../y")


@few
@given(st.text(max_size=60))
def test_any_text_makes_a_plain_file_name(text: str) -> None:
    assert set(file_name(text)) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_")
