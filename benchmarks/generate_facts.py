"""Facts in the layout of the store, made by SQL: month files, sorted by event type and time, zstd.

Every user is in the audience of ten of two hundred campaigns, so that messages reach the same person two or
three times, as they do in practice. Draws of one row are independent of each other. Keys of users are those
that the store makes of their ids, which fill 63 bits.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from workbench.events.rollups import ROLLUPS
from workbench.store.schema import user_key

CAMPAIGNS = 200
AUDIENCES = 10
SPREAD = (
    ("campaign_delivered", 0.40),
    ("campaign_viewed", 0.62),
    ("user_engaged", 0.80),
    ("campaign_clicked", 0.90),
    ("user_purchased", 0.93),
    ("campaign_converted", 0.945),
    ("user_segmented", 0.97),
    ("user_unsubscribed", 0.975),
    ("metric_calculation_completed", 1.0),
)


def _draw(salt: int) -> str:
    # Hashes of several values differ by a constant only; a hash of a hash does not.
    return f"hash(xor(hash(i), {salt}::UBIGINT))"


def _uniform(salt: int) -> str:
    return f"({_draw(salt)} % 1000003 / 1000003.0)"


def generate(folder: Path, rows: int) -> duckdb.DuckDBPyConnection:
    """Return a connection with `facts`, `daily_performance` and `campaigns` of so many events."""
    connection = duckdb.connect()
    connection.execute(
        "SET TimeZone='UTC'; SET threads=2; SET memory_limit='4GB'; SET preserve_insertion_order=false"
    )
    connection.execute(f"SET temp_directory='{folder}/spill'")
    for month in range(1, 13):
        path = folder / f"facts/month=2024-{month:02d}"
        path.mkdir(parents=True, exist_ok=True)
        if not (path / "part.parquet").exists():
            connection.execute(_month(month, rows // 12, rows // 50, path / "part.parquet"))
    connection.execute(
        f"CREATE VIEW facts AS SELECT * FROM read_parquet('{folder}/facts/*/*.parquet', "
        "hive_partitioning=true, hive_types={'month': VARCHAR})"
    )
    connection.execute(_SPEND)
    connection.execute(_CAMPAIGNS)
    for name, made in (("users", _USERS.format(users=rows // 50)), ("orders", _ORDERS)):
        path = folder / f"{name}.parquet"
        if not path.exists():
            connection.execute(f"COPY ({made}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
        connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{path}')")
    return connection


def roll_up(folder: Path, connection: duckdb.DuckDBPyConnection) -> None:
    """Make the roll-ups of the facts, sorted as the store sorts them."""
    for name, rollup in ROLLUPS.items():
        path, order = folder / f"{name}.parquet", ", ".join(rollup.table.order)
        if not path.exists():
            rows = f"SELECT * FROM ({rollup.made_from('facts')}) ORDER BY {order}"
            connection.execute(f"COPY ({rows}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
        connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{path}')")


def _month(month: int, rows: int, users: int, path: Path) -> str:
    kinds = " ".join(f"WHEN p < {end} THEN '{name}'" for name, end in SPREAD)
    return f"""
    COPY (
      SELECT event_type, CAST(moment AS DATE) AS day, moment AS timestamp,
        {user_key("'u' || person")} AS user_key, 'backend' AS source,
        CASE WHEN event_type LIKE 'campaign%' THEN 'c' || campaign END AS campaign_id,
        CASE WHEN event_type LIKE 'campaign%' THEN 'k' || campaign * 5 + person % 5 END AS creative_id,
        CASE WHEN event_type = 'campaign_delivered'
          THEN ['email', 'push', 'sms', 'in_app'][1 + campaign % 4] END AS channel,
        'S' || person % 8 AS segment, 'R' || person % 20 AS region,
        ['iOS', 'Web'][1 + person % 2] AS platform,
        CASE WHEN event_type = 'campaign_viewed' THEN ['received', 'opened'][1 + i % 2] END AS kind,
        CASE WHEN event_type = 'campaign_delivered' THEN (person + campaign) % 10 = 0 END AS is_holdout,
        CASE WHEN paid THEN 'o' || {_draw(9)} END AS order_id,
        CASE WHEN paid THEN round(5 + 90 * {_uniform(5)}, 2) END AS value,
        {_uniform(6)} AS seconds, 10 * {_uniform(7)} AS lag_minutes, false AS late_arrival, 'load' AS load_id
      FROM (SELECT *, event_type IN ('campaign_converted', 'user_purchased') AS paid,
              CAST(hash(person + place * 1e9::BIGINT) % {CAMPAIGNS} AS INTEGER) AS campaign FROM (
            SELECT i, CASE {kinds} END AS event_type, CAST({_draw(2)} % {users} AS BIGINT) AS person,
              CAST({_draw(3)} % {AUDIENCES} AS BIGINT) AS place,
              TIMESTAMPTZ '2024-{month:02d}-01 00:00:00+00' + to_microseconds(
                CAST({_uniform(4)} * 86400e6 * 28 AS BIGINT)) AS moment
            FROM (SELECT i, {_uniform(1)} AS p FROM range({month * 10**9}, {month * 10**9 + rows}) t(i))))
      ORDER BY event_type, timestamp
    ) TO '{path}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880)
    """


_SPEND = f"""
CREATE TABLE daily_performance AS
SELECT CAST(day AS DATE) AS date, 'c' || c AS campaign_id, 'email' AS channel, 'k' || c * 5 AS creative_id,
  NULL::VARCHAR AS segment, NULL::VARCHAR AS region, 0::BIGINT AS impressions, 0::BIGINT AS clicks,
  10.0::DOUBLE + c AS spend, 0.0::DOUBLE AS conversions, 0.0::DOUBLE AS revenue, NULL::DOUBLE AS leads,
  NULL::BIGINT AS engagements,
  NULL::BIGINT AS shares, NULL::BIGINT AS comments, NULL::BIGINT AS sends, NULL::BIGINT AS deliveries,
  NULL::BIGINT AS bounces, NULL::BIGINT AS opens, NULL::BIGINT AS replies, NULL::VARCHAR AS original_channel,
  NULL::VARCHAR AS platform
