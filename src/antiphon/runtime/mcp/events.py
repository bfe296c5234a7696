"""Streams of server-sent events, of which none may be longer than what is read of any answer."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2

__all__ = ["bounded_events"]

_EMPTY_LINES = (b"\n\n", b"\r\n\r\n", b"\r\r")
"""What ends an event (HTML, 9.2.5, Parsing an event stream)."""


def bounded_events(response: httpx2.Response, most_bytes: int) -> httpx2.Response:
    """Return a response whose stream breaks off where an event is too long.

    Args:
        response: Whose body is a stream of events, not compressed.
        most_bytes: How long an event may be.
    """
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    return httpx2.Response(
        response.status_code,
        headers=response.headers,
        stream=_Bounded(response.stream, most_bytes),
        extensions=response.extensions,
    )


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, most_bytes: int) -> None:
        self._stream = stream
        self._most_bytes = most_bytes
        self._event_bytes = 0
        self._tail = b""  # may be the beginning of an empty line

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self._measure(chunk)
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()

    def _measure(self, chunk: bytes) -> None:
        """Count the bytes since the last empty line.

        Raises:
            httpx2.ReadError: They are too many.
        """
        seen = self._tail + chunk
        self._tail = seen[-3:]
        end = max(seen.rfind(line) for line in _EMPTY_LINES)
        self._event_bytes = len(seen) - end if end >= 0 else self._event_bytes + len(chunk)
        if self._event_bytes > self._most_bytes:
            message = f"an event is longer than {self._most_bytes} bytes"
            raise httpx2.ReadError(message)
