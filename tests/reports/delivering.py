"""Servers on this machine that take e-mail and webhooks, well or badly, and what the tests send them."""

from __future__ import annotations

import asyncio
import http.server
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "reporter", "p4ss: w.rd'x"


@dataclass
class Mailbox:
    """A handler that keeps what it took, and answers what the test wants."""

    recipient: list[str] = field(default_factory=list)  # answers to the next RCPTs; empty: accepted
    data: list[str] = field(default_factory=list)  # answers to the next DATAs
    messages: list[EmailMessage] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    tried: int = 0
    holding: threading.Event = field(default_factory=threading.Event)

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        self.tried += 1
        answer = self.recipient.pop(0) if self.recipient else "250 OK"
        if answer == "close":
            server.transport.abort()
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = self.data.pop(0) if self.data else "250 OK"
        if answer == "hold":
            self.holding.set()
            await asyncio.sleep(30)
        if answer == "close":
            server.transport.abort()
        if answer.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.envelopes.append(envelope)
            self.messages.append(message_from_bytes(envelope.content, policy=default))  # type: ignore[arg-type]
        return answer


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _knows(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    right = isinstance(data, LoginPassword) and (data.login, data.password) == (
        USER.encode(),
        PASSWORD.encode(),
    )
    return AuthResult(success=right, handled=False)


@contextmanager
def mail_server(mailbox: Mailbox, *, port: int | None = None, **options: Any) -> Iterator[int]:
    """Give the port of a server; `options` are aiosmtpd's."""
    controller = Controller(mailbox, hostname="127.0.0.1", port=port or free_port(), **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def encrypting(authority: trustme.CA) -> ssl.SSLContext:
    """Return what a server with a certificate of an authority encrypts with."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def authenticating(authority: trustme.CA) -> dict[str, Any]:
    """Return the options of a server that wants STARTTLS and then a login."""
    return {
        "tls_context": encrypting(authority),
        "require_starttls": True,
        "auth_required": True,
        "authenticator": _knows,
    }


@contextmanager
def silent_server(greeting: bytes = b"") -> Iterator[int]:
    """Give the port of a server that says one thing at most, and then nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept = []

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                kept.append(connection)
                if greeting:
                    connection.sendall(greeting)

        threading.Thread(target=serve, daemon=True).start()
        yield int(server.getsockname()[1])
        for connection in kept:
            connection.close()


@contextmanager
def speaking_server(speak: Callable[[socket.socket], None]) -> Iterator[int]:
    """Give the port of a server that speaks with each who comes, and then hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection, suppress(OSError):
                    speak(connection)

        threading.Thread(target=serve, daemon=True).start()
        yield int(server.getsockname()[1])


def drip(connection: socket.socket) -> None:
    """Say something ten times a second, and never all of it."""
    while True:
        connection.sendall(b"2")
        time.sleep(0.1)


def leave_in_the_middle(connection: socket.socket) -> None:
    """Take an e-mail as SMTP wants it, and hang up after a thousand of its bytes."""
    with connection.makefile("rb") as lines:
        connection.sendall(b"220 here\r\n")
        for answer in (b"250 hello", b"250 OK", b"250 OK", b"354 go on"):
            lines.readline()
            connection.sendall(answer + b"\r\n")
        lines.read(1_000)


@dataclass
class Hooks:
    """What a webhook's server answers, and what it got."""

    answers: list[int] = field(default_factory=list)
    got: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)
    location: str = ""


@contextmanager
def hook_server(hooks: Hooks, authority: trustme.CA | None = None) -> Iterator[int]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            hooks.got.append((self.path, dict(self.headers), json.loads(content)))
            answer = hooks.answers.pop(0) if hooks.answers else 200
            if answer == 0:  # the connection ends without an answer
                return
            self.send_response(answer)
            if hooks.location:
                self.send_header("Location", hooks.location)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if authority is not None:
        server.socket = encrypting(authority).wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def every_byte(folder: Path) -> bytes:
    """Return the content of every file below a folder."""
    return b"\n".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
