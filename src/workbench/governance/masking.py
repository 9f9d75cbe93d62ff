"""What leaves the house: no address, no telephone number, no user id as it is, no formula in a cell.

Words: *masking* replaces what identifies a person by a word; a *pseudonym* replaces an id by another that is
the same for the same person, within one tenant and purpose, and that cannot be guessed without the key.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import UsageError, WorkspaceError
from workbench.governance.names import slug

if TYPE_CHECKING:
    import pandas as pd

E_MAIL, PHONE = "[e-mail]", "[phone]"
KEY_BYTES = 32
# An address: letters of any script count, since names are not ASCII; the lengths are those of RFC 5321.
_E_MAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}(?:@|%40|＠)[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_GAP = r"[ \u00a0\u202f().\-/]{0,3}"
_PHONE = re.compile(
    "|".join(
        [
            rf"(?<![\w+.])(?:\+|00(?=[1-9]))\d{{1,3}}{_GAP}(?:\d{_GAP}){{6,12}}\d(?![\w])",  # international
            r"(?<![\w.])\(\d{2,5}\)[ \-]?\d{3,4}[ \-]?\d{3,5}(?!\w)",  # (030) 123 4567
            r"(?<![\w.,-])\d{3}[ .\-]\d{3}[ .\-]\d{4}(?![\w,-])",  # 555-123-4567
            r"(?<![\w.,-])0\d{2,4}[ /\-](?:\d{2,8}[ \-]){0,3}\d{3,8}(?![\w:-])",  # 030 1234567
            r"(?<![\w.,-])0\d(?:[ .]\d{2}){4}(?![\w:-])",  # 01 23 45 67 89
        ]
    )
)
_PERSONAL_COLUMNS = {
    "email": E_MAIL,
    "e_mail": E_MAIL,
    "mail": E_MAIL,
    "phone": PHONE,
    "telephone": PHONE,
    "mobile_number": PHONE,
    "recipient": E_MAIL,
}
_FORMULA = "=+-@\t\r\n＝＋－＠"
_BREAKS = re.compile("[\r\x0b\x0c\x85\u2028\u2029]")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?%?")
_DIRECTIONS = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def mask(text: str) -> str:
    """Return a text in which e-mail addresses and telephone numbers are replaced by a word.

    Dates, amounts, ids and UUIDs stay. A number without a country code, gaps or a leading zero cannot be told
    from an id, and stays too: columns of such numbers are masked by their name (`mask_frame`).

    Examples
    --------
    >>> mask("Ask ann.lee@example.com or +49 (30) 1234-5678 by 2024-05-01, order 4711")
    'Ask [e-mail] or [phone] by 2024-05-01, order 4711'
    """
    return _PHONE.sub(PHONE, _E_MAIL.sub(E_MAIL, text))


def holds_personal_data(text: str) -> bool:
    """Return whether a text has an e-mail address or a telephone number in it.

    Examples
    --------
    >>> holds_personal_data("a@b.co"), holds_personal_data("213,434,828 impressions")
    (True, False)
    """
    return bool(_E_MAIL.search(text) or _PHONE.search(text))


def mask_frame(frame: pd.DataFrame, columns: Iterable[str] = ()) -> pd.DataFrame:
    """Return a copy of a frame in which addresses and telephone numbers are masked, whatever the column.

    Parameters
    ----------
    frame : DataFrame
        Any table; its index is left as it is.
    columns : iterable of str
        Columns to mask whole, besides those whose name says that they hold an address or a number.

    Examples
    --------
    >>> import pandas as pd
    >>> mask_frame(pd.DataFrame({"email": ["Ann"], "note": ["call 030 1234567"]})).iloc[0].tolist()
    ['[e-mail]', 'call [phone]']
    """
    masked = frame.copy()
    whole = dict.fromkeys(columns, "[masked]")
    missing = sorted(set(whole) - set(frame.columns))
    if missing:
        raise UsageError(f"No column {', '.join(map(repr, missing))} to mask.")
    for column in frame.columns:
        word = whole.get(column) or _PERSONAL_COLUMNS.get(str(column).lower().removesuffix("_address"))
        if word is not None:
            masked[column] = frame[column].map(lambda _, word=word: word, na_action="ignore").astype(object)
        elif _is_text(frame[column]):
            masked[column] = _mapped(frame[column], mask)
    return masked


def _is_text(column: pd.Series[Any]) -> bool:
    return column.dtype.kind == "O" or str(column.dtype).startswith(("string", "str", "category"))


def _mapped(column: pd.Series[Any], change: Callable[[str], str]) -> pd.Series[Any]:
    # A report's column has few different values: each is changed once.
    values = column.astype(object)
    known = {value: change(value) for value in set(values[values.map(lambda v: isinstance(v, str))])}
    return values.map(lambda v: known[v] if isinstance(v, str) else v)


def read_key(path: Path, *, create: bool = False) -> bytes:
    """Return the secret of a tenant, kept in a file that only its owner may read.

    Parameters
    ----------
    path : Path
        The file.
    create : bool
        Whether to make a new secret where there is none.

    Raises
    ------
    WorkspaceError
        If there is no key, or it is damaged: pseudonyms made with another one would not match.
    """
    if create:
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            pass
        else:
            with os.fdopen(handle, "wb") as file:
                file.write(os.urandom(KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
    try:
        key = path.read_bytes()
    except OSError:
        raise WorkspaceError(f"{path}: there is no key for pseudonyms.") from None
    if len(key) != KEY_BYTES:
        raise WorkspaceError(f"{path}: the key for pseudonyms is damaged; restore it from a backup.")
    return key


def purpose_key(secret: bytes, tenant: str, purpose: str) -> bytes:
    """Return the key of one tenant and one purpose, derived from a secret.

    Two purposes cannot be joined by their pseudonyms, and neither can two tenants.

    Examples
    --------
    >>> purpose_key(b"s" * 32, "acme", "reports") == purpose_key(b"s" * 32, "acme", "exports")
    False
    """
    if len(secret) < KEY_BYTES:
        raise UsageError(f"A secret needs at least {KEY_BYTES} bytes.")
    # Each part stands behind its length, so that ("ab", "c") and ("a", "bc") differ.
    parts = b"".join(len(p).to_bytes(4, "big") + p for p in (tenant.encode(), purpose.encode()))
    return hashlib.blake2b(parts, key=secret[:64], person=b"wb-purpose", digest_size=KEY_BYTES).digest()


def pseudonym(value: str, key: bytes) -> str:
    """Return 32 hexadecimal digits that stand for a value: keyed BLAKE2b, 128 bits.

    Examples
    --------
    >>> key = purpose_key(b"s" * 32, "acme", "reports")
    >>> len(pseudonym("user-1", key)), pseudonym("user-1", key) == pseudonym("user-2", key)
    (32, False)
    """
    if len(key) < KEY_BYTES:
        raise UsageError(f"A key needs at least {KEY_BYTES} bytes; make one with purpose_key.")
    return hashlib.blake2b(value.encode(), key=key, person=b"wb-pseudonym", digest_size=16).hexdigest()


def pseudonymise(frame: pd.DataFrame, columns: Iterable[str], key: bytes) -> pd.DataFrame:
    """Return a copy of a frame in which the ids of some columns are pseudonyms; nulls stay null."""
    changed = frame.copy()
    for column in columns:
        if column not in frame.columns:
            raise UsageError(f"No column {column!r} to pseudonymise.")
        values = frame[column].astype(object)
        changed[column] = values.map(lambda v: pseudonym(str(v), key), na_action="ignore")
    return changed


def neutral(text: str) -> str:
    """Return a text that no spreadsheet reads as a formula; a plain number stays as it is.

    A lone carriage return becomes a space: CSV writers leave it without quotes, and what follows it would be
    read as a new row, and so as a formula.

    Examples
    --------
    >>> neutral("=HYPERLINK(A1)"), neutral("-5.20"), neutral(" @SUM(A1)"), neutral("Brand - DE")
    ("'=HYPERLINK(A1)", '-5.20', "' @SUM(A1)", 'Brand - DE')
    """
    bare = text.lstrip(" \u00a0\ufeff\x00\x0b\x0c\u200b")
    kept = _BREAKS.sub(" ", text)
    return "'" + kept if bare and bare[0] in _FORMULA and not _NUMBER.fullmatch(text) else kept


def neutralise(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a copy of a frame without formulas, headings included, for a CSV or Excel file."""
    changed = frame.copy()
    for column in frame.columns:
        if _is_text(frame[column]):
            changed[column] = _mapped(frame[column], neutral)
    changed.columns = [neutral(str(column)) for column in frame.columns]
    return changed


def shown_name(text: str, longest: int = 120) -> str:
    r"""Return a name that shows what it is: no control character, no hidden direction, of bearable length.

    Examples
    --------
    >>> shown_name("invoice\u202egnp.exe"), shown_name("x" * 200, longest=5)
    ('invoicegnp.exe', 'xxxx…')
    """
    kept = "".join(c for c in text if c not in _DIRECTIONS and unicodedata.category(c) not in {"Cc", "Cs"})
    kept = " ".join(kept.split())
    return kept if len(kept) <= longest else kept[: longest - 1] + "…"


def file_name(text: str, suffix: str = "") -> str:
    """Return a file's name made from any text; two texts that look alike get two names.

    Examples
    --------
    >>> file_name("summer", ".html"), file_name("../../x", ".html")
    ('summer.html', 'x-55c35b3f.html')
    """
    if suffix and not re.fullmatch(r"(?:\.[a-z0-9]{1,8}){1,2}", suffix):
        raise UsageError(f"{suffix!r} is not a suffix of a file.")
    plain = slug(text)
    if plain != text:
        digest = hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=4).hexdigest()
        plain = f"{plain[:50]}-{digest}"
    return plain + suffix
