"""What a server sends in answer to ``stream: true``: events, or else all of it at once.

The client library's own reader takes lines of any length, and takes an answer that is no stream
for one without events. Nothing that a server sends is quoted here: it may repeat what was said.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any, Final, NoReturn

import anyio
import httpx2
import openai

from antiphon.engines.http.bounds import MOST_BYTES, TooLongError
from antiphon.engines.http.failures import BadAnswerError

__all__ = ["EventStream"]

_BOM = b"\xef\xbb\xbf"

_DONE: Final = object()

_DRAIN_S = 0.1
"""How long the end of an answer is waited for after its last event, so that the connection can be
used again."""

_SHOWN_TYPE_CHARS = 60


class EventStream(openai.AsyncStream[Any]):
    """Yields the JSON of each event, or of the whole body where that is one; never ``None``.

    Raises:
        BadAnswerError: It is neither.
        openai.APIError: The server tells of a failure.
        openai.APIConnectionError: The connection was lost.
    """

    async def __stream__(self) -> AsyncGenerator[Any, None]:
        """Read the answer."""
        chunks = aiter(self.response.aiter_bytes())
        try:
            async with aclosing(self._values(chunks)) as values:
                async for value in values:
                    if value is _DONE:
                        break
                    self._refuse_failure(value)
                    if value is not None:
                        yield value
            await _drain(chunks)
        except httpx2.TimeoutException as error:
            raise openai.APITimeoutError(self.response.request) from error
        except httpx2.HTTPError as error:
            raise openai.APIConnectionError(request=self.response.request) from error
        finally:
            await self.response.aclose()

    async def _values(self, chunks: AsyncIterator[bytes]) -> AsyncGenerator[Any, None]:
        """Yield the JSON of each event, and ``_DONE`` where the server says so."""
        begun = await _beginning(chunks)
        if begun.startswith((b"{", b"[")):
            yield self._whole(await _rest(begun, chunks))
            return
        if begun.startswith(b"<") or self._type == "text/html":
            raise self._no_stream()
        reader, has_events = _Reader(), False
        chunk: bytes | None = begun
        while chunk is not None:
            for name, data in reader.push(chunk):
                has_events = True
                if name == "error":
                    self._fail(_json_or_text(data))
                if data.startswith("[DONE]"):
                    yield _DONE
                elif data:
                    yield _event(data)
            chunk = await anext(chunks, None)
        if not has_events and self._type != "text/event-stream":
            raise self._no_stream()

    def _whole(self, body: bytes) -> Any:  # noqa: ANN401 (any JSON)
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            raise self._no_stream() from error

    def _refuse_failure(self, value: object) -> None:
        if isinstance(value, dict) and value.get("error"):
            self._fail(value["error"])
        if isinstance(value, dict) and value.get("object") == "error":  # as vLLM has told it
            self._fail(value)

    def _fail(self, error: object) -> NoReturn:
        if isinstance(error, dict) and isinstance(error.get("error"), dict):
            error = error["error"]
        message = error.get("message") if isinstance(error, dict) else error
        raise openai.APIError(
            message if isinstance(message, str) else "(no message)",
            self.response.request,
            body=error if isinstance(error, dict) else None,
        )

    @property
    def _type(self) -> str:
        return self.response.headers.get("content-type", "").partition(";")[0].strip().lower()

    def _no_stream(self) -> BadAnswerError:
        shown = self._type[:_SHOWN_TYPE_CHARS] or "with something"
        return BadAnswerError(f"answers {shown} in place of events: is base_url right, with /v1?")


class _Reader:
    """Takes apart a stream of server-sent events, however it is cut."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._name = ""
        self._data: list[str] = []
        self._data_chars = 0
        self._is_after_cr = False

    def push(self, chunk: bytes) -> list[tuple[str, str]]:
        """Return the events that end with a chunk: what each is called, and its data.

        Raises:
            TooLongError: A line or an event is.
        """
        if self._is_after_cr:
            chunk = chunk.removeprefix(b"\n")
        self._is_after_cr = chunk.endswith(b"\r")
        *lines, rest = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        events: list[tuple[str, str]] = []
        for line in lines:
            self._line += line
            if (event := self._take(self._line.decode(errors="replace"))) is not None:
                events.append(event)
            self._line.clear()
        self._line += rest
        if len(self._line) + self._data_chars > MOST_BYTES:
            raise TooLongError
        return events

    def _take(self, line: str) -> tuple[str, str] | None:
        if not line:
            event = (self._name, "\n".join(self._data)) if self._data else None
            self._name, self._data, self._data_chars = "", [], 0
            return event
        field, _, value = line.partition(":")
        match field:
            case "event":
                self._name = value.strip()
            case "data":
                self._data.append(value.removeprefix(" "))
                self._data_chars += len(value) + 1
        return None


def _event(data: str) -> Any:  # noqa: ANN401 (any JSON)
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        message = f"sent an event of {len(data)} characters that cannot be read as JSON"
        raise BadAnswerError(message) from error


def _json_or_text(data: str) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return data


async def _beginning(chunks: AsyncIterator[bytes]) -> bytes:
    """Read until there is something to tell the form of the answer by."""
    begun = b""
    async for chunk in chunks:
        begun = (begun + chunk).removeprefix(_BOM).lstrip()
        if begun and not _BOM.startswith(begun):
            break
    return begun


async def _rest(begun: bytes, chunks: AsyncIterator[bytes]) -> bytes:
    body = bytearray(begun)
    async for chunk in chunks:
        body += chunk
        if len(body) > MOST_BYTES:
            raise TooLongError
    return bytes(body)


async def _drain(chunks: AsyncIterator[bytes]) -> None:
    with anyio.move_on_after(_DRAIN_S):
        try:
            async for _ in chunks:
                pass
        except httpx2.HTTPError:
            pass  # everything has been said
