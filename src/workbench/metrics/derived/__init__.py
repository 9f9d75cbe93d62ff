"""Queries over whole users or leads, for what sums and counts of rows cannot say. One small module each."""

from __future__ import annotations

from workbench.catalog import Catalog
from workbench.metrics.derived.definition import DerivedQuery

DERIVED: Catalog[DerivedQuery] = Catalog("derived query", [])
