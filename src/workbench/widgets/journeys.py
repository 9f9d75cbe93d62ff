"""The journey browser: look for an order or a customer, and see every touch with its credit."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets
from IPython import get_ipython

from workbench.attribution.browsing import OrderSearch, browsable, find_orders, order_alone, sharers
from workbench.attribution.raking import Raking
from workbench.attribution.sequences import Sequences
from workbench.attribution.timeline import Timeline, Timelines
from workbench.attribution.windows import LOOKBACKS, within
from workbench.charts import order_timeline
from workbench.charts.attribution import model_name
from workbench.charts.drawing import Drawing, Nothing, shown
from workbench.charts.renderer import in_batch
from workbench.errors import NotEnoughData, WorkbenchError
from workbench.result import format_value
from workbench.widgets.keyboard import SAID, guarded

if TYPE_CHECKING:
    from workbench.attribution.touchpoints import Touchpoints
    from workbench.source import Tables

TITLE = "Journey browser"
_BUYERS = (("New and returning", "all"), ("New", "new"), ("Returning", "returning"))
_LABELS = {"description_width": "initial"}
_DRAWN = ("application/vnd.vegalite.v5+json", "application/vnd.vegalite.v6+json", "text/plain")


def journey_browser(
    source: Tables | Touchpoints | Sequences | Any,
    *,
    by: str = "channel",
    window: str | None = None,
    look_back: str = "30d",
    newest: int = 50,
    find: str | None = None,
    instead: Drawing | Nothing | None = None,
) -> ipywidgets.VBox | Drawing | Nothing:
    """Return a browser of single orders: search, filters, a list, and the timeline of the chosen order.

    Type the id of an order or a customer and press Enter; the arrow keys move through the list. Where
    no kernel answers, as in a report, the timeline of the newest order with touches stands in its place.

    Parameters
    ----------
    source : Tables, Touchpoints, Sequences or frame
        A workspace's tables; touchpoints or journeys made before; or a frame of touches and conversions.
    by : str
        What tells touches apart: ``"channel"``, ``"campaign"`` ...
    window : str, optional
        The days whose orders are listed, where the source is tables; all by default.
    look_back : str
        How far back touches are looked for at first: ``"30d"``, or ``"any"``.
    newest : int
        How many orders are listed at most.
    find : str, optional
        The id of an order or of a customer to begin with.
    instead : Drawing or Nothing, optional
        What a report shows in its place, if not the newest order with touches.

    Raises
    ------
    UsageError
        If an attribute or a window is unknown.
    """
    if instead is not None and not _answered():
        return instead
    asked = OrderSearch(text=find or "", look_back=look_back, newest=newest)
    try:
        found = browsable(source, by=by, window=window)
    except NotEnoughData as reason:
        return Nothing(title=TITLE, reason=str(reason))
    if not (found.converted & found.counted).any():
        return Nothing(title=TITLE, reason="Not enough data: nobody bought, so there is no order to show.")
    if not _answered():
        return _in_report(found, asked)
    return JourneyBrowser(found, asked).view


def _answered() -> bool:
    """Return whether a kernel will answer what a person does: not in a batch run, nor in plain Python."""
    return getattr(get_ipython(), "kernel", None) is not None and not in_batch()


def _in_report(found: Sequences, asked: OrderSearch) -> Drawing | Nothing:
    """Return the newest order that was touched of those asked for, or the newest of all."""
    try:
        orders = find_orders(found, asked, models=sharers(found, asked.look_back))
    except NotEnoughData as reason:
        return Nothing(title=TITLE, reason=str(reason))
    if not orders.rows:
        return Nothing(title=TITLE, reason=_fitting(orders, asked))
    order = next((row for row in orders.rows if row.touches), orders.rows[0])
    return order_timeline(order_alone(orders, order))


class JourneyBrowser:
    """The controls of the browser, and what they do.

    Parameters
    ----------
    found : Sequences
        The journeys.
    asked : OrderSearch
        What is shown at first.
    """

    def __init__(self, found: Sequences, asked: OrderSearch) -> None:
        self.journeys, self._first = found, asked
        self.orders: Timelines | None = None
        self._sharers = cache(self._shared)
        self.text = ipywidgets.Text(
            value=asked.text,
            description="Order or customer",
            placeholder="An id; then Enter",
            continuous_update=False,
            style=_LABELS,
            layout=ipywidgets.Layout(width="min(100%, 520px)"),
        )
        self.buyers = _choice("Buyers", _BUYERS, asked.buyers)
        self.look_back = _choice("Look-back", _windows(asked.look_back), asked.look_back)
        models = [*(rule.name for rule in found.settings.rules), *self._sharers(asked.look_back)]
        self.model = _choice("Model", [("All models", ""), *((model_name(m), m) for m in models)], "")
        self.list = ipywidgets.Select(
            description="Orders", rows=8, style=_LABELS, layout=ipywidgets.Layout(width="auto")
        )
        self.said, self.table = ipywidgets.HTML(), ipywidgets.HTML()
        self.picture = ipywidgets.Output()
        self.said.add_class(SAID)
        self.view = guarded(
            ipywidgets.HTML(f'<strong data-title="{TITLE}">{TITLE}</strong>'),
            self.text,
            ipywidgets.Box(
                [self.buyers, self.look_back, self.model], layout=ipywidgets.Layout(flex_flow="row wrap")
            ),
            self.said,
            self.list,
            self.picture,
            self.table,
        )
        for control in (self.text, self.buyers, self.look_back):
            control.observe(self._search, "value")
        self.model.observe(self._draw, "value")
        self.list.observe(self._draw, "index")
        self._search()

    @property
    def order(self) -> Timeline | None:
        """Return the chosen order."""
        place = self.list.index
        return None if self.orders is None or place is None else self.orders.rows[place]

    def _shared(self, look_back: str) -> Mapping[str, Raking]:
        return sharers(self.journeys, look_back)

    def _search(self, _change: object = None) -> None:
        """List what fits the controls; the order chosen before stays chosen where it is among them."""
        before = self.order
        asked = OrderSearch(
            text=self.text.value,
            buyers=self.buyers.value,
            look_back=self.look_back.value,
            newest=self._first.newest,
        )
        try:
            self.orders = find_orders(self.journeys, asked, models=self._sharers(asked.look_back))
            said = _fitting(self.orders, asked)
        except WorkbenchError as problem:
            self.orders, said = None, str(problem)
        rows = self.orders.rows if self.orders else ()
        self.said.value = f"<p>{escape(shown(said, 400))}</p>"
        self.list.unobserve(self._draw, "index")
        self.list.options = [(_label(row, self.orders), place) for place, row in enumerate(rows)]
        same = [place for place, row in enumerate(rows) if before and _key(row) == _key(before)]
        self.list.index = same[0] if same else 0 if rows else None
        self.list.observe(self._draw, "index")
        self._draw()

    def _draw(self, _change: object = None) -> None:
        """Show the chosen order."""
        order = self.order
        if self.orders is None or order is None:
            self.picture.outputs, self.table.value = (), ""
            return
        drawn = order_timeline(order_alone(self.orders, order, self.model.value or None))
        if isinstance(drawn, Nothing):
            reason = f"This order has no touch {within(self.orders.window)} it."
            self.picture.outputs, self.table.value = (), f"<p>{escape(reason)}</p>"
            return
        bundle = drawn._repr_mimebundle_()
        data = {kind: bundle[kind] for kind in _DRAWN if kind in bundle}
        self.picture.outputs = ({"output_type": "display_data", "data": data, "metadata": {}},)
        self.table.value = _in_words(drawn)


def _choice(name: str, options: Any, value: object) -> ipywidgets.Dropdown:
    return ipywidgets.Dropdown(
        description=name,
        options=options,
        value=value,
        style=_LABELS,
        layout=ipywidgets.Layout(width="max-content", margin="2px 16px 2px 2px"),
    )


def _windows(first: str) -> list[tuple[str, str]]:
    """Return the look-back windows to choose from, the one asked for at first among them."""
    known = [str(window) for window in LOOKBACKS]
    return [
        ("any time", name) if name == "any" else (f"{name.removesuffix('d')} days", name)
        for name in [*([] if first in known else [first]), *known]
    ]


def _fitting(orders: Timelines, asked: OrderSearch) -> str:
    """Return what was found, or that the filter leaves nothing."""
    if orders.rows:
        return orders.sentence
    whose = {"all": "", "new": " of new buyers", "returning": " of returning buyers"}[asked.buyers]
    return f"No order{whose} is known{' of ' + repr(asked.text.strip()[:80]) if asked.text.strip() else ''}."


def _label(order: Timeline, orders: Timelines | None) -> str:
    """Return an order in one line of a list."""
    value = format_value(order.value, "money", currency=orders.currency if orders else None)
    touches = f"{len(order.touches)} touch{'' if len(order.touches) == 1 else 'es'}"
    buyer = "returning" if order.returning else "new"
    name = shown(order.conversion_id, 48) or "(no id)"
    return f"{order.at.day} {order.at:%b %Y, %H:%M} · {name} · {value} · {buyer} · {touches}"


def _key(order: Timeline) -> tuple[object, ...]:
    return order.conversion_id, order.user, order.at


def _in_words(drawn: Drawing) -> str:
    """Return what a picture shows as text and table; the table can be scrolled by keys where it is wide."""
    said = f"{shown(drawn.finding, 300)}. {shown(drawn.subtitle, 200)}. {shown(drawn.note, 300)}"
    style = "overflow-x: auto; width: 0; min-width: 100%; line-height: 1.4"
    return (
        f'<p>{escape(said)}</p><div role="region" tabindex="0" aria-label="Touches and their credit"'
        f' style="{style}">{drawn.table.to_html()}</div>'
    )
