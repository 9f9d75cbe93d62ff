"""Values and how often they occur, of raw data."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def value_table(*groups: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the distinct values of groups, and how many units of each group have each."""
    distinct = np.unique(np.concatenate(groups))
    counts = [np.bincount(np.searchsorted(distinct, group), minlength=len(distinct)) for group in groups]
    return distinct, np.column_stack(counts)
