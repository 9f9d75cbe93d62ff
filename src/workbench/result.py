"""How a result shows itself: one number format, one sentence, one table."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from unicodedata import normalize

from workbench.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd

MISSING = "–"
_SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥"}
# Decimals of currencies that have no cents (ISO 4217).
PLACES = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF"), 0),
    **dict.fromkeys(("UGX", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}


class Result(Protocol):
    """What every analysis returns: a frozen value that can speak, and become a table."""

    @property
    def sentence(self) -> str:
        """Return one plain sentence a manager can act on."""
        ...

    def to_frame(self) -> pd.DataFrame:
        """Return the figures as a table."""
        ...


def apart(names: Mapping[str, object]) -> dict[str, str]:
    """Return what things are called, by their ids; behind a name that several share stands the id.

    Names that only look alike are shared, too: an accent may be written as a character of its own.

    Examples
    --------
    >>> apart({"c1": "Brand", "c2": "Brand", "c3": "Summer", "c4": None})
    {'c1': 'Brand (c1)', 'c2': 'Brand (c2)', 'c3': 'Summer', 'c4': 'c4'}
    """
    looks = {own: normalize("NFC", str(name or "")).strip() for own, name in names.items()}
    shared = Counter(looks.values())
    return {
        own: str(name or own) if shared[looks[own]] == 1 or not name else f"{name} ({own})"
        for own, name in names.items()
    }


def worded(name: object) -> str:
    """Return a name that stands for itself in data as it is read in a sentence.

    Examples
    --------
    >>> worded("paid_social")
    'paid social'
    """
    return str(name).replace("_", " ")


def told(result: Result) -> str:
    """Return a result as a terminal shows it: what it is, and its sentence.

    Its figures may be thousands; they are in `to_frame`.

    Examples
    --------
    >>> from types import SimpleNamespace as Thing
    >>> told(Thing(sentence="Nothing changed."))
    'SimpleNamespace: Nothing changed.'
    """
    return f"{type(result).__name__}: {result.sentence}"


def shown(result: Result) -> str:
    """Return a result as a notebook shows it: its sentence, and its figures as a table."""
    return f"<p>{escape(result.sentence)}</p>{html_table(result.to_frame())}"


def format_value(value: float | None, unit: str = "", *, currency: str | None = None) -> str:
    """Return a figure as a reader sees it.

    Parameters
    ----------
    value : float or None
        None and NaN are shown as a dash.
    unit : str
        ``"%"`` and ``"pp"`` take shares (0.05 is 5 %), ``"money"`` uses the currency, ``"x"`` is a multiple,
        ``"count"`` a whole number, or where platforms count in parts one with its parts; any other unit is
        written behind the figure.
    currency : str, optional
        ISO 4217 code.

    Examples
    --------
    >>> format_value(0.037899, "%"), format_value(1234567.0, "money", currency="USD"), format_value(None)
    ('3.79%', '$1.23M', '–')
    >>> format_value(0.0000043, "%"), format_value(0.00066, "money", currency="EUR")
    ('0.00043%', '€0.00066')
    >>> format_value(1.27241, "x"), format_value(384230, "count"), format_value(8.4, "h")
    ('1.27x', '384,230', '8.4 h')
    >>> [format_value(value, "count") for value in (14.5, 0.5, 14.0, 999.97, 1234.5)]
    ['14.5', '0.5', '14', '1,000', '1,234']
    >>> format_value(0.99997, "%"), format_value(-0.0, "%"), format_value(-0.001, "x")
    ('99.99%', '0%', '−0.001x')
    >>> [format_value(-1.5, unit) for unit in ("x", "%", "pp", "count", "h")]
    ['−1.50x', '−150%', '−150 pp', '−1.5', '−1.5 h']
    >>> format_value(-1e-17, "%"), format_value(-1e-18, "money", currency="EUR")
    ('0%', '€0.00')
    >>> [format_value(value, "money", currency=code) for code in ("JPY", "KWD") for value in (950.0, 45.67)]
    ['¥950', '¥45.67', '950.000 KWD', '45.670 KWD']
    """
    if value is None or not math.isfinite(value):
        return MISSING
    value += 0.0  # no figure is a negative zero
    match unit:
        case "%":
            return f"{_percent(value)}%"
        case "pp":
            return f"{_significant(100 * value)} pp"
        case "x":
            return f"{_significant(value) if 0 < abs(value) <= 0.005 else _minus(f'{value:,.2f}')}x"
        case "count":
            return _counted(value)
        case "money":
            return _money(value, currency)
        case _:
            return f"{_significant(value)} {unit}".strip()


def signed(value: float, form: str = ".1%") -> str:
    """Return a change with its sign, which is a minus as in every other figure.

    Examples
    --------
    >>> signed(0.05), signed(-0.125), signed(-2.5, ".2f")
    ('+5.0%', '−12.5%', '−2.50')
    """
    return f"{value:+{form}}".replace("-", "−")


def _significant(value: float) -> str:
    size = abs(value)
    places = 0 if size >= 1000 else 1 if size >= 100 else 2 if size >= 1 else 3
    if 0 < size < 0.001:  # what is not zero does not read as zero
        places = min(1 - math.floor(math.log10(size)), 12)
    text = f"{value:,.{places}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else _minus(text)


def _minus(text: str) -> str:
    """Return a figure with the sign that money and axes have; a hyphen is none, and may end a line."""
    return f"−{text[1:]}" if text.startswith("-") else text


def _counted(value: float) -> str:
    if 0 < abs(value) <= 0.5:
        return _significant(value)
    # Platforms report modelled conversions in parts; of a thousand a part is no longer read.
    return _minus(f"{value:,.{1 if abs(value) < 1000 else 0}f}".removesuffix(".0"))


def _percent(share: float) -> str:
    text = _significant(100 * share)
    # What lacks a little of the whole does not read as the whole; what a float may lack is nothing.
    if text.lstrip("−") == "100" and abs(share) < 1 - 1e-9:
        return "99.99" if share > 0 else "−99.99"
    return text


def _money(value: float, currency: str | None) -> str:
    sign = _SIGNS.get(currency or "", "")
    size = abs(value)
    if _significant(size) == "0":  # less than what is written of a figure, and no more below zero than above
        value = size = 0.0
    scale, suffix = (1e9, "B") if size >= 1e9 else (1e6, "M") if size >= 1e6 else (1, "")
    least = PLACES.get(currency or "", 2)
    places = 2 if suffix else least if size < 1000 else 0
    text = f"{'−' if value < 0 else ''}{sign}{size / scale:,.{places}f}{suffix}"
    if 0 < size < 0.01 or (not least and size < 100):  # an average may have parts of what is never paid
        text = f"{'−' if value < 0 else ''}{sign}{_significant(size)}"
    return text if sign or not currency else f"{text} {currency}"


_SMALLEST_P = 1e-4  # below, no reader needs more of a p-value than that it is smaller


def html_table(frame: pd.DataFrame, caption: str = "") -> str:
    """Return a frame as an accessible HTML table in which all text is escaped.

    Examples
    --------
    >>> import pandas as pd
    >>> "&lt;b&gt;" in html_table(pd.DataFrame({"name": ["<b>"]}))
    True
    """
    head = "".join(f"<th scope='col'>{escape(str(column))}</th>" for column in frame.columns)
    numeric = [frame[column].dtype.kind in "iuf" for column in frame.columns]
    body = "".join(
        "<tr>"
        + "".join(
            f"<td class='number'>{escape(_figure(str(column), value))}</td>"
            if number
            else f"<td>{escape(_cell(value))}</td>"
            for column, value, number in zip(frame.columns, row, numeric, strict=True)
        )
        + "</tr>"
        for row in frame.itertuples(index=False, name=None)
    )
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _figure(column: str, value: object) -> str:
    small = isinstance(value, float) and 0 <= value < _SMALLEST_P
    return "< 0.0001" if small and (column == "p" or column.startswith("p_")) else _cell(value)


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return MISSING
    if isinstance(value, float) and math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return _significant(value) if isinstance(value, float) else str(value)


class ModelFigure(NamedTuple):
    """One figure of a model as it is stored: its name, of which slice, its value and the ends around it."""

    figure: str
    slice: str | None
    value: float
    low: float | None = None
    high: float | None = None


def model_results_of(
    model: str, figures: Iterable[ModelFigure], *, computed_at: datetime
) -> list[dict[str, Any]]:
    """Return the rows of the table `model_results` that store what a model found.

    Parameters
    ----------
    model : str
        Its name.
    figures : iterable of ModelFigure
        What to store; an end that is unknown or infinite is left open.
    computed_at : datetime
        When it was computed; with a time zone.

    Raises
    ------
    BadInput
        If `computed_at` has no time zone.

    Examples
    --------
    >>> from datetime import UTC
    >>> figures = [ModelFigure("qini", None, 0.2, 0.1, math.inf)]
    >>> (row,) = model_results_of("uplift", figures, computed_at=datetime(2024, 5, 1, tzinfo=UTC))
    >>> row["model"], row["figure"], row["value"], row["low"], row["high"]
    ('uplift', 'qini', 0.2, 0.1, None)
    """
    if computed_at.tzinfo is None:
        raise BadInput("the moment of computation has no time zone", column="computed_at", value=computed_at)
    return [
        {
            "model": model,
            "figure": one.figure,
            "slice": one.slice,
            "value": one.value,
            "low": _end(one.low),
            "high": _end(one.high),
            "computed_at": computed_at,
        }
        for one in figures
    ]


def _end(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
