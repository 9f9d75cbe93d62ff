"""What a page's text is made of."""

from __future__ import annotations

from workbench.reports.markup import unbroken

LOSS = "\u2212\u20ac31,824"


def test_a_loss_is_not_parted_from_its_minus() -> None:
    page = f"<style>a{{content:'{LOSS}'}}</style><p>interval {LOSS} to $5, \u2212$2, \u22123</p>"
    page += f"<script>x='{LOSS}'</script><b>\u2212\u00a31</b>"
    told = unbroken(page)
    assert told.count("\u2060") == 3
    assert told.replace("\u2060", "") == page
    assert told.count(LOSS) == 2  # in style and script
