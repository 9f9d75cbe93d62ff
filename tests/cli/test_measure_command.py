"""The command `measure` on a workspace of one table."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.cli import main
from workbench.store import Workspace

PROGRAM = str(Path(sys.executable).with_name("workbench"))
Run = Callable[..., tuple[str, str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = Workspace.create(tmp_path_factory.mktemp("measure") / "acme")
    workspace.set_currency("EUR")
    with workspace.writer() as writer, writer.transaction("a") as load:
        load.append(
            "daily_performance",
            "SELECT DATE '2024-03-01' + CAST(i AS INTEGER) AS date, 'c' || (i % 2) AS campaign_id, "
            "'paid_social' AS channel, 1000 AS impressions, 40 AS clicks, 10.0 AS spend FROM range(20) t(i)",
        )
        load.append(
            "orders",
            "SELECT 'o' AS order_id, 1 AS line, 'u' AS user_id, 9.0 AS order_value, false AS is_return, "
            "TIMESTAMPTZ '2024-03-02 09:00Z' AS ordered_at",
        )
        load.commit()
    return Path(workspace.path)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def called(*words: str, code: int = 0) -> tuple[str, str]:
        with pytest.raises(SystemExit) as left:
            main(list(words))
        told = capsys.readouterr()
        assert left.value.code == code, told.err
        return told.out, told.err

    return called


def test_json(folder: Path) -> None:
    words = ("ctr", "roas", "--workspace", str(folder), "--by", "campaign", "--window", "10d", "--json")
    done = subprocess.run([PROGRAM, "measure", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["window"] == {"first": "2024-03-11", "last": "2024-03-20", "days": 10}
    assert (said["currency"], said["by"]) == ("EUR", ["campaign"])
    assert isinstance(said["data_version"], int)
    ctr, _, roas, _ = said["rows"]
    assert (ctr["metric"], ctr["campaign"], ctr["value"], ctr["unit"]) == ("ctr", "c0", 0.04, "%")
    assert roas["value"] is None
    assert roas["note"]


def test_figures_and_loads_need_no_pandas(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("date,campaign_id,channel,spend\n2024-03-01,a,email,1\n")
    asked = [
        ["measure", "roas", "aov", "--by", "campaign", "--workspace", str(folder)],
        ["init", str(tmp_path / "w")],
        ["ingest", str(tmp_path / "a.csv"), "--workspace", str(tmp_path / "w")],
    ]
    code = (
        f"import sys\nfrom workbench.cli import main\nfor words in {asked!r}:\n"
        "    try:\n        main(words)\n    except SystemExit as left:\n        assert not left.code\n"
        "print('pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("False\n"), "it takes longer to load than the figures do"


def test_a_comparison_that_cannot_be_is_said(folder: Path, run: Run) -> None:
    words = ("cpc", "--workspace", str(folder), "--compare", "--by", "week", "--window", "10d", "--json")
    out, told = run("measure", *words)
    assert "not compared" in told
    assert {row["previous"] for row in json.loads(out)["rows"]} == {None}


def test_text(folder: Path, run: Run) -> None:
    out, _ = run("measure", "cpc", "--workspace", str(folder), "--compare", "--window", "10d")
    assert "€0.25" in out
    assert "previous" in out


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("ctx",), 2, "Did you mean 'ctr'"),
        (("ctr", "--by", "campaing"), 2, "Did you mean 'campaign'"),
        (("ctr", "--window", "last week"), 2, "is no window"),
        (("ctr", "--window", ""), 2, "is no window"),
        (("ctr", "--window", "0d"), 2, "at least one day"),
        (("ctr", "--window", "2024-02-30:2024-03-01"), 2, "is no day"),
        (("ctr", "--window", "2024-03-02:2024-03-01"), 2, "ends before it begins"),
        (("ctr", "--window", "0001-01-01:9999-12-31"), 2, "leaves the years"),
        (("ctr", "--window", "9999-12-31:9999-12-31", "--compare"), 2, "leaves the years"),
        (("ctr'; DROP TABLE facts; --",), 2, "No metric named"),
        (("ctr", "--by", "campaign'; --"), 2, "No dimension named"),
        (("ctr", "--engine", "trino"), 2, "compiled, not run"),
    ],
)
def test_wrong_use_is_said(folder: Path, run: Run, arguments: tuple[str, ...], code: int, text: str) -> None:
    out, told = run("measure", *arguments, "--workspace", str(folder), code=code)
    assert out == ""
    assert text in told


def test_no_workspace_is_bad_input(run: Run, tmp_path: Path) -> None:
    run("measure", "ctr", "--workspace", str(tmp_path / "none"), code=3)


def test_what_measuring_costs_is_known_after_the_next_load(run: Run, tmp_path: Path) -> None:
    def workbench(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [PROGRAM, *arguments, "--workspace", str(tmp_path / "acme")],
            capture_output=True,
            text=True,
            check=True,
        )

    def load(month: str) -> None:
        file = tmp_path / f"{month}.csv"
        file.write_text(f"date,campaign_id,channel,impressions,clicks,spend\n{month}-01,c,email,100,5,2\n")
        run("ingest", str(file), "--workspace", str(tmp_path / "acme"))

    run("init", str(tmp_path / "acme"))
    load("2024-01")
    (before,) = json.loads(workbench("measure", "cost_per_query", "--json").stdout)["rows"]
    assert (before["value"], before["note"]) == (None, "no metric calculation completed event recorded")
    load("2024-02")
    said = json.loads(workbench("measure", "cost_per_query", "--json").stdout)
    (cost,) = said["rows"]
    tables = Workspace.open(tmp_path / "acme").tables()
    noted = tables.query(
        "SELECT json_extract_string(properties, '$.compute_seconds')::DOUBLE AS seconds FROM events"
        " WHERE event_type = 'metric_calculation_completed'"
    )["seconds"].to_pylist()
    assert len(noted) == cost["denominator"] == 1
    assert cost["value"] == pytest.approx(noted[0] * 0.10 / 3600, rel=1e-9)
    assert cost["value"] > 0
    assert said["window"]["last"] > "2025"  # the days on which it ran, not those of the data
