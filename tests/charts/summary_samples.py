"""Results over a whole workspace, with names as attackers write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from workbench.experiments.analysis.summary import ExperimentSummary, SummaryRow
from workbench.explore.claims import ClaimedWeek, ClaimingChannel, Claims
from workbench.explore.movements import Movement, Movements
from workbench.explore.system_health import NotebookRuns, SystemHealth, TableAge
from workbench.insights.returns import CREDITED, HOLDOUT, MIX, MethodReturn, ReturnsByMethod

AT = datetime(2025, 1, 31, 12, tzinfo=UTC)
NAMES = ("email", "paid_search")


def method_returns(names: tuple[str, ...] = NAMES) -> ReturnsByMethod:
    """Return channels that are credited, of which each caused something."""
    rows = [
        MethodReturn(channel=name, method=method, value=value + n, low=low, high=high, level=0.95)
        for n, name in enumerate(names)
        for method, value, low, high in (
            (CREDITED, 3.0, 2.5, 3.5),
            (HOLDOUT, 1.5, 0.5, 2.5),
            (MIX, 2.0, None, None),
        )
    ]
    return ReturnsByMethod(rows=tuple(rows), unknown=tuple((name, name) for name in names))


def system_health(names: tuple[str, ...] = NAMES) -> SystemHealth:
    """Return notebooks that failed once in ten runs, and tables that were loaded at the same hour."""
    rows = [
        NotebookRuns(
            notebook=name,
            runs=11,
            completed=9,
            failed=1,
            cancelled=1,
            failure_share=0.1,
            failure_low=0.018,
            failure_high=0.404,
            scheduled=5,
            late=1,
            median_seconds=3.25,
            longest_seconds=12.5,
            last_at=AT,
            last_status="completed",
        )
        for name in names
    ]
    ages = [
        TableAge(
            table_name=name,
            loads=2,
            last_load=AT - timedelta(hours=30),
            hours_behind=30.0,
            rows_read=1000,
            refused=3,
            refused_share=0.003,
        )
        for name in names
    ]
    return SystemHealth(notebooks=tuple(rows), total=rows[0], tables=tuple(ages), days=30, as_of=AT)


def movements(names: tuple[str, ...] = NAMES) -> Movements:
    """Return figures of which the first rose more than usual, and one that cannot be judged."""
    rows = [
        Movement(
            metric="roas",
            title="Return on ad spend",
            unit="x",
            better="higher",
            slice=name,
            current=3.0,
            previous=2.0,
            change=0.5,
            change_low=0.2,
            change_high=0.9,
            p_value=0.01 if n == 0 else 0.6,
            reason="",
        )
        for n, name in enumerate(names)
    ]
    unknown = {"current": None, "previous": None, "change": None, "change_low": None, "change_high": None}
    odd = Movement(
        metric="leads",
        title="Leads",
        unit="count",
        better="higher",
        slice="",
        p_value=None,
        reason="few days",
        **unknown,
    )
    return Movements(kind="WoW", rows=(*rows, odd), unknown=(("Leads", "no day"),), currency="EUR")


def claims(names: tuple[str, ...] = NAMES) -> Claims:
    """Return three weeks in which campaigns claim half of what was sold."""
    weeks = [
        ClaimedWeek(
            week=date(2025, 1, 6) + timedelta(days=7 * n),
            days=7,
            orders=40,
            sold=2000.0,
            conversions=20.0,
            claimed=1000.0,
            share=0.5,
        )
        for n in range(3)
    ]
    channels = [ClaimingChannel(channel=name, conversions=10.0, claimed=500.0, share=0.25) for name in names]
    return Claims(
        weeks=tuple(weeks),
        channels=tuple(channels),
        sold=6000.0,
        orders=120,
        claimed=3000.0,
        conversions=60.0,
        currency="EUR",
    )


def all_tests(names: tuple[str, ...] = NAMES) -> ExperimentSummary:
    """Return tests of which the first found a better variant, and one that was left out."""
    rows = [
        SummaryRow(
            experiment=name,
            status="completed",
            users=10_000,
            metric="Orders per user",
            variant=name,
            control="control",
            effect="+0.1 (+5.0%) [+0.02 to +0.18], p 0.01",
            relative=0.05,
            low=0.01,
            high=0.09,
            p=0.01,
            p_all=0.02 if n == 0 else 0.3,
            course="better" if n == 0 else "open",
            blocked=n == 1,
            verdict=f"Roll out {name}: it is better.",
            decision=f"variant {name}",
        )
        for n, name in enumerate(names)
    ]
    return ExperimentSummary(
        rows=tuple(rows), left_out=tuple((name, f"No users of {name}.") for name in names)
    )


RESULTS = {
    "claim_table": claims,
    "claimed_weeks": claims,
    "claiming_channels": claims,
    "method_returns": method_returns,
    "movement_table": movements,
    "movements": movements,
    "run_failures": system_health,
    "run_table": system_health,
    "summary_changes": all_tests,
    "summary_doubts": all_tests,
    "summary_table": all_tests,
    "table_ages": system_health,
    "unknown_returns": method_returns,
}
