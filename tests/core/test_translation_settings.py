"""What an update makes of a translation session's settings."""

import msgspec
import pytest

from antiphon.core.translation_settings import SpokenLanguages, translation_updated
from antiphon.errors import RequestError
from antiphon.wire.translation import TranslationSession, TranslationSessionUpdate
from tests.core.booth import translation

ANY = SpokenLanguages(synthesizer="some-voice")


def updated(
    update: object, current: TranslationSession | None = None, spoken: SpokenLanguages = ANY
) -> TranslationSession:
    patch = msgspec.convert(update, TranslationSessionUpdate)
    return translation_updated(current or translation(transcribed=True), patch, spoken=spoken)


def test_what_is_absent_stays_as_it_is() -> None:
    current = translation(transcribed=True)
    assert updated({}, current) == current
    changed = updated({"audio": {"output": {"language": "es"}}}, current)
    assert changed == translation(language="es", transcribed=True)


def test_null_switches_transcription_off() -> None:
    assert updated({"audio": {"input": {"transcription": None}}}) == translation()


def test_a_client_may_send_back_what_it_was_told() -> None:
    current = translation()
    told = msgspec.to_builtins(current)
    assert updated(told, current) == current


@pytest.mark.parametrize(
    ("update", "param", "code"),
    [
        ({"model": "another"}, "session.model", "invalid_value"),
        ({"type": "realtime"}, "session.type", "invalid_value"),
        ({"audio": {"output": {"language": ""}}}, "session.audio.output.language", "invalid_value"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(update, param: str, code: str) -> None:
    with pytest.raises(RequestError) as caught:
        updated(update)
    assert (caught.value.param, caught.value.code) == (param, code)


def test_a_language_that_cannot_be_spoken_is_refused_with_those_that_can() -> None:
    several = SpokenLanguages(synthesizer="some-voice", codes=("en", "fr"))
    with pytest.raises(RequestError, match=r"'some-voice' speaks 'en', 'fr'\."):
        updated({"audio": {"output": {"language": "ja"}}}, spoken=several)
    one = SpokenLanguages(synthesizer="some-voice", codes=("en",))
    with pytest.raises(RequestError, match=r"'some-voice' speaks only 'en'\."):
        updated({"audio": {"output": {"language": "ja"}}}, spoken=one)


def test_a_region_of_a_language_is_that_language() -> None:
    spoken = SpokenLanguages(synthesizer="some-voice", codes=("pt",))
    session = updated({"audio": {"output": {"language": "pt-BR"}}}, spoken=spoken)
    assert session.audio.output.language == "pt-BR"


@pytest.mark.parametrize(
    ("codes", "default"), [((), "en"), (("fr", "en"), "en"), (("fr", "de"), "fr")]
)
def test_the_default_is_english_or_else_what_can_be_spoken(codes, default: str) -> None:
    assert SpokenLanguages(synthesizer="some-voice", codes=codes).default == default
