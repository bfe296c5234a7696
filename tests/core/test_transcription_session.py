"""Transcription sessions: they listen, and never answer."""

import json
from typing import Any

import pytest

from antiphon.core.effects import SendEvent, Transcribe
from antiphon.core.signals import AudioAppended, SpeechProbability, TranscriptFinished
from antiphon.core.transcription_session import TranscriptionSession, TranscriptionStart
from antiphon.core.verbs import SESSION_LIFETIME_S
from antiphon.wire.audio_config import AudioInput, AudioTranscription, PcmFormat, ServerVad
from antiphon.wire.codec import decode_client_event, encode
from antiphon.wire.session import TranscriptionAudio
from antiphon.wire.session import TranscriptionSession as Settings
from tests.core.support import ABILITIES, CountingEntropy, types

FRAME = 512


class Desk:
    """A transcription session and its frames."""

    def __init__(
        self, turn_detection: ServerVad | None = None, *, works_ahead: bool = False
    ) -> None:
        heard = AudioInput(
            format=PcmFormat(),
            transcription=AudioTranscription(model="any"),
            turn_detection=turn_detection,
        )
        settings = Settings(id="sess_1", expires_at=1, audio=TranscriptionAudio(input=heard))
        self.session = TranscriptionSession(
            TranscriptionStart(settings=settings, abilities=ABILITIES, works_ahead=works_ahead),
            CountingEntropy(),
            now=0.0,
        )
        self.heard_until = 0

    def send(self, event_type: str, **fields: object) -> list[dict[str, Any]]:
        event = decode_client_event(json.dumps({"type": event_type, "event_id": "e1", **fields}))
        self.session.receive(event, 0.0)
        return self.frames()

    def hear(self, ms: int, probability: float) -> list[dict[str, Any]]:
        for _ in range(0, ms, 32):
            start, self.heard_until = self.heard_until, self.heard_until + FRAME
            self.session.feed(AudioAppended(self.heard_until), 0.0)
            self.session.feed(SpeechProbability(start, self.heard_until, probability), 0.0)
        return self.frames()

    def frames(self) -> list[dict[str, Any]]:
        self.effects = self.session.drain()
        return [
            json.loads(encode(effect.event))
            for effect in self.effects
            if isinstance(effect, SendEvent)
        ]


def test_it_introduces_itself_as_a_transcription_session() -> None:
    (created,) = Desk().frames()
    assert created["type"] == "session.created"
    assert created["session"]["type"] == "transcription"
    assert created["session"]["object"] == "realtime.transcription_session"


def test_a_turn_becomes_an_item_with_words_and_no_response() -> None:
    desk = Desk(ServerVad())
    desk.frames()
    frames = desk.hear(640, 0.9) + desk.hear(640, 0.0)
    assert types(frames) == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
    ]
    assert any(isinstance(effect, Transcribe) for effect in desk.effects)
    desk.session.feed(TranscriptFinished(frames[2]["item_id"], "Good morning."), 0.0)
    (completed,) = desk.frames()
    assert completed["type"] == "conversation.item.input_audio_transcription.completed"
    assert completed["transcript"] == "Good morning."


def test_audio_can_be_committed_by_hand() -> None:
    desk = Desk()
    desk.frames()
    desk.session.feed(AudioAppended(16_000), 0.0)
    assert types(desk.send("input_audio_buffer.commit"))[0] == "input_audio_buffer.committed"


@pytest.mark.parametrize("event_type", ["response.create", "response.cancel"])
def test_it_refuses_to_answer(event_type: str) -> None:
    desk = Desk()
    desk.frames()
    (error,) = desk.send(event_type)
    assert error["error"]["event_id"] == "e1"
    assert "transcription session" in error["error"]["message"]


def test_settings_of_a_speech_session_are_refused() -> None:
    desk = Desk()
    desk.frames()
    (error,) = desk.send("session.update", session={"type": "realtime"})
    assert error["error"]["code"] == "invalid_parameter"


def test_settings_are_merged() -> None:
    desk = Desk()
    desk.frames()
    update = {
        "type": "transcription",
        "audio": {"input": {"transcription": {"language": "en"}, "turn_detection": None}},
    }
    (updated,) = desk.send("session.update", session=update)
    transcription = updated["session"]["audio"]["input"]["transcription"]
    assert transcription == {"model": "any", "language": "en", "prompt": None}


def test_it_expires() -> None:
    desk = Desk()
    desk.frames()
    desk.session.tick(SESSION_LIFETIME_S)
    (error,) = desk.frames()
    assert error["error"]["code"] == "session_expired"
    assert desk.session.deadline() is None


def test_words_that_are_found_out_in_a_pause_are_told_when_the_turn_is_over() -> None:
    desk = Desk(ServerVad(silence_duration_ms=320), works_ahead=True)
    desk.frames()
    desk.hear(480, 0.95)
    assert desk.hear(64, 0.02) == []
    (request,) = [effect for effect in desk.effects if isinstance(effect, Transcribe)]
    assert request.is_guess
    desk.session.feed(TranscriptFinished(request.item_id, "Hello"), 0.0)
    assert desk.frames() == []
    assert types(desk.hear(256, 0.02)) == [
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.input_audio_transcription.completed",
    ]
    assert not any(isinstance(effect, Transcribe) for effect in desk.effects)
