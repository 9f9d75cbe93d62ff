"""The measures that have names of their own: what the dictionary is written in."""

from __future__ import annotations

from workbench.metrics.conditions import Condition
from workbench.metrics.derived import derived
from workbench.metrics.derived.lifetime import MARGIN_SUMS
from workbench.metrics.measures import Days, count, distinct, total

NOT_HOLDOUT = Condition("is_holdout", "is not", True)
MAILED = Condition("channel", "in", ("email", "push"))
OPENED = Condition("kind", "in", ("opened", "clicked_cta"))

days = Days()

messages = count("campaign_delivered", where=(NOT_HOLDOUT,))
impressions = messages + total("impressions", of="daily_performance")
clicks = count("campaign_clicked") + total("clicks", of="daily_performance")
conversions = count("campaign_converted") + total("conversions", of="daily_performance")
spend = total("spend", of="daily_performance")
credited_revenue = total("value", of="campaign_converted") + total("revenue", of="daily_performance")

ordered_revenue = total("order_value", of="orders")
goods = total("cogs", of="orders")
orders = derived("baskets", "orders")

reached = distinct("campaign_delivered", where=(NOT_HOLDOUT,))
clickers = distinct("campaign_clicked")
converters = distinct("campaign_converted")
clickers_or_converters = distinct(("campaign_clicked", "campaign_converted"))
mailed = distinct("campaign_delivered", where=(NOT_HOLDOUT, MAILED))
openers = distinct("campaign_viewed", where=(OPENED, MAILED))
mail_clickers = distinct("campaign_clicked", where=(MAILED,))

# A lead's stage is how far it came; a lost lead was worked, but nobody recorded how far.
_STAGES = ("engaged", "replied", "qualified", "pipeline", "won")
leads = count("leads") + total("leads", of="daily_performance")
engaged_leads = count("leads", where=(Condition("stage", "in", (*_STAGES, "lost")),))
replied_leads = count("leads", where=(Condition("stage", "in", _STAGES[1:]),))
qualified_leads = count("leads", where=(Condition("stage", "in", _STAGES[2:]),))
converted_leads = count("leads", where=(Condition("stage", "==", "won"),))
open_leads = Condition("stage", "in", ("new", *_STAGES[:-1]))
lead_value = total("deal_value", of="leads", where=(Condition("stage", "==", "won"),)) + total(
    "deal_value", of="leads", times="close_probability", where=(open_leads,)
)

sends = total("sends", of="daily_performance")
deliveries = total("deliveries", of="daily_performance")
replies = total("replies", of="daily_performance")
bounces = total("bounces", of="daily_performance")

monthly_margin = derived("customer_margin", "margin") / derived("customer_margin", "months")
MARGIN_SPREAD = tuple(derived("customer_margin", name) for name in MARGIN_SUMS)
first_customers = derived("first_purchases", "customers")
treated, treated_buyers = derived("holdout", "treated"), derived("holdout", "treated_buyers")
expected_buyers = derived("holdout", "expected_buyers")
treated_revenue, expected_revenue = (
    derived("holdout", "treated_revenue"),
    derived("holdout", "expected_revenue"),
)
tested_spend = derived("holdout_cost", "spend")
