"""Fewer files, the same rows, sorted; what is vacuumed is only what nobody asked to keep."""

import pyarrow.parquet as pq
import pytest

from workbench.errors import WorkspaceError
from workbench.store import Workspace
from workbench.store.compaction import compact, vacuum
from workbench.store.delta import data_files


def load_often(workspace: Workspace, times: int) -> None:
    for number in range(times):
        with workspace.writer() as writer, writer.transaction(str(number)) as load:
            load.append(
                "facts",
                "SELECT if(i % 2 = 0, 'user_engaged', 'campaign_clicked') AS event_type, "
                'CAST(t AS DATE) AS day, t AS "timestamp", i AS user_key, '
                "'mobile' AS \"source\", 0 AS lag_minutes, false AS late_arrival "
                "FROM (SELECT i, TIMESTAMPTZ '2024-01-20' + to_days(CAST(i AS INTEGER)) AS t "
                "FROM range(20) AS r(i))",
            )
            load.commit()


def test_many_small_files_become_few(workspace: Workspace) -> None:
    load_often(workspace, 5)
    before = workspace.tables()
    with workspace.writer() as writer:
        done = compact(writer)
    after = workspace.tables()
    assert (done.files_before, done.files_after) == (10 + 7, 2 + 1)
    everything = "SELECT * FROM facts ORDER BY load_id, user_key"
    assert after.query(everything).equals(before.query(everything))
    for file in data_files(workspace.store_path / "facts", after.versions["facts"]):
        types = pq.ParquetFile(workspace.store_path / "facts" / file.path).read(["event_type"])
        assert types["event_type"].to_pylist() == sorted(types["event_type"].to_pylist())
    assert after.frame("loads")["operation"].tolist() == ["init", *["write"] * 5, "compact"]
    assert workspace.tables(4).rows["facts"] == 60
    with workspace.writer() as writer:
        assert compact(writer).sentence == "No table has many small files."


def test_vacuum_keeps_the_versions_it_is_told_to(workspace: Workspace) -> None:
    load_often(workspace, 4)
    with workspace.writer() as writer:
        compact(writer)
        assert vacuum(writer, retain_versions=range(1, writer.head.version)) == 0
        assert vacuum(writer, retain_versions=[3]) > 0
    assert workspace.tables().rows["facts"] == 80
    assert workspace.tables(3).query("SELECT count(*) AS n FROM facts")["n"].to_pylist() == [40]
    with pytest.raises(WorkspaceError, match="old versions were vacuumed"):
        workspace.tables(5)
