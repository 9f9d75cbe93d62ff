"""The one registry idea: an immutable mapping from name to definition."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Protocol, TypeVar, runtime_checkable

from workbench.errors import UsageError, unknown_name


@runtime_checkable
class Named(Protocol):
    """A definition with a name."""

    @property
    def name(self) -> str:
        """Return the name under which the definition is found."""
        ...


Definition = TypeVar("Definition", bound=Named)


class Catalog(Mapping[str, Definition]):
    """An immutable mapping from name to definition, in the order given.

    Parameters
    ----------
    kind : str
        What one entry is called in messages, e.g. ``"metric"``.
    definitions : iterable
        The entries; each has a ``name``.

    Raises
    ------
    UsageError
        If two entries share a name, or a name is looked up that does not exist.

    Examples
    --------
    >>> from types import SimpleNamespace as Thing
    >>> things = Catalog("thing", [Thing(name="a", owner="x"), Thing(name="b", owner="y")])
    >>> list(things), list(things.where(owner="y"))
    (['a', 'b'], ['b'])
    >>> len(things | [Thing(name="c", owner="x")])
    3
    """

    __slots__ = ("_entries", "kind")

    def __init__(self, kind: str, definitions: Iterable[Definition]) -> None:
        self.kind = kind
        self._entries: dict[str, Definition] = {}
        for definition in definitions:
            if definition.name in self._entries:
                raise UsageError(f"Two definitions of the {kind} {definition.name!r}.")
            self._entries[definition.name] = definition

    def __getitem__(self, name: str) -> Definition:
        try:
            return self._entries[name]
        except (KeyError, TypeError):
            raise unknown_name(self.kind, str(name), self._entries) from None

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __or__(self, more: Iterable[Definition]) -> Catalog[Definition]:
        """Return a catalog that also holds `more`; a name may not be taken twice."""
        added = more.values() if isinstance(more, Mapping) else more
        return Catalog(self.kind, [*self._entries.values(), *added])

    def __repr__(self) -> str:
        return f"Catalog({self.kind!r}, {len(self)} entries: {', '.join(self)})"

    def where(self, **facts: object) -> Catalog[Definition]:
        """Return the entries whose attributes equal all the given values."""
        for entry in self._entries.values():
            for fact in facts:
                if not hasattr(entry, fact):
                    raise UsageError(
                        f"A {self.kind} is not told apart by {fact!r}: it has no such attribute."
                    )
        return Catalog(
            self.kind,
            [d for d in self._entries.values() if all(getattr(d, k) == v for k, v in facts.items())],
        )

    def only(self, names: Iterable[str]) -> Catalog[Definition]:
        """Return the named entries, in the order named."""
        return Catalog(self.kind, [self[name] for name in dict.fromkeys(names)])

    def _ipython_key_completions_(self) -> list[str]:
        return list(self._entries)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th scope='row'>{escape(name)}</th><td>{escape(str(getattr(entry, 'says', '')))}</td></tr>"
            for name, entry in self._entries.items()
        )
        return f"<table><caption>{escape(self.kind)}s</caption><tbody>{rows}</tbody></table>"
