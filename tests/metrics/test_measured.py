"""How measured figures show themselves in a notebook."""

from __future__ import annotations

from datetime import date

from workbench.metrics import METRICS, Measured, Row, Window


def measured(*rows: Row) -> Measured:
    window = Window(date(2024, 1, 1), date(2024, 1, 31))
    return Measured(metrics=(METRICS["ctr"],), by=("channel",), window=window, currency="EUR", rows=rows)


def ctr(channel: str | None, **figures: object) -> Row:
    return Row(metric="ctr", slice=(channel,), **{"value": 0.01784, "low": 0.0172, "high": 0.0185, **figures})


def test_a_notebook_shows_figures_in_their_unit_and_no_empty_column() -> None:
    shown = measured(ctr("email"), ctr("<b>", share=0.5, incomplete=True, note="few"))._repr_html_()
    assert shown.startswith("<p>Click-through rate by channel runs from")
    assert "<td>1.78%</td><td>1.72% to 1.85%</td>" in shown
    assert "<td>50% of days; few</td>" in shown
    assert "<b>" not in shown
    assert "previous" not in shown
    assert "numerator" not in shown


def test_a_change_is_shown_where_it_was_asked_for() -> None:
    shown = measured(ctr("email", previous=0.02, change=-0.108))._repr_html_()
    assert "<td>2%</td><td>−10.8%</td>" in shown


def test_many_rows_are_counted_and_not_printed() -> None:
    found = measured(*(ctr(f"c{place}") for place in range(1000)))
    assert "<p>940 more rows are in to_frame().</p>" in found._repr_html_()
    assert found._repr_html_().count("<tr>") == 61
    assert len(found.to_frame()) == 1000
