"""What a notebook shows is kept up to a limit, and said to be cut beyond it: nothing floods the runner."""

from __future__ import annotations

import json
import re
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from traitlets import Type

PRINTED = 2_000_000  # characters of each stream, over the whole notebook
SHOWN = 64_000_000  # bytes of pictures, tables and charts, over the whole notebook
_TOLD = 20_000  # characters of one error's message, or of one line of its traceback
_LINES = 200
_PARSED = 13 * PRINTED  # bytes that hold at least as many characters, were each a pair of escapes
_HEADER, _CONTENT = 1, 4
_RICH = frozenset({"display_data", "execute_result", "update_display_data"})
_TEXT = re.compile(rb'"text":\s*"((?:[^"\\]++|\\u[0-9a-fA-F]{4}|\\[^u])*+)')

CUT_STREAM = f"\n[Cut here: a run keeps {PRINTED:,} characters of what is printed.]\n"
CUT_OUTPUT = f"[Left out: a run keeps {SHOWN // 1_000_000} MB of what is shown.]"


class OutputLimit:
    """How much of what a kernel sends is kept.

    It counts characters and bytes, never messages: where a kernel happens to split what it prints changes
    nothing in what is kept.
    """

    def __init__(self, printed: int = PRINTED, shown: int = SHOWN) -> None:
        self._printed, self._shown = printed, shown
        self._streams: dict[str, int] = {}
        self._bytes = 0

    def keep(self, message: dict[str, Any], size: int) -> dict[str, Any]:
        """Return a message, or what is kept of it; `size` is that of its content in bytes."""
        content, kind = message["content"], message["msg_type"]
        if kind == "stream":
            content["text"] = self._kept_text(str(content["name"]), str(content["text"]))
        elif kind == "error":
            content["evalue"] = _shortened(str(content["evalue"]))
            content["traceback"] = [_shortened(line) for line in content["traceback"][-_LINES:]]
        elif kind in _RICH:
            self._bytes += size
            if self._bytes > self._shown:
                self._bytes -= size  # a later one that is small is shown
                content["data"], content["metadata"] = {"text/plain": CUT_OUTPUT}, {}
        return message

    def _kept_text(self, name: str, text: str) -> str:
        before = self._streams.get(name, 0)
        self._streams[name] = before + len(text)
        room = self._printed - before
        if len(text) <= room:
            return text
        return text[:room] + CUT_STREAM if room >= 0 else ""


def shortened_stream(content: bytes) -> bytes:
    r"""Return the content of a stream message with the beginning of its text, without reading all of it.

    Examples
    --------
    >>> shortened_stream(b'{"name": "stdout", "text": "a\nb"}')
    b'{"name": "stdout", "text": "a\nb"}'
    """
    if len(content) <= _PARSED:
        return content
    found = _TEXT.search(content[:_PARSED])
    if found is None:
        return content
    text = json.loads(f'"{found[1].decode(errors="ignore")}"', strict=False)
    name = "stderr" if b'"stderr"' in content[: found.start()] + content[-100:] else "stdout"
    return json.dumps({"name": name, "text": text}).encode()


def _shortened(text: str) -> str:
    return text if len(text) <= _TOLD else f"{text[:_TOLD]} [cut: {len(text):,} characters]"


class LimitedChannel(AsyncZMQSocketChannel):
    """The channel of a kernel's outputs, which keeps them up to a limit."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._limit = OutputLimit()

    async def _recv(self, **options: Any) -> dict[str, Any]:  # type: ignore[override]
        frames: list[Any] = await self.socket.recv_multipart(**options)
        parts: list[Any] = self.session.feed_identities(frames)[1]
        size = len(parts[_CONTENT])
        if size > _PARSED and json.loads(parts[_HEADER])["msg_type"] == "stream":
            parts[_CONTENT] = shortened_stream(parts[_CONTENT])
            parts[0] = self.session.sign(parts[1 : _CONTENT + 1])
        return self._limit.keep(self.session.deserialize(parts), size)


class LimitedClient(AsyncKernelClient):
    """A client of a kernel that keeps of its outputs what a run may keep."""

    iopub_channel_class = Type(LimitedChannel)

    def connect_iopub(self, identity: bytes | None = None) -> Any:
        """Return the socket of outputs; it holds all that waits, or messages would be dropped unsaid."""
        self.context.rcvhwm = 0
        return super().connect_iopub(identity)
