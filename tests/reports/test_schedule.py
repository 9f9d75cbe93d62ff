"""Schedule files: what they may say, and one clear sentence about what they may not."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from workbench.errors import BadInput, UsageError, WorkbenchError
from workbench.reports.definitions import NOTEBOOKS
from workbench.reports.delivery_plan import read_plan
from workbench.reports.schedule import read_schedule

PROJECT = Path(__file__).resolve().parents[2]


def test_the_example_of_the_project() -> None:
    read = read_schedule(PROJECT / "params" / "schedule.yaml")
    weekly, nightly, executive = read.entries
    assert weekly.batch == PROJECT / "params" / "weekly.yaml"
    assert (nightly.times, nightly.catch_up) == ("30 2 * * * Europe/Berlin", True)
    assert (executive.times, executive.catch_up) == ("30 7 * * MON-FRI America/New_York", False)
    assert (executive.notebook, dict(executive.parameters)) == ("executive", {"window": "7d"})
    # Friday the 5th of July 2024, noon: the next of each, the earliest first.
    coming = list(read.coming(datetime(2024, 7, 5, 12, tzinfo=UTC), 1))
    assert [(f"{at:%a %d %H:%M %z}", one.name) for at, one in coming] == [
        ("Sat 06 02:30 +0200", "Every campaign"),
        ("Mon 08 06:00 +0200", "Weekly set"),
        ("Mon 08 07:30 -0400", "Executive summary for New York"),
    ]
    with pytest.raises(UsageError, match="Did you mean 'Weekly set'"):
        read.entry("Weekly sett")
    assert read.alerts == weekly.deliver == PROJECT / "params" / "delivery.yaml"
    assert weekly.publish is not None
    assert weekly.publish.resolve() == PROJECT / "reports" / "weekly"


def test_the_schedule_of_the_demonstration_needs_no_server() -> None:
    read = read_schedule(PROJECT / "params" / "demo_schedule.yaml")
    assert {entry.deliver for entry in read.entries} == {read.alerts}
    assert read.alerts is not None
    plan = read_plan(read.alerts)
    assert {target.kind for target in (*plan.targets, *plan.alerts)} == {"folder"}
    assert {name for target in plan.targets for name in target.notebooks or ()} <= NOTEBOOKS.keys()


ENTRY = "name: a, cron: '0 6 * * *', notebook: executive"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            f"time_zone: Europe/Berln\nentries: [{{{ENTRY}}}]",
            "entry 1 (a), value 'Europe/Berln': no such time zone; expected a name such as Europe/Berlin or "
            "UTC. Did you mean 'Europe/Berlin'?",
        ),
        (f"entries: [{{{ENTRY}, time_zone: New York}}]", "Did you mean 'America/New_York'?"),
        (f"entries: [{{{ENTRY}, time_zone: ../../etc/passwd}}]", "no such time zone"),
        (f"entries: [{{{ENTRY}}}]", "no time zone; expected 'time_zone', such as Europe/Berlin"),
        (
            "time_zone: UTC\nentries: [{name: a, cron: '0 25 * * *', notebook: executive}]",
            "entry 1 (a), value '25': not an hour of a cron line; expected 0 to 23.",
        ),
        ("entries: []", "entries: list should have at least 1 item"),
        ("entries: [{cron: '* * * * *'}]", "entry 1, name: field required"),
        ("entries: [{name: a, cron: * * * * *}]", "row 1"),
        (f"entries: [{{{ENTRY}, catchup: false}}]", "entry 1, catchup: extra inputs are not permitted"),
        (f"entries: [{{{ENTRY}, catch_up: no}}]", "value 'no': entry 1, catch_up: input should be a"),
        (f"time_zone: UTC\nentries: [{{{ENTRY}}}, {{{ENTRY}}}]", "two entries have one name"),
        (f"time_zone: UTC\nentries: [{{{ENTRY}, batch: b.yaml}}]", "both or neither"),
        ("time_zone: UTC\nentries: [{name: a, cron: '0 6 * * *'}]", "either 'batch' or 'notebook'"),
        ("time_zone: UTC\nentries: [{name: a, cron: '0 6 * * *', batch: none.yaml}]", "none.yaml: No such"),
        (
            "time_zone: UTC\nentries: [{name: a, cron: '0 6 * * *', batch: p.yaml}]",
            "p.yaml, run 2 (executive), value '3': no parameter named 'tpo'",
        ),
        (
            "time_zone: UTC\nentries: [{name: a, cron: '0 6 * * *', batch: b.yaml, parameters: {top: 3}}]",
            "Say them in the batch's file",
        ),
        (f"time_zone: UTC\nentries: [{{{ENTRY}, parameters: {{tpo: 3}}}}]", "Did you mean 'top'?"),
        ("time_zone: UTC\nentries: [{name: a, cron: '0 6 * * *', notebook: exekutive}]", "'executive'?"),
        (f"time_zone: UTC\nentries: [{{{ENTRY}, on: 'dask://x:1'}}]", "only a batch runs 'on' a cluster"),
        (
            "time_zone: UTC\nentries: [{name: a, cron: '0 6 * * *', batch: b.yaml, on: x}]",
            "Write dask://HOST:PORT",
        ),
        (f"time_zone: UTC\nentries: [{{{ENTRY}, deliver: d.yaml}}]", "d.yaml: No such file"),
        (f"time_zone: UTC\nentries: [{{{ENTRY}, deliver: a.yaml}}]", "it says of nobody who gets reports"),
        (f"time_zone: UTC\nalerts: d.yaml\nentries: [{{{ENTRY}}}]", "d.yaml: No such file"),
        (f"time_zone: UTC\nalerts: t.yaml\nentries: [{{{ENTRY}}}]", "nobody who is told of failures"),
        (
            f"time_zone: UTC\nentries: [{{{ENTRY}, wanted_within: 0}}]",
            "wanted_within: input should be greater",
        ),
        ('time_zone: UTC\nentries: [{name: "a\\nb", cron: "0 6 * * *"}]', "cannot be printed"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "schedule.yaml"
    path.write_text(text)
    (tmp_path / "a.yaml").write_text("alerts: [{kind: folder, path: /a}]")
    (tmp_path / "p.yaml").write_text(
        "runs: [{notebook: campaign, each: campaign}, {notebook: executive, parameters: {tpo: 3}}]"
    )
    (tmp_path / "t.yaml").write_text("targets: [{kind: folder, path: /a}]")
    with pytest.raises(WorkbenchError) as refused:
        read_schedule(path)
    assert says in str(refused.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="No such file"):
        read_schedule(tmp_path / "none.yaml")
