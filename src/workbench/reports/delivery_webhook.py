"""Sending a report's figures to a program over HTTPS."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from workbench.errors import BadInput
from workbench.reports.delivery_deadline import answered_within
from workbench.reports.delivery_faults import MaybeSent, NotSent
from workbench.reports.delivery_plan import WebhookAlert, WebhookTarget, check_url, trusting

# The answers after which the same request may go well later (RFC 9110; RFC 6585 for 429).
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """Where figures are sent; URL and token may be secrets and are never shown, the host is."""

    url: str = field(repr=False)
    token: str | None = field(repr=False)
    authority: str | None
    timeout: float

    @property
    def host(self) -> str:
        """Return the host with its port, where that is not the usual one."""
        parts = urlsplit(self.url)
        return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


def read_hook(target: WebhookTarget | WebhookAlert, environment: Mapping[str, str]) -> Hook:
    """Return a webhook with what the environment says of it.

    Raises
    ------
    BadInput
        If a variable is missing, or its URL or the authority's file cannot be used.
    """
    trusting(target.authority)  # refused here, before anything is sent
    url, token = target.url, None
    if target.url_variable is not None:
        url = _variable(target.url_variable, environment)
        try:
            check_url(url)
        except ValueError as error:
            raise BadInput(f"{target.url_variable} of the environment: {error}") from None
    if target.token_variable is not None:
        token = _variable(target.token_variable, environment)
        if not token.isascii() or not token.isprintable():
            raise BadInput(f"{target.token_variable} of the environment: the token cannot stand in a header")
    return Hook(url=str(url), token=token, authority=target.authority, timeout=target.timeout)


def _variable(name: str, environment: Mapping[str, str]) -> str:
    value = environment.get(name, "")
    if not value:
        raise BadInput(f"the environment has no {name}, which a webhook needs")
    return value


def post(hook: Hook, content: bytes, *, id_: str) -> None:
    """Send JSON to a webhook. A redirection is not followed: what it names was never agreed on.

    Parameters
    ----------
    hook : Hook
        Where it goes.
    content : bytes
        The JSON document.
    id_ : str
        The delivery's id, sent as `Idempotency-Key`: the receiver can know a copy by it.

    Raises
    ------
    NotSent
        If it was not taken; `passing` where it may be taken later.
    MaybeSent
        If all of it was sent and no answer came.
    """
    headers = {"Content-Type": "application/json", "Idempotency-Key": id_, "User-Agent": "workbench"}
    if hook.token is not None:
        headers["Authorization"] = f"Bearer {hook.token}"
    handed_over = False
    connection = None
    try:
        connection = _connection(hook)
        connection.connect()
        # Fails where a byte is not taken; a receiver that knows the length waits for the last one.
        connection.request("POST", _path(hook.url), body=content, headers=headers)
        handed_over = True
        with answered_within(hook.timeout, connection.sock):
            status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        reason = _fault(error)
        if handed_over:
            raise MaybeSent(f"the figures were handed over, then {reason}") from None
        raise NotSent(reason, passing=not isinstance(error, ssl.SSLCertVerificationError)) from None
    finally:
        if connection is not None:
            connection.close()
    if 300 <= status < 400:
        raise NotSent(f"{hook.host} answered {status}, a redirection, which is not followed")
    if not 200 <= status < 300:
        raise NotSent(f"{hook.host} answered {status}", passing=status in _PASSING)


def _connection(hook: Hook) -> http.client.HTTPConnection:
    parts = urlsplit(hook.url)
    host = str(parts.hostname)
    if parts.scheme == "http":
        return http.client.HTTPConnection(host, parts.port, timeout=hook.timeout)
    trusted = trusting(hook.authority)
    return http.client.HTTPSConnection(host, parts.port, timeout=hook.timeout, context=trusted)


def _path(url: str) -> str:
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _fault(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not trusted: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return "no answer came in time"
    if isinstance(error, http.client.RemoteDisconnected):
        return "the connection was closed"
    if isinstance(error, OSError) and error.strerror:
        return f"the connection failed: {error.strerror}"
    return f"the connection failed: {type(error).__name__}"
