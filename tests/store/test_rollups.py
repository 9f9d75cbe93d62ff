"""Roll-ups say what the facts say, whatever happens to them; where they are not kept they are not read."""

import json
import shutil
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.events.rollups import ROLLUPS
from workbench.events.tables import LOADS
from workbench.metrics import measure
from workbench.store import Snapshot, Workspace
from workbench.store.compaction import compact, keep_compact
from workbench.store.delta import data_files, log_entry
from workbench.store.erasure import erase
from workbench.store.schema import user_key

TYPES = ("campaign_delivered", "campaign_clicked", "campaign_converted", "user_engaged")


def add(workspace: Workspace, load_id: str, rows: list[tuple[str, int, int, int]], remove: str = "") -> None:
    """Load facts of (type, user, day of 2024, campaign), after removing some."""
    lines = ", ".join(f"('{kind}', {user}, {day}, {campaign})" for kind, user, day, campaign in rows)
    at = "TIMESTAMPTZ '2024-01-01 09:00:00+00' + to_days(d)"
    with workspace.writer(threads=1) as writer, writer.transaction(load_id) as load:
        if remove:
            load.remove("facts", remove)
        if rows:
            load.append(
                "facts",
                f'SELECT kind AS event_type, CAST({at} AS DATE) AS day, {at} AS "timestamp",'
                f" {user_key("'u' || u")} AS user_key, 'mobile' AS \"source\", u * 7.3 AS lag_minutes,"
                " false AS late_arrival, CASE WHEN c > 0 THEN 'c' || c END AS campaign_id, u * 0.1 AS value,"
                " CASE WHEN u % 2 = 0 THEN 'A' END AS segment, u % 3 = 0 AS is_holdout"
                f" FROM (VALUES {lines}) AS t(kind, u, d, c)",
            )
        load.commit()


def check(workspace: Workspace) -> Snapshot:
    """Hold every roll-up against the facts, key by key."""
    tables = workspace.tables(threads=1)
    for name, rollup in ROLLUPS.items():
        assert name in tables.versions
        keys = ", ".join(f"CAST({key} AS VARCHAR)" for key in rollup.keys)
        kept, made = (
            tables.query(
                f"SELECT [{keys}] AS key, {', '.join(('events', *rollup.sums))} FROM ({sql})"
            ).to_pylist()
            for sql in (rollup.merged_from(name), rollup.made_from("facts"))
        )
        by_key = {tuple(row["key"]): row for row in kept}
        assert len(kept) == len(made) == len(by_key)
        for row in made:
            same = by_key[tuple(row["key"])]
            assert (row["events"], row.get("seconds")) == (same["events"], same.get("seconds"))
            if "value" in row:
                assert row["value"] == pytest.approx(same["value"], rel=1e-12)
    return tables


def test_a_roll_up_stays_true_whatever_happens(workspace: Workspace) -> None:
    add(workspace, "a", [(kind, user, user, 1) for user, kind in enumerate(TYPES, 1)])
    add(workspace, "b", [("campaign_clicked", 2, 40, 2), ("user_engaged", 2, 1, 0)])
    add(workspace, "c", [("campaign_clicked", 3, 40, 1)], "event_type = 'campaign_clicked'")
    check(workspace)
    with workspace.writer(threads=1) as writer:
        erase(writer, "u2")
        compact(writer, fewest=2)
    check(workspace)
    add(workspace, "d", [("campaign_delivered", 1, 1, 1)])
    assert check(workspace).query("SELECT SUM(events) AS n FROM rollup_lags")["n"][0].as_py() == 5


facts = st.tuples(st.sampled_from(TYPES), st.integers(1, 4), st.integers(0, 45), st.integers(0, 2))
steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.lists(facts, min_size=1, max_size=6)),
        st.tuples(st.just("replace"), st.lists(facts, max_size=3)),
        st.tuples(st.just("erase"), st.integers(1, 4)),
        st.tuples(st.just("compact"), st.none()),
    ),
    min_size=1,
    max_size=5,
)


