"""Sessions whose language model hears what is said: it needs no words; clients may want them."""

from __future__ import annotations

from msgspec.structs import replace

from antiphon.core.effects import GuessResponse, KeepRecording, StartResponse, Transcribe
from antiphon.core.plan import ChatAudio
from antiphon.core.signals import Failure, TranscriptFailed, TranscriptFinished
from antiphon.wire.audio_config import AudioTranscription, ServerVad
from tests.core.support import ABILITIES, Rig, settings, types

HEARING = replace(ABILITIES, hears=True)
TOLD = AudioTranscription(model="default")


def said(transcription: AudioTranscription | None = None) -> Rig:
    """A session in which something has been said."""
    rig = Rig(
        settings(turn_detection=ServerVad(), transcription=transcription),
        abilities=HEARING,
        speculation="answers",
    )
    say_more(rig)
    return rig


def say_more(rig: Rig) -> None:
    rig.speech(800)
    rig.silence(800)


def words_of(rig: Rig) -> Transcribe:
    return rig.effects(Transcribe)[-1]


def test_an_answer_begins_without_words_and_nobody_looks_for_them():
    rig = said()
    (message,) = rig.plan.messages
    (kept,) = rig.effects(KeepRecording)
    assert (message.text, message.audio) == ("", (ChatAudio(kept.item_id),))
    assert rig.effects(Transcribe) == []
    assert rig.effects(GuessResponse) == []


def test_the_client_is_told_the_words_if_it_asked_and_the_answer_does_not_wait():
    rig = said(TOLD)
    assert rig.effects(StartResponse)
    (told,) = rig.feed(TranscriptFinished(words_of(rig).item_id, "Good morning."))
    assert told["type"] == "conversation.item.input_audio_transcription.completed"
    assert told["transcript"] == "Good morning."
    assert len(rig.effects(Transcribe)) == 1


def test_words_that_cannot_be_found_out_are_told_and_the_answer_goes_on():
    rig = said(TOLD)
    failure = Failure("transcribe", "server_error", "No ears.", "server_error")
    (told,) = rig.feed(TranscriptFailed(words_of(rig).item_id, failure))
    assert told["type"] == "conversation.item.input_audio_transcription.failed"
    frames = rig.answer("Hello.")
    assert frames[-1]["response"]["status"] == "completed"


def test_nor_do_they_keep_a_later_answer_from_beginning():
    rig = said(TOLD)
    failure = Failure("transcribe", "server_error", "No ears.", "server_error")
    rig.feed(TranscriptFailed(words_of(rig).item_id, failure))
    rig.answer("Hello.")
    frames = rig.send("response.create")
    assert types(frames)[0] == "response.created"
    assert len(rig.effects(StartResponse)) == 2


def test_the_next_answer_hears_the_first_turn_again():
    rig = said(TOLD)
    rig.feed(TranscriptFinished(words_of(rig).item_id, "Good morning."))
    rig.answer("Hello.")
    say_more(rig)
    first, answer, second = rig.plan.messages
    assert first.audio[0].transcript == "Good morning."
    assert answer.text == "Hello."
    assert second.audio[0].transcript == ""
