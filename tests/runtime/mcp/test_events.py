from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest

from antiphon.runtime.mcp.events import bounded_events

MOST_BYTES = 100


class Chunks(httpx2.AsyncByteStream):
    def __init__(self, chunks: list[bytes]) -> None:
        self._chunks = chunks

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk


async def read(chunks: list[bytes]) -> bytes:
    response = httpx2.Response(200, stream=Chunks(chunks))
    return await bounded_events(response, MOST_BYTES).aread()


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\r\r"])
@pytest.mark.parametrize("split", [1, 7, 1000])
async def test_many_short_events_are_no_long_one(end, split):
    """A stream goes on for as long as a session; only each of its events is bounded."""
    stream = (b"data: " + b"x" * 50 + end) * 20
    chunks = [stream[at : at + split] for at in range(0, len(stream), split)]
    assert await read(chunks) == stream


@pytest.mark.parametrize(
    "chunks",
    [
        [b"x" * 101],
        [b"x" * 50, b"x" * 51],
        [b"data: x\n\n" + b"x" * 101],
        [b"data: x\n"] * 20,
        [b"x"] * 101,
    ],
)
async def test_a_long_event_breaks_the_stream_off(chunks):
    with pytest.raises(httpx2.ReadError, match="longer than 100 bytes"):
        await read(chunks)
