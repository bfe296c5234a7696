"""Turns that end when the speaker seems to have finished, with all that says so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import anyio
import msgspec
import pytest

from antiphon.engines.scripted.script import Fail, Script, Take, TranscriptionStep
from tests.support.cast import Cast, make_cast
from tests.support.memory import open_room
from tests.support.sound import silence, speech

NO_PREDICTOR: dict[str, Any] = {"turn_predictor": None}
OVER = Script(turn_probability=0.99, message_end_probability=0.95, sentence="What is the time?")
NOT_OVER = Script(turn_probability=0.001, message_end_probability=0.02, sentence="What is the")


@pytest.fixture(scope="session")
def anyio_backend(virtual_time):
    return virtual_time


async def silence_until_the_turn_ends(
    script: Script, *, eagerness: str = "medium", cast: Cast | None = None
) -> int:
    """How long, in ms, somebody who has spoken is waited for; the answer is waited for as well."""
    async with open_room(script, cast=cast) as room:
        client = await room.enter()
        detection = {"type": "semantic_vad", "eagerness": eagerness}
        await client.update(audio={"input": {"turn_detection": detection}})
        await client.append(speech(900))
        await client.until("input_audio_buffer.speech_started")
        for waited_ms in range(100, 10_000, 100):
            await client.append(silence(100))
            await anyio.sleep(0.1)
            await client.take_what_came()
            if client.of("input_audio_buffer.speech_stopped"):
                if not client.of("response.done"):
                    await client.answer()
                return waited_ms
    raise TimeoutError


async def test_a_turn_that_is_over_by_all_signs_ends_soon():
    assert await silence_until_the_turn_ends(OVER) <= 600


async def test_who_only_stops_to_think_is_waited_for():
    assert await silence_until_the_turn_ends(NOT_OVER) >= 3000


@pytest.mark.parametrize("unlikely", ["turn_probability", "message_end_probability"])
async def test_each_sign_counts(unlikely):
    likely = msgspec.structs.replace(OVER, message_end_probability=0.6)
    doubtful = msgspec.structs.replace(likely, **{unlikely: 0.01})
    waited_ms = await silence_until_the_turn_ends(likely, eagerness="low")
    assert await silence_until_the_turn_ends(doubtful, eagerness="low") >= waited_ms + 300


async def test_the_more_eager_the_sooner_a_turn_ends():
    waited_ms = [
        await silence_until_the_turn_ends(NOT_OVER, eagerness=eagerness)
        for eagerness in ("low", "medium", "high")
    ]
    assert waited_ms == sorted(set(waited_ms), reverse=True)


async def test_without_a_turn_predictor_the_words_say_whether_the_turn_is_over():
    waited_ms = [
        await silence_until_the_turn_ends(script, cast=replace(make_cast(script), **NO_PREDICTOR))
        for script in (OVER, NOT_OVER)
    ]
    assert waited_ms[0] <= 600
    assert waited_ms[1] >= 2000


async def test_a_turn_ends_although_nobody_can_say_whether_it_is_over():
    fails: Take[TranscriptionStep] = Take((Fail("Too loud."),), when="")
    script = Script(transcriptions=(fails,))
    cast = replace(make_cast(script), **NO_PREDICTOR)
    assert 3500 <= await silence_until_the_turn_ends(script, cast=cast) <= 4100
