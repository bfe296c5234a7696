import json
from typing import get_args

import msgspec
import pytest
from msgspec import UNSET
from openai.types.realtime import RealtimeTranslationServerEvent
from pydantic import TypeAdapter

from antiphon.errors import RequestError
from antiphon.wire import translation
from antiphon.wire.codec import decode_client_event, decode_translation_event, encode
from antiphon.wire.error import ErrorObject
from antiphon.wire.server_events import ErrorEvent

from .samples import EVENT

SDK = TypeAdapter(RealtimeTranslationServerEvent)
SESSION = translation.TranslationSession(
    id="sess_1",
    expires_at=1_800_000_000,
    model="some-model",
    audio=translation.TranslationAudio(
        input=translation.TranslationInput(
            transcription=translation.TranslationTranscription(model="whisper-1")
        ),
        output=translation.TranslationOutput(language="fr"),
    ),
)
EVENTS: tuple[translation.TranslationServerEvent, ...] = (
    ErrorEvent(**EVENT, error=ErrorObject(type="server_error", message="No.")),
    translation.TranslationSessionCreated(**EVENT, session=SESSION),
    translation.TranslationSessionUpdated(**EVENT, session=SESSION),
    translation.SessionClosed(**EVENT),
    translation.SessionOutputAudioDelta(**EVENT, delta=b"\0\1", elapsed_ms=200),
    translation.SessionOutputTranscriptDelta(**EVENT, delta="Bon"),
    translation.SessionInputTranscriptDelta(**EVENT, delta="Good", elapsed_ms=200),
)


def test_there_is_a_sample_of_every_event() -> None:
    assert {type(event) for event in EVENTS} == set(get_args(translation.TranslationServerEvent))


@pytest.mark.parametrize("event", EVENTS)
def test_the_sdk_takes_every_event_in_strict_mode(event) -> None:
    model = SDK.validate_json(encode(event), strict=True)
    assert json.loads(model.model_dump_json(exclude_unset=True)) == json.loads(encode(event))
    assert msgspec.json.decode(encode(event), type=translation.TranslationServerEvent) == event


def test_a_patch_may_change_the_language_alone() -> None:
    event = decode_translation_event(
        b'{"type":"session.update","session":{"audio":{"output":{"language":"es"}}}}'
    )
    assert isinstance(event, translation.UpdateTranslationSession)
    assert isinstance(event.session.audio, translation.TranslationAudioUpdate)
    assert event.session.audio.input is UNSET


def test_audio_arrives_decoded() -> None:
    event = decode_translation_event(b'{"type":"session.input_audio_buffer.append","audio":"AAE="}')
    assert event == translation.SessionInputAudioBufferAppend(audio=b"\0\1")


def test_events_of_speech_sessions_are_unknown_here() -> None:
    with pytest.raises(RequestError) as caught:
        decode_translation_event(b'{"type":"response.create","event_id":"e1"}')
    assert caught.value.message == (
        "'response.create' is an event of speech sessions. A translation session takes "
        "'session.update', 'session.input_audio_buffer.append', and 'session.close'."
    )
    assert (caught.value.code, caught.value.param) == ("invalid_value", "type")
    assert caught.value.event_id == "e1"


def test_events_of_translation_sessions_are_unknown_in_others() -> None:
    with pytest.raises(RequestError, match="Connect to /v1/realtime/translations"):
        decode_client_event(b'{"type":"session.close"}')


def test_an_event_of_no_session_is_told_what_there_is() -> None:
    with pytest.raises(RequestError, match=r"Supported values are: 'session\.update'"):
        decode_translation_event(b'{"type":"session.end"}')


def test_the_language_of_the_source_is_refused_by_name() -> None:
    with pytest.raises(RequestError) as caught:
        decode_translation_event(
            b'{"type":"session.update","session":{"audio":{"input":{"language":"en"}}}}'
        )
    assert caught.value.code == "unknown_parameter"
    assert caught.value.param == "session.audio.input.language"
