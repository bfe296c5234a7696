"""Translation sessions: what the client sees of one from its beginning to its end."""

import pytest
from msgspec.structs import replace

from antiphon.core.clock import SAMPLES_PER_MS, Span
from antiphon.core.effects import CloseConnection, DropAudio, StopResponse, Transcribe
from antiphon.core.phrases import PHRASING
from antiphon.core.signals import TranscriptExtended
from antiphon.wire.audio_config import NoiseReduction
from tests.core.booth import Booth, translation
from tests.core.support import spoken, types


def test_it_introduces_itself() -> None:
    created = Booth().log[0]
    assert isinstance(created, dict)
    assert created["type"] == "session.created"
    assert created["session"] == {
        "type": "translation",
        "id": "sess_1",
        "expires_at": 1_800_000_000,
        "model": "some-model",
        "audio": {
            "input": {"transcription": None, "noise_reduction": None},
            "output": {"language": "de"},
        },
    }


def test_it_tells_nothing_of_turns_and_items() -> None:
    booth = Booth()
    assert booth.speech(1600) == []
    assert booth.silence(2000) == []


def test_an_update_is_answered_with_all_settings() -> None:
    booth = Booth()
    (updated,) = booth.send("session.update", session={"audio": {"output": {"language": "es"}}})
    assert updated["type"] == "session.updated"
    assert updated["session"]["audio"]["output"] == {"language": "es"}


def test_a_refused_update_changes_nothing() -> None:
    booth = Booth(languages=("de",))
    before = booth.session.settings
    audio = {"input": {"transcription": {"model": "m"}}, "output": {"language": "es"}}
    (error,) = booth.send("session.update", event_id="e1", session={"audio": audio})
    assert error["error"]["event_id"] == "e1"
    assert error["error"]["param"] == "session.audio.output.language"
    assert booth.session.settings == before


def test_speech_is_heard_in_phrases_and_through_the_filter_that_was_asked_for() -> None:
    plain = translation()
    noise = NoiseReduction(type="near_field")
    audio = replace(plain.audio, input=replace(plain.audio.input, noise_reduction=noise))
    heard = Booth(replace(plain, audio=audio)).session.heard
    assert heard.noise_reduction == noise
    assert heard.turn_detection == PHRASING


def test_close_waits_until_everything_that_was_appended_has_been_spoken() -> None:
    booth = Booth()
    first = booth.phrase()
    booth.append(1600)  # the client closes before anybody has listened to it
    assert booth.close(probability=0.95) == []
    second = booth.effects(Transcribe)[-1]
    assert isinstance(second.source, Span)
    assert second.source.end == (1600 + 480 + 1600) * SAMPLES_PER_MS
    booth.understand(first, "One.")
    booth.understand(second.item_id, "Two.")
    deltas = ["session.output_transcript.delta", "session.output_audio.delta"]
    assert types(booth.translate("Eins.")) == deltas
    assert booth.effects(CloseConnection) == []
    assert types(booth.translate("Zwei.")) == [*deltas, "session.closed"]


def test_close_without_any_audio_closes() -> None:
    booth = Booth()
    assert types(booth.close()) == ["session.closed"]
    (closing,) = booth.effects(CloseConnection)
    assert closing.code == 1000
    assert booth.session.deadline() is None


@pytest.mark.parametrize("event_type", ["session.close", "session.update"])
def test_after_close_nothing_more_can_be_asked_for(event_type: str) -> None:
    booth = Booth()
    booth.phrase()
    booth.close()
    (error,) = booth.send(event_type, event_id="e1", session={})
    assert error["error"]["code"] == "session_closing"
    assert error["error"]["event_id"] == "e1"


def test_expiry_stops_the_translation_under_way() -> None:
    booth = Booth(lifetime_s=60)
    booth.understand(booth.phrase(), "One.")
    (error,) = booth.tick(60)
    assert error["error"]["code"] == "session_expired"
    assert [one.response_id for one in booth.effects(StopResponse)] == [booth.plan.response_id]
    assert [one.code for one in booth.effects(CloseConnection)] == [1001]
    assert booth.feed(*spoken(booth.plan.response_id, "Eins.")) == []


def test_audio_that_nobody_needs_is_forgotten() -> None:
    booth = Booth()
    booth.silence(10_016)
    dropped = [one.before // 16 for one in booth.effects(DropAudio)]
    assert dropped
    assert 8_500 < dropped[-1] <= 10_016 - 200
    booth.speech(1600)
    assert booth.effects(DropAudio)[-1].before // 16 == dropped[-1]


def test_words_in_parts_are_told_when_the_phrase_is_whole() -> None:
    booth = Booth(translation(transcribed=True))
    phrase = booth.phrase()
    assert booth.feed(TranscriptExtended(phrase, "One")) == []
    (delta,) = booth.understand(phrase, "One two.")
    assert delta["delta"] == "One two."
