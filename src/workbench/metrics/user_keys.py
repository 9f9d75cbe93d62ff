"""The number that stands for a user in facts, in the SQL of every engine.

It is 63 bits of the MD5 of the id. Ibis knows no such function, so the compiled text names a function that no
engine has, and here it is replaced by what the engine can do.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from workbench.errors import UsageError
from workbench.metrics.sql import Expression

_NAME = "workbench_user_key"
# The last eight bytes of the digest, the last one first: as a little-endian number they are its upper half.
_HEX = " || ".join(f"substr(md5({{0}}), {place}, 2)" for place in range(31, 15, -2))
_SIGNED = f"(('x' || {_HEX})::bit(64)::bigint >> 1)"
_KEYS = {
    "duckdb": "CAST(md5_number({0}) >> 65 AS BIGINT)",
    "postgres": f"({_SIGNED} & 9223372036854775807)",
    "databricks": f"CAST(FLOOR(CAST(conv({_HEX}, 16, 10) AS DECIMAL(20, 0)) / 2) AS BIGINT)",
}
_CALL = re.compile(rf"\b{_NAME}\(([^()]*)\)", re.IGNORECASE)


def user_key(user_id: Expression) -> Expression:
    """Return the key of a user's id as an expression; `with_user_keys` makes its text one of the engine."""
    return _function()(user_id)


@cache
def _function() -> Any:
    import ibis

    @ibis.udf.scalar.builtin(name=_NAME, signature=(("string",), "int64"))
    def key(_user_id):  # type: ignore[no-untyped-def]
        ...

    return key


def with_user_keys(sql: str, dialect: str) -> str:
    """Return compiled text with the keys of users as the engine computes them.

    Raises
    ------
    UsageError
        If the engine is not known.

    Examples
    --------
    >>> with_user_keys('SELECT workbench_user_key("t0"."user_id") FROM t0', "duckdb")
    'SELECT CAST(md5_number("t0"."user_id") >> 65 AS BIGINT) FROM t0'
    """
    if not _CALL.search(sql):
        return sql
    if dialect not in _KEYS:
        raise UsageError(f"{dialect} cannot tell users of events: known are {', '.join(_KEYS)}.")
    made = _KEYS[dialect]
    return _CALL.sub(lambda found: made.format(found[1]), sql)
