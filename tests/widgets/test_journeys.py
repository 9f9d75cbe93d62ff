"""The journey browser: what its controls find and show, with real widgets and no page."""

from __future__ import annotations

import re
import subprocess
import sys
from html import unescape

import pandas as pd
import pytest

from workbench.attribution.browsing import OrderSearch, browsable, find_orders, sharers
from workbench.attribution.sequences import Sequences
from workbench.charts.drawing import Drawing, Nothing
from workbench.result import format_value
from workbench.widgets import journey_browser
from workbench.widgets.journeys import JourneyBrowser


@pytest.fixture(scope="module")
def found(frame: pd.DataFrame) -> Sequences:
    return browsable(frame)


@pytest.fixture
def browser(found: Sequences) -> JourneyBrowser:
    return JourneyBrowser(found, OrderSearch())


def _said(browser: JourneyBrowser) -> str:
    return unescape(re.sub("<[^>]*>", "", browser.said.value))


def _rows(browser: JourneyBrowser) -> list[list[str]]:
    found = re.findall("<tr>(<td>.*?)</tr>", browser.table.value)
    return [[unescape(cell) for cell in re.findall("<td>(.*?)</td>", row)] for row in found]


def test_the_newest_fifty_stand_there_at_first(browser: JourneyBrowser, frame: pd.DataFrame) -> None:
    newest = frame[frame.is_conversion].sort_values("timestamp", ascending=False)
    assert [row.conversion_id for row in browser.orders.rows] == newest.conversion_id.head(50).tolist()
    assert len(browser.list.options) == 50
    assert browser.list.index == 0
    assert _said(browser).startswith("50 of 120 conversions")


def test_an_order_is_found_and_its_credit_is_the_one_of_python(
    browser: JourneyBrowser, found: Sequences
) -> None:
    models = sharers(found)
    wanted = next(row for row in find_orders(found, models=models).rows if len(row.touches) > 2)
    browser.text.value = f"  {wanted.conversion_id} "
    assert len(browser.list.options) == 1
    assert set(models) == {"markov", "shapley", "regression"}
    expected = [list(touch.credit.values()) for touch in wanted.touches]
    assert [row[-len(expected[0]) :] for row in _rows(browser)] == [
        [format_value(some, "%") for some in row] for row in expected
    ]
    for model in wanted.touches[0].credit:
        browser.model.value = model
        assert [row[-1] for row in _rows(browser)] == [
            format_value(touch.credit[model], "%") for touch in wanted.touches
        ]


def test_a_customer_has_all_of_her_orders(browser: JourneyBrowser, frame: pd.DataFrame) -> None:
    browser.text.value = "ann-7"
    hers = frame[frame.is_conversion & (frame.user_id == "ann-7")].sort_values("timestamp", ascending=False)
    assert [row.conversion_id for row in browser.orders.rows] == hers.conversion_id.tolist()
    browser.buyers.value = "new"
    assert [row.conversion_id for row in browser.orders.rows] == hers.conversion_id.tolist()[-1:]
    browser.buyers.value = "returning"
    assert [row.conversion_id for row in browser.orders.rows] == hers.conversion_id.tolist()[:-1]


def test_moving_in_the_list_changes_the_picture_and_filters_keep_the_choice(browser: JourneyBrowser) -> None:
    place = next(at for at, row in enumerate(browser.orders.rows) if at > 3 and len(row.touches) > 1)
    before = browser.picture.outputs
    browser.list.index = place
    assert browser.picture.outputs != before
    assert browser.order is browser.orders.rows[place]
    chosen = browser.order.conversion_id
    wide = len(browser.order.touches)
    browser.look_back.value = "7d"
    assert browser.order.conversion_id == chosen
    assert len(browser.order.touches) <= wide
    browser.buyers.value = "returning" if browser.order.returning else "new"
    assert browser.order.conversion_id == chosen
    assert all(row.returning == browser.order.returning for row in browser.orders.rows)


@pytest.mark.parametrize("text", ["nobody", "²", "9" * 10_000, "\ud800", "'; DROP TABLE facts --", "-1"])
def test_an_unknown_name_is_said_and_nothing_else_is_shown(browser: JourneyBrowser, text: str) -> None:
    browser.text.value = text
    assert _said(browser).startswith("There is no order or customer")
    assert (browser.list.options, browser.picture.outputs, browser.table.value) == ((), (), "")
    browser.text.value = ""
    assert len(browser.list.options) == 50


def test_a_customer_without_orders_is_known_but_has_none(frame: pd.DataFrame) -> None:
    touched = frame[(frame.user_id != "ann-3") | ~frame.is_conversion]
    browser = JourneyBrowser(browsable(touched), OrderSearch())
    browser.text.value = "ann-3"
    assert _said(browser) == "No order is known of 'ann-3'."
    assert browser.picture.outputs == ()


def test_an_order_without_a_touch_says_so(found: Sequences, browser: JourneyBrowser) -> None:
    browser.look_back.value = "7d"
    bare = next(place for place, row in enumerate(browser.orders.rows) if not row.touches)
    browser.list.index = bare
    assert "no touch in the 7 days before it" in browser.table.value
    assert browser.picture.outputs == ()


def test_hostile_names_stay_text(browser: JourneyBrowser) -> None:
    for text in ("", "<script>window.attacked = 1</script>", "<img src=x onerror=alert(1)>"):
        browser.text.value = text
        for place in range(min(12, len(browser.list.options))):
            browser.list.index = place
            pages = browser.said.value + browser.table.value
            assert set(re.findall("<[/a-z]+", pages)) <= {
                f"<{end}{tag}"
                for tag in ("div", "p", "table", "caption", "thead", "tbody", "tr", "td", "th")
                for end in ("", "/")
            }
            assert "\u202e" not in pages + str(browser.list.options)
            assert len(pages) < 40_000
            assert max(len(label) for label, _ in browser.list.options) < 140


def test_it_can_begin_with_a_customer(found: Sequences, frame: pd.DataFrame) -> None:
    browser = JourneyBrowser(found, OrderSearch(text="ann-7", look_back="21d", newest=2))
    hers = frame[frame.is_conversion & (frame.user_id == "ann-7")]
    assert len(browser.list.options) == min(2, len(hers))
    assert browser.look_back.label == "21 days"


def test_every_control_has_a_name(browser: JourneyBrowser) -> None:
    for control in (browser.text, browser.buyers, browser.look_back, browser.model, browser.list):
        assert control.description


def test_without_a_kernel_there_is_a_picture_instead(frame: pd.DataFrame) -> None:
    shown = journey_browser(frame)
    assert isinstance(shown, Drawing)
    assert "touch" in shown.finding
    assert journey_browser(frame, instead=shown) is shown
    missing = journey_browser(frame, find="<nobody>")
    assert isinstance(missing, Nothing)
    assert missing.reason == "There is no order or customer '<nobody>'."


def test_without_orders_there_is_a_reason(frame: pd.DataFrame) -> None:
    assert isinstance(journey_browser(frame[~frame.is_conversion]), Nothing)


def test_widgets_cost_nothing_until_they_are_used() -> None:
    code = (
        "import sys, workbench, workbench.charts, workbench.attribution; print('ipywidgets' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
