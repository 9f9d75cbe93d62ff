"""What a table is: columns, key, and how it is laid out on disk.

Words: a table's *key* tells its rows apart (a row with the key of an earlier one replaces it); its *day*
column places a row in time; its *user* column is what erasure looks for.
"""

from __future__ import annotations

from dataclasses import dataclass

from workbench.events.fields import Field


@dataclass(frozen=True, slots=True, kw_only=True)
class TableDefinition:
    """One table of a workspace.

    Parameters
    ----------
    name : str
        The table's name.
    says : str
        What one row is.
    fields : tuple of Field
        Its columns, in order. A partition column comes last.
    key : tuple of str
        What tells two rows apart; empty where every row is its own.
    day : str, optional
        The DATE or INSTANT column that places a row in time.
    user : str, optional
        The column that names a person.
    partitions : tuple of str
        The columns that are folders on disk.
    order : tuple of str
        How rows are sorted within a file.
    loadable : bool
        Whether a file can be loaded into it; the others are written by the workbench itself.
    """

    name: str
    says: str
    fields: tuple[Field, ...]
    key: tuple[str, ...] = ()
    day: str | None = None
    user: str | None = None
    partitions: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    loadable: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the names of the columns."""
        return tuple(own.name for own in self.fields)

    def field(self, name: str) -> Field:
        """Return one column's definition."""
        return next(own for own in self.fields if own.name == name)
