"""What a notebook shows is cut where the limit is, wherever the kernel happened to split it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.reports import output_limit
from workbench.reports.output_limit import CUT_OUTPUT, CUT_STREAM, OutputLimit, shortened_stream


def stream(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"msg_type": "stream", "content": {"name": name, "text": text}}


def told(limit: OutputLimit, *texts: str, name: str = "stdout") -> str:
    return "".join(limit.keep(stream(text, name), len(text))["content"]["text"] for text in texts)


@given(st.lists(st.text(max_size=9), max_size=9))
def test_what_is_kept_does_not_depend_on_how_it_was_split(texts: list[str]) -> None:
    whole = "".join(texts)
    kept = told(OutputLimit(printed=10), *texts)
    assert kept == (whole if len(whole) <= 10 else whole[:10] + CUT_STREAM)


def test_each_stream_has_a_limit_of_its_own() -> None:
    limit = OutputLimit(printed=3)
    assert told(limit, "noise", name="stderr") == "noi" + CUT_STREAM
    assert told(limit, "abc") == "abc"


def test_what_is_too_large_to_be_shown_is_said_so_and_what_is_small_still_shown() -> None:
    limit = OutputLimit(shown=100)
    shown = [
        limit.keep(
            {"msg_type": "display_data", "content": {"data": {"text/html": "x"}, "metadata": {}}}, size
        )
        for size in (60, 60, 30)
    ]
    told = [message["content"]["data"] for message in shown]
    assert told == [{"text/html": "x"}, {"text/plain": CUT_OUTPUT}, {"text/html": "x"}]
    asked = {"msg_type": "comm_msg", "content": {"data": {"state": 1}}}
    assert limit.keep(asked, 1_000)["content"]["data"] == {"state": 1}


def test_an_error_that_tells_a_novel_is_shortened() -> None:
    error = {"msg_type": "error", "content": {"evalue": "x" * 10**6, "traceback": ["y" * 10**6] * 9_000}}
    assert len(str(OutputLimit().keep(error, 1)["content"])) < 5_000_000


@given(
    text=st.text(alphabet=st.sampled_from('ab"\\\n\u20ac\U0001f600\x00'), min_size=60), plain=st.booleans()
)
def test_the_beginning_of_a_long_message_is_read_as_json_reads_it(text: str, *, plain: bool) -> None:
    content = json.dumps({"name": "stderr", "text": text}, ensure_ascii=plain).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(output_limit, "_PARSED", 60)
        found = json.loads(shortened_stream(content))
    assert found["name"] == "stderr"
    assert len(found["text"]) >= 2
    whole = found["text"].encode("utf-16", "surrogatepass")
    assert text.encode("utf-16").startswith(whole)
