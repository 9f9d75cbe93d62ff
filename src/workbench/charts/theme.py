"""The one theme: colours that are told apart by every eye, on light and dark ground, and quiet axes.

Words: a *token* is a colour with a role (`ink`, `grid`, `s1` for the first series); each has a light and a
dark value. A chart is drawn with the light ones, so that it is right wherever it is shown; a report replaces
them by CSS variables of the same name, so that one picture serves light, dark and print.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

# The last but one is what many servers have, and wide: what is drawn there must keep room for it.
FONT = (
    'Inter, ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, '
    '"DejaVu Sans", sans-serif'
)

# The series colours keep a contrast of 3:1 against their ground and stay apart in the simulated sight of
# people without red, green or blue cones; tests measure both.
LIGHT: Mapping[str, str] = MappingProxyType(
    {
        "ink": "#18212f",
        "muted": "#566172",
        "rule": "#c5ccd6",
        "grid": "#e8ebf0",
        "surface": "#ffffff",
        "paper": "#f6f7f9",
        "accent": "#1d4fb8",
        "good": "#0a7350",
        "bad": "#b3271c",
        "warn": "#8f5600",
        "s1": "#2358c8",
        "s2": "#de7406",
        "s3": "#0a9cc0",
        "s4": "#5b1f63",
        "s5": "#9c4a2a",
        "s6": "#7d8796",
        "quiet": "#b4bdca",
        "heat0": "#eef1f6",
        "heat1": "#c9d8f6",
        "heat2": "#86a8ec",
        "heat3": "#2b5cc9",
    }
)
DARK: Mapping[str, str] = MappingProxyType(
    {
        "ink": "#e9edf3",
        "muted": "#a4afbe",
        "rule": "#465061",
        "grid": "#29303b",
        "surface": "#171b22",
        "paper": "#0f1216",
        "accent": "#93b6ff",
        "good": "#56c995",
        "bad": "#ff958b",
        "warn": "#f0b65a",
        "s1": "#6f9cff",
        "s2": "#e8863a",
        "s3": "#7fe8e0",
        "s4": "#c9b3ea",
        "s5": "#f0e27a",
        "s6": "#7c7f9a",
        "quiet": "#566072",
        "heat0": "#1f2530",
        "heat1": "#2b3f69",
        "heat2": "#4a74c9",
        "heat3": "#a3c0ff",
    }
)
SERIES = ("s1", "s2", "s3", "s4", "s5", "s6")
HEAT = ("heat0", "heat1", "heat2", "heat3")


def colour(token: str) -> str:
    """Return the colour a chart is drawn with.

    Examples
    --------
    >>> colour("s1")
    '#2358c8'
    """
    return LIGHT[token]


def series(count: int) -> list[str]:
    """Return the colours of the first `count` series; beyond six they are all quiet.

    Examples
    --------
    >>> series(2)
    ['#2358c8', '#de7406']
    """
    names = [*SERIES, *["quiet"] * max(0, count - len(SERIES))]
    return [LIGHT[name] for name in names[:count]]


def css_variables() -> str:
    """Return the tokens as style rules: dark where the system or the reader wishes, light in print.

    Examples
    --------
    >>> "--s1:#6f9cff" in css_variables()
    True
    """
    light = "".join(f"--{name}:{value};" for name, value in LIGHT.items())
    dark = "".join(f"--{name}:{value};" for name, value in DARK.items())
    return (
        f":root{{color-scheme:light;{light}}}"
        f"@media screen and (prefers-color-scheme:dark)"
        f"{{:root:not([data-theme=light]){{color-scheme:dark;{dark}}}}}"
        f"@media screen{{:root[data-theme=dark]{{color-scheme:dark;{dark}}}}}"
    )


def config() -> dict[str, Any]:
    """Return the Vega-Lite configuration: hairlines, no frame, labels before legends."""
    return {
        "background": "transparent",
        "font": FONT,
        "view": {"stroke": None},
        **_guides(),
        "title": _title(),
        "text": {"font": FONT, "fontSize": 12, "color": LIGHT["ink"]},
        "bar": {"color": LIGHT["s1"]},
        "line": {"color": LIGHT["s1"], "strokeWidth": 2, "strokeCap": "round", "strokeJoin": "round"},
        "area": {"color": LIGHT["s1"]},
        "point": {"color": LIGHT["s1"], "filled": True, "size": 60},
        "rule": {"color": LIGHT["rule"]},
        "range": {"category": series(6)},
    }


def _guides() -> dict[str, Any]:
    text = {
        "labelFont": FONT,
        "titleFont": FONT,
        "labelColor": LIGHT["muted"],
        "titleColor": LIGHT["muted"],
        "labelFontSize": 12,
    }
    lines = {"domainColor": LIGHT["rule"], "tickColor": LIGHT["rule"], "gridColor": LIGHT["grid"]}
    titles = {"titleFontSize": 12, "titleFontWeight": "normal", "titlePadding": 10}
    places = {"title": None, "orient": "top", "direction": "horizontal", "symbolSize": 90}
    return {
        "axis": {**text, **lines, **titles, "labelPadding": 6, "labelLimit": 190},
        "axisX": {"grid": False, "ticks": False, "labelFlush": True},
        "axisY": {"domain": False, "ticks": False},
        "legend": {**text, **places, "columnPadding": 18, "offset": 6, "labelLimit": 160},
    }


def _title() -> dict[str, Any]:
    below = {
        "subtitleColor": LIGHT["muted"],
        "subtitleFont": FONT,
        "subtitleFontSize": 12,
        "subtitlePadding": 6,
    }
    return {
        "anchor": "start",
        "color": LIGHT["ink"],
        "font": FONT,
        "fontSize": 15,
        "fontWeight": 600,
        **below,
        "offset": 14,
        "limit": 640,
    }
