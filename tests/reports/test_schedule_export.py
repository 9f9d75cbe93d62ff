"""What other schedulers read: it parses, it means the same times, and foreign text stays text."""

from __future__ import annotations

import ast
import configparser
import json
import shlex
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from workbench.errors import BadInput, UsageError
from workbench.reports.cron import read_cron
from workbench.reports.schedule import Schedule, read_schedule
from workbench.reports.schedule_export import (
    Exported,
    Target,
    calendar_expressions,
    export_schedule,
    job_names,
    portable_line,
)

HOSTILE = (
    "it's; $(id) `id` | & > #x",
    '100 % "done" %n %%',
    "{{ 7*7 }} {% raw %} $HOME $(HOME) $$",
    "]]> <b>: - *x &y !z",
    "größer\N{RIGHT SINGLE QUOTATION MARK}s 中文",
    "--workspace=/elsewhere",
    "x.sh",
)


@pytest.fixture
def schedule(tmp_path: Path) -> Schedule:
    """Return a schedule whose names and whose own path attack."""
    folder = tmp_path / "a b%c$(d)'e\";f"
    folder.mkdir()
    (folder / "b.yaml").write_text("runs: [{notebook: executive}]")
    entries = [
        {"name": name, "cron": "30 6 * * 1,7", "batch": "b.yaml", "catch_up": number > 0}
        for number, name in enumerate(HOSTILE)
    ]
    path = folder / "schedule.yaml"
    path.write_text(json.dumps({"time_zone": "Europe/Berlin", "entries": entries}))
    return read_schedule(path)


@pytest.fixture
def target(tmp_path: Path) -> Target:
    """Return a program that prints its arguments, in an awkward place."""
    program = tmp_path / "p q%r$(s);t" / "work bench"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n")
    program.chmod(0o755)
    return Target(workspace=tmp_path / "w $x", program=str(program), image="example.test/x:1", claim="data")


def wanted(schedule: Schedule, target: Target) -> list[list[str]]:
    """Return the arguments with which each entry is to be called."""
    path = str(schedule.path.resolve())
    return [
        ["schedule", "run", path, f"--workspace={target.workspace}", f"--entry={name}", "--due"]
        for name in HOSTILE
    ]


def texts(files: tuple[Exported, ...], ending: str) -> list[str]:
    return [file.text for file in files if file.name.endswith(ending)]


def test_crontab_lines_call_what_is_meant(schedule: Schedule, target: Target) -> None:
    (file,) = export_schedule(schedule, "crontab", target)
    lines = file.text.splitlines()
    assert lines[2] == "CRON_TZ=Europe/Berlin"
    called = []
    for line in lines[3 : 3 + len(HOSTILE)]:
        times, words = " ".join(line.split(" ")[:5]), line.split(" ", 5)[5]
        assert times == "30 6 * * 0,1"
        assert "%" not in words.replace("\\%", "")
        # cron takes the backslash away and gives the rest to the shell.
        done = subprocess.run(
            ["/bin/sh", "-c", words.replace("\\%", "%")], capture_output=True, text=True, check=True
        )
        called.append(json.loads(done.stdout))
    assert called == wanted(schedule, target)
    assert lines[-1].startswith("@reboot ")
    assert lines[-1].endswith(" --once")
    for bad in ("back\\slash", "x" * 1000):
        with pytest.raises(BadInput):
            export_schedule(schedule, "crontab", Target(workspace=Path("/") / bad, program="/w"))


