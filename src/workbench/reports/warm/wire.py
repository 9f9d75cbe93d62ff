"""Messages over a private Unix socket: JSON with its length before it, and who is at the other end."""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Sequence
from typing import Any

_LARGEST = 16_000_000
_LENGTH = struct.Struct("!I")
_CREDENTIALS = struct.Struct("3i")  # process, user, group


class NoWarmKernel(Exception):
    """No kernel can be forked, for the reason said; a plain one can be started."""


def send(connection: socket.socket, message: object, descriptors: Sequence[int] = ()) -> None:
    """Send a message, and open files with it."""
    content = json.dumps(message).encode()
    socket.send_fds(connection, [_LENGTH.pack(len(content))], list(descriptors))
    connection.sendall(content)


def receive(connection: socket.socket, files: int = 0) -> tuple[dict[str, Any] | None, list[int]]:
    """Return a message and the files that came with it; no message where the other end is gone."""
    try:
        head, descriptors, *_ = socket.recv_fds(connection, _LENGTH.size, files)
        head += _exactly(connection, _LENGTH.size - len(head)) if head else b""
        if len(head) < _LENGTH.size:
            return None, descriptors
        (length,) = _LENGTH.unpack(head)
        content = _exactly(connection, length) if length <= _LARGEST else b""
        return (dict(json.loads(content)) if content else None), descriptors
    except ConnectionError:
        return None, []


def same_user(connection: socket.socket) -> bool:
    """Return whether the process at the other end is this user's."""
    told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(told)[1]) == os.getuid()


def _exactly(connection: socket.socket, length: int) -> bytes:
    parts = bytearray()
    while len(parts) < length:
        part = connection.recv(length - len(parts))
        if not part:
            return b""
        parts += part
    return bytes(parts)
