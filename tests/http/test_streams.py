from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from typing import Any

import anyio
import pytest

from antiphon.errors import EngineError, RequestError
from antiphon.http.streams import WorkedOutResponse, as_events
from antiphon.wire.speech import SpeechAudioDelta


class Client:
    """The other end of a connection."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.gone = anyio.Event()

    async def receive(self):
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        self.received.append(message)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.received)

    @property
    def complete(self) -> bool:
        return bool(self.received) and self.received[-1].get("more_body") is not True


async def answer(client: Client, body: AsyncGenerator[bytes, None]) -> list[str]:
    """Send an answer, and return what was closed."""
    closed: list[str] = []
    needs = AsyncExitStack()
    needs.callback(closed.append, "needs")
    response = WorkedOutResponse(body, media_type="text/plain", needs=needs)
    try:
        await response({"type": "http"}, client.receive, client.send)
    finally:
        assert closed == ["needs"]
    return closed


async def pieces(*texts: bytes | Exception) -> AsyncGenerator[bytes, None]:
    for text in texts:
        if isinstance(text, Exception):
            raise text
        yield text


@pytest.mark.parametrize("texts", [(b"one", b" two"), (), (b"one",)])
async def test_an_answer_is_its_pieces(texts):
    client = Client()
    await answer(client, pieces(*texts))
    assert client.received[0]["status"] == 200
    assert b"content-length" not in dict(client.received[0]["headers"])
    assert client.body == b"".join(texts)
    assert client.complete


@pytest.mark.parametrize(
    "failure", [EngineError("It fell over.", stage="transcribe"), RequestError("No.")]
)
async def test_what_fails_at_first_is_raised_and_nothing_was_sent(failure):
    client = Client()
    with pytest.raises(type(failure)) as raised:
        await answer(client, pieces(failure))
    assert raised.value is failure
    assert client.received == []


async def test_what_fails_later_breaks_the_answer_off(caplog):
    client = Client()
    await answer(client, pieces(b"one", EngineError("It fell over.", stage="synthesize")))
    assert client.body == b"one"
    assert not client.complete
    assert "It fell over" in caplog.text


async def test_mistakes_are_not_hidden():
    with pytest.raises(ZeroDivisionError):
        await answer(Client(), pieces(b"one", ZeroDivisionError()))


async def test_the_work_stops_when_the_client_goes_away():
    client = Client()
    stopped = anyio.Event()

    async def endless() -> AsyncGenerator[bytes, None]:
        try:
            yield b"one"
            client.gone.set()
            await anyio.sleep_forever()
        finally:
            stopped.set()

    await answer(client, endless())
    assert stopped.is_set()


async def events(*those: object) -> AsyncGenerator[object, None]:
    for one in those:
        if isinstance(one, Exception):
            raise one
        yield one


async def test_events_are_lines_of_json():
    lines = [line async for line in as_events(events(SpeechAudioDelta(audio=b"abc")))]
    assert lines == [b'data: {"type":"speech.audio.delta","audio":"YWJj"}\n\n']


async def test_a_failure_in_the_midst_of_events_is_told_as_one():
    failure = EngineError("It fell over.", stage="synthesize", code="broken")
    _, last = [line async for line in as_events(events({"type": "x"}, failure))]
    assert last == (
        b'data: {"error":{"message":"It fell over.","type":"server_error","param":null,'
        b'"code":"broken"}}\n\n'
    )


async def test_a_failure_before_all_events_is_raised():
    with pytest.raises(RequestError):
        await anext(as_events(events(RequestError("No."))))
