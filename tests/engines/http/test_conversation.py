"""A conversation whose ears, thoughts and voice are somewhere else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from antiphon.engines.http import factories
from tests.support.cast import make_cast
from tests.support.client import transcript_of
from tests.support.openai_server import MS_PER_CHARACTER, says, status
from tests.support.server import serving

CHAT = "/chat/completions"
USAGE: dict[str, Any] = {
    "prompt_tokens": 30,
    "completion_tokens": 7,
    "prompt_tokens_details": {"cached_tokens": 20},
}


async def elsewhere(build):
    return replace(
        make_cast().engines,
        transcriber=await build(factories.create_transcriber),
        language_model=await build(factories.create_language_model),
        synthesizer=await build(factories.create_synthesizer),
    )


async def test_what_is_said_is_heard_answered_and_spoken(build, server):
    async with serving(await elsewhere(build)) as antiphon, antiphon.sdk() as client:
        await client.take_turns_by_hand()
        await client.append(b"\0\x20" * 24_000)
        await client.send("input_audio_buffer.commit")
        await client.send("response.create")
        response = await client.answer()
    assert transcript_of(response) == "You said: Hello there."
    spoken_ms = len("You said: Hello there.") * MS_PER_CHARACTER
    assert len(client.audio_of(response["id"])) == spoken_ms * 24_000 * 2 / 1000
    assert {asked.path for asked in server.asked} > {CHAT, "/audio/speech", "/audio/transcriptions"}


async def test_tokens_are_told_although_they_are_known_last(build, server):
    server.tell(CHAT, says("Hello ", "there.", **USAGE))
    async with serving(await elsewhere(build)) as antiphon, antiphon.sdk() as client:
        response = await client.ask("Hello", output_modalities=["text"])
    usage = response["usage"]
    assert (usage["input_tokens"], usage["output_tokens"]) == (30, 7)
    assert usage["input_token_details"]["cached_tokens"] == 20


async def test_clients_learn_that_a_server_failed_but_not_where_it_is(build, server):
    server.tell(CHAT, *[status(500, {"error": {"message": f"{server.url} fell over"}})] * 2)
    async with serving(await elsewhere(build)) as antiphon, antiphon.sdk() as client:
        response = await client.ask("Hello")
        again = await client.ask("Hello")
    assert response["status"] == "failed"
    assert response["status_details"]["error"]["code"] == "server_error"
    assert not any(server.url in str(frame) for frame in client.frames)
    assert again["status"] == "completed", "the session goes on"
