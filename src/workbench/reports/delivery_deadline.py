"""An answer has to be complete in time: a socket's own limit begins anew with every byte that comes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def answered_within(seconds: float, connection: socket.socket | None) -> Iterator[None]:
    """Shut a connection down where what is done with it takes longer.

    Raises
    ------
    TimeoutError
        If it was shut down, in place of what that led to.
    """
    late = threading.Event()

    def cut() -> None:
        late.set()
        if connection is not None:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    except Exception:
        if late.is_set():
            raise TimeoutError from None
        raise
    finally:
        timer.cancel()
    if late.is_set():
        raise TimeoutError
