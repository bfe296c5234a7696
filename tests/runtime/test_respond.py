from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

import anyio
import pytest
from msgspec import structs

from antiphon.core.plan import ChatAudio, ChatMessage, Plan
from antiphon.core.signals import (
    AudioGenerated,
    Failure,
    GenerationFailed,
    GenerationFinished,
    PromptMeasured,
    SegmentSpoken,
    Signal,
    TextGenerated,
    ToolCallGenerated,
)
from antiphon.engines.base import EngineInfo
from antiphon.engines.conformance import noise
from antiphon.engines.scripted.script import (
    AnswerStep,
    Call,
    Fail,
    Gate,
    Say,
    Script,
    Sound,
    SpeechStep,
    Stop,
    Take,
    WaitFor,
)
from antiphon.engines.scripted.thinking import ScriptedLanguageModel
from antiphon.engines.thinking import (
    EndReason,
    GenerationEnd,
    GenerationEvent,
    GenerationRequest,
    PromptRead,
)
from antiphon.observe import Moment
from antiphon.runtime.respond import SEGMENTS_AHEAD, Answer, generation_request
from antiphon.runtime.sounding import DELTA_S
from antiphon.wire.audio_config import PcmFormat, PcmuFormat
from antiphon.wire.tools import FunctionTool
from tests.support.cast import Cast, make_cast

PLAN = Plan(
    response_id="resp_1",
    model="antiphon",
    modality="audio",
    instructions="Be brief.",
    messages=(ChatMessage("user", "Good morning."),),
    voice="bass",
    speed=1.0,
    output_format=PcmFormat(),
)


@pytest.fixture(scope="session")
def anyio_backend(virtual_time):
    return virtual_time


async def always_room() -> None:
    """A client that keeps up."""


@dataclass
class Run:
    """One answer being worked out, and what it says."""

    cast: Cast
    plan: Plan = PLAN
    room: Callable[[], Awaitable[None]] = always_room
    signals: list[Signal] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)

    async def work_out(self) -> list[Signal]:
        answer = Answer(
            plan=self.plan,
            conversation="sess_1",
            engines=self.cast.engines,
            feed=self.signals.append,
            room=self.room,
            mark=self.moments.append,
        )
        await answer.work_out()
        return self.signals

    @property
    def text(self) -> str:
        return "".join(one.text for one in self.signals if isinstance(one, TextGenerated))

    @property
    def audio(self) -> list[AudioGenerated]:
        return [one for one in self.signals if isinstance(one, AudioGenerated)]


def script(*steps: AnswerStep, speeches: tuple[tuple[SpeechStep, ...], ...] = ()) -> Script:
    return Script(
        answers=(Take(steps),), speeches=tuple(Take[SpeechStep](speech) for speech in speeches)
    )


def plan(**changes: object) -> Plan:
    return structs.replace(PLAN, **changes)


def kinds(signals: Sequence[Signal]) -> list[type]:
    """The kinds of signals in order, repeated ones once."""
    found: list[type] = []
    for signal in signals:
        if not found or found[-1] is not type(signal):
            found.append(type(signal))
    return found


# --- the order of things --------------------------------------------------------------------------


async def test_a_spoken_answer_is_measured_written_spoken_and_finished_in_this_order():
    run = Run(make_cast(script(Say("One two. Three four."))))
    signals = await run.work_out()
    assert isinstance(signals[0], PromptMeasured)
    assert signals[-1] == GenerationFinished("resp_1", "stop", output_tokens=4)
    spoken = [one for one in signals if isinstance(one, AudioGenerated | SegmentSpoken)]
    assert kinds(spoken) == [AudioGenerated, SegmentSpoken, AudioGenerated, SegmentSpoken]
    ends = [one.spoken_chars for one in signals if isinstance(one, SegmentSpoken)]
    assert ends == [8, len(run.text)]
    assert run.text == "One two. Three four."


async def test_words_are_told_before_they_are_spoken():
    run = Run(make_cast(script(Say("One two. Three four. Five six."))))
    signals = await run.work_out()
    written = 0
    for signal in signals:
        if isinstance(signal, TextGenerated):
            written += len(signal.text)
        elif isinstance(signal, SegmentSpoken):
            assert signal.spoken_chars <= written


