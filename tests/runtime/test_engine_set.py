from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from antiphon.engines.scripted.script import Script
from antiphon.engines.speaking import SpeechRequest
from antiphon.engines.thinking import GenerationRequest
from antiphon.errors import ConfigurationError, EngineError
from antiphon.runtime.engine_set import HOSTED_VOICES, SpokenVoice
from tests.support.cast import make_cast


def test_the_synthesizers_own_voices_come_first_and_the_hosted_ones_are_accepted():
    engines = make_cast().engines
    assert engines.voices == ("alto", "tenor", "bass", *HOSTED_VOICES)


def test_a_voice_it_has_is_spoken_with_and_any_other_by_its_default():
    engines = make_cast().engines
    assert engines.voice_named("bass") == ("bass", 1.0)
    assert engines.voice_named("marin") == ("alto", 1.0)


def test_the_operators_names_for_voices_are_accepted_and_spoken_with_theirs():
    names = {"voice_123": SpokenVoice("tenor"), "marin": SpokenVoice("bass", speed=1.2)}
    engines = replace(make_cast().engines, voice_names=names)
    assert engines.voices[:4] == ("alto", "tenor", "bass", "voice_123")
    assert engines.voices.count("marin") == 1
    assert engines.abilities.voices == engines.voices
    assert engines.voice_named("voice_123") == ("tenor", 1.0)
    assert engines.voice_named("marin") == ("bass", 1.2)


def test_a_name_for_a_voice_that_is_not_there_is_refused_at_the_start():
    with pytest.raises(ConfigurationError, match=r"'marin'.*'soprano'.*alto, tenor, bass"):
        replace(make_cast().engines, voice_names={"marin": SpokenVoice("soprano")})


def test_abilities_are_what_the_engines_say_of_themselves():
    cast = make_cast(Script(images=True))
    cast.transcriber.info = msgspec.structs.replace(cast.transcriber.info, languages=("en",))
    abilities = cast.engines.abilities
    assert (abilities.transcriber, abilities.languages) == ("scripted", ("en",))
    assert (abilities.logprobs, abilities.images) == (True, True)
    assert not make_cast().engines.abilities.images


async def test_warming_shows_the_instructions_to_the_language_model():
    cast = make_cast()
    await cast.engines.warm("Be brief.")
    ((message,),) = [request.messages for request in cast.language_model.warmed]
    assert (message.role, message.text) == ("system", "Be brief.")


async def test_closing_closes_all_engines():
    cast = make_cast()
    await cast.engines.aclose()
    with pytest.raises(EngineError, match="closed"):
        await anext(cast.language_model.generate(GenerationRequest(messages=())))
    with pytest.raises(EngineError, match="closed"):
        await anext(cast.synthesizer.synthesize(SpeechRequest(text="Hi.", voice="alto")))
