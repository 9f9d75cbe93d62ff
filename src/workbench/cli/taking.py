"""Commands of many options: these are the fields of a frozen value, and the command takes that value."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def taking[Asked: DataclassInstance](
    asked: type[Asked],
) -> Callable[[Callable[[Asked], None]], Callable[..., None]]:
    """Return a decorator: the command has an option for each field, and gets them as one value."""

    def decorator(command: Callable[[Asked], None]) -> Callable[..., None]:
        def called(**options: Any) -> None:
            command(asked(**options))

        types = get_type_hints(asked, include_extras=True)
        parameters = [
            inspect.Parameter(
                option.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if option.default is MISSING else option.default,
                annotation=types[option.name],
            )
            for option in fields(asked)
        ]
        called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        called.__name__, called.__doc__ = command.__name__, command.__doc__
        called.__annotations__ = {}
        return called

    return decorator