FROM range(DATE '2024-01-01', DATE '2025-01-01', INTERVAL 1 DAY) d(day), range({CAMPAIGNS}) t(c)
"""

_CAMPAIGNS = f"""
CREATE TABLE campaigns AS
SELECT 'c' || c AS campaign_id, 'Campaign ' || c AS name, 'OTHER' AS campaign_type,
  ['email', 'push', 'sms', 'in_app'][1 + c % 4] AS channel, 'active' AS status, NULL::VARCHAR AS objective,
  DATE '2024-01-01' AS start_date, DATE '2024-12-31' AS end_date, 5000.0::DOUBLE AS budget,
  NULL::DOUBLE AS target_leads,
  NULL::DOUBLE AS target_conversions, NULL::DOUBLE AS target_roas, NULL::DOUBLE AS target_roi,
  NULL::VARCHAR AS region, NULL::VARCHAR AS original_channel
FROM range({CAMPAIGNS}) t(c)
"""

_ORDERS = f"""
SELECT order_id, 1::BIGINT AS line, user_id, timestamp AS ordered_at, value AS order_value,
  0.4 * value AS cogs, NULL::VARCHAR AS category, NULL::VARCHAR AS location, 1.0 AS quantity,
  false AS is_return
FROM facts JOIN (SELECT user_id, {user_key()} AS user_key FROM users) USING (user_key)
WHERE event_type = 'user_purchased' ORDER BY ordered_at
"""

_USERS = """
SELECT 'u' || i AS user_id,
  TIMESTAMPTZ '2024-01-01 00:00:00+00' + to_hours(CAST(hash(i) % 4380 AS INTEGER)) AS signup_at,
  'email' AS acquisition_channel, 'c' || hash(i + 7) % 200 AS acquisition_campaign_id, 'R1' AS region,
  NULL::BIGINT AS birth_year
FROM range({users}) t(i)
"""
