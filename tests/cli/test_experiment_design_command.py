"""The command `experiment design`: figures on stdout, errors by their exit code, help without delay."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import workbench.cli.experiment_design
from workbench.cli.app import app
from workbench.errors import WorkbenchError
from workbench.store import Workspace

assert workbench.cli.experiment_design  # its import adds the command


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["experiment", "design", *arguments])


def test_json_of_the_published_plan() -> None:
    done = run(
        *("--kind", "proportion", "--baseline", "0.008", "--mde", "0.15", "--relative"),
        *("--alpha", "0.05", "--power", "0.8", "--json"),
    )
    assert done.exit_code == 0, done.exception
    said = json.loads(done.stdout)
    assert said["n_per_group"] == 92_944
    assert said["n_total"] == 185_888
    assert said["days"] is None
    assert said["powers"][-1]["power"] > 0.99


def test_text_has_groups_weeks_and_warnings() -> None:
    done = run(
        "--baseline", "0.05", "--mde", "0.01", "--absolute", "--split", "0.8,0.2", "--daily-users", "900"
    )
    assert done.exit_code == 0, done.exception
    assert "plan 4 weeks" in done.stdout
    assert "variant 1" in done.stdout
    assert "smallest change found" in done.stdout
    assert "The uneven split needs" in done.stdout


def test_users_of_a_workspace_come_back(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "acme")
    first = date(2024, 3, 1)
    last = first + timedelta(days=27)
    with workspace.writer() as writer, writer.transaction("a") as load:
        load.append(
            "facts",
            f"""
            SELECT CASE WHEN i % 14 = 0 THEN 'campaign_clicked' ELSE 'campaign_viewed' END AS event_type,
                CAST(moment AS DATE) AS day, moment AS timestamp,
                i % 1000 AS user_key, 'mobile' AS source, 1.0 AS lag_minutes, FALSE AS late_arrival,
                'a' AS load_id, strftime(moment, '%Y-%m') AS month
            FROM (SELECT i, TIMESTAMPTZ '{first} 00:00:00+00' + to_days(CAST(i // 250 AS INTEGER)) AS moment
                  FROM range(7000) t(i))
            """,
        )
        load.commit()
    done = run("--baseline", "0.5", "--mde", "0.2", "--workspace", str(workspace.path), "--json")
    assert done.exit_code == 0, done.exception
    said = json.loads(done.stdout)
    assert said["n_total"] == 776
    assert said["needed_days"] == 4  # 250 a day; after four days everybody has come
    assert [week["users"] for week in said["durations"]] == [1000] * 8
    assert last - first == timedelta(days=27)

    read = run("--metric", "clicks", "--mde", "0.2", "--workspace", str(workspace.path), "--json")
    assert read.exit_code == 0, read.exception
    said = json.loads(read.stdout)
    assert (said["kind"], said["baseline"]) == ("mean", 0.5)  # 500 clicks of 1,000 users in 28 days
    assert said["sentence"].startswith(
        f"{said['n_per_group']:,} users in each of 2 groups find a change of clicks"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("--mde", "0.1"), 2, "--baseline"),
        (("--baseline", "5", "--mde", "0.1"), 2, "write 5 % as 0.05"),
        (("--baseline", "0.05"), 2, "smallest change"),
        (("--kind", "share", "--baseline", "0.05", "--mde", "0.1"), 2, "No kind of metric named 'share'"),
        (("--kind", "mean", "--baseline", "3", "--mde", "0.1"), 2, "standard deviation"),
        (("--baseline", "0.05", "--mde", "0.1", "--split", "a,b"), 2, "is no split"),
        (("--baseline", "0.05", "--mde", "0.1", "--correction", "holm"), 2, "correction"),
        (("--metric", "revenue", "--mde", "0.1"), 2, "give --workspace"),
        (("--metric", "revenue", "--baseline", "0.1"), 2, "leave out --baseline"),
        (("--baseline", "0.05", "--users", "3"), 1, "Not enough data"),
        (("--baseline", "0.05", "--mde", "0.1", "--workspace", "/nowhere"), 3, "nowhere"),
    ],
)
def test_errors(arguments: tuple[str, ...], code: int, text: str) -> None:
    done = run(*arguments)
    assert isinstance(done.exception, WorkbenchError)
    assert done.exception.exit_code == code
    assert text in str(done.exception)
    assert not done.stdout


def test_a_word_that_is_no_number_is_wrong_usage() -> None:
    assert run("--baseline", "five").exit_code == 2


def test_help_needs_nothing_heavy() -> None:
    code = (
        "import sys\nfrom workbench.cli import main\n"
        "try:\n    main(['experiment', 'design', '--help'])\nexcept SystemExit:\n    pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "--daily-users" in done.stdout
    assert not {"numpy", "scipy", "pandas", "duckdb", "gsdesign"} & set(done.stderr.split())
