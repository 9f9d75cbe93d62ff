"""The commands of experiments, from a definition to a decision, on a workspace of their own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from workbench.cli.app import app
from workbench.errors import BadInput, NotEnoughData, UsageError, WorkbenchError
from workbench.store import Workspace

from .calling import run

_DEFINITION = """
name: new_subject
hypothesis: A question in the subject gets more orders.
primary: orders
variants: {control: 0.5, question: 0.5}
guardrails: [aov]
"""


@pytest.fixture
def folder(acme: Workspace) -> Path:
    return Path(acme.path)


@pytest.fixture
def definition(tmp_path: Path) -> Path:
    path = tmp_path / "test.yaml"
    path.write_text(_DEFINITION)
    return path


def test_a_life(folder: Path, definition: Path, tmp_path: Path) -> None:
    assert "no experiments yet" in run(folder, "list")
    made = run(folder, "create", definition, "--reason", "Asked for by Ann.", "--json")
    assert (made["status"], made["version"], made["definition"]["split"]) == ("draft", 1, [0.5, 0.5])
    assert made["history"][0]["reason"] == "Asked for by Ann."
    assert made["history"][0]["changed_by"]
    again = CliRunner().invoke(app, ["experiment", "create", str(definition), "-w", str(folder)])
    assert "Nothing changed" in again.stderr
    run(folder, "start", "new_subject")
    users = tmp_path / "users.csv"
    users.write_text(
        "\ufeffname,user_id\n" + "".join(f"n,u{number}\n" for number in range(1000)) + "n,u1\nn,\n"
    )
    done = run(folder, "assign", "new_subject", "--users", users, "--json")
    assert sum(done["users"].values()) == 1000
    assert done["known"] == 0
    listed = run(folder, "list", "--json")
    assert [(one["name"], one["status"], sum(one["users"].values())) for one in listed] == [
        ("new_subject", "running", 1000)
    ]
    definition.write_text(_DEFINITION.replace("0.5, question: 0.5", "0.6, question: 0.4"))
    assert "split cannot change" in run(folder, "create", definition, fails=UsageError)
    run(folder, "pause", "new_subject")
    run(folder, "assign", "new_subject", "--users", users, fails=UsageError)
    ended = run(folder, "complete", "new_subject", "--reason", "Two weeks are over.", "--json")
    assert [change["status"] for change in ended["history"]] == ["draft", "running", "paused", "completed"]
    assert "nothing can follow" in run(folder, "start", "new_subject", fails=UsageError)
    text = run(folder, "show", "new_subject")
    assert "Two weeks are over." in text
    assert "users in 'control'" in text


def test_options_define_one_too(folder: Path, tmp_path: Path) -> None:
    made = run(
        folder, "create", "--name", "b", "--primary", "ctr", "--variants", "old:0.9, new:0.1", "--json"
    )
    assert made["definition"]["variants"] == ["old", "new"]
    assert made["definition"]["split"] == [0.9, 0.1]
    run(folder, "create", fails=UsageError)
    run(folder, "create", "--name", "c", fails=UsageError)
    assert "old:0.9,new:0.1" in run(
        folder, "create", "--name", "c", "--primary", "ctr", "--variants", "a:1,b", fails=UsageError
    )
    assert "Did you mean 'ctr'" in run(folder, "create", "--name", "c", "--primary", "ctrr", fails=UsageError)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: [", "test.yaml"),
        ("name: x\nprimary: ctr\nstatus: running", "begins as a draft"),
        ("name: x\nname: y", "stands twice"),
        ("name: x\nprimary: ctr\nkind: colour", "expected 'message'"),
        ("- a", "not a mapping"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(folder: Path, definition: Path, text: str, told: str) -> None:
    definition.write_text(text)
    assert told in run(folder, "create", definition, fails=BadInput)


def test_without_orders_and_events_there_is_nothing_to_compare(folder: Path, tmp_path: Path) -> None:
    run(folder, "create", "--name", "x", "--primary", "orders")
    (tmp_path / "users").write_text("u1\nu2\n")
    run(folder, "assign", "x", "--users", tmp_path / "users")
    run(folder, "start", "x")
    assert "neither orders nor events" in run(folder, "analyze", "x", fails=NotEnoughData)


def test_a_missing_file_or_name_is_said(folder: Path, tmp_path: Path) -> None:
    assert "No such file" in run(folder, "create", tmp_path / "no.yaml", fails=BadInput)
    assert "There is no experiment 'x'" in run(folder, "show", "x", fails=UsageError)
    run(folder, "create", "--name", "x", "--primary", "ctr")
    assert "No such file" in run(folder, "assign", "x", "--users", tmp_path / "no", fails=BadInput)
    (tmp_path / "long").write_text("u" * 2000)
    assert "not the id" in run(folder, "assign", "x", "--users", tmp_path / "long", fails=BadInput)
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    assert "not UTF-8" in run(folder, "assign", "x", "--users", tmp_path / "bytes", fails=BadInput)


_ORDERS = """
    SELECT 'o' || i AS order_id, 1 AS line, 'u' || (i % 4000) AS user_id,
        TIMESTAMPTZ '2024-05-03 10:00:00+00' AS ordered_at, 20.0 + i % 30 AS order_value, FALSE AS is_return
    FROM range(6000) t(i) WHERE i < 1200 OR (i % 4000) % 10 < 4
