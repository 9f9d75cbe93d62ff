"""Data quality counted by hand, and the campaign a page is about."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from workbench.errors import UsageError
from workbench.explore import campaign_of, data_quality

AT = datetime(2024, 2, 3, tzinfo=UTC)


def _load(load_id: str, read: int, refused: int, **more: object) -> dict:
    plain = {"operation": "ingest", "file": f"{load_id}.csv", "table_name": "orders", "rows_read": read}
    counts = {"accepted": read - refused, "duplicates": 0, "quarantined": refused, "late": 0, "loaded_at": AT}
    return {"load_id": load_id, **plain, **counts, **more}


def _refused(line: int, reasons: str) -> dict:
    return {
        "load_id": "a",
        "table_name": "orders",
        "file": "a.csv",
        "line": line,
        "raw": "x",
        "reasons": reasons,
    }


def test_counts_and_reasons(base) -> None:
    loads = [_load("a", 100, 3), _load("b", 50, 0), _load("c", 0, 0, operation="init")]
    refused = [_refused(2, "no date"), _refused(3, "no date; negative money"), _refused(4, "negative money")]
    refused.append(_refused(5, "no date"))
    view = data_quality(base(loads=loads, quarantine=refused))
    assert {row.file for row in view.loads} == {"a.csv", "b.csv"}
    assert view.refused == 3
    assert [(row.reason, row.rows, row.share) for row in view.reasons] == [
        ("no date", 3, 0.75),
        ("negative money", 2, 0.5),
    ]
    assert view.sentence == "3 of 150 rows were refused (2%), most for: no date."
    assert len(view.reasons_frame()) == 2


def test_what_a_mapping_leaves_out_is_no_finding(base) -> None:
    left_out = [_refused(line, "not mapped: scroll") for line in range(2, 42)]
    usual = data_quality(base(loads=[_load("a", 90, 40)], quarantine=left_out))
    more = "; 40 more are of events that a mapping leaves out."
    assert usual.sentence == f"All 50 rows of 1 load were accepted or known already{more}"
    assert (usual.refused, usual.left_out, usual.loads[0].refused) == (40, 40, 40)
    odd = data_quality(base(loads=[_load("a", 90, 41)], quarantine=[*left_out, _refused(42, "no date")]))
    assert odd.sentence == f"1 of 50 rows was refused (2%), most for: no date{more}"


def test_nothing_refused_and_nothing_loaded(base) -> None:
    assert "All 50 rows" in data_quality(base(loads=[_load("b", 50, 0)])).sentence
    assert "Not enough data" in data_quality(base()).sentence
    assert "Not enough data" in data_quality(base(loads=[_load("c", 0, 0, operation="init")])).sentence


def test_the_campaign_of_a_page(base) -> None:
    rows = [
        {"date": date(2024, 2, 1), "campaign_id": name, "channel": "social", "spend": spend}
        for name, spend in (("a", 10.0), ("b", 30.0), ("b", 5.0), ("c", 34.0))
    ]
    tables = base(daily_performance=rows)
    assert campaign_of(tables) == "b"
    assert campaign_of(tables, "a") == "a"
    with pytest.raises(UsageError, match="Known: a, b, c"):
        campaign_of(tables, "<script>")


def test_a_reason_is_one_whatever_value_it_quotes(base) -> None:
    """A reason has semicolons of its own, and so have the values that it quotes: neither makes two of it."""
    number = "is not a number; expected digits with '.' decimals"
    refused = [
        _refused(2, f"column impressions: '1; 2' {number}"),
        _refused(3, f"column impressions: 'it's y; z' {number}; negative money: spend"),
        _refused(
            4, "column date: '3/4/24' could be day or month first; state the date format in the mapping"
        ),
        _refused(5, "value not allowed: status; expected one of draft, active"),
    ]
    view = data_quality(base(loads=[_load("a", 10, 4)], quarantine=refused))
    assert [(row.reason, row.rows, row.share) for row in view.reasons] == [
        ("column impressions: not a number, expected digits with '.' decimals", 2, 0.5),
        ("column date: could be day or month first, state the date format in the mapping", 1, 0.25),
        ("negative money: spend", 1, 0.25),
        ("value not allowed: status, expected one of draft, active", 1, 0.25),
    ]
    assert "most for: column impressions: not a number" in view.sentence
