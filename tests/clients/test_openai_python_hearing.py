"""The official SDK with a language model that hears and speaks by itself."""

from __future__ import annotations

from antiphon.engines.scripted.script import Script
from tests.support.server import running_server
from tests.support.sound import silence, speech


async def test_a_spoken_question_is_heard_and_answered_without_transcriber_and_synthesizer():
    script = Script(hears=True, speaks=True)
    async with running_server(script) as server, server.sdk() as client:
        await client.append(speech(800) + silence(800))
        response = await client.answer()
        (item,) = response["output"]
        (part,) = item["content"]
        assert part["transcript"].startswith("You said: ")
        assert part["transcript"].endswith(" s of sound.")
        assert client.of("response.output_audio.delta")
        assert response["usage"]["output_token_details"]["audio_tokens"] > 0
        assert not server.cast.transcriber.requests
        assert not server.cast.synthesizer.requests
