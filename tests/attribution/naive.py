"""Attribution as one would explain it at a table: one user, one conversion, one touch at a time."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple


class Row(NamedTuple):
    """One touch, or a conversion where the channel is None; instants in microseconds."""

    user: Any
    instant: int
    channel: str | None
    value: float = 0.0


def shares(rule: str, path: list[tuple[int, str]], at: int, half_life: float) -> list[float]:
    n = len(path)
    if rule == "first_touch":
        return [1.0] + [0.0] * (n - 1)
    if rule == "last_touch":
        return [0.0] * (n - 1) + [1.0]
    if rule == "last_non_direct":
        named = [i for i, (_, channel) in enumerate(path) if channel != "direct"] or [n - 1]
        return [1.0 if i == named[-1] else 0.0 for i in range(n)]
    if rule == "linear":
        return [1 / n] * n
    if rule == "time_decay":
        raw = [0.5 ** ((at - instant) / half_life) for instant, _ in path]
        return [some / math.fsum(raw) for some in raw]
    if n <= 2:
        return [1 / n] * n
    return [0.4] + [0.2 / (n - 2)] * (n - 2) + [0.4]


def naive(  # noqa: C901 - one loop reads best in one piece
    rows: Sequence[Row],
    lookbacks: Sequence[int],
    *,
    reuse: bool = False,
    gap: int | None = None,
    order: int = 3,
    half_life: float = 7 * 86_400e6,
    since: int | None = None,
) -> dict[str, Any]:
    """Return credit by (window, rule, channel), steps, ends, sets and what has no touch."""
    credit: dict[Any, list[float]] = defaultdict(lambda: [0.0, 0.0])
    without: dict[Any, list[float]] = defaultdict(lambda: [0.0, 0.0])
    steps: dict[Any, int] = defaultdict(int)
    ends: dict[Any, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    sets: dict[Any, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    lags: dict[Any, list[int]] = defaultdict(list)
    rules = ("first_touch", "last_touch", "last_non_direct", "linear", "time_decay", "position_based")

    def close(journey: list[tuple[int, str]], conversion: Row | None) -> None:
        last = conversion.instant if conversion else (journey[-1][0] if journey else None)
        if not journey or (since is not None and last < since):
            return
        channels = [channel for _, channel in journey]
        padded = ["^"] * order + channels
        for i in range(len(channels)):
            steps[tuple(padded[i : i + order + 1])] += 1
        outcome = (1.0, conversion.value, 0.0) if conversion else (0.0, 0.0, 1.0)
        for table, key in ((ends, tuple(padded[-order:])), (sets, frozenset(channels))):
            table[key] = [a + b for a, b in zip(table[key], outcome, strict=True)]

    by_user: dict[Any, list[tuple[int, bool, int, Row]]] = defaultdict(list)
    for place, row in enumerate(rows):
        by_user[row.user].append((row.instant, row.channel is None, place, row))
    for own in by_user.values():
        journey: list[tuple[int, str]] = []
        seen: list[tuple[int, str]] = []
        bought = False
        for _, converts, _, row in sorted(own, key=lambda some: some[:3]):
            if not converts:
                if journey and gap is not None and row.instant - journey[-1][0] > gap:
                    close(journey, None)
                    journey = []
                journey.append((row.instant, row.channel))
                seen.append((row.instant, row.channel))
                continue
            if since is None or row.instant >= since:
                for window in lookbacks:
                    eligible = seen if reuse else journey
                    path = [touch for touch in eligible if row.instant - touch[0] <= window]
                    if not path:
                        without[window] = [without[window][0] + 1, without[window][1] + row.value]
                        continue
                    lags[window, bought].append(row.instant - path[0][0])
                    for rule in rules:
                        for (_, channel), share in zip(
                            path, shares(rule, path, row.instant, half_life), strict=True
                        ):
                            sums = credit[window, rule, channel]
                            sums[0] += share
                            sums[1] += share * row.value
            close(journey, row)
            journey, bought = [], True
        close(journey, None)
    return {"credit": credit, "without": without, "steps": steps, "ends": ends, "sets": sets, "lags": lags}
