from __future__ import annotations

import gc
import time
from pathlib import Path

import anyio
import pytest
from msgspec.structs import replace

from antiphon.config import DEFAULT_INSTRUCTIONS, Config, Limits
from antiphon.core.verbs import SESSION_LIFETIME_S
from antiphon.errors import BusyError, RequestError
from antiphon.runtime.detection import Detection
from antiphon.runtime.host import Host
from antiphon.runtime.listen import Ear
from antiphon.runtime.models import Models
from antiphon.runtime.reception import RETRY_AFTER_S, Reception
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
from tests.support.sound import silence, speech


@pytest.fixture(scope="session")
def anyio_backend(virtual_time):
    return virtual_time


def reception(**config: object) -> Reception:
    cast = make_cast()
    settings = Config(home=Path("unused"), **config)  # type: ignore[arg-type]
    models = Models(settings, lambda _: cast.engines)
    return Reception(settings, models, Detection(cast.voice_detector))


@pytest.mark.parametrize("asked_for", [None, ""])
async def test_who_names_no_model_gets_the_first(asked_for):
    assert reception(models=TWO_MODELS).openings.choose_model(asked_for) == "first"


async def test_who_names_another_model_gets_its_name_back():
    desk = reception(models=TWO_MODELS)
    assert desk.openings.choose_model("second") == "second"
    assert desk.openings.choose_model("gpt-9") == "gpt-9"


async def test_a_strict_reception_knows_its_models_only():
    desk = reception(models=TWO_MODELS, strict_models=True)
    assert desk.openings.choose_model("second") == "second"
    with pytest.raises(RequestError, match="`gpt-9` does not exist here") as refusal:
        desk.openings.choose_model("gpt-9")
    assert (refusal.value.code, refusal.value.param) == ("model_not_found", "model")


async def test_places_are_taken_and_given_back():
    desk = reception(max_sessions=2)
    with desk.place():
        assert (desk.open_sessions, desk.full) == (1, False)
        with desk.place():
            assert (desk.open_sessions, desk.full) == (2, True)
    assert (desk.open_sessions, desk.full) == (0, False)


async def test_a_place_is_given_back_whatever_happens():
    desk = reception(max_sessions=1)
    with pytest.raises(ZeroDivisionError), desk.place():
        raise ZeroDivisionError
    assert desk.open_sessions == 0


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
    desk = reception(models=ONE_MODEL)
    spoken = RealtimeSessionUpdate(model="gpt-9")
    assert desk.openings.opening_with(spoken).model == "gpt-9"
    assert desk.openings.opening_with(spoken, "gpt-10").model == "gpt-10"
    assert desk.openings.opening_with(RealtimeSessionUpdate()).model == "first"
    heard = desk.openings.opening_with(TranscriptionSessionUpdate())
    assert (heard.kind, heard.model) == ("transcription", "first")


async def test_a_preview_is_the_session_that_would_open():
    desk = reception()
    settings = RealtimeSessionUpdate(instructions="Be a pirate.", output_modalities=("text",))
    session = desk.openings.preview(desk.openings.opening_with(settings))
    assert isinstance(session, RealtimeSession)
    assert session.instructions == "Be a pirate."
    assert session.output_modalities == ("text",)
    assert session.audio.output.voice == "alto"
    assert desk.open_sessions == 0


async def test_a_preview_of_a_transcription_session_has_its_settings():
    desk = reception()
    heard = AudioInputUpdate(turn_detection=None)
    settings = TranscriptionSessionUpdate(audio=TranscriptionAudioUpdate(input=heard))
    session = desk.openings.preview(desk.openings.opening_with(settings))
    assert isinstance(session, TranscriptionSession)
    assert session.audio.input.turn_detection is None
    assert session.audio.input.transcription is not None


async def test_a_preview_refuses_what_an_update_would_be_refused():
    desk = reception()
    voice = SessionAudioUpdate(output=AudioOutputUpdate(voice="nobody"))
    with pytest.raises(RequestError) as refusal:
        desk.openings.preview(desk.openings.opening_with(RealtimeSessionUpdate(audio=voice)))
    assert refusal.value.param == "session.audio.output.voice"


async def test_a_translation_is_into_english_unless_something_else_is_asked_for():
    desk = reception()
    plain = desk.openings.preview_translation(TranslationSessionRequest(model="m"))
    assert (plain.model, plain.audio.output.language) == ("m", "en")
    assert plain.audio.input.transcription is None


async def test_a_translation_opens_with_what_its_preview_told():
    audio = TranslationAudioUpdate(
        input=TranslationInputUpdate(transcription=TranslationTranscription(model="t")),
        output=TranslationOutputUpdate(language="es"),
    )
    wanted = TranslationSessionRequest(model="m", audio=audio)
    desk = reception()
    told = desk.openings.preview_translation(wanted)
    assert told.audio.output.language == "es"
    opened = desk.openings.preview(desk.openings.translation_opening(wanted))
    assert replace(opened, id=told.id, expires_at=told.expires_at) == told


async def test_a_client_may_ask_for_another_model_than_its_secret_names():
    wanted = TranslationSessionRequest(model="m")
    assert reception().openings.translation_opening(wanted).model == "m"
    assert reception().openings.translation_opening(wanted, "other").model == "other"
    assert reception(models=ONE_MODEL).openings.translation_opening(None).model == "first"


async def test_sessions_have_ids_of_their_own():
    async with open_room() as room:
        sessions = [(await room.enter()).frames[0]["session"]["id"] for _ in range(3)]
        assert room.reception.open_sessions == 3
    assert len(set(sessions)) == 3


async def test_sessions_that_are_over_are_forgotten():
    async with open_room() as room:
        client = await room.enter()
        await client.append(speech(700) + silence(800))
        await client.answer()
        client.leave()
        await client.over.wait()
        await anyio.sleep(1)
        gc.collect()
        assert not [one for one in gc.get_objects() if isinstance(one, Host | Ear)]


async def test_a_reception_that_closes_leaves_no_task_behind():
    before = anyio.get_running_tasks()
    async with open_room() as room:
        await room.enter()
    assert anyio.get_running_tasks() == before


async def test_a_request_takes_up_the_room_of_a_session_while_it_is_served():
    desk = reception(max_sessions=1)
    with desk.request(None):
        assert desk.full
        with pytest.raises(BusyError) as refusal, desk.request(None):
            pass
        assert refusal.value.code == "server_full"
        assert refusal.value.retry_after_s == RETRY_AFTER_S
    assert desk.open_sessions == 0


async def test_requests_count_to_the_account_of_their_key():
    desk = reception(rate_limits=Limits(requests_per_minute=1))
    with desk.request("one"):
        pass
    with pytest.raises(BusyError) as refusal, desk.request("one"):
        pass
    assert refusal.value.code == "rate_limit_exceeded"
    assert 0 < refusal.value.retry_after_s <= 60
    assert desk.open_sessions == 0
    with desk.request("another"):
        assert desk.open_sessions == 1


async def test_a_request_is_worked_on_by_the_engines_of_its_model():
    desk = reception(models=TWO_MODELS, strict_models=True)
    assert desk.openings.engines_of("second") is desk.models.named("second").engines
    assert desk.openings.engines_of(None) is desk.models.default.engines
    with pytest.raises(RequestError):
        desk.openings.engines_of("third")
