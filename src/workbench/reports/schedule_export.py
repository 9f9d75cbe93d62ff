"""A schedule as the text that another scheduler reads: crontab, systemd, Kubernetes or Airflow.

Each entry becomes a call of ``workbench schedule run FILE --entry NAME --due``, which takes the lock of the
workspace: two never run there at once, nor twice for one time, whoever calls them. Names and paths are
foreign text; each writer quotes them by its own rules, and refuses what those rules cannot carry.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import BadInput, unknown_name
from workbench.governance.names import slug
from workbench.reports.cron import Cron
from workbench.reports.schedule import Schedule, ScheduleEntry

_WEEKDAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
_FULL = (60, 24, 31, 12, 7)
_LONGEST_LINE = 900  # crons cut lines at a thousand
_LONGEST_JOB = 40  # a CronJob's name has at most 52 letters


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """One file that another scheduler reads.

    Parameters
    ----------
    name : str
        What the file is to be called.
    text : str
        What is in it.
    """

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where the commands are to run.

    Parameters
    ----------
    workspace : Path
        The workspace's folder there.
    program : str
        The `workbench` command there.
    image, claim : str, optional
        For Kubernetes: the container image, and the volume claim that holds the workspace.
    """

    workspace: Path
    program: str = "workbench"
    image: str | None = None
    claim: str | None = None


def export_schedule(schedule: Schedule, kind: str, target: Target) -> tuple[Exported, ...]:
    """Return the files that make another scheduler run the entries.

    Parameters
    ----------
    schedule : Schedule
        What is run when.
    kind : str
        ``crontab``, ``systemd``, ``kubernetes`` or ``airflow``.
    target : Target
        Where.

    Raises
    ------
    UsageError
        If there is no such kind.
    BadInput
        If a name or path cannot be written safely, or something is missing.
    """
    if kind not in _WRITERS:
        raise unknown_name("scheduler", kind, _WRITERS)
    for text in (str(schedule.path.resolve()), str(target.workspace), target.program):
        if not text.isprintable():
            raise BadInput("a path with a letter that cannot be printed", value=text, fix="Rename it.")
    return tuple(_WRITERS[kind](schedule, target))


def command(schedule: Schedule, target: Target, *rest: str) -> list[str]:
    """Return the words of the command that runs a schedule."""
    path, workspace = str(schedule.path.resolve()), str(target.workspace)
    return [target.program, "schedule", "run", path, f"--workspace={workspace}", *rest]


def call(schedule: Schedule, entry: ScheduleEntry, target: Target) -> list[str]:
    """Return the words of the command that runs one entry, unless it was run for its time already."""
    return command(schedule, target, f"--entry={entry.name}", "--due")


def job_names(schedule: Schedule) -> dict[str, str]:
    """Return a short plain name for each entry, each once.

    Letters, digits and hyphens: what systemd, Kubernetes and Airflow all take.
    """
    names: dict[str, str] = {}
    for entry in schedule.entries:
        short = re.sub(r"[^a-z0-9]+", "-", slug(entry.name, "entry"))[:_LONGEST_JOB].strip("-")
        name, number = f"workbench-{short}", 2
        while name in names.values():
            name, number = f"workbench-{short[: _LONGEST_JOB - 4].strip('-')}-{number}", number + 1
        names[entry.name] = name
    return names


def portable_line(cron: Cron) -> str:
    """Return the five fields as every cron reads them: Sunday is 0, for some know no 7."""
    *others, weekday = cron.fields
    if "7" in weekday:
        weekday = ",".join(map(str, cron.values[4]))
    return " ".join((*others, weekday))


def _crontab(schedule: Schedule, target: Target) -> Sequence[Exported]:
    lines = [
        "# CRON_TZ needs cronie; other crons take the machine's time zone.",
        "SHELL=/bin/sh",
    ]
    zone = None
    for entry in schedule.entries:
        if entry.cron.zone.key != zone:
            zone = entry.cron.zone.key
            lines.append(f"CRON_TZ={zone}")
        words = call(schedule, entry, target)
        lines.append(f"{portable_line(entry.cron)} {_shell_in_crontab(words)}")
    if any(entry.catch_up for entry in schedule.entries):
        lines.append("# What fell due while the machine was off, once.")
        lines.append(f"@reboot {_shell_in_crontab(command(schedule, target, '--once'))}")
    return [Exported(name="crontab", text="\n".join(lines) + "\n")]


def _shell_in_crontab(words: Sequence[str]) -> str:
    """Return the words for a shell, and for cron, to which an unescaped % is the line's end."""
    line = shlex.join(words)
    if "\\" in line:
        raise BadInput("crons differ on a backslash", value=line, fix="Rename what contains it.")
    line = line.replace("%", "\\%")
    if len(line.encode()) > _LONGEST_LINE:
        raise BadInput(
            "too long for a line of a crontab", value=line, expected=f"at most {_LONGEST_LINE} bytes"
        )
    return line


