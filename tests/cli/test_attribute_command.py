"""The command `attribute` on a workspace of 600 users and five campaigns."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import workbench.cli.attribute
from workbench.cli.app import app
from workbench.errors import WorkbenchError
from workbench.store import Workspace

assert workbench.cli.attribute  # its import adds the command


_FACTS = """
    SELECT CASE WHEN i % 4 < 3 THEN 'campaign_clicked' ELSE 'user_purchased' END AS event_type,
        CAST(moment AS DATE) AS day, moment AS timestamp, i // 4 AS user_key, 'mobile' AS source,
        CASE WHEN i % 4 < 3 THEN 'c' || (i * 7 % 5) END AS campaign_id,
        CASE WHEN i % 4 = 3 THEN 'o' || i END AS order_id,
        CASE WHEN i % 4 = 3 THEN 20.0 + i % 30 END AS value,
        1.0 AS lag_minutes, FALSE AS late_arrival, 'a' AS load_id, strftime(moment, '%Y-%m') AS month
    FROM (SELECT i, TIMESTAMPTZ '2024-03-01 00:00:00+00' + to_hours(CAST(i // 4 AS INTEGER))
              + to_minutes(CAST(i % 4 AS INTEGER)) AS moment
          FROM range(2400) t(i))
    WHERE i % 4 < 3 OR i // 4 % 3 = 0
"""
_CAMPAIGNS = """
    SELECT 'c' || i AS campaign_id, 'Campaign ' || i AS name, 'DISCOUNT' AS campaign_type,
        ['email', 'push', 'video', 'display', 'email'][i + 1] AS channel, 'active' AS status
    FROM range(5) t(i)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = Workspace.create(tmp_path_factory.mktemp("attribute") / "acme")
    workspace.set_currency("EUR")
    with workspace.writer() as writer, writer.transaction("a") as load:
        load.append("facts", _FACTS)
        load.append("campaigns", _CAMPAIGNS)
        load.commit()
    return Path(workspace.path)


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["attribute", *arguments])


def test_json_of_all_models(folder: Path) -> None:
    done = run("--workspace", str(folder), "--model", "all", "--by", "channel", "--window", "30d", "--json")
    assert done.exit_code == 0, done.exception
    said = json.loads(done.stdout)
    assert (said["conversions"], said["currency"]) == (200, "EUR")
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for row in said["rows"]:
        assert row["low"] <= row["value"] <= row["high"]
        sums[row["model"]][0] += row["conversions"]
        sums[row["model"]][1] += row["value"]
    assert len(sums) == 10
    for conversions, value in sums.values():
        assert conversions == pytest.approx(said["conversions"], rel=1e-9)
        assert value == pytest.approx(said["value"], rel=1e-9)
    assert "NaN" not in done.stdout


def test_text_and_period(folder: Path) -> None:
    done = run("-w", str(folder), "--model", "linear,last_touch", "--by", "campaign", "--period", "30d")
    assert done.exit_code == 0, done.exception
    assert "95% interval" in done.stdout
    assert "only an experiment can say" in done.stdout
    assert "first_touch" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("--model", "markow"), 2, "Did you mean 'markov'"),
        (("--by", "chanel"), 2, "Did you mean 'channel'"),
        (("--window", "last week"), 2, "is no look-back window"),
        (("--period", "2031-01-01:2031-01-31"), 1, "Not enough data"),
    ],
)
def test_errors(folder: Path, arguments: tuple[str, ...], code: int, text: str) -> None:
    done = run("--workspace", str(folder), *arguments)
    assert isinstance(done.exception, WorkbenchError)
    assert done.exception.exit_code == code
    assert text in str(done.exception)
    assert not done.stdout
