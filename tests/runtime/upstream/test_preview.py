from __future__ import annotations

import pytest
from msgspec import convert

from antiphon.errors import RequestError
from antiphon.runtime.session_defaults import speech_session, transcription_session
from antiphon.runtime.upstream.preview import VOICE, expected, wanted_patches
from antiphon.wire.session import (
    RealtimeSessionUpdate,
    SessionPatch,
    TranscriptionSessionUpdate,
)

PLAIN = speech_session("sess_1", model="antiphon", instructions="Talk.", voice=VOICE, lasts_s=60)


def patch(**settings: object) -> SessionPatch:
    return convert({"type": "realtime", **settings}, RealtimeSessionUpdate)


def test_what_only_the_service_can_judge_is_taken_as_it_is():
    wanted = patch(
        audio={
            "input": {"transcription": {"model": "gpt-4o-transcribe", "language": "tlh"}},
            "output": {"voice": "somebody"},
        },
        prompt={"id": "pmpt_1"},
        include=["item.input_audio_transcription.logprobs"],
    )
    told = expected(PLAIN, [wanted])
    assert told.audio.output.voice == "somebody"
    assert told.audio.input.transcription is not None
    assert told.prompt is not None
    assert told.prompt.id == "pmpt_1"


def test_later_settings_go_over_earlier_ones():
    told = expected(PLAIN, [patch(instructions="Sing."), patch(instructions="Hum.")])
    assert told.instructions == "Hum."


def test_what_cannot_be_right_anywhere_is_refused():
    with pytest.raises(RequestError, match="tool"):
        expected(PLAIN, [patch(tool_choice={"type": "function", "name": "nowhere"})])


def test_a_transcription_session_has_its_settings_laid_over_too():
    wanted = convert(
        {"type": "transcription", "audio": {"input": {"turn_detection": None}}},
        TranscriptionSessionUpdate,
    )
    told = expected(transcription_session("sess_1", lasts_s=60), [wanted])
    assert told.audio.input.turn_detection is None


def test_only_what_changes_something_is_sent_to_the_service():
    sings, hears = patch(instructions="Sing.", model="antiphon"), TranscriptionSessionUpdate()
    assert wanted_patches("realtime", patch(), sings, None, hears) == (patch(instructions="Sing."),)
    assert wanted_patches("realtime", patch(model="antiphon")) == ()
    assert wanted_patches("transcription", sings, hears) == ()
