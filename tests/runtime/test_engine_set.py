from __future__ import annotations

import pytest

from antiphon.engines.base import GenerationRequest, SpeechRequest
from antiphon.errors import EngineError
from antiphon.runtime.engine_set import HOSTED_VOICES
from tests.support.cast import make_cast


def test_the_synthesizers_own_voices_come_first_and_the_hosted_ones_are_accepted():
    engines = make_cast().engines
    assert engines.voices == ("alto", "tenor", "bass", *HOSTED_VOICES)


def test_a_voice_it_has_is_spoken_with_and_any_other_by_its_default():
    engines = make_cast().engines
    assert engines.voice_named("bass") == "bass"
    assert engines.voice_named("marin") == "alto"


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
