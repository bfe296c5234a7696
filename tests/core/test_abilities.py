import pytest
from msgspec.structs import replace

from antiphon.core.abilities import primary_language, voice_name
from antiphon.errors import RequestError
from antiphon.wire.audio_config import AudioTranscription, CustomVoice

from .support import ABILITIES


def test_a_voice_that_there_is_passes_whichever_way_it_is_named() -> None:
    ABILITIES.require_voice("marin", "voice")
    ABILITIES.require_voice(CustomVoice(id="marin"), "voice")
    assert voice_name(CustomVoice(id="marin")) == voice_name("marin") == "marin"


def test_an_unknown_voice_is_refused_with_all_that_there_are() -> None:
    with pytest.raises(RequestError, match=r"'voice_9'.*'alloy', 'marin'") as refusal:
        ABILITIES.require_voice(CustomVoice(id="voice_9"), "response.audio.output.voice")
    assert refusal.value.param == "response.audio.output.voice"


def test_a_transcription_without_hints_suits_every_transcriber() -> None:
    english = replace(ABILITIES, languages=("en",))
    english.require_languages(AudioTranscription(model="any"), "transcription")


@pytest.mark.parametrize("tag", ["en", "EN", "en-US", "en_GB", "en-Latn-US"])
def test_of_a_tag_the_language_counts(tag: str) -> None:
    assert primary_language(tag) == "en"