def _systemd(schedule: Schedule, target: Target) -> Sequence[Exported]:
    if not Path(target.program).is_absolute():
        raise BadInput("systemd needs the program's full path", value=target.program)
    if set(target.program) & set("\"'\\"):
        raise BadInput("systemd runs no program with such letters in its path", value=target.program)
    files = []
    for entry in schedule.entries:
        unit = job_names(schedule)[entry.name]
        words = call(schedule, entry, target)
        # A colon before the program switches off what systemd makes of a dollar sign.
        words[0] = f":{words[0]}"
        start = " ".join(map(_quoted_for_systemd, words))
        service = f"[Unit]\nDescription={unit}\n\n[Service]\nType=oneshot\nExecStart={start}\n"
        calendar = "".join(f"OnCalendar={one}\n" for one in calendar_expressions(entry.cron))
        timer = (
            f"[Unit]\nDescription={unit}\n\n[Timer]\n{calendar}"
            f"Persistent={'true' if entry.catch_up else 'false'}\n\n[Install]\nWantedBy=timers.target\n"
        )
        files += [
            Exported(name=f"{unit}.service", text=service),
            Exported(name=f"{unit}.timer", text=timer),
        ]
    return files


def calendar_expressions(cron: Cron) -> list[str]:
    """Return what systemd calls calendar events; two where a day of either kind will do.

    Examples
    --------
    >>> from zoneinfo import ZoneInfo
    >>> from workbench.reports.cron import read_cron
    >>> calendar_expressions(read_cron("*/30 6 1 * MON", ZoneInfo("Europe/Berlin")))
    ['*-*-01 06:00,30:00 Europe/Berlin', 'Mon *-*-* 06:00,30:00 Europe/Berlin']
    """
    minute, hour, day, month = (
        "*" if len(values) == full else ",".join(f"{value:02d}" for value in values)
        for values, full in zip(cron.values[:4], _FULL[:4], strict=True)
    )
    weekday = ",".join(_WEEKDAYS[value] for value in cron.values[4]) + " "
    clock = f"{hour}:{minute}:00 {cron.zone.key}"
    if cron.fields[4] == "*":
        return [f"*-{month}-{day} {clock}"]
    if cron.fields[2] == "*":
        return [f"{weekday}*-{month}-* {clock}"]
    return [f"*-{month}-{day} {clock}", f"{weekday}*-{month}-* {clock}"]


def _quoted_for_systemd(word: str) -> str:
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") + '"'


def _kubernetes(schedule: Schedule, target: Target) -> Sequence[Exported]:
    import yaml

    if target.image is None or target.claim is None:
        raise BadInput(
            "Kubernetes needs to know more", expected="--image, which has the workbench, and --claim"
        )
    names = job_names(schedule)
    jobs = [_cron_job(schedule, entry, names[entry.name], target) for entry in schedule.entries]
    text = yaml.safe_dump_all(jobs, sort_keys=False, allow_unicode=False, width=1000)
    return [Exported(name="workbench-cronjobs.yaml", text=text)]


def _cron_job(schedule: Schedule, entry: ScheduleEntry, name: str, target: Target) -> Mapping[str, Any]:
    # Kubernetes reads $(NAME) in a command; a doubled dollar sign stands for itself.
    words = [word.replace("$", "$$") for word in call(schedule, entry, target)]
    container = {
        "name": "workbench",
        "image": target.image,
        "command": words,
        "volumeMounts": [{"name": "workspace", "mountPath": str(target.workspace)}],
    }
    pod = {
        "restartPolicy": "Never",
        "containers": [container],
        "volumes": [{"name": "workspace", "persistentVolumeClaim": {"claimName": target.claim}}],
    }
    # What is late by more than a minute was missed.
    deadline = {} if entry.catch_up else {"startingDeadlineSeconds": 60}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name},
        "spec": {
            "schedule": portable_line(entry.cron),
            "timeZone": entry.cron.zone.key,
            "concurrencyPolicy": "Forbid",
            **deadline,
            "jobTemplate": {"spec": {"backoffLimit": 0, "template": {"spec": pod}}},
        },
    }


_AIRFLOW_HEAD = '''"""Runs the entries of a workbench schedule."""

import subprocess

import pendulum
from airflow.decorators import dag, task
from airflow.timetables.trigger import CronTriggerTimetable
'''
_AIRFLOW_DAG = """

@dag(
    dag_id={id},
    description={description},
    schedule=CronTriggerTimetable({cron}, timezone={zone}),
    start_date=pendulum.datetime(2024, 1, 1, tz={zone}),
    catchup=False,
    max_active_runs=1,
)
def entry_{number}():
    @task(task_id="run")
    def run():
        subprocess.run({words}, check=True)

    run()


entry_{number}()
"""


def _airflow(schedule: Schedule, target: Target) -> Sequence[Exported]:
    # The words stand in the function: as an operator's arguments Airflow would read them as templates.
    names = job_names(schedule)
    dags = (
        _AIRFLOW_DAG.format(
            id=ascii(names[entry.name]),
            description=ascii(entry.name),
            cron=ascii(portable_line(entry.cron)),
            zone=ascii(entry.cron.zone.key),
            number=number,
            words=ascii(call(schedule, entry, target)),
        )
        for number, entry in enumerate(schedule.entries, start=1)
    )
    return [Exported(name="workbench_schedule.py", text=_AIRFLOW_HEAD + "".join(dags))]


_WRITERS: dict[str, Callable[[Schedule, Target], Sequence[Exported]]] = {
    "airflow": _airflow,
    "crontab": _crontab,
    "kubernetes": _kubernetes,
    "systemd": _systemd,
}
