"""The scripted engines: what they do by rule, by script, and when."""

from __future__ import annotations

import json

import anyio
import numpy as np
import pytest

from antiphon.core.plan import ChatMessage
from antiphon.engines import conformance
from antiphon.engines.base import EngineSettings
from antiphon.engines.conformance import calls_in, events_of, noise
from antiphon.engines.hearing import SpeakerTurn, Transcript, TranscriptDelta, TranscriptionRequest
from antiphon.engines.scripted import engines as scripted
from antiphon.engines.scripted.script import (
    Call,
    Fail,
    Gate,
    ReadPrompt,
    Say,
    Script,
    Sound,
    SpeakerSays,
    Stop,
    Take,
    Wait,
    WaitFor,
)
from antiphon.engines.speaking import SpeechRequest
from antiphon.engines.thinking import (
    GenerationEnd,
    GenerationRequest,
    PromptRead,
    TextDelta,
    ToolCallDelta,
)
from antiphon.errors import EngineError
from antiphon.wire.session import FunctionTool

TIMER = FunctionTool(
    name="set_timer",
    parameters={
        "type": "object",
        "properties": {
            "label": {"type": "string"},
            "minutes": {"type": "integer", "minimum": 1},
            "sound": {"enum": ["bell", "horn"]},
            "loud": {"type": "boolean"},
        },
        "required": ["label", "minutes", "sound", "loud"],
    },
)


def settings(**options) -> EngineSettings:
    return EngineSettings(name="scripted", options=options)


class TestVoiceDetector(conformance.VoiceDetectorConformance):
    @classmethod
    def create(cls):
        return scripted.create_voice_detector(settings())


class TestTranscriber(conformance.TranscriberConformance):
    @classmethod
    def create(cls):
        return scripted.create_transcriber(settings(sentence="One two three four five."))


class TestLanguageModel(conformance.LanguageModelConformance):
    @classmethod
    def create(cls):
        return scripted.create_language_model(settings())


class TestSynthesizer(conformance.SynthesizerConformance):
    @classmethod
    def create(cls):
        return scripted.create_synthesizer(settings())


def playing(*steps, **rules) -> Script:
    """A script whose only take, of the language model, has these steps."""
    return Script(answers=(Take(steps),), **rules)


async def answer(model, text="Hello there", **fields):
    request = GenerationRequest(messages=(ChatMessage("user", text),), **fields)
    return await events_of(model.generate(request))


def model_of(*steps) -> scripted.ScriptedLanguageModel:
    return scripted.create_language_model(settings(script=playing(*steps)))


def said(events) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def test_loud_frames_are_speech():
    detector = scripted.create_voice_detector(settings(speech_rms=0.05))
    frames = np.stack([np.full(512, level, np.float32) for level in (0, 0.04, 0.06)])
    probabilities, _ = detector.step(frames, [detector.initial_state()] * 3)
    assert probabilities.tolist() == [0, 0, 1]


async def test_the_transcriber_hears_its_sentence_word_by_word():
    transcriber = scripted.create_transcriber(settings(sentence="Good morning."))
    audio = noise(1600)
    assert await events_of(transcriber.transcribe(audio, TranscriptionRequest())) == [
        TranscriptDelta("Good"),
        TranscriptDelta(" morning."),
        Transcript("Good morning."),
    ]
    ((heard, _),) = transcriber.requests
    assert heard is audio


async def test_the_transcriber_hears_nothing_in_silence():
    transcriber = scripted.create_transcriber(settings())
    silence = np.zeros(1600, np.float32)
    events = await events_of(transcriber.transcribe(silence, TranscriptionRequest()))
    assert events == [Transcript("")]


async def test_the_language_model_repeats_what_the_user_said():
    events = await answer(scripted.create_language_model(settings()), "My tea is cold.")
    assert events[0] == PromptRead(input_tokens=4, cached_tokens=0)
    assert said(events) == "You said: My tea is cold."
    assert events[-1] == GenerationEnd("stop", 6)


async def test_the_language_model_greets_when_nobody_has_spoken():
    model = scripted.create_language_model(settings())
    request = GenerationRequest(messages=(ChatMessage("system", "Be kind."),))
    assert said(await events_of(model.generate(request))) == "Hello."


@pytest.mark.parametrize(
    "fields",
    [
        {"tool_policy": "required"},
        {"tool_policy": "required", "forced_tool": "set_timer"},
        {"text": "Please do set_timer now"},
    ],
)
async def test_a_function_is_called_when_forced_or_named_with_arguments_that_fit(fields):
    model = scripted.create_language_model(settings())
    events = await answer(model, **{"text": "Eggs"} | fields, tools=(TIMER,))
    ((name, arguments),) = calls_in(events)
    label = fields.get("text", "Eggs")
    assert name == "set_timer"
    assert json.loads(arguments) == {"label": label, "minutes": 1, "sound": "bell", "loud": False}


async def test_the_language_model_reports_what_a_function_answered():
    model = scripted.create_language_model(settings())
    messages = (ChatMessage("user", "set_timer"), ChatMessage("tool", "done", tool_call_id="c"))
    request = GenerationRequest(messages=messages, tools=(TIMER,))
    assert said(await events_of(model.generate(request))) == "The function answered: done."


