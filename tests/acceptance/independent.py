"""The core metrics once more, from the raw files with pandas alone: nothing of the package is used here.

Written from the dictionary's definitions, not from the package's code, so that a slip in one is not in both.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_MESSAGE = {"campaign_id", "creative_id"}
# What a line must carry, of the event types that the core metrics read.
_REQUIRED = {
    "campaign_delivered": _MESSAGE | {"campaign_type", "delivery_channel", "is_holdout", "allocation_method"},
    "campaign_viewed": _MESSAGE | {"view_duration_seconds", "view_type"},
    "campaign_clicked": _MESSAGE | {"click_type", "time_to_click_seconds"},
    "campaign_converted": _MESSAGE
    | {"conversion_delay_seconds", "order_id", "order_value", "attribution_model"},
    "user_purchased": {
        "order_id",
        "order_value",
        "order_category",
        "payment_method",
        "promo_code_used",
        "is_repeat_purchase",
    },
    "metric_calculation_completed": {"metrics", "status", "duration_seconds", "compute_seconds"},
}
_IDS = ("campaign_id", "creative_id", "order_id")
_DAY = pd.Timedelta(days=1)
Key = str | None


def read_lines(folder: Path) -> Iterator[dict[str, Any]]:
    """Return the events of the raw files line by line, copies and unsound ones too."""
    for path in sorted((folder / "events").iterdir()):
        if path.suffix == ".parquet":
            for row in pd.read_parquet(path).to_dict("records"):
                yield row | {"properties": json.loads(row["properties"])}
        else:
            yield from map(json.loads, path.read_text("utf-8").splitlines())


def _is_sound(row: dict[str, Any]) -> bool:
    properties = row["properties"]
    return (
        bool(_UUID.fullmatch(row["event_id"]))
        and row["source"] in {"mobile", "admin_portal", "backend"}
        and row["event_type"] in _REQUIRED
        and str(row["timestamp"]) < "2030"
        and all(properties.get(name) is not None for name in _REQUIRED[row["event_type"]])
        and all(_UUID.fullmatch(str(properties[name])) for name in _IDS if name in properties)
        and not properties.get("order_value", 0) < 0
        and "@" not in json.dumps(properties)
    )


def read_events(folder: Path) -> pd.DataFrame:
    """Return the sound events of the raw files, each once."""
    rows = {}
    for row in read_lines(folder):
        if _is_sound(row):
            rows.setdefault(row["event_id"], row)
    taken = ("campaign_id", "order_id", "order_value", "delivery_channel", "view_type", "is_holdout")
    frame = pd.DataFrame(
        [
            {
                "id": row["event_id"],
                "type": row["event_type"],
                "at": row["timestamp"],
                "user": row["user_id"],
                "seconds": row["properties"].get("compute_seconds"),
                **{name: row["properties"].get(name) for name in taken},
            }
            for row in rows.values()
        ]
    ).rename(columns={"campaign_id": "campaign", "order_id": "order", "order_value": "worth"})
    # All at once: one by one, pandas guesses the form of each anew, which takes longer than all the rest.
    frame["at"] = pd.to_datetime(frame["at"], utc=True, format="ISO8601")
    frame["held"] = frame["is_holdout"].eq(True)
    return frame


@dataclass(frozen=True)
class Market:
    """The raw files as frames, with the day and the week of every row."""

    events: pd.DataFrame
    spend: pd.DataFrame
    orders: pd.DataFrame
    users: pd.DataFrame
    campaigns: pd.DataFrame

    @classmethod
    def read(cls, folder: Path) -> Market:
        """Return the market of a folder of raw files."""
        events = read_events(folder)
        spend, orders, users, campaigns = (
            pd.read_csv(folder / f"{name}.csv")
            for name in ("daily_performance", "orders", "users", "campaigns")
        )
        campaigns = campaigns.rename(columns={"campaign_id": "campaign"})
        events["channel"] = events["delivery_channel"].fillna(
            events["campaign"].map(campaigns.set_index("campaign")["channel"])
        )
        spend["at"] = pd.to_datetime(spend["date"], utc=True)
        orders["at"] = pd.to_datetime(orders["ordered_at"], utc=True, format="ISO8601")
        users["signed"] = pd.to_datetime(users["signup_at"], utc=True, format="ISO8601")
        for name in ("start_date", "end_date"):
            campaigns[name] = pd.to_datetime(campaigns[name], utc=True)
        spend = spend.rename(columns={"campaign_id": "campaign"})
        for frame in (events, spend, orders):
            frame["day"] = frame["at"].dt.floor("D")
            week = frame["day"] - pd.to_timedelta(frame["day"].dt.day_of_week, unit="D")
            frame["week"] = week.dt.strftime("%Y-%m-%d")
        return cls(events=events, spend=spend, orders=orders, users=users, campaigns=campaigns)

    def figures(self, first: str, last: str, by: str = "") -> dict[Key, dict[str, float]]:
        """Return metrics by slice over whole days, both ends included; the key is None without a slice."""
        a, b = pd.Timestamp(first, tz="UTC"), pd.Timestamp(last, tz="UTC")
        parts = [_Part(self, a, b, by, key) for key in self._slices(a, b, by)]
        return {part.key: part.figures() for part in parts}

    def _slices(self, a: pd.Timestamp, b: pd.Timestamp, by: str) -> list[Key]:
        if not by:
            return [None]
        rows = pd.concat([self.events[["day", by]], self.spend[["day", by]]])
        return sorted(rows[rows["day"].between(a, b)][by].dropna().unique())


class _Part:
    """One slice of one window."""

    def __init__(self, market: Market, a: pd.Timestamp, b: pd.Timestamp, by: str, key: Key) -> None:
        def cut(frame: pd.DataFrame) -> pd.DataFrame:
            inside = frame[frame["day"].between(a, b)]
            return inside[inside[by] == key] if by in inside else inside

        self.market, self.a, self.after, self.by, self.key = market, a, b + _DAY, by, key
        self.days = (a, b)
        self.events, self.spend, self.orders = map(cut, (market.events, market.spend, market.orders))

    def of(self, kind: str) -> pd.DataFrame:
        return self.events[self.events["type"] == kind]

    def figures(self) -> dict[str, float]:
        found = self._media() | self._mail()
        found["hours_to_conversion"] = self._hours()
        runs = self.of("metric_calculation_completed")
        found["cost_per_query"] = _ratio(runs["seconds"].sum() * 0.10 / 3600, len(runs))
        if self.by in ("", "week"):
            found |= self._shop()
        if self.by != "week":
            found |= self._holdout()
            found["budget_utilization"] = _ratio(self.spend["spend"].sum(), self._planned())
            found["repeat_purchase_rate"] = self._repeat()
        if not self.by:
            found |= self._customers(found["cac"])
        return found

    def _media(self) -> dict[str, float]:
        sent, clicks, sold = map(self.of, ("campaign_delivered", "campaign_clicked", "campaign_converted"))
        shown = sent[~sent["held"]]
        platform = self.spend[["impressions", "clicks", "spend", "conversions", "revenue"]].sum(min_count=1)
        tracked = len(sent) + len(clicks) + len(sold) + len(self.of("campaign_viewed"))

        def both(recorded: float, reported: float) -> float:
            return recorded + _zero(reported) if tracked else float(reported)

        seen = both(len(shown), platform["impressions"])
        clicked = both(len(clicks), platform["clicks"])
        earned = both(sold["worth"].sum(), platform["revenue"])
        new = sold.merge(self._first_orders(), on=["user", "order"])["user"].nunique()
        return {
            "impressions": seen,
            "ctr": _ratio(clicked, seen),
            "cpc": _ratio(platform["spend"], clicked),
            "roas": _ratio(earned, platform["spend"]),
            "aov": _ratio(earned, both(len(sold), platform["conversions"])),
            "cac": _ratio(platform["spend"], new),
            "conversion_rate": _ratio(sold["user"].nunique(), clicks["user"].nunique()),
            "frequency": _ratio(len(shown), shown["user"].nunique()),
        }

    def _first_orders(self) -> pd.DataFrame:
        kinds = ["user_purchased", "campaign_converted"]
        bought = self.market.events
        bought = bought[bought["type"].isin(kinds) & bought["order"].notna() & (bought["at"] < self.after)]
        first = bought[bought["at"] == bought.groupby("user")["at"].transform("min")]
        return first[["user", "order"]].drop_duplicates()

    def _mail(self) -> dict[str, float]:
        def users(frame: pd.DataFrame) -> int:
            return int(frame[frame["channel"].isin(["email", "push"])]["user"].nunique())

        sent, seen = self.of("campaign_delivered"), self.of("campaign_viewed")
        opened = users(seen[seen["view_type"].isin(["opened", "clicked_cta"])])
        return {
            "open_rate": _ratio(opened, users(sent[~sent["held"]])),
            "click_to_open_rate": _ratio(users(self.of("campaign_clicked")), opened),
        }

    def _hours(self) -> float:
        events = self.market.events
        seen = events[events["type"].isin(["campaign_delivered", "campaign_viewed"]) & ~events["held"]]
        seen = seen[seen["at"] < self.after].groupby(["user", "campaign"])["at"].min().rename("seen")
        sold = self.of("campaign_converted").join(seen, on=["user", "campaign"])
        sold = sold[sold["at"] >= sold["seen"]]
        waits = sold["at"] - sold["seen"]
        first = waits.groupby([sold["user"], sold["campaign"]]).min()
        return float((first.dt.total_seconds() / 3600).median())

    def _shop(self) -> dict[str, float]:
        revenue, number = (
            self.orders["order_value"].sum(),
            self.orders[~self.orders["is_return"]]["order_id"].nunique(),
        )
        margin = revenue - self.orders["cogs"].sum() - self.spend["spend"].sum(min_count=1)
        return {"aov": _ratio(revenue, number), "gross_margin": _ratio(margin, revenue)}

    def _planned(self) -> float:
        rows = self.market.campaigns
        rows = rows[rows[self.by] == self.key] if self.by else rows
        first, last = rows["start_date"].clip(lower=self.days[0]), rows["end_date"].clip(upper=self.days[1])
        inside = ((last - first) / _DAY + 1).clip(lower=0)
        return float((rows["budget"] * inside / ((rows["end_date"] - rows["start_date"]) / _DAY + 1)).sum())

    def _repeat(self) -> float:
        if self.by:
            rows = self.market.events
            rows = rows[(rows["type"] == "campaign_converted") & (rows[self.by] == self.key)]
        else:
            rows = self.market.orders
            rows = rows[~rows["is_return"]].rename(columns={"user_id": "user", "order_id": "order"})
        rows = rows[rows["at"] < self.after].groupby(["user", "order"])["at"].min().reset_index()
        rows["last"] = rows.groupby("user")["at"].transform("max")
        near = rows[(rows["last"] >= self.a) & (rows["at"] > rows["last"] - 90 * _DAY)]
        count = near.groupby("user").size()
        return _ratio((count >= 2).sum(), len(count))

    def _holdout(self) -> dict[str, float]:
        sent = self.of("campaign_delivered")
        tested = self.market.events
        tested = tested[tested["held"] & tested["day"].between(*self.days)]["campaign"].unique()
        sent = sent[sent["campaign"].isin(tested)]
        if sent.empty:
            return dict.fromkeys(("incrementality", "holdout_lift", "net_incremental_revenue"), np.nan)
        pairs = sent.groupby(["user", "campaign"], as_index=False).agg(
            since=("at", "min"), held=("held", "max")
        )
        bought = self.market.events
        bought = bought[(bought["type"] == "user_purchased") & bought["day"].between(*self.days)]
        both = pairs.merge(bought[["user", "at", "worth"]], on="user")
        both = both[(both["at"] >= both["since"]) & (both["at"] < both["since"] + 30 * _DAY)]
        worth = both.groupby(["user", "campaign"])["worth"].sum().rename("worth")
        pairs = pairs.join(worth, on=["user", "campaign"])
        pairs["bought"] = pairs["worth"].notna()
        sides = pairs.groupby(["campaign", "held"])[["worth", "bought"]].agg(["sum", "size"]).unstack()
        n = sides["bought"]["size"].fillna(0)
        fair = (n.get(False, 0) > 0) & (n.get(True, 0) >= (10 if (n.get(True, 0) > 0).sum() > 1 else 1))
        if not fair.any():
            return dict.fromkeys(("incrementality", "holdout_lift", "net_incremental_revenue"), np.nan)
        n, sold, worth = n[fair], sides["bought"]["sum"][fair], sides["worth"]["sum"][fair]
        weight = n[False] / n[True]
        caused = (sold[False] - sold[True] * weight).sum()
        cost = self.spend[self.spend["campaign"].isin(fair[fair].index)]["spend"].sum(min_count=1)
        return {
            "incrementality": _ratio(caused, sold[False].sum()),
            "holdout_lift": caused / n[False].sum(),
            "net_incremental_revenue": (worth[False] - worth[True] * weight).sum() - cost,
        }

    def _customers(self, cac: float) -> dict[str, float]:
        orders, users = self.market.orders, self.market.users
        began = orders["at"].min()

        def grown(days: int) -> pd.DataFrame:
            end = users["signed"] + days * _DAY
            return users[(end > self.a) & (end <= self.after) & (users["signed"] >= began)]

        month, year = (frame.merge(orders, on="user_id") for frame in (grown(31), grown(365)))
        age = month["at"] - month["signed"]
        stayed = month[~month["is_return"] & (age >= _DAY) & (age < 31 * _DAY)]["user_id"].nunique()
        age = year["at"] - year["signed"]
        spent = year[(age >= 0 * _DAY) & (age < 365 * _DAY)]["order_value"].sum()
        past = orders[orders["at"] < self.after]
        margin = (past["order_value"] - past["cogs"]).groupby(past["user_id"]).sum()
        known = users[users["user_id"].isin(margin.index) & (users["signed"] < self.after)]
        months = (self.after - known["signed"].clip(lower=began)) / (_DAY * 365.25 / 12)
        monthly = margin[known["user_id"]].sum() / months.sum()
        return {
            "cohort_retention": _ratio(stayed, len(grown(31))),
            "ltv_12m": _ratio(spent, len(grown(365))),
            "cac_payback_months": cac / monthly,
        }


def _ratio(top: float, bottom: float) -> float:
    return float(top) / float(bottom) if bottom else np.nan


def _zero(value: float) -> float:
    return 0.0 if np.isnan(value) else float(value)
