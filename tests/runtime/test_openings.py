from __future__ import annotations

import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from antiphon.config import DEFAULT_INSTRUCTIONS, Config
from antiphon.core.verbs import SESSION_LIFETIME_S
from antiphon.errors import RequestError
from antiphon.runtime.entropy import RandomEntropy
from antiphon.runtime.models import Models
from antiphon.runtime.openings import Openings
from antiphon.wire.audio_config import AudioInputUpdate, AudioOutputUpdate
from antiphon.wire.session import (
    RealtimeSession,
    RealtimeSessionUpdate,
    SessionAudioUpdate,
    TranscriptionAudioUpdate,
    TranscriptionSession,
    TranscriptionSessionUpdate,
)
from antiphon.wire.translation import (
    TranslationAudioUpdate,
    TranslationInputUpdate,
    TranslationOutputUpdate,
    TranslationSessionRequest,
    TranslationTranscription,
)
from tests.support.cast import make_cast
from tests.support.memory import open_room
from tests.support.models import ONE_MODEL, TWO_MODELS


@pytest.fixture(scope="session")
def anyio_backend(virtual_time):
    return virtual_time


def openings(**config: object) -> Openings:
    engines = make_cast().engines
    settings = Config(home=Path("unused"), **config)  # type: ignore[arg-type]
    return Openings(settings, Models(settings, lambda _: engines), RandomEntropy())


@pytest.mark.parametrize("asked_for", [None, ""])
async def test_who_names_no_model_gets_the_first(asked_for):
    assert openings(models=TWO_MODELS).choose_model(asked_for) == "first"


async def test_who_names_another_model_gets_its_name_back():
    desk = openings(models=TWO_MODELS)
    assert desk.choose_model("second") == "second"
    assert desk.choose_model("gpt-9") == "gpt-9"


async def test_a_strict_reception_knows_its_models_only():
    desk = openings(models=TWO_MODELS, strict_models=True)
    assert desk.choose_model("second") == "second"
    with pytest.raises(RequestError, match="`gpt-9` does not exist here") as refusal:
        desk.choose_model("gpt-9")
    assert (refusal.value.code, refusal.value.param) == ("model_not_found", "model")


async def test_a_session_begins_with_these_settings():
    async with open_room() as room:
        client = await room.enter()
        session = client.frames[0]["session"]
    assert session.pop("id").startswith("sess_")
    assert session.pop("expires_at") == pytest.approx(time.time() + SESSION_LIFETIME_S, abs=60)
    audio = session.pop("audio")
    assert session == {
        "type": "realtime",
        "object": "realtime.session",
        "model": "antiphon",
        "output_modalities": ["audio"],
        "instructions": DEFAULT_INSTRUCTIONS,
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "include": None,
    }
    assert audio["input"]["format"] == {"type": "audio/pcm", "rate": 24_000}
    assert audio["input"]["turn_detection"]["type"] == "server_vad"
    assert audio["input"]["turn_detection"]["create_response"] is True
    assert audio["input"]["turn_detection"]["interrupt_response"] is True
    assert audio["output"]["voice"] == "alto"


async def test_the_operators_instructions_are_the_default():
    async with open_room(instructions="Speak like a pirate.") as room:
        client = await room.enter()
        changed = await client.update(instructions="Be brief.")
        reset = await client.update(instructions="")
    assert client.frames[0]["session"]["instructions"] == "Speak like a pirate."
    assert changed["session"]["instructions"] == "Be brief."
    assert reset["session"]["instructions"] == "Speak like a pirate."


async def test_settings_say_which_kind_of_session_is_opened():
    desk = openings(models=ONE_MODEL)
    spoken = RealtimeSessionUpdate(model="gpt-9")
    assert desk.opening_with(spoken).model == "gpt-9"
    assert desk.opening_with(spoken, "gpt-10").model == "gpt-10"
    assert desk.opening_with(RealtimeSessionUpdate()).model == "first"
    heard = desk.opening_with(TranscriptionSessionUpdate())
    assert (heard.kind, heard.model) == ("transcription", "first")


async def test_a_preview_is_the_session_that_would_open():
    desk = openings()
    settings = RealtimeSessionUpdate(instructions="Be a pirate.", output_modalities=("text",))
    session = desk.preview(desk.opening_with(settings))
    assert isinstance(session, RealtimeSession)
    assert session.instructions == "Be a pirate."
    assert session.output_modalities == ("text",)
    assert session.audio.output.voice == "alto"


async def test_a_preview_of_a_transcription_session_has_its_settings():
    desk = openings()
    heard = AudioInputUpdate(turn_detection=None)
    settings = TranscriptionSessionUpdate(audio=TranscriptionAudioUpdate(input=heard))
    session = desk.preview(desk.opening_with(settings))
    assert isinstance(session, TranscriptionSession)
    assert session.audio.input.turn_detection is None
    assert session.audio.input.transcription is not None


async def test_a_preview_refuses_what_an_update_would_be_refused():
    desk = openings()
    voice = SessionAudioUpdate(output=AudioOutputUpdate(voice="nobody"))
    with pytest.raises(RequestError) as refusal:
        desk.preview(desk.opening_with(RealtimeSessionUpdate(audio=voice)))
    assert refusal.value.param == "session.audio.output.voice"


async def test_a_translation_is_into_english_unless_something_else_is_asked_for():
    desk = openings()
    plain = desk.preview_translation(TranslationSessionRequest(model="m"))
    assert (plain.model, plain.audio.output.language) == ("m", "en")
    assert plain.audio.input.transcription is None


async def test_a_translation_opens_with_what_its_preview_told():
    audio = TranslationAudioUpdate(
        input=TranslationInputUpdate(transcription=TranslationTranscription(model="t")),
        output=TranslationOutputUpdate(language="es"),
    )
    wanted = TranslationSessionRequest(model="m", audio=audio)
    desk = openings()
    told = desk.preview_translation(wanted)
    assert told.audio.output.language == "es"
    opened = desk.preview(desk.translation_opening(wanted))
    assert replace(opened, id=told.id, expires_at=told.expires_at) == told


async def test_a_client_may_ask_for_another_model_than_its_secret_names():
    wanted = TranslationSessionRequest(model="m")
    assert openings().translation_opening(wanted).model == "m"
    assert openings().translation_opening(wanted, "other").model == "other"
    assert openings(models=ONE_MODEL).translation_opening(None).model == "first"


async def test_a_request_is_worked_on_by_the_engines_of_its_model():
    desk = openings(models=TWO_MODELS, strict_models=True)
    assert desk.engines_of("second") is desk._models.named("second").engines
    assert desk.engines_of(None) is desk._models.default.engines
    with pytest.raises(RequestError):
        desk.engines_of("third")