async def test_a_take_is_played_as_it_is_written():
    model = model_of(ReadPrompt(cached_tokens=1), Say("Yes, now."), Call("f", '{"a": 1}'))
    assert await answer(model) == [
        PromptRead(2, 1),
        TextDelta("Yes,"),
        TextDelta(" now."),
        ToolCallDelta(0, name="f"),
        ToolCallDelta(0, arguments='{"a":'),
        ToolCallDelta(0, arguments=" 1}"),
        GenerationEnd("stop", 5),
    ]


async def test_each_call_of_a_take_has_its_index():
    assert calls_in(await answer(model_of(Call("f"), Call("g")))) == [("f", "{}"), ("g", "{}")]


async def test_an_answer_can_be_stopped_by_a_filter():
    events = await answer(model_of(Say("One"), Stop("content_filter"), Say("two")))
    assert events[-1] == GenerationEnd("content_filter", 1)


async def test_a_failure_comes_after_what_was_said_before_it():
    model = model_of(Say("One"), Fail("too busy", code="rate_limit_exceeded", retryable=True))
    request = GenerationRequest(messages=())
    events = model.generate(request)
    assert [await anext(events), await anext(events)] == [PromptRead(0, 0), TextDelta("One")]
    with pytest.raises(EngineError, match="too busy") as caught:
        await anext(events)
    error = caught.value
    assert (error.stage, error.code, error.retryable) == ("generate", "rate_limit_exceeded", True)


async def test_an_empty_take_is_an_empty_answer_and_not_the_rule():
    assert said(await answer(model_of())) == ""


async def test_time_passes_exactly_where_the_script_says(monkeypatch):
    slept = []

    async def sleep(delay: float) -> None:
        slept.append(delay)

    monkeypatch.setattr(anyio, "sleep", sleep)
    await answer(model_of(Wait(200), Say("one two", every_ms=30), Say("three"), Wait(1)))
    assert slept == [0.2, 0.03, 0.03, 0.001]


async def test_a_gate_holds_an_engine_until_the_test_opens_it():
    gate = Gate()
    model = model_of(Say("before"), WaitFor(gate), Say("after"))
    heard: list[str] = []

    async def listen() -> None:
        async for event in model.generate(GenerationRequest(messages=())):
            if isinstance(event, TextDelta):
                heard.append(event.text)

    async with anyio.create_task_group() as group:
        group.start_soon(listen)
        await gate.reached()
        assert heard == ["before"]
        gate.open()
    assert heard == ["before", "after"]


async def test_closing_an_engine_ends_what_waits_at_a_gate():
    gate = Gate()
    model = model_of(WaitFor(gate))
    outcomes = []

    async def listen() -> None:
        with pytest.raises(EngineError) as caught:
            await answer(model)
        outcomes.append(caught.value.code)

    async with anyio.create_task_group() as group:
        group.start_soon(listen)
        await gate.reached()
        await model.aclose()
    assert outcomes == ["engine_closed"]


@pytest.mark.parametrize(("speed", "spoken_s"), [(1.0, 0.6), (0.5, 1.2), (1.5, 0.4)])
async def test_speech_is_as_long_as_its_text(speed, spoken_s):
    synthesizer = scripted.create_synthesizer(settings(ms_per_character=60))
    request = SpeechRequest(text="0123456789", voice="alto", speed=speed)
    chunks = await events_of(synthesizer.synthesize(request))
    assert sum(chunk.size for chunk in chunks) == spoken_s * 24_000
    assert all(chunk.size == 2400 for chunk in chunks)


async def test_a_speech_sounds_as_written_without_a_click_between_its_chunks():
    script = Script(speeches=(Take((Sound(250),)),))
    synthesizer = scripted.create_synthesizer(settings(script=script))
    chunks = await events_of(synthesizer.synthesize(SpeechRequest(text="Hi", voice="alto")))
    audio = np.concatenate(chunks)
    assert audio.size == 6000
    assert np.abs(np.diff(audio)).max() < 0.25 * 2 * np.pi * 440 / 24_000 * 1.01


async def test_a_prompt_of_more_words_than_the_script_allows_is_refused():
    model = scripted.create_language_model(settings(context_tokens=3))
    fitting = GenerationRequest(messages=(ChatMessage("user", "one two three"),))
    prompt, *_ = await events_of(model.generate(fitting))
    assert (model.info.context_tokens, prompt.input_tokens) == (3, 3)
    too_long = GenerationRequest(messages=(ChatMessage("user", "one two three four"),))
    with pytest.raises(EngineError, match=r"has 4 words, but .* reads at most 3") as refusal:
        await events_of(model.generate(too_long))
    assert refusal.value.code == "context_length_exceeded"


async def test_speakers_take_turns_and_languages_are_detected_as_the_script_says():
    turns = (SpeakerSays("A", "Good day.", 0, 500), SpeakerSays("B", " Hi.", 500, 700))
    script = Script(transcriptions=(Take(steps=turns),), languages=("en",))
    transcriber = scripted.create_transcriber(
        EngineSettings(name="any", options={"script": script})
    )
    request = TranscriptionRequest(logprobs=True)
    events = await events_of(transcriber.transcribe(np.zeros(9, np.float32), request))
    assert [event.text for event in events] == [
        *("Good", " day.", "Good day."),
        *(" Hi.", "Hi.", "Good day. Hi."),
    ]
    *_, turn, transcript = events
    assert turn == SpeakerTurn("B", 0.5, 0.7, "Hi.")
    assert transcript.languages == ("en",)
    assert [one.token for one in transcript.logprobs] == ["Good", " day.", " Hi."]
