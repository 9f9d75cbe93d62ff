"""One of several processes on one workspace: a writer that loads, compacts and vacuums, or a reader."""

import sys
import time
from collections.abc import Iterator
from datetime import timedelta

from workbench.store import Snapshot, Workspace
from workbench.store.compaction import compact, keep_compact, vacuum

SUMS = (
    "SELECT (SELECT count(*) FROM orders) AS orders, (SELECT sum(order_value) FROM orders) AS value,"
    " (SELECT count(*) FROM facts) AS facts, (SELECT sum(spend) FROM daily_performance) AS spend"
)


def load(workspace: Workspace, number: int) -> None:
    """Add equally many orders and facts, and replace a row."""
    with workspace.writer(threads=1) as writer, writer.transaction(str(number)) as transaction:
        transaction.append(
            "orders",
            f"SELECT '{number}-' || i AS order_id, 1 AS line, now() AS ordered_at, 2 AS order_value,"
            " false AS is_return FROM range(50) AS r(i)",
        )
        transaction.append(
            "facts",
            "SELECT 'user_engaged' AS event_type, CAST(now() AS DATE) AS day, now() AS \"timestamp\","
            " i AS user_key, 'mobile' AS \"source\", 0 AS lag_minutes, false AS late_arrival"
            " FROM range(50) AS r(i)",
        )
        transaction.upsert(
            "daily_performance",
            f"SELECT DATE '2024-01-01' AS date, 'c' AS campaign_id, 'email' AS channel, {number} AS spend",
        )
        transaction.commit()


def sums(tables: Snapshot) -> tuple[int, ...]:
    return tuple(int(value) for value in tables.query(SUMS).to_pylist()[0].values())


def keep(workspace: Workspace, seconds: float, pinned: int) -> Iterator[int]:
    end, number = time.monotonic() + seconds, workspace.tables().rows["orders"] // 50
    while time.monotonic() < end:
        load(workspace, number)
        with workspace.writer(threads=1) as writer:
            keep_compact(writer)
            if number % 7 == 0:
                compact(writer)
            if number % 3 == 0:
                vacuum(writer, [pinned], grace=timedelta(seconds=20))
        number += 1
        yield number


def read(workspace: Workspace, seconds: float, pinned: int) -> Iterator[int]:
    """Ask a snapshot kept open, the same version opened anew, and the newest; each must be whole."""
    end, kept = time.monotonic() + seconds, workspace.tables(pinned, threads=1)
    expected, seen = sums(kept), 0
    while time.monotonic() < end:
        assert sums(kept) == sums(workspace.tables(pinned, threads=1)) == expected
        orders, value, facts, spend = sums(workspace.tables(threads=1))
        assert orders == facts == value / 2 == 50 * (spend + 1)
        assert orders >= seen
        seen = orders
        yield orders


if __name__ == "__main__":
    work = {"keep": keep, "read": read}[sys.argv[1]]
    done = list(work(Workspace.open(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])))
    print(len(done), done[-1])
