"""The official SDK in a transcription session."""

import anyio

from tests.support.client import PATIENCE_S
from tests.support.server import running_server
from tests.support.sound import as_base64, silence, speech


async def test_speech_is_transcribed_and_not_answered():
    seen = []
    async with running_server() as server, server.openai() as client:
        connecting = client.realtime.connect(extra_query={"intent": "transcription"})
        async with connecting as connection:
            audio = as_base64(speech(800) + silence(1500))
            await connection.input_audio_buffer.append(audio=audio)
            with anyio.fail_after(PATIENCE_S):
                async for event in connection:
                    seen.append(event.type)
                    if event.type == "conversation.item.input_audio_transcription.completed":
                        assert event.transcript == "Hello there."
                        break
    assert seen[0] == "session.created"
    assert not [name for name in seen if name.startswith("response.")]