def test_systemd_units(schedule: Schedule, target: Target, tmp_path: Path) -> None:
    files = export_schedule(schedule, "systemd", target)
    called = []
    for text in texts(files, ".service"):
        unit = configparser.ConfigParser(interpolation=None, delimiters="=")
        unit.read_string(text)
        program, *words = (word.replace("%%", "%") for word in shlex.split(unit["Service"]["ExecStart"]))
        assert program == f":{target.program}"
        called.append(words)
    assert called == wanted(schedule, target)
    timers = texts(files, ".timer")
    assert all("OnCalendar=Sun,Mon *-*-* 06:30:00 Europe/Berlin\n" in text for text in timers)
    assert ["Persistent=true" in text for text in timers] == [number > 0 for number in range(len(HOSTILE))]
    with pytest.raises(BadInput, match="full path"):
        export_schedule(schedule, "systemd", Target(workspace=tmp_path))
    with pytest.raises(BadInput, match="such letters in its path"):
        export_schedule(schedule, "systemd", Target(workspace=tmp_path, program="/it's"))
    with pytest.raises(BadInput, match="cannot be printed"):
        export_schedule(schedule, "systemd", Target(workspace=tmp_path / "a\nb", program="/w"))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_itself_takes_the_units(schedule: Schedule, target: Target, tmp_path: Path) -> None:
    units = tmp_path / "units"
    units.mkdir()
    for file in export_schedule(schedule, "systemd", target):
        (units / file.name).write_text(file.text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *sorted(map(str, units.glob("*.timer")))],
        capture_output=True,
        text=True,
        check=False,
    )
    own = [line for line in done.stderr.splitlines() if "workbench-" in line]
    assert own == []


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
@pytest.mark.parametrize(
    "line", ["*/20 8-18/5 * * MON-FRI", "0 6 1,15 * *", "30 4 29 2 *", "15 5 13 * FRI", "* 7 * 6-8 SUN,SAT"]
)
def test_systemd_reads_the_same_times(line: str) -> None:
    cron = read_cron(line, ZoneInfo("America/New_York"))
    start = datetime(2024, 1, 20, 12, tzinfo=UTC)
    expressions = calendar_expressions(cron)
    done = subprocess.run(
        [
            "systemd-analyze",
            "calendar",
            "--iterations=8",
            "--base-time=2024-01-20 12:00:00 UTC",
            *expressions,
        ],
        capture_output=True,
        text=True,
        check=True,
        env={"TZ": "UTC", "PATH": "/usr/bin:/bin", "LC_ALL": "C"},
    )
    shown = {
        datetime.strptime(" ".join(text.split()[-3:-1]), "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        for text in done.stdout.splitlines()
        if text.strip().endswith(" UTC")
    }
    expected = [at.astimezone(UTC) for at in islice(cron.following(start), 8)]
    assert sorted(shown)[:8] == expected


def test_kubernetes_jobs(schedule: Schedule, target: Target) -> None:
    (file,) = export_schedule(schedule, "kubernetes", target)
    jobs = list(yaml.safe_load_all(file.text))
    assert len({job["metadata"]["name"] for job in jobs}) == len(HOSTILE)
    called = []
    for job in jobs:
        spec = job["spec"]
        assert (job["apiVersion"], job["kind"]) == ("batch/v1", "CronJob")
        assert (spec["schedule"], spec["timeZone"]) == ("30 6 * * 0,1", "Europe/Berlin")
        assert spec["concurrencyPolicy"] == "Forbid"
        pod = spec["jobTemplate"]["spec"]["template"]["spec"]
        words = pod["containers"][0]["command"]
        assert all("$(" not in word.replace("$$", "") for word in words)
        called.append([word.replace("$$", "$") for word in words[1:]])
        assert pod["containers"][0]["volumeMounts"][0]["name"] == pod["volumes"][0]["name"]
    assert called == wanted(schedule, target)
    assert [job["spec"].get("startingDeadlineSeconds") for job in jobs] == [60] + [None] * 6
    with pytest.raises(BadInput, match="--image"):
        export_schedule(schedule, "kubernetes", Target(workspace=Path("/w")))


def test_airflow_dags(schedule: Schedule, target: Target) -> None:
    (file,) = export_schedule(schedule, "airflow", target)
    tree = ast.parse(file.text)
    compile(file.text, file.name, "exec")
    called = [ast.literal_eval(node)[1:] for node in ast.walk(tree) if isinstance(node, ast.List)]
    assert called == wanted(schedule, target)
    given = [
        {word.arg: word.value for word in node.keywords}
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dag"
    ]
    assert [ast.literal_eval(one["catchup"]) for one in given] == [False] * len(HOSTILE)
    assert [ast.literal_eval(one["max_active_runs"]) for one in given] == [1] * len(HOSTILE)
    assert len({ast.literal_eval(one["dag_id"]) for one in given}) == len(HOSTILE)


def test_names_and_lines(schedule: Schedule, target: Target) -> None:
    names = job_names(schedule)
    assert list(names) == list(HOSTILE)
    for name in names.values():
        assert name.replace("-", "").isalnum()
        assert name.isascii()
        assert len(name) <= 52
        assert not name.endswith("-")
    assert portable_line(read_cron("0 6 * * 5-7", ZoneInfo("UTC"))) == "0 6 * * 0,5,6"
    with pytest.raises(UsageError, match="Did you mean 'systemd'"):
        export_schedule(schedule, "sytemd", target)
