"""Personal data in a text, as SQL: addresses of mail and numbers of telephones."""

from __future__ import annotations

from workbench.events.parsing import literal

_EMAIL = r"[\pL\pN._%+-]+(?:@|%40)[\pL\pN-]+(?:\.[\pL\pN-]+)*\.\pL{2,}"  # of any script
_INTERNATIONAL = (
    r"(?:^|[^0-9A-Za-z.+-])\+[1-9][0-9]{0,2}[ ()./-]{0,2}[0-9](?:[ ()./-]{0,2}[0-9]){6,12}(?:[^0-9A-Za-z]|$)"
)
# A number in the form 555-867-5309, or one under a key that names a telephone.
_IN_THREES = r"(?:^|[^0-9A-Za-z.-])\(?[0-9]{3}\)?[-. ][0-9]{3}[-. ][0-9]{4}(?:[^0-9A-Za-z-]|$)"
_NAMED = r'"(?i:[a-z_]*(?:phone|mobile|telephone|msisdn)[a-z_]*)": ?"?[+(]?[0-9]'


def personal_sql(text: str) -> str:
    """Return the SQL that is true where JSON text holds an address of mail or a number of a telephone.

    Parameters
    ----------
    text : str
        SQL of the text; it is asked several times. Null counts as empty.

    Examples
    --------
    >>> personal_sql("note").startswith("(CASE WHEN")
    True
    """
    # A sign that every match has is found far faster than the match. Of an OR in a projection all sides are
    # asked; only a CASE leaves some out.
    tests = [
        (f"contains({text}, '@') OR contains({text}, '%40')", _EMAIL),
        (f"contains({text}, '+')", _INTERNATIONAL),
        (f"strlen({text}) >= 12", _IN_THREES),
        (f"contains({text}, '\":')", _NAMED),
    ]
    asked = " OR ".join(
        f"CASE WHEN {sign} THEN regexp_matches({text}, {literal(shape)}) ELSE false END"
        for sign, shape in tests
    )
    return f"({asked})"
