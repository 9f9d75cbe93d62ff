"""What a file of deliveries may say: who gets which reports and alerts, in which form, by which way."""

from __future__ import annotations

import ipaddress
import re
import ssl
from collections.abc import Mapping, Sequence
from email.headerregistry import Address
from email.utils import getaddresses
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from workbench.charts.drawing import shown
from workbench.errors import BadInput
from workbench.events.documents import read_document, read_whole

Form = Literal["html", "pdf", "excel", "json", "csv"]
_LOCAL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}")
_VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]{0,99}$"
_SECRET = re.compile(r"pass|secret|token|user|login|credential|key", re.IGNORECASE)


def read_address(text: str) -> Address:
    """Return an e-mail address, with or without a name before it.

    Raises
    ------
    ValueError
        If it is none, or would write into the header of a message.

    Examples
    --------
    >>> read_address("Zoë <zoe@example.com>").addr_spec
    'zoe@example.com'
    >>> read_address("a@example.com, b@example.com")
    Traceback (most recent call last):
        ...
    ValueError: 'a@example.com, b@example.com' is no e-mail address
    """
    found = getaddresses([text]) if text.isprintable() and len(text) <= 500 else []
    name, plain = found[0] if len(found) == 1 else ("", "")
    local, _, domain = plain.rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        domain = ""
    if not _LOCAL.fullmatch(local) or not re.fullmatch(r"[A-Za-z0-9.-]{1,253}", domain):
        raise ValueError(f"{text[:80]!r} is no e-mail address")
    return Address(display_name=shown(name, 80), username=local, domain=domain)


def _address_text(text: str) -> str:
    read_address(text)
    return text


def is_loopback(host: str) -> bool:
    """Return whether a host's name is this machine's own.

    Examples
    --------
    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("127.0.0.1.example.com")
    (True, True, False)
    """
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_url(text: str) -> str:
    """Return a URL that reports may be sent to; a refusal never repeats it, as it may be a secret.

    Raises
    ------
    ValueError
        If it is no https URL (http on this machine), or has a user's name in it.
    """
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("the URL cannot be read") from None
    if not host or port == 0 or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("the URL cannot be read")
    if parts.username is not None or parts.password is not None:
        raise ValueError(
            "the URL has a user or a password in it; name a variable in 'token_variable' instead"
        )
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise ValueError("the URL must begin with https://")
    return text


def trusting(authority: str | None) -> ssl.SSLContext:
    """Return what checks a server's certificate: by one authority's file, or by the system's own.

    Raises
    ------
    BadInput
        If the file cannot be read, or holds no certificate.
    """
    try:
        return ssl.create_default_context(cafile=authority)
    except OSError as error:
        why = "holds no certificate" if isinstance(error, ssl.SSLError) else error.strerror
        raise BadInput(f"the authority's file cannot be used: {why}", file=authority) from None


