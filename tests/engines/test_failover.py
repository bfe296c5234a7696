"""Engines that stand in for one another."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from antiphon.core.plan import ChatMessage
from antiphon.engines import conformance
from antiphon.engines.base import EngineSettings, Role
from antiphon.engines.conformance import events_of, noise
from antiphon.engines.failover import FailoverLanguageModel, answers_of, with_fallbacks
from antiphon.engines.hearing import Transcript, TranscriptDelta, TranscriptionRequest
from antiphon.engines.scripted import hearing, speaking, thinking
from antiphon.engines.scripted.script import Fail, Say, Script, Take
from antiphon.engines.speaking import SpeechRequest
from antiphon.engines.thinking import (
    GenerationRequest,
    MessageEndPredictor,
    Progress,
    PromptRead,
    TextDelta,
)
from antiphon.errors import ConfigurationError, EngineError

HELLO = GenerationRequest(messages=(ChatMessage("user", "Hello"),))
FAIL = Fail("The model fell over.", retryable=True)
FAILS = Script(
    answers=(Take((FAIL,), when="hello"),),
    speeches=(Take((FAIL,), when="hello"),),
    transcriptions=(Take((FAIL,)),),
)


def settings(name: str, script: Script | None = None) -> EngineSettings:
    return EngineSettings(name=name, options={"script": script} if script else {})


def model(name: str, script: Script | None = None):
    return thinking.create_language_model(settings(name, script))


def answering(*steps) -> Script:
    return Script(answers=(Take(steps),))


def together(role: Role, *engines: Any) -> Any:
    """The engine that is made of several."""
    return with_fallbacks(role, engines)


async def said(engine) -> str:
    events = await events_of(engine.generate(HELLO))
    return "".join(event.text for event in events if isinstance(event, TextDelta))


class TestConformance(conformance.LanguageModelConformance, conformance.MessageEndConformance):
    """What stands in for one another is an engine like any other."""

    @classmethod
    def create(cls):
        return together("language_model", model("first", FAILS), model("second"))


async def test_the_next_one_answers():
    engines = [model("first", FAILS), model("second", FAILS), model("third")]
    engine = together("language_model", *engines)
    assert await said(engine) == "You said: Hello."
    assert [answers_of(engine, one) for one in engines] == [0, 0, 1]


async def test_the_first_one_answers_if_it_can():
    first, second = model("first"), model("second")
    engine = together("language_model", first, second)
    assert await said(engine) == "You said: Hello."
    assert [answers_of(engine, one) for one in (first, second)] == [1, 0]
    assert not second.requests


@pytest.mark.parametrize(
    "steps",
    [(Say("Well,"), FAIL), (Fail("Too long.", code="context_length_exceeded"),)],
    ids=["it has begun to answer", "the request is to blame"],
)
async def test_nobody_takes_over(steps):
    second = model("second")
    engine = together("language_model", model("first", answering(*steps)), second)
    with pytest.raises(EngineError):
        await said(engine)
    assert not second.requests


async def test_the_last_one_says_why():
    last = answering(Fail("The last one, too.", retryable=True))
    engine = together("language_model", model("first", FAILS), model("second", last))
    with pytest.raises(EngineError, match=r"The last one, too\."):
        await said(engine)


async def test_the_prompt_is_told_by_who_answers():
    engine = together("language_model", model("first", FAILS), model("second"))
    first, *others = await events_of(engine.generate(HELLO))
    assert isinstance(first, PromptRead)
    assert not any(isinstance(event, PromptRead) for event in others)


async def test_a_model_that_fails_while_it_thinks_has_not_answered(monkeypatch):
    first = model("first", FAILS)
    generate = first.generate

    async def think_first(request):
        yield Progress()
        async for event in generate(request):
            yield event

    monkeypatch.setattr(first, "generate", think_first)
    engine = together("language_model", first, model("second"))
    assert await said(engine) == "You said: Hello."


def test_one_engine_stands_for_itself():
    engine = model("first")
    assert together("language_model", engine) is engine
    assert answers_of(engine, engine) is None


def test_not_every_role_can_have_others():
    engines = [hearing.create_voice_detector(settings(name)) for name in ("first", "second")]
    with pytest.raises(ConfigurationError, match="'first' has a fallback"):
        together("voice_detector", *engines)


@pytest.mark.parametrize(
    ("able", "script"), [("hears", Script(hears=True)), ("speaks", Script(speaks=True))]
)
def test_a_fallback_has_to_hear_and_speak_as_the_first_one_does(able, script):
    first, second = model("first", script), model("second")
    with pytest.raises(
        ConfigurationError, match=rf"'first' {able}, .* fallback 'second' .* '{able}'"
    ):
        together("language_model", first, model("other", script), second)
    assert together("language_model", second, first)


def test_a_fallback_has_to_speak_at_the_same_rate():
    first, second = (model(name, Script(speaks=True)) for name in ("first", "second"))
    second.info = replace(second.info, rate_hz=16_000)
    with pytest.raises(ConfigurationError, match=r"at 24000 Hz, .* 'second' at 16000 Hz"):
        together("language_model", first, second)


@pytest.mark.parametrize(("own", "spoken"), [(("alto", "bass"), "bass"), (("alto",), "alto")])
async def test_a_fallback_speaks_with_a_voice_that_it_has(own, spoken):
    failing = replace(FAILS, speaks=True)
    first, second = model("first", failing), model("second", Script(speaks=True))
    second.info = replace(second.info, voices=own)
    request = replace(HELLO, voice="bass")
    await events_of(together("language_model", first, second).generate(request))
    assert [one.voice for one in first.requests + second.requests] == ["bass", spoken]


async def test_it_says_where_messages_end_if_the_first_one_does():
    engines = [model("first", Script(message_end_probability=0.25)), model("second")]
    engine = together("language_model", *engines)
    assert isinstance(engine, MessageEndPredictor)
    assert await engine.predict_message_end(HELLO) == 0.25
    assert not isinstance(FailoverLanguageModel(*engines), MessageEndPredictor)


async def test_all_of_them_are_closed():
    engines = [model("first", FAILS), model("second")]
    await together("language_model", *engines).aclose()
    for engine in engines:
        with pytest.raises(EngineError, match="closed"):
            await said(engine)


@pytest.mark.parametrize("promised", [True, False])
async def test_a_transcript_has_what_the_first_one_promises(promised):
    first = hearing.create_transcriber(settings("first", FAILS))
    first.info = replace(first.info, deltas=promised)
    second = hearing.create_transcriber(settings("second"))
    engine = together("transcriber", first, second)
    events = await events_of(engine.transcribe(noise(16_000), TranscriptionRequest()))
    assert events[-1] == Transcript("Hello there.")
    assert any(isinstance(event, TranscriptDelta) for event in events) is promised


async def test_who_cannot_tell_log_probabilities_is_not_asked_for_them():
    first = hearing.create_transcriber(settings("first", FAILS))
    second = hearing.create_transcriber(settings("second"))
    second.info = replace(second.info, logprobs=False, word_times=False)
    engine = together("transcriber", first, second)
    await events_of(
        engine.transcribe(noise(16_000), TranscriptionRequest(logprobs=True, word_times=True))
    )
    asked = second.requests[-1][1]
    assert not asked.logprobs
    assert not asked.word_times


async def test_who_cannot_translate_is_passed_over():
    engines = [hearing.create_transcriber(settings(name)) for name in ("first", "second")]
    engines[0].info = replace(engines[0].info, translates=False)
    engine = together("transcriber", *engines)
    await events_of(engine.transcribe(noise(16_000), TranscriptionRequest(translate=True)))
    assert not engines[0].requests
    assert engines[1].requests[-1][1].translate


def synthesizers(**other):
    """One that fails, and one whose voices, speeds and rate may be others."""
    first = speaking.create_synthesizer(settings("first", FAILS))
    second = speaking.create_synthesizer(settings("second"))
    second.info = replace(second.info, **other)
    return together("synthesizer", first, second), second


async def test_another_one_speaks_with_a_voice_and_at_a_speed_of_its_own():
    engine, second = synthesizers(voices=("bass",), speeds=(1.0, 1.0))
    await events_of(engine.synthesize(SpeechRequest(text="Hello.", voice="tenor", speed=1.5)))
    assert (second.requests[-1].voice, second.requests[-1].speed) == ("bass", 1.0)


async def test_a_voice_of_the_same_name_is_kept():
    engine, second = synthesizers(voices=("bass", "tenor"))
    await events_of(engine.synthesize(SpeechRequest(text="Hello.", voice="tenor")))
    assert second.requests[-1].voice == "tenor"


async def test_it_is_heard_at_the_first_ones_rate():
    """The tone has the pitch and the length that it would have by itself, and no breaks."""
    engine, _ = synthesizers(rate_hz=16_000)
    request = SpeechRequest(text="Hello.", voice="alto")
    audio = np.concatenate(await events_of(engine.synthesize(request)))
    plain = speaking.create_synthesizer(settings("plain"))
    spoken = np.concatenate(await events_of(plain.synthesize(request)))
    assert len(audio) == len(spoken) * 24_000 // 16_000
    crossings = np.flatnonzero(np.diff(np.signbit(audio[200:-200])))
    gaps = [after - before for before, after in pairwise(crossings)]
    assert max(gaps) - min(gaps) <= 2