async def test_a_written_answer_is_not_spoken():
    run = Run(make_cast(script(Say("One two."))), plan(modality="text"))
    signals = await run.work_out()
    assert kinds(signals) == [PromptMeasured, TextGenerated, GenerationFinished]
    assert not run.cast.synthesizer.requests


async def test_a_function_call_is_told_as_it_is_written():
    run = Run(make_cast(script(Say("Let me see."), Call("look", '{"at": 1}'))))
    signals = await run.work_out()
    calls = [one for one in signals if isinstance(one, ToolCallGenerated)]
    assert [call.name for call in calls if call.name] == ["look"]
    assert "".join(call.arguments for call in calls) == '{"at": 1}'
    assert run.audio
    assert isinstance(signals[-1], GenerationFinished)


@pytest.mark.parametrize("reason", ["length", "content_filter"])
async def test_an_answer_that_is_cut_off_is_spoken_as_far_as_it_goes(reason):
    run = Run(make_cast(script(Say("One two. Three"), Stop(reason))))
    signals = await run.work_out()
    assert signals[-1] == GenerationFinished("resp_1", reason, output_tokens=3)
    assert [request.text for request in run.cast.synthesizer.requests] == ["One two.", "Three"]


async def test_the_moments_of_an_answer_are_noted():
    run = Run(make_cast())
    await run.work_out()
    first = list(dict.fromkeys(run.moments))
    assert first == [
        Moment.PROMPT_READ,
        Moment.FIRST_TOKEN,
        Moment.FIRST_SEGMENT,
        Moment.FIRST_AUDIO,
    ]


# --- the sound ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("audio_format", "bytes_per_ms"), [(PcmFormat(), 48), (PcmuFormat(), 8)])
async def test_the_sound_comes_in_short_pieces_of_the_clients_format(audio_format, bytes_per_ms):
    speeches = ((Sound(730),), (Sound(510),))
    cast = make_cast(script(Say("One two. Three four."), speeches=speeches))
    run = Run(cast, plan(output_format=audio_format))
    await run.work_out()
    assert all(one.duration_ms <= DELTA_S * 1000 for one in run.audio)
    assert all(len(one.pcm) == one.duration_ms * bytes_per_ms for one in run.audio)
    assert sum(one.duration_ms for one in run.audio) == pytest.approx(730 + 510)


async def test_each_segment_is_spoken_with_the_voice_and_at_the_speed_of_the_plan():
    run = Run(make_cast(script(Say("One two. Three four."))), plan(voice="bass", speed=1.25))
    await run.work_out()
    assert [(one.text, one.voice, one.speed) for one in run.cast.synthesizer.requests] == [
        ("One two.", "bass", 1.25),
        ("Three four.", "bass", 1.25),
    ]


@pytest.mark.parametrize(("speed", "asked"), [(0.25, 0.5), (0.8, 0.8), (1.5, 1.2)])
async def test_what_the_synthesizer_cannot_do_for_the_speed_is_done_by_stretching(speed, asked):
    cast = make_cast(script(Say("One."), speeches=((Sound(1200),),)))
    cast.synthesizer.info = structs.replace(cast.synthesizer.info, speeds=(0.5, 1.2))
    run = Run(cast, plan(speed=speed))
    await run.work_out()
    assert [request.speed for request in cast.synthesizer.requests] == [asked]
    sounded_ms = sum(one.duration_ms for one in run.audio)
    assert sounded_ms == pytest.approx(1200 * asked / speed, abs=1)


async def test_a_voice_of_the_hosted_service_is_spoken_by_the_default_voice():
    run = Run(make_cast(), plan(voice="marin"))
    await run.work_out()
    assert {one.voice for one in run.cast.synthesizer.requests} == {"alto"}


# --- failures -------------------------------------------------------------------------------------

BROKEN = Fail("It broke.", code="broken")


