"""How much a server may send at once: a body that is read as a whole, or one event of a stream."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx2

from antiphon.engines.http.failures import BadAnswerError

__all__ = ["MOST_BYTES", "TooLongError", "bound_body"]

MOST_BYTES = 8 << 20
"""Two minutes of speech as it comes in JSON. Text takes some kilobytes."""

_ENDLESS = ("text/event-stream", "audio/", "application/octet-stream")
"""Types of answers that are read bit by bit, and may be of any length."""


class TooLongError(BadAnswerError):
    """More than :data:`MOST_BYTES` come at once."""

    def __init__(self) -> None:
        super().__init__(f"sent more than {MOST_BYTES >> 20} MiB at once, and was cut off")


def bound_body(response: httpx2.Response) -> None:
    """Have reading an answer's body fail if it is too long, and is not meant to be read in bits.

    Whoever reads it gets a :class:`TooLongError`.
    """
    content_type = response.headers.get("content-type", "").lower()
    if response.is_error or not content_type.startswith(_ENDLESS):
        response.stream = _Bounded(response.stream)


class _Bounded(httpx2.AsyncByteStream, httpx2.SyncByteStream):
    """A body, as the network delivers it."""

    def __init__(self, stream: object) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        assert isinstance(self._stream, httpx2.SyncByteStream)
        read = 0
        for chunk in self._stream:
            read += len(chunk)
            if read > MOST_BYTES:
                raise TooLongError
            yield chunk

    async def __aiter__(self) -> AsyncIterator[bytes]:
        assert isinstance(self._stream, httpx2.AsyncByteStream)
        read = 0
        async for chunk in self._stream:
            read += len(chunk)
            if read > MOST_BYTES:
                raise TooLongError
            yield chunk

    def close(self) -> None:
        assert isinstance(self._stream, httpx2.SyncByteStream)
        self._stream.close()

    async def aclose(self) -> None:
        assert isinstance(self._stream, httpx2.AsyncByteStream)
        await self._stream.aclose()
