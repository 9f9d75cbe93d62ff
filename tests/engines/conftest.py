"""A real Postgres server of its own, and a workspace with rows to copy."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from workbench.events.simulation import MarketSpec, simulate
from workbench.store import Snapshot, Workspace
from workbench.store.ingest import ingest
from workbench.store.postgres import PostgresTables, copy_to_postgres

Write = Callable[..., list[Path]]


@pytest.fixture(scope="session")
def postgres_dsn() -> Iterator[str]:
    """Start a server that listens on a socket in a new folder only, and stop it at the end."""
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # short, as the path of a socket must be
    who = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    if who:
        shutil.chown(folder, "postgres", "postgres")

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [*who, str(programs / program), *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
            timeout=600,
        )

    data = str(folder / "data")
    run("initdb", "-D", data, "-A", "trust", "-U", "workbench", "--no-sync", "-E", "UTF8", "--locale=C")
    options = f"-k {folder} -c listen_addresses='' -c fsync=off"
    run("pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
    yield f"host={folder} user=workbench dbname=postgres"
    run("pg_ctl", "-D", data, "-m", "immediate", "stop")
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    workspace = Workspace.create(tmp_path_factory.mktemp("engines") / "acme")
    workspace.set_currency("EUR")
    with workspace.writer() as writer, writer.transaction("a") as load:
        load.append(
            "orders",
            "SELECT 'o' || i AS order_id, 1 AS line, 'u' || (i % 7) AS user_id, i * 0.1 AS order_value, "
            "TIMESTAMPTZ '2024-03-30 22:00:00+00' + to_hours(CAST(i AS INTEGER)) AS ordered_at, "
            "i % 5 = 0 AS is_return, CASE i % 3 WHEN 0 THEN 'say \"hi\", é' WHEN 1 THEN '' END AS category, "
            "CASE WHEN i = 4 THEN 'a' || chr(0) || 'b' END AS location FROM range(100) AS r(i)",
        )
        load.append(
            "facts",
            "SELECT CASE WHEN i < 90 THEN 'user_engaged' ELSE 'data_refresh_completed' END AS event_type, "
            'CAST(t AS DATE) AS day, t AS "timestamp", i AS user_key, \'mobile\' AS "source", '
            "0.5 AS lag_minutes, false AS late_arrival "
            "FROM (SELECT i, TIMESTAMPTZ '2024-01-01 00:00:00+00' + to_days(CAST(i AS INTEGER)) AS t "
            "FROM range(200) AS r(i))",
        )
        load.commit()
    return workspace.tables()


@pytest.fixture(scope="session")
def market(write_few: Write, tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """Return five months of a small simulated market."""
    folder = tmp_path_factory.mktemp("parity")
    write_few(simulate(MarketSpec(seed=3, days=150, users=400)), folder / "files")
    listed = folder / "files" / "campaigns.csv"  # one campaign's messages go by another channel than its own
    listed.write_text(listed.read_text("utf-8").replace(",email,", ",sms,", 1), "utf-8")
    workspace = Workspace.create(folder / "acme")
    ingest(workspace, [*sorted((folder / "files").glob("*.csv")), folder / "files" / "events"], backfill=True)
    return workspace.tables()


@pytest.fixture(scope="session")
def on_postgres(market: Snapshot, postgres_dsn: str) -> PostgresTables:
    """Return the same rows on Postgres."""
    copy_to_postgres(market, postgres_dsn, schema="parity")
    return PostgresTables(postgres_dsn, schema="parity", currency=market.currency)
