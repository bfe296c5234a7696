from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import anyio
import pytest

from antiphon.engines.base import EngineInfo
from antiphon.engines.scripted.script import AnswerStep, Gate, Say, Script, Take, WaitFor
from antiphon.engines.scripted.thinking import ScriptedLanguageModel
from antiphon.engines.thinking import GenerationRequest
from antiphon.errors import EngineError
from tests.support.cast import make_cast
from tests.support.client import transcript_of, types
from tests.support.garbage import collecting_no_garbage, tracing_memory
from tests.support.memory import open_room
from tests.support.sound import noise, silence, speech

TURN = speech(700) + silence(800)


@pytest.fixture(scope="session")
def anyio_backend(virtual_time):
    return virtual_time


# --- answering ------------------------------------------------------------------------------------


async def test_answers_out_of_band_run_side_by_side():
    gates = [Gate(), Gate()]
    takes: tuple[Take[AnswerStep], ...] = tuple(
        Take((WaitFor(gate), Say(f"Answer {n}."))) for n, gate in enumerate(gates)
    )
    async with open_room(Script(answers=takes)) as room:
        client = await room.enter()
        for name in ("a", "b"):
            wanted = {"conversation": "none", "input": [], "metadata": {"name": name}}
            await client.send("response.create", response=wanted)
            await client.until("response.created")
        for gate in gates:
            await gate.reached()
        gates[1].open()
        second = await client.answer()
        gates[0].open()
        first = await client.answer()
    assert (first["metadata"], second["metadata"]) == ({"name": "a"}, {"name": "b"})
    assert transcript_of(first) == "Answer 0."
    assert transcript_of(second) == "Answer 1."


async def test_answering_keeps_the_order_of_frames_and_gives_each_an_id_of_its_own():
    async with open_room() as room:
        client = await room.enter()
        await client.ask("One.")
        await client.ask("Two.")
    ids = [frame["event_id"] for frame in client.frames]
    assert len(set(ids)) == len(ids)
    assert types(client.frames).count("response.done") == 2


# --- warming --------------------------------------------------------------------------------------


async def test_new_instructions_are_read_ahead():
    async with open_room() as room:
        client = await room.enter()
        await client.ask("Hello?")
        session_id = client.frames[0]["session"]["id"]
        await client.update(instructions="Be brief.")
        await anyio.sleep(1)
        *_, request = room.cast.language_model.warmed
    assert request.conversation == session_id
    assert [(one.role, one.text) for one in request.messages] == [
        ("system", "Be brief."),
        ("user", "Hello?"),
        ("assistant", "You said: Hello?."),
    ]


class SlowWarmer(ScriptedLanguageModel):
    """One that takes a minute to read ahead, or cannot."""

    def __init__(self, *, fails: Callable[[], Exception] | None = None) -> None:
        super().__init__(EngineInfo(name="slow", role="language_model"), Script())
        self.finished: list[str] = []
        self.fails = fails

    async def warm(self, request: GenerationRequest) -> None:
        await anyio.sleep(60)
        if self.fails is not None:
            raise self.fails()
        self.finished.append(request.messages[0].text)


async def test_only_the_newest_instructions_are_read_to_the_end():
    model = SlowWarmer()
    async with open_room(cast=replace(make_cast(), language_model=model)) as room:
        client = await room.enter()
        await client.update(instructions="Old.")
        await anyio.sleep(30)
        await client.update(instructions="New.")
        await anyio.sleep(100)
    assert model.finished == ["New."]


@pytest.mark.parametrize("error", [partial(EngineError, "no", stage="generate"), RuntimeError])
async def test_reading_ahead_may_fail(error):
    model = SlowWarmer(fails=error)
    async with open_room(cast=replace(make_cast(), language_model=model)) as room:
        client = await room.enter()
        await client.update(instructions="New.")
        await anyio.sleep(100)
        response = await client.ask("Still there?")
    assert response["status"] == "completed"


# --- time -----------------------------------------------------------------------------------------


async def test_every_answer_leaves_a_timeline_that_begins_with_its_turn():
    async with open_room(Script(transcribe_ms=200, token_ms=10, synthesize_ms=100)) as room:
        client = await room.enter()
        await client.append(TURN)
        response = await client.answer()
        timeline = room.reception.timelines.find(response["id"])
    assert timeline is not None
    moments = timeline.as_ms()
    assert list(moments) == [
        "speech_ended",
        "turn_ended",
        "created",
        "transcribed",
        "started",
        "prompt_read",
        "first_token",
        "first_segment",
        "first_audio",
        "ended",
    ]
    assert moments["transcribed"] - moments["created"] == pytest.approx(200)
    assert moments["first_audio"] - moments["first_segment"] == pytest.approx(100)


# --- long conversations ---------------------------------------------------------------------------


async def test_a_conversation_that_outgrows_the_model_goes_on():
    script = Script(context_tokens=64)
    async with open_room(script, instructions="Be brief.") as room:
        client = await room.enter()
        for turn in range(6):
            response = await client.ask(f"Question number {turn}: " + "why? " * 10)
            assert response["status"] == "completed"
        newest = room.cast.language_model.requests[-1].messages
    assert newest[0].text == "Be brief."
    assert newest[-1].text.startswith("Question number 5")
    assert not any("number 0" in message.text for message in newest)


async def test_a_question_that_is_too_long_fails_its_answer_and_no_more():
    async with open_room(Script(context_tokens=64)) as room:
        client = await room.enter()
        failed = await client.ask("why? " * 100)
        following = await client.ask("Why?")
    error = failed["status_details"]["error"]
    assert (error["type"], error["code"]) == ("invalid_request_error", "context_length_exceeded")
    assert following["status"] == "completed"


async def test_a_session_in_which_nothing_happens_is_closed_with_a_word_why():
    async with open_room(session_idle_s=60) as room:
        client = await room.enter()
        await anyio.sleep(50)
        await client.append(silence(20))
        await anyio.sleep(59)
        assert client.closed is None
        await client.over.wait()
        assert client.closed == (1001, "Nothing has happened in the session for 60 seconds.")


async def test_a_session_lasts_as_long_as_the_operator_has_it_and_says_so_at_the_beginning():
    async with open_room(max_session_s=300, session_idle_s=0) as room:
        client = await room.enter()
        session = client.frames[0]["session"]
        assert session["expires_at"] == pytest.approx(time.time() + 300, abs=5)
        await anyio.sleep(299)
        assert client.closed is None
        await client.over.wait()
        assert client.closed == (1001, "Your session hit the maximum duration of 5 minutes.")


async def test_what_was_said_is_let_go_of_when_the_session_ends():
    async with open_room() as room:

        async def talk(audio_ms: int, text: str) -> int:
            """Return how much memory a session takes by its end, which has come then."""
            client = await room.enter()
            await client.take_turns_by_hand()
            await client.append(noise(audio_ms, 0.1))
            await client.send("input_audio_buffer.commit")
            await client.until("conversation.item.done")
            await client.append(noise(audio_ms, 0.1))
            await client.write(text)
            held_bytes = tracemalloc.get_traced_memory()[0]
            client.leave()
            await client.over.wait()
            client.frames.clear()
            room.cast.transcriber.requests.clear()
            return held_bytes

        await talk(1_000, "Hello.")
        with collecting_no_garbage(), tracing_memory():
            before_bytes = tracemalloc.get_traced_memory()[0]
            held_bytes = await talk(20_000, "Hello. " * 100_000)
            after_bytes = tracemalloc.get_traced_memory()[0]
    assert held_bytes - before_bytes > 2_000_000
    assert after_bytes - before_bytes < 200_000
