"""Questions put to a server with each of the other transcribers that the catalogue offers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from antiphon.config import load_config
from antiphon.engines.registry import load_engine
from tests.embedded.test_conversation import ask_aloud, words
from tests.support.client import transcript_of
from tests.support.server import serving


@pytest.mark.parametrize(
    ("name", "languages"), [("moonshine-base-en", []), ("whisper-base", [{"code": "en"}])]
)
async def test_a_spoken_question_is_understood_and_answered(engines, name, languages):
    transcriber = await load_engine("transcriber", name, home=load_config().home, threads=2)
    try:
        async with (
            serving(replace(engines, transcriber=transcriber)) as server,
            server.sdk() as client,
        ):
            response = await ask_aloud(client)
            (question,) = client.of("conversation.item.input_audio_transcription.completed")
    finally:
        await transcriber.aclose()
    assert words(question["transcript"]) == words("What is the capital of France?")
    assert question.get("languages", []) == languages
    assert "Paris" in transcript_of(response)
