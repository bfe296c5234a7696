"""Streams of events are read however servers write them, and nothing else is taken for one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import httpx2
import openai
import pytest

from antiphon.engines.http.bounds import MOST_BYTES, TooLongError
from antiphon.engines.http.events import EventStream
from antiphon.engines.http.failures import BadAnswerError

SSE = "text/event-stream"
REQUEST = httpx2.Request("POST", "http://10.1.2.3/v1/chat/completions")


def opened(*chunks: bytes, content_type: str | None = SSE) -> EventStream:
    async def content() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    headers = {} if content_type is None else {"Content-Type": content_type}
    response = httpx2.Response(200, headers=headers, content=content(), request=REQUEST)
    client = openai.AsyncOpenAI(api_key="none-needed", base_url="http://10.1.2.3/v1")
    return EventStream(cast_to=object, response=response, client=client)


async def values(*chunks: bytes, content_type: str | None = SSE) -> list[object]:
    return [value async for value in opened(*chunks, content_type=content_type)]


TWO = b'data: {"n": 1}\n\ndata: {"n": 2}\n\ndata: [DONE]\n\n'


@pytest.mark.parametrize(
    "stream",
    [
        TWO,
        TWO.replace(b"\n", b"\r\n"),
        TWO.replace(b"\n", b"\r"),
        TWO.replace(b"data: [DONE]\n\n", b""),
        TWO.replace(b"data: ", b"data:"),
        b"\xef\xbb\xbf" + TWO,
        b": waiting\n\n\n\n: waiting\n\n" + TWO,
        b'data:\n\ndata: null\n\nevent: ping\ndata: {"n": 1}\n\nid: 7\ndata: {"n":\ndata:  2}\n\n',
        TWO + b'data: {"n": 3}\n\n',
    ],
    ids=["plain", "crlf", "cr", "no end", "no space", "bom", "comments", "odd", "after the end"],
)
async def test_events_are_read_however_they_are_written_and_cut(stream):
    assert await values(stream) == [{"n": 1}, {"n": 2}]
    assert await values(*(bytes([byte]) for byte in stream)) == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", None])
async def test_the_type_of_the_answer_may_be_wrong(content_type):
    assert await values(TWO, content_type=content_type) == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize("content_type", ["application/json", SSE, "text/plain"])
async def test_an_answer_in_one_piece_is_as_good(content_type):
    body = b'\n {"choices": []}\n'
    assert await values(body[:5], body[5:], content_type=content_type) == [{"choices": []}]


@pytest.mark.parametrize(
    ("body", "content_type", "shown"),
    [
        (b"<html><body>Welcome, sk-key</body></html>", "text/html; charset=utf-8", "text/html"),
        (b"Welcome, sk-key", "text/html", "text/html"),
        (b"<html>sk-key</html>", SSE, SSE),
        (b"Welcome, sk-key", "text/plain", "text/plain"),
        (b'{"done": false}\n{"done": true}\n', "application/x-ndjson", "application/x-ndjson"),
        (b"", "application/json", "application/json"),
        (b"Welcome, sk-key", None, "with something"),
    ],
)
async def test_operators_are_told_what_is_at_the_address_instead(body, content_type, shown):
    with pytest.raises(BadAnswerError) as caught:
        await values(body, content_type=content_type)
    assert str(caught.value) == f"answers {shown} in place of events: is base_url right, with /v1?"


@pytest.mark.parametrize("data", [b"{not json sk-key", b"[" * 200_000])
async def test_events_that_are_no_json_are_not_quoted(data):
    with pytest.raises(BadAnswerError, match="cannot be read as JSON") as caught:
        await values(b"data: %b\n\n" % data)
    assert "sk-key" not in str(caught.value)


async def test_bytes_that_are_no_text_are_replaced():
    assert await values(b'data: {"text": "caf\xe9"}\n\n') == [{"text": "caf�"}]


@pytest.mark.parametrize(
    "event",
    [
        b'data: {"error": {"message": "out of memory", "code": 507}}\n\n',
        b'data: {"error": "out of memory"}\n\n',
        b'event: error\ndata: {"message": "out of memory"}\n\n',
        b'event: error\ndata: {"error": {"message": "out of memory"}}\n\n',
        b"event: error\ndata: out of memory\n\n",
        b'data: {"object": "error", "message": "out of memory", "code": 507}\n\n',
        b'{"error": {"message": "out of memory"}}',
    ],
)
async def test_a_failure_is_told_as_one_in_whatever_form(event):
    with pytest.raises(openai.APIError) as caught:
        await values(event)
    assert caught.value.message == "out of memory"


async def test_a_line_without_an_end_is_not_kept_for_ever():
    half = b"x" * (MOST_BYTES // 2)
    with pytest.raises(TooLongError):
        await values(b"data: ", half, half, half)


async def test_nor_is_an_event_of_lines_without_end():
    line = b"data: " + b"x" * (MOST_BYTES // 2) + b"\n"
    with pytest.raises(TooLongError):
        await values(line, line, line)


async def test_nor_is_a_body_without_end():
    half = b" " * (MOST_BYTES // 2)
    with pytest.raises(TooLongError):
        await values(b"{", half, half, half, content_type="application/json")


async def test_long_events_are_read():
    text = "x" * (MOST_BYTES // 2)
    assert await values(b"data: %b\n\n" % json.dumps(text).encode()) == [text]
