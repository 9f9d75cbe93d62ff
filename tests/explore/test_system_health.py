"""Health of the workbench counted by hand, its intervals against another library."""

from __future__ import annotations

import statistics
from datetime import UTC, datetime, timedelta

import pytest
from statsmodels.stats.proportion import proportion_confint

from workbench.errors import UsageError
from workbench.explore import system_health

AT = datetime(2024, 5, 31, 12, tzinfo=UTC)


def _run(
    n: int, notebook: str, status: str, *, days: float = 0.0, seconds: float = 1.0, **more: object
) -> dict:
    return {
        "run_id": f"{notebook}-{n}",
        "notebook": notebook,
        "status": status,
        "scheduled": False,
        "on_time": True,
        "started_at": AT - timedelta(days=days, minutes=n),
        "duration_seconds": seconds,
        **more,
    }


def _load(table: str, hours: float, read: int, refused: int) -> dict:
    return {
        "load_id": f"{table}{hours}",
        "operation": "ingest",
        "file": "f",
        "table_name": table,
        "rows_read": read,
        "accepted": read - refused,
        "duplicates": 0,
        "quarantined": refused,
        "late": 0,
        "loaded_at": AT - timedelta(hours=hours),
    }


def test_runs_are_counted_with_the_interval_of_wilson(base) -> None:
    seconds = [3.0, 1.0, 10.0, 2.0]
    runs = [_run(n, "mmm", "completed", seconds=s, days=n) for n, s in enumerate(seconds)]
    runs += [_run(9, "mmm", "failed", seconds=99.0), _run(10, "mmm", "cancelled", seconds=500.0)]
    runs += [_run(n, "leads", "completed", days=2, scheduled=True, on_time=n != 3) for n in range(20, 23)]
    runs += [_run(3, "leads", "failed", days=40)]  # too old to count
    view = system_health(base(runs=runs), days=30)
    mmm, leads = view.notebooks
    assert (mmm.notebook, mmm.runs, mmm.completed, mmm.failed, mmm.cancelled) == ("mmm", 6, 4, 1, 1)
    low, high = proportion_confint(1, 5, method="wilson")
    assert (mmm.failure_share, mmm.failure_low, mmm.failure_high) == pytest.approx((0.2, low, high))
    assert (mmm.median_seconds, mmm.longest_seconds) == (statistics.median(seconds), 10.0)
    assert (leads.runs, leads.failed, leads.scheduled, leads.late) == (3, 0, 3, 0)
    assert view.total is not None
    assert (view.total.runs, view.total.failed, view.total.median_seconds) == (9, 1, 1.0)
    assert view.sentence.startswith(
        "1 of 9 runs in 30 days failed: 12.5% of the 8 that nobody cancelled (95% interval "
    )
    assert view.sentence.endswith("; mmm most often, 1 of 6.")
    assert mmm.last_status == "completed"
    assert len(view.to_frame()) == 2


def test_what_a_schedule_wanted_and_did_not_get_in_time_is_late(base) -> None:
    wanted = {"scheduled": True}
    runs = [_run(1, "a", "completed", **wanted), _run(2, "a", "completed", on_time=False, **wanted)]
    runs += [_run(3, "a", "failed", **wanted), _run(4, "a", "failed")]
    (row,) = system_health(base(runs=runs)).notebooks
    assert (row.scheduled, row.late) == (3, 2)


def test_the_age_of_tables_is_told_against_the_newest_record(base) -> None:
    loads = [_load("orders", 30, 100, 10), _load("orders", 6, 100, 0), _load("leads", 54, 10, 0)]
    loads += [_load("users", 1, 5, 0) | {"operation": "init"}]
    view = system_health(base(loads=loads))
    assert "no run has ended yet" in view.sentence
    assert [(row.table_name, row.loads, row.hours_behind) for row in view.tables] == [
        ("leads", 1, 48.0),
        ("orders", 2, 0.0),
    ]
    assert view.tables[1].refused_share == pytest.approx(0.05)
    with_run = system_health(base(loads=loads, runs=[_run(0, "a", "completed")]))
    assert [row.hours_behind for row in with_run.tables] == [54.0, 6.0]
    assert with_run.sentence.startswith("None of 1 run in 30 days failed; so few that up to ")


def test_nothing_is_said_of_nothing(base) -> None:
    assert "Not enough data" in system_health(base()).sentence
    with pytest.raises(UsageError, match="from 1, not 0"):
        system_health(base(), days=0)
