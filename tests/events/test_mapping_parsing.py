"""Numbers, days and instants against Python's own Decimal, datetime and zoneinfo."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from decimal import Decimal, localcontext
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.events.dates import check_formats, day, instant
from workbench.events.parsing import (
    NumberFormat,
    Parsed,
    count,
    derived_uuid,
    identifier,
    literal,
    number,
    trimmed,
    truth,
)

few = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    database=None,
)
# As many texts in fewer queries: each query takes longer than all its texts.
fewer = settings(few, max_examples=20)
PLAIN = NumberFormat()
GERMAN = NumberFormat(decimal=",", thousands=".", currency="EUR")


def read(
    duck: duckdb.DuckDBPyConnection, parsed: Parsed, text: str | None
) -> tuple[object, bool, str | None]:
    """Return value, failure and reason of one text; `v` is the column."""
    return read_all(duck, parsed, [text])[0]


def read_all(
    duck: duckdb.DuckDBPyConnection, parsed: Parsed, texts: Sequence[str | None]
) -> list[tuple[object, bool, str | None]]:
    """Return value, failure and reason of each text."""
    values = " UNION ALL ".join(
        f"SELECT {place}, {'NULL::VARCHAR' if text is None else literal(text)}"
        for place, text in enumerate(texts)
    )
    failure = parsed.failure or "false"
    sql = f"SELECT {parsed.sql}, {failure}, CASE WHEN {failure} THEN {parsed.reason or 'NULL'} END"
    rows = duck.execute(f"{sql} FROM ({values}) AS given(place, v) ORDER BY place").fetchall()
    return [(value, bool(failed), reason) for value, failed, reason in rows]


def value_of(duck: duckdb.DuckDBPyConnection, parsed: Parsed, text: str) -> object:
    value, failed, reason = read(duck, parsed, text)
    assert not failed, reason
    return value


def why(duck: duckdb.DuckDBPyConnection, parsed: Parsed, text: str) -> str:
    value, failed, reason = read(duck, parsed, text)
    assert value is None
    assert failed
    assert reason is not None
    return reason


@few
@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15, places=6))
def test_plain_numbers_are_those_of_decimal(duck: duckdb.DuckDBPyConnection, exact: Decimal) -> None:
    assert value_of(duck, number("v", PLAIN), f"{exact:f}") == float(exact)


@few
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_survives(duck: duckdb.DuckDBPyConnection, exact: float) -> None:
    assert value_of(duck, number("v", PLAIN), repr(exact)) == exact


@few
@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=2))
def test_german_amounts(duck: duckdb.DuckDBPyConnection, exact: Decimal) -> None:
    text = f"{exact:,.2f}".translate(str.maketrans(",.", ".,"))
    written = (text, f"{text} €", f"{text} EUR", f"€{text}", f"EUR {text}")
    assert read_all(duck, number("v", GERMAN), written) == [(float(exact), False, None)] * 5


@few
@given(st.integers(min_value=0, max_value=10**15))
def test_micros_divide_to_the_nearest_double(duck: duckdb.DuckDBPyConnection, micros: int) -> None:
    with localcontext() as context:
        context.prec = 60
        expected = float(Decimal(micros) / Decimal(10**6))
    assert value_of(duck, number("v", NumberFormat(unit="micros")), str(micros)) == expected


@fewer
@given(st.lists(st.text(max_size=12), min_size=5, max_size=15))
def test_any_text_is_a_number_or_a_reason(duck: duckdb.DuckDBPyConnection, texts: list[str]) -> None:
    texts = [text.replace("\x00", "").encode("utf-8", "ignore").decode() for text in texts]
    found = read_all(duck, number(trimmed("v"), PLAIN), texts)
    for text, (value, failed, reason) in zip(texts, found, strict=True):
        assert (value is None) or math.isfinite(float(str(value)))
        assert failed == (reason is not None)
        if value is not None:
            assert float(str(value)) == float(text.strip().strip("\ufeff"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("12,3x", "'12,3x' is not a number; expected digits with '.' decimals"),
        ("nan", "is not a number"),
        ("inf", "is not a number"),
        ("-Infinity", "is not a number"),
        ("1e309", "is not a number"),
        ("1_000", "is not a number"),
        ("0x10", "is not a number"),
        ("１２", "is not a number"),
        ("1.2.3", "is not a number"),
        ("1,234", "is ambiguous"),
        ("12.5%", "is a percentage"),
        ("$ 5", "the mapping names no currency"),
        ("5 USD", "the mapping names no currency"),
    ],
)
def test_refused_numbers_say_why(duck: duckdb.DuckDBPyConnection, text: str, said: str) -> None:
    assert said in why(duck, number("v", PLAIN), text)


def test_formats_are_refused_where_they_contradict_the_mapping(duck: duckdb.DuckDBPyConnection) -> None:
    assert "EUR is read" in why(duck, number("v", GERMAN), "$1,50")
    assert "not a number" in why(duck, number("v", GERMAN), "1.23,4")
    assert "not a number" in why(
        duck, number("v", GERMAN), "€1.23,4"
    )  # whose currency is the one that is read
    assert "ambiguous" in why(duck, number("v", NumberFormat(decimal=",")), "1.234")
    assert "not a number" in why(duck, number("v", NumberFormat(thousands=",")), "12,34")
    assert value_of(duck, number("v", NumberFormat(thousands=",")), "1,234,567.5") == 1_234_567.5
    assert value_of(duck, number("v", NumberFormat(thousands="'")), "1’234.5") == 1234.5
    for space in " \u00a0\u2007\u2009\u202f":
        assert value_of(duck, number("v", NumberFormat(thousands=" ")), f"1{space}234.5") == 1234.5
        euros = NumberFormat(decimal=",", thousands=" ", currency="EUR")
        assert value_of(duck, number("v", euros), f"1{space}234,50{space}€") == 1234.5
    assert value_of(duck, number("v", NumberFormat(unit="percent")), "12.5 %") == 0.125
    assert value_of(duck, number("v", NumberFormat(unit="percent")), "12.5") == 0.125
    assert value_of(duck, number("v", NumberFormat(unit="cents")), "1999") == 19.99


def test_edges_of_numbers(duck: duckdb.DuckDBPyConnection) -> None:
    assert value_of(duck, number("v", PLAIN), "1e308") == 1e308
    zero = value_of(duck, number("v", PLAIN), "-0.0")
    assert math.copysign(1, float(str(zero))) == 1
    assert read(duck, number("v", PLAIN), None) == (None, False, None)
    assert read(duck, number(trimmed("v"), PLAIN), " \t\u00a0") == (None, False, None)
    assert value_of(duck, number(trimmed("v"), PLAIN), "\ufeff\u00a07 \r\n") == 7


@pytest.mark.parametrize(("text", "value"), [("3", 3), ("3.0", 3), ("1e3", 1000), ("-2", -2)])
def test_whole_numbers(duck: duckdb.DuckDBPyConnection, text: str, value: int) -> None:
    assert value_of(duck, count("v", PLAIN), text) == value


@pytest.mark.parametrize("text", ["3.5", "1e300", "9007199254740993", "x", ""])
def test_refused_whole_numbers(duck: duckdb.DuckDBPyConnection, text: str) -> None:
    assert "not a" in why(duck, count("v", PLAIN), text)


def test_truth_values(duck: duckdb.DuckDBPyConnection) -> None:
    for text in ("true", "TRUE", "Yes", "y", "t", "1", "1.0"):
        assert value_of(duck, truth("v"), text) is True
    for text in ("false", "No", "N", "f", "0"):
        assert value_of(duck, truth("v"), text) is False
    assert "not a truth value" in why(duck, truth("v"), "maybe")


@few
@given(
    st.dates(dt.date(1900, 1, 1), dt.date(2199, 12, 31)),
    st.sampled_from(["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%Y%m%d", "%d %b %Y", "%B %d, %Y"]),
)
def test_days_are_those_of_datetime(duck: duckdb.DuckDBPyConnection, exact: dt.date, written: str) -> None:
    formats = () if written == "%Y-%m-%d" else (written,)
    assert value_of(duck, day("v", formats), exact.strftime(written)) == exact


@few
@given(st.integers(1900, 2199), st.integers(0, 13), st.integers(0, 32))
def test_impossible_days_are_refused(duck: duckdb.DuckDBPyConnection, year: int, month: int, of: int) -> None:
    text = f"{year:04}-{month:02}-{of:02}"
    try:
        expected = dt.date.fromisoformat(text)
    except ValueError:
        assert "is not a date" in why(duck, day("v", ()), text)
    else:
        assert value_of(duck, day("v", ()), text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("03/04/2024", "could be day or month first"),
        ("3.4.24", "could be day or month first"),
        ("1899-12-31", "outside the years"),
        ("2200-01-01", "outside the years"),
        ("2024-02-30", "is not a date"),
        ("2024-2-3", "is not a date"),
        ("20240203", "is not a date"),
        ("2024-01-01 25:00:00", "is not a date"),
        ("45292", "is not a date"),
    ],
)
def test_refused_days_say_why(duck: duckdb.DuckDBPyConnection, text: str, said: str) -> None:
    assert said in why(duck, day("v", ()), text)


def test_1970_and_2100_are_days(duck: duckdb.DuckDBPyConnection) -> None:
    assert value_of(duck, day("v", ()), "1970-01-01") == dt.date(1970, 1, 1)
    assert value_of(duck, day("v", ()), "2100-12-31") == dt.date(2100, 12, 31)


def seconds(parsed: Parsed) -> Parsed:
    # A double's sum of seconds is compared, so that no time zone of the client takes part.
    return Parsed(sql=f"epoch({parsed.sql})", failure=parsed.failure, reason=parsed.reason)


@fewer
@given(
    st.lists(st.datetimes(dt.datetime(1971, 1, 1), dt.datetime(2036, 12, 31)), min_size=5, max_size=15),
    st.sampled_from(
        [
            "Europe/London",
            "America/New_York",
            "Australia/Lord_Howe",
            "Asia/Kathmandu",
            "America/Sao_Paulo",
            "UTC",
        ]
    ),
    st.sampled_from(["refuse", "earlier", "later"]),
)
def test_local_times_are_those_of_zoneinfo(
    duck: duckdb.DuckDBPyConnection, local: list[dt.datetime], zone: str, change: str
) -> None:
    check(duck, [one.replace(microsecond=0) for one in local], zone, change)


@pytest.mark.parametrize("zone", ["Europe/London", "America/New_York", "Australia/Lord_Howe"])
@pytest.mark.parametrize("change", ["refuse", "earlier", "later"])
def test_clock_changes_are_those_of_zoneinfo(duck: duckdb.DuckDBPyConnection, zone: str, change: str) -> None:
    days = {
        "Europe/London": ("2024-03-31", "2024-10-27"),
        "America/New_York": ("2024-03-10", "2024-11-03"),
        "Australia/Lord_Howe": ("2024-04-07", "2024-10-06"),
    }
    starts = [dt.datetime.fromisoformat(text) for text in days[zone]]
    moments = [start + dt.timedelta(minutes=minutes) for start in starts for minutes in range(0, 300, 15)]
    check(duck, moments, zone, change)


def check(duck: duckdb.DuckDBPyConnection, local: list[dt.datetime], zone: str, change: str) -> None:
    found = read_all(duck, seconds(instant("v", (), zone, change)), [str(one) for one in local])
    place = ZoneInfo(zone)
    for one, (value, failed, reason) in zip(local, found, strict=True):
        first, second = (one.replace(tzinfo=place, fold=fold).timestamp() for fold in (0, 1))
        gap = first > second  # PEP 495: in a gap, fold 0 lies after fold 1
        if first != second and change == "refuse":
            assert (value, failed) == (None, True)
            assert reason is not None
            assert "a clock change skips or repeats it" in reason
        else:
            assert not failed, reason
            later = second if change == "later" else first
            assert value in {first, second} if gap else value == later


@st.composite
def with_offsets(draw: st.DrawFn) -> tuple[str, float]:
    """Return an instant as it is written with an offset, and its seconds."""
    local = draw(st.datetimes(dt.datetime(1971, 1, 1), dt.datetime(2099, 12, 31)))
    minutes = draw(st.integers(-14 * 60, 14 * 60))
    exact = local.replace(microsecond=0, tzinfo=dt.timezone(dt.timedelta(minutes=minutes)))
    text = exact.isoformat(sep=draw(st.sampled_from(["T", " "])))
    return text if draw(st.booleans()) else text[:-3] + text[-2:], exact.timestamp()


@fewer
@given(st.lists(with_offsets(), min_size=5, max_size=15))
def test_offsets_count_whatever_the_zone(
    duck: duckdb.DuckDBPyConnection, written: list[tuple[str, float]]
) -> None:
    parsed = seconds(instant("v", (), "Europe/London", "refuse"))
    found = read_all(duck, parsed, [text for text, _ in written])
    assert found == [(exact, False, None) for _, exact in written]


def test_written_zones_and_ticks(duck: duckdb.DuckDBPyConnection) -> None:
    noon = dt.datetime(2024, 6, 1, 12, tzinfo=dt.UTC).timestamp()
    for text in (
        "2024-06-01T12:00:00Z",
        "2024-06-01 12:00 UTC",
        "2024-06-01 07:00:00 -0500",
        "2024-06-01T12:00:00.000+00",
    ):
        assert value_of(duck, seconds(instant("v", (), "Asia/Tokyo", "refuse")), text) == noon
    ticks = (("unix_seconds", 1), ("unix_millis", 10**3), ("unix_micros", 10**6))
    for name, scale in ticks:
        parsed = seconds(instant("v", (name,), "UTC", "refuse"))
        assert value_of(duck, parsed, str(int(noon) * scale)) == noon
        assert read(duck, parsed, "9" * 30)[1]
    assert (
        value_of(duck, seconds(instant("v", ("%d/%m/%Y %H:%M",), "UTC", "refuse")), "01/06/2024 12:00")
        == noon
    )


def test_contradicting_formats_are_refused() -> None:
    with pytest.raises(ValueError, match="read the same text as different days"):
        check_formats(("%d/%m/%Y", "%m/%d/%Y"))
    with pytest.raises(ValueError, match="unknown code '%Q'"):
        check_formats(("%Q",))
    with pytest.raises(ValueError, match="needs a year, a month and a day"):
        check_formats(("%Y-%m",))
    check_formats(("%d.%m.%Y", "%m/%d/%Y", "unix_seconds"))


@few
@given(
    st.lists(
        st.one_of(st.none(), st.text(st.characters(exclude_characters="\x00", codec="utf-8"))),
        min_size=2,
        max_size=2,
    )
)
def test_derived_ids_are_uuids_of_the_texts(duck: duckdb.DuckDBPyConnection, parts: list[str | None]) -> None:
    import uuid

    texts = tuple("NULL::VARCHAR" if part is None else literal(part) for part in parts)
    one, two = duck.execute(f"SELECT {derived_uuid(texts)}, {derived_uuid(texts)}").fetchall()[0]
    assert one == two
    assert uuid.UUID(one).version == 3
    other = derived_uuid((*texts[:-1], "'another'"))
    assert duck.execute(f"SELECT {other}").fetchall()[0][0] != one or parts[-1] == "another"


def test_derived_ids_know_where_a_text_ends(duck: duckdb.DuckDBPyConnection) -> None:
    pairs = (("'ab'", "'c'"), ("'a'", "'bc'"), ("''", "NULL"), ("NULL", "''"))
    sql = f"SELECT {', '.join(derived_uuid(pair) for pair in pairs)}"
    assert len(set(duck.execute(sql).fetchall()[0])) == len(pairs)


@few
@given(st.text(st.characters(exclude_characters="\x00", codec="utf-8"), min_size=1, max_size=40))
def test_names_and_texts_stay_what_they_are(duck: duckdb.DuckDBPyConnection, text: str) -> None:
    relation = duck.execute(f"DESCRIBE SELECT {literal(text)} AS {identifier(text)}").fetchall()
    assert relation[0][0] == text
    assert duck.execute(f"SELECT {literal(text)}").fetchall()[0][0] == text
