"""What a chart function says where it is given something that it cannot draw."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import signature

from workbench.errors import wrong_kind


def of_its_kind[**Given, Drawn](draw: Callable[Given, Drawn]) -> Callable[Given, Drawn]:
    """Return a chart function that refuses, in one sentence, what is not the result it draws.

    What it draws is the annotation of its first parameter. Whatever has what is needed is drawn all the same.

    Examples
    --------
    >>> from workbench.explore.funnels import Funnel
    >>> def stages(result: Funnel) -> int:
    ...     return len(result.stages)
    >>> of_its_kind(stages)("data/acme")
    Traceback (most recent call last):
        ...
    workbench.errors.UsageError: What charts.stages draws is Funnel, not the str data/acme.
    """
    first = next(iter(signature(draw).parameters.values()))
    wanted = first.annotation if isinstance(first.annotation, str) else first.annotation.__name__

    @wraps(draw)
    def drawn(*results: Given.args, **options: Given.kwargs) -> Drawn:
        try:
            return draw(*results, **options)
        except AttributeError:
            result = results[0] if results else options.get(first.name)
            if type(result).__name__ in wanted or ("Result" in wanted and hasattr(result, "sentence")):
                raise
            raise wrong_kind(f"What charts.{draw.__name__} draws", result, wanted) from None

    return drawn