@pytest.mark.slow
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_a_roll_up_is_never_stale(tmp_path: Path, taken: list[tuple[str, object]]) -> None:
    shutil.rmtree(tmp_path / "acme", ignore_errors=True)
    workspace = Workspace.create(tmp_path / "acme")
    add(workspace, "first", [(kind, user, user, 1) for user, kind in enumerate(TYPES, 1)])
    for number, (what, given_) in enumerate(taken):
        match what:
            case "add":
                add(workspace, str(number), given_)  # type: ignore[arg-type]
            case "replace":
                add(workspace, str(number), given_, "event_type = 'campaign_clicked'")  # type: ignore[arg-type]
            case "erase":
                with workspace.writer(threads=1) as writer:
                    erase(writer, f"u{given_}")
            case _:
                with workspace.writer(threads=1) as writer:
                    compact(writer, fewest=2)
        check(workspace)


def files(workspace: Workspace, name: str, tables: Snapshot) -> dict[str, int]:
    """Return the rows of each file of a roll-up."""
    return {file.path: file.rows for file in data_files(workspace.store_path / name, tables.versions[name])}


def test_a_late_event_leaves_every_other_day_alone(workspace: Workspace) -> None:
    add(workspace, "a", [("campaign_clicked", user, day, 1) for user in range(9) for day in range(40)])
    before = workspace.tables()
    add(workspace, "late", [("campaign_clicked", 1, 3, 1)])
    after = check(workspace)
    for name in ROLLUPS:
        old, new = (files(workspace, name, tables) for tables in (before, after))
        assert set(old) < set(new)
        assert [new[path] for path in set(new) - set(old)] == [1]
    assert before.query("SELECT SUM(events) AS n FROM rollup_campaigns")["n"][0].as_py() == 360


def test_a_day_that_facts_leave_is_made_anew_and_no_other(workspace: Workspace) -> None:
    for number in range(3):
        add(workspace, str(number), [("campaign_clicked", user, 10 * number, 1) for user in range(9)])
    before = files(workspace, "rollup_campaigns", workspace.tables())
    add(workspace, "less", [], f"day = DATE '2024-01-11' AND user_key = {user_key("'u1'")}")
    after = files(workspace, "rollup_campaigns", check(workspace))
    assert len(before) == len(after) == 3
    assert len(set(before) & set(after)) == 2


def test_there_are_never_many_files(workspace: Workspace) -> None:
    for number in range(9):
        add(workspace, str(number), [("user_engaged", 1, number, 0)])
    assert sorted(files(workspace, "rollup_campaigns", check(workspace)).values()) == [1, 8]
    with workspace.writer() as writer:
        compact(writer)
    tables = check(workspace)
    assert [len(files(workspace, name, tables)) for name in ROLLUPS] == [1, 1, 1]


def forget(workspace: Workspace) -> None:
    """Make the newest state one that knows no roll-ups, as an earlier workbench leaves it."""
    folder = workspace.store_path / LOADS.name
    path = log_entry(folder, workspace.tables().version)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        for name in ROLLUPS:
            line.get("commitInfo", {}).get("workbench", {}).get("versions", {}).pop(name, None)
    path.write_text("\n".join(map(json.dumps, lines)))


def test_what_an_earlier_workbench_wrote_is_not_read_until_it_is_made_anew(workspace: Workspace) -> None:
    add(workspace, "a", [("campaign_clicked", 1, 3, 1)])
    forget(workspace)
    add(workspace, "b", [("campaign_clicked", 2, 3, 1)])
    tables = workspace.tables()
    assert not set(ROLLUPS) & (tables.names | set(tables.versions))
    assert measure(tables, "clicks").value("clicks") == 2
    with workspace.writer() as writer:
        keep_compact(writer)
    assert set(ROLLUPS) <= check(workspace).names


def test_a_workspace_without_the_folders_opens_and_gets_them(workspace: Workspace) -> None:
    add(workspace, "a", [("campaign_clicked", 1, 3, 1)])
    forget(workspace)
    for name in ROLLUPS:
        shutil.rmtree(workspace.store_path / name)
    opened = Workspace.open(workspace.path)
    add(opened, "b", [("campaign_clicked", 2, 3, 1)])
    assert opened.tables().last_day == date(2024, 1, 4)
    with opened.writer() as writer:
        compact(writer)
    check(opened)


def test_own_records_alone_are_no_data(workspace: Workspace) -> None:
    add(workspace, "a", [("data_refresh_completed", 1, 3, 0)])
    tables = workspace.tables()
    assert not (set(ROLLUPS) | {"facts"}) & tables.names
    assert tables.last_day is None
