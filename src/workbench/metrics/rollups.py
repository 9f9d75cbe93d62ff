"""Daily roll-ups: versions of the same leaves, kept by day."""

from __future__ import annotations

from workbench.catalog import Catalog
from workbench.events.tables import TableDefinition

ROLLUPS: Catalog[TableDefinition] = Catalog("roll-up", [])
