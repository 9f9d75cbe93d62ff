"""The reference page of the dictionary, made from the definitions."""

from __future__ import annotations

from workbench.metrics.definitions import METRICS
from workbench.metrics.derived import DERIVED
from workbench.metrics.measures import Derived, leaves
from workbench.metrics.metric import Metric
from workbench.metrics.slices import DIMENSIONS
from workbench.result import format_value

_FAMILIES = {
    "core": "Core metrics",
    "campaigns": "Campaigns",
    "targets": "Targets",
    "leads": "Leads",
    "outreach": "Outreach",
    "customers": "Customers and rewards",
}


def metrics_page() -> str:
    """Return the dictionary of metrics, the dimensions, and the derived queries as Markdown."""
    parts = [
        "# Metrics",
        "Every metric is one formula over measures; the text is what is computed. A ratio is a sum over a "
        "sum at the asked grain; a zero or missing denominator gives null. `+` adds what there is, so a part "
        "whose table is not loaded counts as nothing.",
    ]
    for family, title in _FAMILIES.items():
        parts += [f"## {title}", *(_entry(metric) for metric in METRICS.where(family=family).values())]
    parts += ["## Dimensions", _dimensions(), "## Derived queries", _derived()]
    return "\n\n".join(parts) + "\n"


def _entry(metric: Metric) -> str:
    lines = [f"### {metric.name}", "", f"{metric.title}. {metric.says}", "", f"- Formula: `{metric.formula}`"]
    if metric.credited is not None:
        lines.append(f"- By campaign, channel or creative, or without orders: `{metric.credited}`")
    unit = f"- Unit: {metric.unit or 'none'}; {_direction(metric)}"
    lines += [f"{unit}{_healthy(metric)}", f"- Owner: {metric.owner}; renewed {metric.refresh}"]
    tables = sorted({table for leaf in leaves(metric.is_) for table in leaf.needs})
    lines.append(f"- Tables: {', '.join(f'`{table}`' for table in tables)}")
    queries = sorted({leaf.query for leaf in leaves(metric.is_) if isinstance(leaf, Derived)})
    if queries:
        lines.append(f"- Derived: {', '.join(f'[{query}](#derived-queries)' for query in queries)}")
    return "\n".join(lines)


def _direction(metric: Metric) -> str:
    return "neither direction is better" if metric.better == "neither" else f"{metric.better} is better"


def _healthy(metric: Metric) -> str:
    low, high = (None if end is None else format_value(end, metric.unit) for end in metric.healthy)
    if low and high:
        return f"; healthy from {low} to {high}"
    if low:
        return f"; healthy from {low}"
    return f"; healthy up to {high}" if high else ""


def _dimensions() -> str:
    lines = ["| name | values |", "|---|---|"]
    return "\n".join([*lines, *(f"| {d.name} | {d.says} |" for d in DIMENSIONS.values())])


def _derived() -> str:
    return "\n".join(
        f"- **{query.name}** ({', '.join(sorted(query.needs))}): {query.says}" for query in DERIVED.values()
    )
