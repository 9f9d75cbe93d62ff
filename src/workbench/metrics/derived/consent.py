"""Who agreed to be written to: the latest decision of each user and channel."""

from __future__ import annotations

from workbench.metrics import sql
from workbench.metrics.derived.definition import DerivedQuery
from workbench.metrics.queries import Query, aggregated, in_window_until_last, sliced
from workbench.metrics.sql import Expression


def _build(query: Query) -> Expression:
    rows = in_window_until_last(sql.unbound("consents"), "consents")
    # Where two decisions bear the same instant, the refusal wins.
    latest = sql.partitioned_order(
        [rows.user_id, rows.channel], [rows.recorded_at.desc(), rows.status.desc()]
    )
    rows = rows.mutate(place_=latest)
    rows = sliced(rows.filter(rows.place_ == 0), "consents", query)
    by = {f"d{place}": rows[f"dim_{name}"] for place, name in enumerate(query.by)}
    return aggregated(rows, by, decided=rows.count(), agreed=sql.when(rows.status == "opt_in", 1, 0).sum())


CONSENT = DerivedQuery(
    name="consent",
    says=(
        "Pairs of user and channel with a decision by the end of the window, "
        "and those whose latest one is opt-in."
    ),
    table="consents",
    needs=frozenset({"consents"}),
    figures=("decided", "agreed"),
    build=_build,
    time=False,
)
