"""A server cannot fill the memory with one answer."""

from __future__ import annotations

import pytest

from antiphon.engines.conformance import noise
from antiphon.engines.hearing import TranscriptionRequest
from antiphon.engines.http import factories
from antiphon.engines.http.bounds import MOST_BYTES
from antiphon.engines.http.options import ServerOptions
from antiphon.engines.http.server import lend_server
from antiphon.engines.speaking import SpeechRequest
from antiphon.errors import EngineError
from tests.support.openai_server import Reply

MIB = b" " * (1 << 20)


def endless(reply: Reply) -> None:
    reply.stream("application/json")
    while True:  # until the client has had enough
        reply.send(MIB)


async def test_a_body_that_does_not_end_is_refused(build, server, caplog):
    transcriber = await build(factories.create_transcriber)
    server.tell("/audio/transcriptions", endless)
    with pytest.raises(EngineError):
        async for _ in transcriber.transcribe(noise(16_000), TranscriptionRequest()):
            pass
    assert "sent more than 8 MiB at once" in caplog.text


async def test_so_is_an_error_that_does_not_end(build, server, caplog):
    def fail(reply: Reply) -> None:
        reply.whole(MIB * 9, "application/json", 400)

    transcriber = await build(factories.create_transcriber)
    server.tell("/audio/transcriptions", fail)
    with pytest.raises(EngineError):
        async for _ in transcriber.transcribe(noise(16_000), TranscriptionRequest()):
            pass
    assert "sent more than 8 MiB at once" in caplog.text


def test_so_is_a_list_of_models_that_does_not_end(server):
    lent = lend_server(ServerOptions(base_url=server.url, api_key="a list without end"))
    server.tell("/models", endless)
    with pytest.raises(ValueError, match="more than 8 MiB"):
        lent.look_up_models()


async def test_speech_may_be_long(build, server):
    def speak(reply: Reply) -> None:
        reply.stream("audio/pcm")
        for _ in range(0, MOST_BYTES + 1, len(MIB)):
            reply.send(bytes(len(MIB)))
        reply.end(done=False)

    synthesizer = await build(factories.create_synthesizer, voices=["polly"])
    server.tell("/audio/speech", speak)
    request = SpeechRequest(text="A long story.", voice="polly")
    samples = sum([chunk.size async for chunk in synthesizer.synthesize(request)])
    assert samples > MOST_BYTES / 2
