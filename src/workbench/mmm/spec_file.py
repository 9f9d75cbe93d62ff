"""A media mix model as a file says it: the model, and where its data come from.

A file is YAML. Its fields are those of `MixSpec`, written as they are called there, and:

``data``
    A file of rows by period (CSV, Parquet, Excel), beside the YAML file or by its path from there. Without it
    the data are those of a workspace, with the columns that `recorded.market_table` makes.
``period``
    ``week`` or ``day``: into what the data of a workspace are added up.
``derive``
    Columns that the data lack and that follow from others, see `deriving.Derived`.

::

    name: Weekly sales
    data: sales.csv
    date: week
    outcome: revenue
    channels:
      - tv                                        # the column of its spend has the same name
      - {name: social, spend: social_cost, exposure: social_views}
      - {name: search, prior: {median: 2.5, spread: 0.7}}     # return per unit of spend
    controls: [price, fair]
    derive:
      - {column: revenue, product: [orders, order_value]}
      - {column: fair, words: event, equals: fair}
    lift_tests:
      - {channel: tv, start: 2024-03-04, end: 2024-03-31,
         spend_change: 50000, outcome_change: 90000, error: 20000}
    saturation: michaelis-menten
    sampling: {draws: 500, seed: 1}
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, ClassVar

from workbench.errors import BadInput, UsageError
from workbench.events.documents import read_document
from workbench.mmm.calendar import Period
from workbench.mmm.deriving import Derived
from workbench.mmm.document import from_document, refusal
from workbench.mmm.spec import MixSpec

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_OWN = ("data", "period", "derive")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the data of a model come from.

    Parameters
    ----------
    data : str, optional
        Path of a file, from the file of the model; none is the workspace.
    period : {'week', 'day'}
        Into what the data of a workspace are added up.
    derive : tuple of Derived
        Columns that are made of others.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "strict": True}

    data: str | None = None
    period: Period = "week"
    derive: tuple[Derived, ...] = ()

    def __post_init__(self) -> None:
        if self.data is not None and (not self.data.strip() or "\x00" in self.data):
            raise UsageError("data: this is no path of a file.")

    def path(self, beside: PurePath) -> PurePath | None:
        """Return the path of the data, seen from where the model's own file is; None for the workspace."""
        return None if self.data is None else beside.parent / self.data


@dataclass(frozen=True, slots=True, kw_only=True)
class MixFile:
    """What a file says.

    Parameters
    ----------
    spec : MixSpec
        The model.
    source : Source
        Where its data come from.
    """

    spec: MixSpec
    source: Source


def mix_file_of(text: str, *, file: object = None) -> MixFile:
    r"""Return the model and the source of its data that a YAML (or JSON) text says.

    Parameters
    ----------
    text : str
        At most 64 KiB, without anchors, tags, or a key that stands twice.
    file : object, optional
        What it is called in messages.

    Raises
    ------
    BadInput
        Naming the file, the field, its value and what was expected; for a field that does not exist, the
        nearest one.

    Examples
    --------
    >>> found = mix_file_of("{name: weekly, data: sales.csv, outcome: revenue, channels: [tv]}")
    >>> found.spec.channel_names, found.source.data
    (('tv',), 'sales.csv')
    >>> mix_file_of("name: weekly\noutcome: revenue\nchannels: [tv]\ncarry_over: long", file="mix.yaml")
    Traceback (most recent call last):
        ...
    workbench.errors.BadInput: mix.yaml, value 'long': carry_over: not accepted; expected a whole number.
    """
    import json

    from pydantic import ValidationError

    document = read_document(text, file)
    said = {name: document.pop(name) for name in _OWN if name in document}
    if "format" in document:
        raise BadInput("a file of a model says no format", file=file, fix="Leave it out.")
    spec = from_document(document, file=file, also=_OWN)
    try:
        source = _adapter().validate_json(json.dumps(said))
    except ValidationError as error:
        raise refusal(error, file, Source) from None
    except UsageError as error:
        raise BadInput(str(error).rstrip("."), file=file) from None
    return MixFile(spec=spec, source=source)


@cache
def _adapter() -> TypeAdapter[Source]:
    from pydantic import TypeAdapter

    return TypeAdapter(Source)
