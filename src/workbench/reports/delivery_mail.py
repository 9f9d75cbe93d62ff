"""Handing an e-mail to a server, so that it is known at every fault whether it can have arrived."""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage

from workbench.errors import BadInput
from workbench.reports.delivery_deadline import answered_within
from workbench.reports.delivery_faults import MaybeSent, NotSent
from workbench.reports.delivery_plan import MailServer, read_address, trusting

_DOT = re.compile(rb"^\.", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """User and password of a mail server; neither is ever shown."""

    user: str = field(repr=False)
    password: str = field(repr=False)


def read_login(server: MailServer, environment: Mapping[str, str]) -> Login | None:
    """Return the user and the password that the environment has; None where it has neither.

    Raises
    ------
    BadInput
        If it has one without the other, or they are not ASCII, which is all that a login here can carry; or
        if the authority's file cannot be used.
    """
    trusting(server.authority)  # refused here, before anything is sent
    names = (server.user_variable, server.password_variable)
    user, password = (environment.get(name, "") for name in names)
    if bool(user) != bool(password):
        missing = names[0] if password else names[1]
        raise BadInput(f"the environment has no {missing}, which the mail server's login needs")
    if not (user.isascii() and password.isascii()):
        raise BadInput(f"{names[0]} and {names[1]} of the environment must be ASCII")
    return Login(user=user, password=password) if user else None


def send_mail(server: MailServer, login: Login | None, message: EmailMessage, *, to: str) -> None:
    """Hand a message to a server for one recipient.

    Raises
    ------
    NotSent
        If the server did not take it; `passing` where it may take it later (a 4xx answer, no connection).
    MaybeSent
        If all of it was sent and the answer did not come.
    """
    content = message.as_bytes()
    handed_over = False
    try:
        with _session(server, login) as session:
            sender = read_address(server.sender).addr_spec
            _answered(session.mail(sender, [f"size={len(content)}"] if session.has_extn("size") else []), 250)
            _answered(session.rcpt(read_address(to).addr_spec), 250, 251)
            _answered(session.docmd("DATA"), 354)
            session.send(_DOT.sub(b"..", content))
            # Up to here the server must throw away what it has; with the full stop it may deliver.
            handed_over = True
            session.send(b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n")
            _answered(session.getreply(), 250)
            with suppress(OSError, smtplib.SMTPException):
                session.putcmd("QUIT")  # its answer changes nothing
    except smtplib.SMTPAuthenticationError as error:
        reason = f"the server refused user and password ({error.smtp_code})"
        raise NotSent(reason, passing=error.smtp_code < 500) from None
    except smtplib.SMTPResponseException as error:
        text = error.smtp_error
        said = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
        if login is not None:
            said = said.replace(login.password, "***")
        reason = f"the server answered {error.smtp_code} {said}"
        raise NotSent(reason, passing=error.smtp_code < 500) from None
    except smtplib.SMTPNotSupportedError:
        raise NotSent("the server offers no STARTTLS, or no login that is known") from None
    except (OSError, smtplib.SMTPException) as error:
        reason = _connection_fault(error)
        if handed_over:
            raise MaybeSent(f"the whole message was handed over, then {reason}") from None
        raise NotSent(reason, passing=not isinstance(error, ssl.SSLCertVerificationError)) from None


class _Answering(smtplib.SMTP):
    """A session whose every answer has to be complete in time."""

    def getreply(self) -> tuple[int, bytes]:
        with answered_within(float(self.timeout), self.sock):
            return super().getreply()


class _Encrypted(_Answering, smtplib.SMTP_SSL):
    """The same, encrypted from the first byte."""


@contextmanager
def _session(server: MailServer, login: Login | None) -> Iterator[smtplib.SMTP]:
    session: smtplib.SMTP
    if server.security == "tls":
        trusted = trusting(server.authority)
        session = _Encrypted(server.host, server.port, timeout=server.timeout, context=trusted)
    else:
        session = _Answering(server.host, server.port, timeout=server.timeout)
    try:
        if server.security == "starttls":
            _answered(session.starttls(context=trusting(server.authority)), 220)
        session.ehlo_or_helo_if_needed()
        if login is not None:
            session.login(login.user, login.password)
        yield session
    finally:
        session.close()


def _answered(answer: tuple[int, bytes], *wanted: int) -> None:
    code, text = answer
    if code not in wanted:
        # An answer that is no refusal (RFC 5321, section 4.2) is none that can be understood.
        raise smtplib.SMTPResponseException(code if 400 <= code < 600 else 599, text)


def _connection_fault(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the server's certificate is not trusted: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return "the server did not answer in time"
    if isinstance(error, smtplib.SMTPServerDisconnected):
        if "timed out" in str(error):
            return "the server did not answer in time"
        return "the server closed the connection"
    if isinstance(error, OSError) and error.strerror:
        return f"the connection failed: {error.strerror}"
    return str(error) if type(error) is smtplib.SMTPException else f"it failed: {type(error).__name__}"