Mailbox = Annotated[str, AfterValidator(_address_text)]
Url = Annotated[str, AfterValidator(check_url)]
_STRICT = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class MailServer(BaseModel):
    """The server that takes the e-mail; user and password stand in two variables of the environment."""

    model_config = _STRICT

    host: str = Field(pattern=r"^[A-Za-z0-9.:-]{1,253}$")
    port: int = Field(default=587, ge=1, le=65_535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    sender: Mailbox
    user_variable: str = Field(default="WORKBENCH_SMTP_USER", pattern=_VARIABLE)
    password_variable: str = Field(default="WORKBENCH_SMTP_PASSWORD", pattern=_VARIABLE)
    authority: str | None = Field(default=None, max_length=4000)
    timeout: float = Field(default=30.0, ge=0.1, le=600)
    largest: float = Field(default=15.0, gt=0, le=200)


class _Target(BaseModel):
    model_config = _STRICT

    notebooks: list[str] | None = Field(default=None, min_length=1, max_length=1000)


class EmailTarget(_Target):
    """One e-mail per report and recipient."""

    kind: Literal["email"]
    to: list[Mailbox] = Field(min_length=1, max_length=1000)
    formats: list[Form] = Field(default=["pdf", "html"])


class DigestTarget(_Target):
    """One e-mail per recipient with a sentence of every report."""

    kind: Literal["digest"]
    to: list[Mailbox] = Field(min_length=1, max_length=1000)
    formats: list[Form] = Field(default=[])
    gallery: Url | None = None


class FolderTarget(_Target):
    """A copy of every report's files in a folder."""

    kind: Literal["folder"]
    path: str = Field(min_length=1, max_length=4000)
    formats: list[Form] = Field(default=["html", "pdf"], min_length=1)


class _Hook(BaseModel):
    """A program that takes JSON; its URL stands here or in the environment."""

    model_config = _STRICT

    kind: Literal["webhook"]
    url: Url | None = None
    url_variable: str | None = Field(default=None, pattern=_VARIABLE)
    token_variable: str | None = Field(default=None, pattern=_VARIABLE)
    authority: str | None = Field(default=None, max_length=4000)
    timeout: float = Field(default=30.0, ge=0.1, le=600)


class WebhookTarget(_Target, _Hook):
    """The figures of every report, sent to a program."""


class EmailAlert(BaseModel):
    """One e-mail per alert and recipient."""

    model_config = _STRICT

    kind: Literal["email"]
    to: list[Mailbox] = Field(min_length=1, max_length=1000)


class FolderAlert(BaseModel):
    """One file of JSON per alert in a folder."""

    model_config = _STRICT

    kind: Literal["folder"]
    path: str = Field(min_length=1, max_length=4000)


class WebhookAlert(_Hook):
    """Every alert, sent to a program."""


Target = Annotated[EmailTarget | DigestTarget | FolderTarget | WebhookTarget, Field(discriminator="kind")]
AlertTarget = Annotated[EmailAlert | FolderAlert | WebhookAlert, Field(discriminator="kind")]


class DeliveryPlan(BaseModel):
    """All targets, where the gallery is, and how often a delivery that fails for the moment is tried.

    `targets` get reports; `alerts` are told what went wrong on a schedule.
    """

    model_config = _STRICT

    name: str = Field(default="Reports", min_length=1, max_length=200)
    published: str | None = Field(default=None, min_length=1, max_length=4000)
    mail: MailServer | None = None
    attempts: int = Field(default=3, ge=1, le=10)
    wait: float = Field(default=5.0, ge=0, le=600)
    targets: list[Target] = Field(default=[], max_length=1000)
    alerts: list[AlertTarget] = Field(default=[], max_length=1000)


def read_plan(path: Path) -> DeliveryPlan:
    """Return what a file of deliveries says. Its relative paths start at the folder it lies in.

    Raises
    ------
    BadInput
        Naming the file and the place in it, and no value that could be a secret.
    """
    return _anchored(check_plan(read_document(read_whole(path), path), path), path.resolve().parent)


def _anchored(plan: DeliveryPlan, folder: Path) -> DeliveryPlan:
    """Return a plan that means the same wherever it is read: whoever calls may stand in another folder."""

    def whole(part: Any, *names: str) -> Any:
        given = {name: getattr(part, name, None) for name in names}
        return part.model_copy(update={name: str(folder / text) for name, text in given.items() if text})

    update = {
        "mail": plan.mail and whole(plan.mail, "authority"),
        "targets": [whole(target, "path", "authority") for target in plan.targets],
        "alerts": [whole(target, "path", "authority") for target in plan.alerts],
    }
    return whole(plan.model_copy(update=update), "published")  # type: ignore[no-any-return]


def check_plan(document: Mapping[str, Any], path: object = None) -> DeliveryPlan:
    """Return a plan from plain values; `path` is what it is called in messages."""
    try:
        plan = DeliveryPlan.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place, message = _place(first["loc"]), first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            message, name = "there is no such key", str(first["loc"][-1])
            hint = "User and password come from the environment, never from a file."
            raise BadInput(
                f"{place}: {message}", file=path, fix=hint if _SECRET.search(name) else None
            ) from None
        raise BadInput(f"{place}: {message[:1].lower()}{message[1:]}", file=path) from None
    if not plan.targets and not plan.alerts:
        raise BadInput("it sends nothing to anybody", file=path, expected="'targets', 'alerts' or both")
    _check_targets("target", plan.targets, plan, path)
    _check_targets("alert", plan.alerts, plan, path)
    if plan.mail is not None and plan.mail.security == "none" and not is_loopback(plan.mail.host):
        raise BadInput(
            "mail: without encryption only a server on this machine is used",
            file=path,
            expected="security: starttls, or tls",
        )
    return plan


def _check_targets(
    word: str, targets: Sequence[Target | AlertTarget], plan: DeliveryPlan, path: object
) -> None:
    for number, target in enumerate(targets, start=1):
        if target.kind in {"email", "digest"} and plan.mail is None:
            raise BadInput(f"{word} {number} is e-mail, and there is no 'mail' with its server", file=path)
        if isinstance(target, _Hook) and (target.url is None) == (target.url_variable is None):
            raise BadInput(f"{word} {number} needs either 'url' or 'url_variable'", file=path)


def _place(loc: tuple[str | int, ...]) -> str:
    """Return where an error stands, in words.

    Examples
    --------
    >>> _place(("targets", 0, "email", "to", 1)), _place(("mail", "port")), _place(())
    ('target 1, to 2', 'mail, port', 'the file')
    """
    if len(loc) > 1 and loc[0] in {"targets", "alerts"} and isinstance(loc[1], int):
        inner = list(loc[3:])
        return ", ".join([f"{str(loc[0])[:-1]} {loc[1] + 1}", *_numbered(inner)])
    return ", ".join(_numbered(list(loc))) or "the file"


def _numbered(parts: list[str | int]) -> list[str]:
    named: list[str] = []
    for part in parts:
        if isinstance(part, int) and named:
            named[-1] += f" {part + 1}"
        else:
            named.append(shown(part, 60))
    return named