@pytest.mark.parametrize("modality", ["audio", "text"])
@pytest.mark.parametrize("said_before", ["", "One two. Three"])
async def test_a_language_model_that_fails_ends_the_answer(modality, said_before):
    run = Run(make_cast(script(Say(said_before), BROKEN)), plan(modality=modality))
    signals = await run.work_out()
    failure = Failure("generate", "broken", "It broke.")
    assert signals[-1] == GenerationFailed("resp_1", failure)
    assert run.text == said_before
    assert not any(isinstance(one, GenerationFinished) for one in signals)
    assert run.cast.stage.running == 0


@pytest.mark.parametrize("code", ["context_length_exceeded", "image_not_supported"])
async def test_what_the_client_has_asked_too_much_of_is_not_called_the_servers_fault(code):
    run = Run(make_cast(script(Fail("Too much.", code=code))))
    signals = await run.work_out()
    failure = Failure("generate", code, "Too much.", "invalid_request_error")
    assert signals[-1] == GenerationFailed("resp_1", failure)


async def test_a_synthesizer_that_fails_ends_the_answer_and_the_language_model():
    gate = Gate()
    cast = make_cast(script(Say("One two. Three"), WaitFor(gate), speeches=((Sound(100), BROKEN),)))
    run = Run(cast)
    signals = await run.work_out()
    failure = Failure("synthesize", "broken", "It broke.")
    assert signals[-1] == GenerationFailed("resp_1", failure)
    assert sum(one.duration_ms for one in run.audio) == 100
    assert run.cast.stage.running == 0


class EndlessLanguageModel(ScriptedLanguageModel):
    """One whose answers stop without an end."""

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[GenerationEvent, None]:
        yield PromptRead(1, 0)


@pytest.mark.parametrize("modality", ["audio", "text"])
async def test_an_answer_without_an_end_has_failed(modality):
    info = EngineInfo(name="endless", role="language_model")
    cast = replace(make_cast(), language_model=EndlessLanguageModel(info, Script()))
    signals = await Run(cast, plan(modality=modality)).work_out()
    assert isinstance(signals[-1], GenerationFailed)
    assert signals[-1].failure.message == "the language model's answer has no end"


class SilentLanguageModel(ScriptedLanguageModel):
    """One that says nothing, and ends as others write an end."""

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[GenerationEvent, None]:
        yield GenerationEnd(cast("EndReason", "tool_calls"), 1)


async def test_an_answer_that_ends_for_an_unknown_reason_has_failed():
    info = EngineInfo(name="foreign", role="language_model")
    engines = replace(make_cast(), language_model=SilentLanguageModel(info, Script()))
    (failed,) = await Run(engines, plan(modality="text")).work_out()
    assert isinstance(failed, GenerationFailed)
    assert failed.failure.message == (
        "foreign has ended its answer for the reason 'tool_calls'; there are "
        "'stop', 'length', and 'content_filter'"
    )


# --- back-pressure --------------------------------------------------------------------------------


async def test_the_language_model_writes_to_the_end_while_the_client_listens():
    """Whoever waits for the model need not wait for somebody else's speech to be heard."""
    is_heard = anyio.Event()
    text = " ".join("One two." for _ in range(50))
    run = Run(make_cast(script(Say(text))), room=is_heard.wait)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run.work_out)
        await anyio.sleep(100)
        assert run.text == text
        assert run.cast.stage.running == 1  # the voice
        is_heard.set()
    assert isinstance(run.signals[-1], GenerationFinished)


async def test_the_language_model_is_not_any_number_of_segments_ahead_of_the_voice():
    gate = Gate()
    text = " ".join("One two." for _ in range(200))
    run = Run(make_cast(script(Say(text), speeches=((WaitFor(gate), Sound(100)),))))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run.work_out)
        await gate.reached()
        await anyio.sleep(100)
        # One is being spoken, some wait, one could not be passed on, and one is being written.
        assert run.text.count(".") <= SEGMENTS_AHEAD + 3
        gate.open()
    assert run.text == text
    assert isinstance(run.signals[-1], GenerationFinished)


@pytest.mark.parametrize("modality", ["audio", "text"])
async def test_what_is_heard_or_read_waits_for_a_client_that_is_slow(modality):
    keeps_up = anyio.Event()
    text = " ".join("One two." for _ in range(50))
    run = Run(make_cast(script(Say(text))), plan(modality=modality), room=keeps_up.wait)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run.work_out)
        await anyio.sleep(100)
        if modality == "audio":
            assert not run.audio
        else:
            assert len(run.signals) <= 2
        keeps_up.set()
    assert run.text == text


