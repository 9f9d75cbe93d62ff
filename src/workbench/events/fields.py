"""What a property or a column is: kinds, fields, and the lists of allowed names."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

LARGEST = 1e15  # more than all the money there is: a larger number is a slip, and sums of such overflow


def is_currency(text: str) -> bool:
    """Return whether a text has the form of a currency's code.

    Examples
    --------
    >>> is_currency("EUR"), is_currency("eur"), is_currency("€")
    (True, False, False)
    """
    return len(text) == 3 and text.isascii() and text.isalpha() and text.isupper()


class Kind(StrEnum):
    """What a value is. Money is >= 0, a score lies in 0..1, a count is a whole number >= 0.

    No number, amount or count is larger than `LARGEST`.
    """

    STRING = "string"
    UUID = "uuid"
    NUMBER = "number"
    COUNT = "count"
    MONEY = "money"
    SCORE = "score"
    BOOLEAN = "boolean"
    INSTANT = "instant"
    DATE = "date"
    CHOICE = "choice"
    OBJECT = "object"


@dataclass(frozen=True, slots=True)
class Field:
    """One property of an event, or one column of a table.

    Parameters
    ----------
    name : str
        The name in the data.
    kind : Kind
        What its values are.
    required : bool
        Whether a null is refused.
    choices : tuple of str
        What a CHOICE may be.
    minimum : float, optional
        The smallest value of a NUMBER.
    """

    name: str
    kind: Kind = Kind.STRING
    required: bool = True
    choices: tuple[str, ...] = ()
    minimum: float | None = None


@dataclass(frozen=True, slots=True)
class EventType:
    """One event type: its name, its family, and its properties."""

    name: str
    family: str
    says: str
    fields: tuple[Field, ...]

    @property
    def required(self) -> tuple[str, ...]:
        """Return the names of the properties that may not be null."""
        return tuple(own.name for own in self.fields if own.required)


SOURCES = ("mobile", "admin_portal", "backend")
OWNED_CHANNELS = ("email", "sms", "push", "in_app")
PAID_CHANNELS = ("social", "paid_search", "paid_social", "display", "video", "linkedin", "affiliate")
CHANNELS = (*OWNED_CHANNELS, *PAID_CHANNELS, "contact_form", "organic", "direct", "referral", "other")
CAMPAIGN_TYPES = (
    "DISCOUNT",
    "CASHBACK",
    "LOYALTY",
    "LOCATION_BASED",
    "CATEGORY_PROMOTION",
    "SPENDING_MILESTONE",
    "RE_ENGAGEMENT",
    "VIP",
    "OTHER",
)
SEGMENTS = (
    "NEW_SHOPPER",
    "INACTIVE",
    "HIGH_SPENDER",
    "FREQUENT_SHOPPER",
    "WEEKEND_SHOPPER",
    "CATEGORY_FOCUSED",
    "LOCATION_CLUSTERED",
    "SEASONAL_SPENDER",
)
ROLES = ("cmo", "performance", "lifecycle", "rewards", "data_science", "compliance")


def field(
    name: str, kind: Kind = Kind.STRING, *, choices: tuple[str, ...] = (), minimum: float | None = None
) -> Field:
    """Return a field; a name that ends in a question mark may be null.

    Examples
    --------
    >>> field("region?").required
    False
    """
    return Field(name.removesuffix("?"), kind, not name.endswith("?"), choices, minimum)


def choice(name: str, *choices: str) -> Field:
    """Return a field that is one of the given names."""
    return field(name, Kind.CHOICE, choices=choices)


def seconds(name: str) -> Field:
    """Return a field that is a duration >= 0."""
    return field(name, Kind.NUMBER, minimum=0)
