"""What is not the same in two questions, and in two markets: field by field, column by column."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass

import numpy as np
import numpy.typing as npt

from workbench.mmm.market import Market
from workbench.mmm.spec import Channel, LiftTest, MixSpec
from workbench.result import signed

Array = npt.NDArray[np.float64]
_NEXT = {"day": "days", "week": "weeks"}
_SAME = 1e-9
_ABSENT, _THERE = "none", "there"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One field of the question that has another value.

    Parameters
    ----------
    field : str
        Its place, such as ``carry_over`` or ``channels[tv].prior.median``.
    before, after : str
        Its values as text; ``none`` where it is not there. A channel or test that only one of the two has
        is one change, from ``none`` to ``there`` or back.
    """

    field: str
    before: str
    after: str

    @property
    def sentence(self) -> str:
        """Return the change in words."""
        if _THERE in {self.before, self.after}:
            return f"{self.field} is {'new' if self.after == _THERE else 'gone'}"
        return f"{self.field} is {self.after} instead of {self.before}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A column whose figures were changed in periods that both markets have.

    Parameters
    ----------
    column : str
        The outcome, a channel's spend or exposure, or a control.
    cells, of : int
        Figures changed, and compared.
    total : float
        Change of their sum, as a share of what it was; infinite where it was zero.
    """

    column: str
    cells: int
    of: int
    total: float

    @property
    def sentence(self) -> str:
        """Return the revision in words."""
        size = f"its sum by {signed(self.total)}" if np.isfinite(self.total) else "its sum from zero"
        return f"{self.column} was revised in {self.cells:,} of {self.of:,} figures ({size})"


@dataclass(frozen=True, slots=True, kw_only=True)
class DataChange:
    """What is not the same in two markets.

    Parameters
    ----------
    added, removed : int
        Periods that only the later, and only the earlier market has.
    period : str
        What periods are called.
    columns_added, columns_removed : tuple of str
        Regions, channels and controls that only one of them has.
    revisions : tuple of Revision
        Figures changed where both have some.
    """

    added: int
    removed: int
    period: str
    columns_added: tuple[str, ...]
    columns_removed: tuple[str, ...]
    revisions: tuple[Revision, ...]

    @property
    def any(self) -> bool:
        """Return whether anything is not the same."""
        return bool(self.sentences)

    @property
    def sentences(self) -> tuple[str, ...]:
        """Return every change in words."""
        return (
            *([f"{self.added:,} {self.period} were added"] if self.added else []),
            *([f"{self.removed:,} {self.period} are no longer there"] if self.removed else []),
            *([f"{', '.join(self.columns_added)} was added"] if self.columns_added else []),
            *([f"{', '.join(self.columns_removed)} was taken out"] if self.columns_removed else []),
            *(one.sentence for one in self.revisions),
        )


def spec_changes(before: MixSpec, after: MixSpec) -> tuple[FieldChange, ...]:
    """Return the fields of two questions that have other values, channels and tests told apart by name."""
    first, second = dict(_flat("", before)), dict(_flat("", after))
    alone = {_owner(name) for name in first} ^ {_owner(name) for name in second}
    for known in (first, second):
        for name in [name for name in known if _owner(name) in alone]:
            del known[name]
            known[_owner(name)] = _THERE
    return tuple(
        FieldChange(field=name, before=first.get(name, _ABSENT), after=second.get(name, _ABSENT))
        for name in dict.fromkeys([*first, *second])
        if first.get(name, _ABSENT) != second.get(name, _ABSENT)
    )


def data_changes(before: Market, after: Market) -> DataChange:
    """Return what is not the same in two markets."""
    first, second = _names(before), _names(after)
    return DataChange(
        added=len(np.setdiff1d(after.dates, before.dates)),
        removed=len(np.setdiff1d(before.dates, after.dates)),
        period=_NEXT[after.period],
        columns_added=tuple(name for name in second if name not in first),
        columns_removed=tuple(name for name in first if name not in second),
        revisions=tuple(_revisions(before, after)),
    )


def _flat(place: str, value: object) -> Iterator[tuple[str, str]]:
    """Yield place and text of every plain value inside a frozen value."""
    if is_dataclass(value):
        for field in fields(value):
            yield from _flat(f"{place}.{field.name}" if place else field.name, getattr(value, field.name))
    elif isinstance(value, tuple) and value and is_dataclass(value[0]):
        for one in value:
            yield from _flat(f"{place}[{_label(one)}]", one)
    elif isinstance(value, tuple):
        yield place, ", ".join(str(one) for one in value) or _ABSENT
    else:
        yield place, _ABSENT if value is None or value == "" else str(value)


def _owner(field: str) -> str:
    """Return the channel or test that a field belongs to; nothing for a field of the model itself."""
    return field[: field.rindex("].") + 1] if "]." in field else ""


def _label(value: object) -> str:
    if isinstance(value, Channel):
        return value.name
    if isinstance(value, LiftTest):
        return " ".join(part for part in (value.channel, str(value.start), value.source) if part)
    return ""


def _names(market: Market) -> list[str]:
    return (
        [*market.regions, *market.channels, *market.controls]
        if len(market.regions) > 1
        else [
            *market.channels,
            *market.controls,
        ]
    )


def _columns(market: Market) -> Iterator[tuple[str, Array]]:
    """Yield name and figures, shape (R, T), of every column."""
    yield "the outcome", market.outcome
    for place, name in enumerate(market.channels):
        yield f"spend of {name}", market.spend[:, :, place]
    for place, name in enumerate(market.channels):
        if not np.array_equal(market.exposure[:, :, place], market.spend[:, :, place]):
            yield f"exposure of {name}", market.exposure[:, :, place]
    for place, name in enumerate(market.controls):
        yield name, market.control[:, :, place]


def _revisions(before: Market, after: Market) -> Iterator[Revision]:
    _, old_days, new_days = np.intersect1d(before.dates, after.dates, return_indices=True)
    shared = [name for name in before.regions if name in after.regions]
    if not shared or not len(old_days):
        return
    old_places = np.ix_(np.array([before.regions.index(name) for name in shared]), old_days)
    new_places = np.ix_(np.array([after.regions.index(name) for name in shared]), new_days)
    old, new = dict(_columns(before)), dict(_columns(after))
    for name in (name for name in old if name in new):
        first, second = old[name][old_places], new[name][new_places]
        changed = np.abs(second - first) > _SAME * np.maximum(np.abs(first), np.abs(second))
        if changed.any():
            was = float(first.sum())
            total = float(second.sum() - was) / abs(was) if was else float("inf")
            yield Revision(column=name, cells=int(changed.sum()), of=changed.size, total=total)
