"""Runs are found by notebook, status, time and words; a wrong question is refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from workbench.errors import UsageError
from workbench.reports.execution import Failure
from workbench.reports.record import RunRecord
from workbench.reports.run_search import RunSearch, moment

NOON = datetime(2024, 5, 7, 12, tzinfo=UTC)


def record(id_: str, notebook: str, status: str, started: str | None, **values: object) -> RunRecord:
    error = Failure(kind="error", message="ValueError: no Überschuss") if status == "failed" else None
    return RunRecord(
        id=id_,
        notebook=notebook,
        title=notebook.title(),
        parameters=values,
        tenant="t",
        data_version=1,
        status=status,  # type: ignore[arg-type]
        started=started,
        error=error,
    )


RUNS = [
    record("q-1", "roi", "queued", None),
    record("c-2", "campaign", "completed", "2024-05-07T11:00:00.000+00:00", campaign="Summer <b>sale</b>"),
    record("c-3", "campaign", "failed", "2024-05-06T13:00:00.000+00:00", campaign="Winter"),
    record("r-4", "roi", "completed", "2024-05-01T00:00:00.000+00:00", window=None),
]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        (RunSearch(), ["q-1", "c-2", "c-3", "r-4"]),
        (RunSearch(limit=2), ["q-1", "c-2"]),
        (RunSearch(notebook="campaign", limit=1), ["c-2"]),
        (RunSearch(notebook="camp"), []),
        (RunSearch(status="completed"), ["c-2", "r-4"]),
        (RunSearch(since=moment("24h", NOON)), ["q-1", "c-2", "c-3"]),
        (RunSearch(since=moment("2024-05-07", NOON)), ["q-1", "c-2"]),
        (RunSearch(since=moment("2024-05-07T13:30+02:00", NOON)), ["q-1"]),
        (RunSearch(text="SALE summer"), ["c-2"]),
        (RunSearch(text="überschuss campaign"), ["c-3"]),
        (RunSearch(text="r-4"), ["r-4"]),
        (RunSearch(status="completed", notebook="campaign", text="winter"), []),
    ],
)
def test_what_is_looked_for_is_found_in_order(search: RunSearch, found: list[str]) -> None:
    assert [one.id for one in search.find(RUNS)] == found


@pytest.mark.parametrize("text", ["yesterday", "", "7 days", "99999999d", "9" * 7 + "w", "2024-13-01"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no moment"):
        moment(text, NOON)


def test_an_unknown_status_is_refused() -> None:
    with pytest.raises(UsageError, match="Did you mean 'completed'"):
        RunSearch(status="complete")
