"""How Excel shows a figure: by the unit of its row, the metric of its column, or the word at its head."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from workbench.metrics.definitions import METRICS
from workbench.result import PLACES

MONTHS_AND_DAYS, MOMENTS = "yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss"
_UNITS = {
    "%": "0.00%",
    "pp": "0.00%",
    "x": '0.00"x"',
    "h": "0.0",
    "min": "0.0",
    "days": "0.0",
    "months": "0.0",
}
_OWN = {
    "actual",
    "expected",
    "high",
    "low",
    "previous",
    "rolling",
    "target",
    "value",
}  # in the row's own unit
_SHARES = {"achievement", "change", "elapsed", "pace", "retention", "share"}
_MONEY = {
    "budget",
    "cost",
    "expected_value",
    "lead_value",
    "planned",
    "projected",
    "spend",
    "spent",
    "won_value",
}
_BOUND = re.compile(r"_(?:low|high|previous)$")


def number_format(column: str, value: object, row: Mapping[str, Any], currency: str | None) -> str:
    """Return the number format of a cell; empty where it is shown as it is.

    Examples
    --------
    >>> number_format("ctr_low", 0.0071, {}, "EUR"), number_format("value", 12.5, {"unit": "money"}, "EUR")
    ('0.00%', '#,##0.00 "EUR"')
    >>> number_format("spend", 950.0, {}, "JPY"), number_format("spend", 9.5, {}, "KWD")
    ('#,##0 "JPY"', '#,##0.000 "KWD"')
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    name = _BOUND.sub("", column)
    if column in _OWN:
        unit = _row_unit(row)
    elif name in METRICS:
        unit = METRICS[name].unit
    elif name in _SHARES or name.endswith(("_rate", "_share")) or name.startswith("probability_"):
        unit = "%"
    else:
        unit = "money" if name in _MONEY else ""
    return _shown(unit, value, currency)


def _row_unit(row: Mapping[str, Any]) -> str:
    """Return the unit of a row's own figures: what it names as unit, else the unit of the metric it names."""
    if isinstance(row.get("unit"), str):
        return str(row["unit"])
    metric = row.get("metric")
    return METRICS[metric].unit if isinstance(metric, str) and metric in METRICS else ""


def _shown(unit: str, value: float, currency: str | None) -> str:
    if unit == "money":
        places = PLACES.get(currency or "", 2) or (0 if value == int(value) else 2)
        written = f"#,##0.{'0' * places}".rstrip(".")
        known = currency is not None and re.fullmatch(r"[A-Z]{3}", currency)
        return f'{written} "{currency}"' if known else written
    if unit == "count":
        return "#,##0" if value == int(value) else "#,##0.00"
    return _UNITS.get(unit, "")