"""
_ASSIGNED = """
    SELECT 'old_test' AS experiment, 'u' || i AS user_id,
        CASE WHEN i % 10 < 5 THEN 'new' ELSE 'control' END AS variant,
        TIMESTAMPTZ '2024-05-01 00:00:00+00' AS assigned_at
    FROM range(4000) t(i)
"""


@pytest.fixture(scope="module")
def shop(empty_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = Path(shutil.copytree(empty_workspace, tmp_path_factory.mktemp("shop") / "acme"))
    workspace = Workspace.open(folder)
    workspace.set_currency("EUR")
    with workspace.writer() as writer, writer.transaction("a") as load:
        load.append("orders", _ORDERS)
        load.append("experiments", _ASSIGNED)
        load.commit()
    return folder


@pytest.fixture
def sold(shop: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(shop, tmp_path / "acme"))


def test_a_test_that_was_only_loaded_is_read_and_says_what_it_assumes(sold: Path) -> None:
    found = run(sold, "analyze", "old_test", "--json")
    assert found["users"] == 4000
    assert found["experiment"]["variants"] == ["control", "new"]
    assert found["experiment"]["primary"] == "orders"
    assert "'control' is taken as the control" in found["assumed"][0]
    assert "equal shares are expected" in found["assumed"][1]
    primary = next(one for one in found["findings"] if one["role"] == "primary")
    counted = {"new": [0, 0], "control": [0, 0]}  # orders, users
    rows = (
        Workspace.open(sold)
        .tables()
        .query(
            "SELECT variant, count(DISTINCT experiments.user_id) AS users, count(order_id) AS orders "
            "FROM experiments LEFT JOIN orders ON orders.user_id = experiments.user_id GROUP BY variant"
        )
    )
    for row in rows.to_pylist():
        counted[row["variant"]] = [row["orders"], row["users"]]
    expected = counted["new"][0] / counted["new"][1] - counted["control"][0] / counted["control"][1]
    assert primary["comparison"]["difference"]["value"] == pytest.approx(expected)
    assert found["verdict"]["decision"] == "variant"
    assert found["data_version"] == 2
    text = run(sold, "analyze", "old_test", "--metric", "revenue", "--variants", "control:0.5,new:0.5")
    assert "revenue as the primary metric" in text
    assert "equal shares" not in text
    blocked = run(sold, "analyze", "old_test", "--variants", "control:0.9,new:0.1", "--json")
    assert blocked["verdict"]["blocked"]


def test_a_decision_keeps_the_figures_it_rests_on(sold: Path) -> None:
    made = run(sold, "decide", "old_test", "--variant", "new", "--why", "More orders; ask <b>.", "--json")
    assert (made["decision"], made["number"], made["data_version"]) == ("rollout", 1, 2)
    assert made["figures"]["winner"] == "new"
    assert made["figures"]["primary"][0]["p"] < 0.001
    again = run(sold, "decide", "old_test", "--variant", "new", "--why", "More orders; ask <b>.", "--json")
    assert again == made
    stopped = run(sold, "decide", "old_test", "--variant", "control", "--why", "Too dear.", "--json")
    assert (stopped["decision"], stopped["number"]) == ("stop", 2)
    assert [one["number"] for one in run(sold, "show", "old_test", "--json")["decisions"]] == [1, 2]
    run(sold, "decide", "old_test", "--variant", "x", "--why", "y", fails=UsageError)
    assert "one of rollout, stop, continue" in run(
        sold, "decide", "old_test", "--variant", "new", "--why", "y", "--decision", "x", fails=UsageError
    )


def test_a_decision_against_the_figures_is_kept_and_said(sold: Path, definition: Path) -> None:
    arguments = ["decide", "old_test", "--variant", "control", "--why", "x", "--decision", "rollout"]
    done = CliRunner().invoke(app, ["experiment", *arguments, "-w", str(sold)])
    assert done.exit_code == 0
    assert "The figures say otherwise. Roll out new" in done.stderr
    run(sold, "create", definition)
    (sold / "users").write_text("u1\nu2\n")
    run(sold, "start", "new_subject")
    run(sold, "assign", "new_subject", "--users", sold / "users")
    arguments = ["decide", "new_subject", "--variant", "question", "--why", "It is late."]
    done = CliRunner().invoke(app, ["experiment", *arguments, "-w", str(sold)])
    assert "No figures stand behind it" in done.stderr
    assert "new_subject is still running" in done.stderr
    run(sold, "analyze", "new_subject", fails=WorkbenchError)


def test_what_is_defined_is_analysed_as_it_is(sold: Path, tmp_path: Path) -> None:
    path = tmp_path / "old.yaml"
    path.write_text("name: old_test\nprimary: revenue\nvariants: [control, new]\nstart: 2024-05-01\n")
    run(sold, "create", path)
    assert "is a draft" in run(sold, "analyze", "old_test", fails=UsageError)
    run(sold, "start", "old_test")
    found = run(
        sold, "analyze", "old_test", "--metric", "orders", "--window", "2024-05-01:2024-05-03", "--json"
    )
    assert found["experiment"]["secondary"] == ["orders"]
    assert found["experiment"]["end"] == "2024-05-03"
    assert found["assumed"] == ["The days are those from 2024-05-01 to 2024-05-03, not those planned."]
    assert "was defined with" in run(sold, "analyze", "old_test", "--variants", "a,b", fails=UsageError)
    assert "cannot be tested on users" in run(
        sold, "create", "--name", "x", "--primary", "roas", fails=UsageError
    )


def test_users_of_two_variants_are_treated_as_asked(sold: Path) -> None:
    twice = _ASSIGNED.replace("range(4000)", "range(20)").replace(
        "'new' ELSE 'control'", "'control' ELSE 'new'"
    )
    with Workspace.open(sold).writer() as writer, writer.transaction("b") as load:
        load.append("experiments", twice.replace("2024-05-01", "2024-05-02"))
        load.commit()
    users = {
        how: run(sold, "analyze", "old_test", "--several", how, "--json")["users"]
        for how in ("exclude", "first")
    }
    assert users == {"exclude": 3980, "first": 4000}
    refused = run(sold, "analyze", "old_test", "--several", "refuse", fails=BadInput)
    assert "20 of 4,000 users of old_test saw several variants" in refused
    assert "exclude, first, refuse" in run(sold, "analyze", "old_test", "--several", "x", fails=UsageError)
