"""Write loads until killed: each adds the same sum to two tables, one by appending, one by replacing."""

import sys

from workbench.store import Workspace


def main(folder: str, first: int) -> None:
    with Workspace.open(folder).writer(threads=1) as writer:
        print("open", flush=True)
        for number in range(first, first + 1000):
            with writer.transaction(str(number)) as load:
                if load.done:
                    continue
                load.append(
                    "orders",
                    f"SELECT 'o{number}' AS order_id, 1 AS line, now() AS ordered_at, "
                    f"{number + 1} AS order_value, false AS is_return",
                )
                # All rows stand in one file, which every load rewrites.
                load.upsert(
                    "daily_performance",
                    f"SELECT DATE '2024-01-01' AS date, 'c' AS campaign_id, 'email' AS channel, "
                    f"{number + 1} + coalesce((SELECT sum(spend) FROM daily_performance), 0) AS spend",
                )
                load.commit()
            print(number, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
