"""What clients are told when engines cannot keep up, hang or crash; other sessions go on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import anyio
import pytest

from antiphon.engines.guard import Limits, guarded
from antiphon.engines.isolated import isolated
from antiphon.engines.scripted.script import Gate, Say, Script, Take, WaitFor
from tests.engines import frail
from tests.engines.isolated.test_parent import SETTINGS
from tests.support.cast import make_cast
from tests.support.server import serving
from tests.support.sound import noise


async def no_other():
    message = "nothing is to be loaded anew"
    raise AssertionError(message)


async def test_an_overloaded_model_fails_the_response_by_name_and_the_next_one_is_answered():
    gate = Gate()
    cast = make_cast(Script(answers=(Take((WaitFor(gate), Say("At last."))),)))
    limits = Limits(parallel=1, queue_s=0.2)
    busy: Any = guarded(cast.language_model, limits, no_other)
    async with (
        serving(replace(cast.engines, language_model=busy)) as server,
        server.sdk() as first,
        server.sdk() as second,
    ):
        await first.update(output_modalities=["text"])
        await second.update(output_modalities=["text"])
        await first.write("Good morning.")
        await first.send("response.create")
        await gate.reached()
        failed = await second.ask("Anybody there?")
        assert failed["status"] == "failed"
        assert failed["status_details"]["error"]["code"] == "server_overloaded"
        gate.open()
        answered = await first.answer()
        assert answered["status"] == "completed"
        assert (await second.ask("And now?"))["status"] == "completed"


@pytest.mark.parametrize("ending", [frail.ABORTING, frail.BLOCKING])
async def test_a_transcriber_that_dies_or_hangs_is_back_for_the_same_session(ending):
    async def load():
        return await anyio.to_thread.run_sync(isolated, frail.create, SETTINGS, "transcriber")

    ears: Any = guarded(await load(), Limits(stall_s=1, queue_s=60), load)
    cast = make_cast()
    engines = replace(cast.engines, transcriber=ears)
    async with serving(engines) as server, server.sdk() as client:
        hints = {"model": "default", "prompt": ending}
        await client.update(audio={"input": {"transcription": hints, "turn_detection": None}})
        await client.append(noise(500, 0.1))
        await client.send("input_audio_buffer.commit")
        failed = await client.until("conversation.item.input_audio_transcription.failed")
        assert failed["error"]["code"] in ("engine_crashed", "engine_timeout")
        await client.update(audio={"input": {"transcription": {"model": "default", "prompt": ""}}})
        await client.append(noise(500, 0.1))
        await client.send("input_audio_buffer.commit")
        told = await client.until("conversation.item.input_audio_transcription.completed")
        assert told["transcript"] == "Hello there."
    await ears.aclose()