async def test_cancelling_stops_all_engines_at_once():
    gate = Gate()
    run = Run(make_cast(script(Say("One two. Three"), speeches=((Sound(100), WaitFor(gate)),))))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run.work_out)
        await gate.reached()
        tasks.cancel_scope.cancel()
    assert run.cast.stage.running == 0
    assert not any(isinstance(one, GenerationFinished | GenerationFailed) for one in run.signals)


# --- the request ----------------------------------------------------------------------------------


def test_the_language_model_is_shown_the_instructions_first():
    request = generation_request(PLAN, "sess_1")
    assert [(one.role, one.text) for one in request.messages] == [
        ("system", "Be brief."),
        ("user", "Good morning."),
    ]
    assert request.conversation == "sess_1"


def test_without_instructions_the_conversation_stands_alone():
    request = generation_request(plan(instructions=""), "sess_1")
    assert request.messages == PLAN.messages


def test_the_request_carries_what_the_client_asked_for():
    tool = FunctionTool(name="look", parameters={})
    request = generation_request(
        plan(
            tools=(tool,),
            tool_policy="required",
            forced_tool="look",
            max_output_tokens=7,
            parallel_tool_calls=False,
            reasoning_effort="low",
        ),
        "sess_1",
    )
    assert request.tools == (tool,)
    assert (request.tool_policy, request.forced_tool) == ("required", "look")
    assert request.max_output_tokens == 7
    assert request.parallel_tool_calls is False
    assert request.reasoning_effort == "low"
    assert request.model == "antiphon"


# --- language models that hear and speak ----------------------------------------------------------


async def test_a_model_that_speaks_is_heard_in_place_of_the_synthesizer():
    run = Run(make_cast(structs.replace(script(Say("Good day."), Sound(400)), speaks=True)))
    signals = await run.work_out()
    assert run.text == "Good day."
    assert sum(one.duration_ms for one in run.audio) == pytest.approx(400, abs=1)
    assert [one.spoken_chars for one in signals if isinstance(one, SegmentSpoken)][-1] == 9
    assert isinstance(signals[-1], GenerationFinished)
    assert run.cast.language_model.requests[-1].voice == "bass"
    assert not run.cast.synthesizer.requests


@pytest.mark.parametrize("speed", [0.5, 1.25])
async def test_its_speech_is_stretched_to_the_speed_that_is_asked_for(speed):
    script_of_its = structs.replace(script(Say("Good day."), Sound(800)), speaks=True)
    run = Run(make_cast(script_of_its), plan=plan(speed=speed))
    await run.work_out()
    heard_ms = sum(one.duration_ms for one in run.audio)
    assert heard_ms == pytest.approx(800 / speed, rel=0.05)


async def test_a_written_answer_of_its_is_asked_for_without_a_voice():
    run = Run(make_cast(Script(speaks=True)), plan=plan(modality="text"))
    await run.work_out()
    assert run.cast.language_model.requests[-1].voice is None
    assert run.text
    assert not run.audio


async def test_a_model_that_was_to_speak_and_only_wrote_has_failed():
    run = Run(make_cast(structs.replace(script(Say("Good day.")), speaks=True)))
    failed = (await run.work_out())[-1]
    assert isinstance(failed, GenerationFailed)
    assert failed.failure.code == "no_audio"


async def test_a_model_that_speaks_and_only_calls_a_function_has_nothing_to_say():
    run = Run(make_cast(structs.replace(script(Call("hang_up")), speaks=True)))
    assert isinstance((await run.work_out())[-1], GenerationFinished)


def test_a_model_that_hears_is_given_the_recordings_that_are_kept():
    said = ChatMessage("user", audio=(ChatAudio("item_1"), ChatAudio("item_2", "gone")))
    sound = noise(160)
    kept = {"item_1": sound}
    request = generation_request(plan(messages=(said,)), "sess_1", kept.get)
    assert list(request.recordings) == ["item_1"]
    assert request.recordings["item_1"] is sound
