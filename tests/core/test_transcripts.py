import pytest

from antiphon.core.clock import SAMPLES_PER_MS, Span
from antiphon.core.conversation import Conversation, Entry, Hearing
from antiphon.core.effects import Effect, KeepRecording, SendEvent, Transcribe
from antiphon.core.outgoing import Outgoing
from antiphon.core.signals import (
    Failure,
    TranscriptExtended,
    TranscriptFailed,
    TranscriptFinished,
)
from antiphon.core.transcripts import Transcripts
from antiphon.wire import transcription_events as sent
from antiphon.wire.audio_config import AudioTranscription
from antiphon.wire.items import InputAudio, Message

from .support import CountingEntropy

SPAN = Span(0, 1500 * SAMPLES_PER_MS)
ASKED_FOR = AudioTranscription(model="any", language="de", prompt="Names: Ada.")
FAILURE = Failure("transcribe", "audio_unintelligible", "Nothing to be understood.")


class Listening:
    """One audio item whose words are being found out."""

    def __init__(
        self, transcription: AudioTranscription | None, source: Span | bytes = SPAN
    ) -> None:
        self.outgoing = Outgoing(CountingEntropy())
        self.conversation = Conversation("conv_1")
        self.entry = Entry(
            Message(id="item_1", role="user", content=(InputAudio(),)), audio_ms=1500
        )
        self.conversation.append(self.entry)
        self.transcripts = Transcripts(self.outgoing, self.conversation)
        self.transcripts.begin(self.entry, source, transcription)

    def sent(self) -> list[object]:
        return [effect.event for effect in self.effects() if isinstance(effect, SendEvent)]

    def effects(self) -> list[Effect]:
        return self.outgoing.drain()


def test_the_clients_hints_go_along_with_the_audio() -> None:
    listening = Listening(ASKED_FOR)
    assert listening.effects() == [
        KeepRecording("item_1", SPAN),
        Transcribe(item_id="item_1", source=SPAN, hints=ASKED_FOR),
    ]
    assert listening.entry.hearing is Hearing.PENDING


def test_words_are_found_out_even_if_the_client_does_not_want_to_know() -> None:
    listening = Listening(None)
    assert listening.effects() == [
        KeepRecording("item_1", SPAN),
        Transcribe(item_id="item_1", source=SPAN, hints=None),
    ]
    listening.transcripts.take(TranscriptExtended("item_1", "good"))
    listening.transcripts.take(TranscriptFinished("item_1", "good morning"))
    assert listening.effects() == []
    assert listening.entry.hearing is Hearing.DONE


def test_the_client_reads_words_as_they_come_and_then_all_of_them() -> None:
    listening = Listening(ASKED_FOR)
    listening.effects()
    listening.transcripts.take(TranscriptExtended("item_1", "good"))
    listening.transcripts.take(TranscriptExtended("item_1", ""))
    listening.transcripts.take(TranscriptFinished("item_1", "good morning"))
    delta, completed = listening.sent()
    assert isinstance(delta, sent.ConversationItemInputAudioTranscriptionDelta)
    assert delta.delta == "good"
    assert isinstance(completed, sent.ConversationItemInputAudioTranscriptionCompleted)
    assert completed.transcript == "good morning"
    assert completed.usage == sent.TranscriptionDurationUsage(seconds=1.5)


def test_words_of_audio_that_the_client_sent_as_an_item_are_not_announced() -> None:
    listening = Listening(ASKED_FOR, source=bytes(4800))
    listening.effects()
    listening.transcripts.take(TranscriptFinished("item_1", "good morning"))
    assert listening.effects() == []
    assert listening.entry.hearing is Hearing.DONE


def test_a_failure_is_told_and_remembered() -> None:
    listening = Listening(ASKED_FOR)
    listening.effects()
    listening.transcripts.take(TranscriptFailed("item_1", FAILURE))
    (failed,) = listening.sent()
    assert isinstance(failed, sent.ConversationItemInputAudioTranscriptionFailed)
    assert (failed.error.code, failed.error.message) == (FAILURE.code, FAILURE.message)
    assert listening.entry.failure is FAILURE


@pytest.mark.parametrize("failed_first", [True, False])
def test_what_comes_after_the_end_is_dropped(failed_first: bool) -> None:
    listening = Listening(ASKED_FOR)
    if failed_first:
        listening.transcripts.take(TranscriptFailed("item_1", FAILURE))
    else:
        listening.transcripts.take(TranscriptFinished("item_1", "good morning"))
    listening.effects()
    hearing = listening.entry.hearing
    listening.transcripts.take(TranscriptExtended("item_1", "late"))
    listening.transcripts.take(TranscriptFinished("item_1", "late"))
    listening.transcripts.take(TranscriptFailed("item_1", FAILURE))
    assert listening.effects() == []
    assert listening.entry.hearing is hearing


def test_words_of_an_item_that_never_was_are_dropped() -> None:
    listening = Listening(ASKED_FOR)
    listening.effects()
    listening.transcripts.take(TranscriptFinished("item_2", "who?"))
    assert listening.effects() == []


def test_the_words_of_a_deleted_item_are_known_but_not_told() -> None:
    listening = Listening(ASKED_FOR)
    listening.effects()
    listening.conversation.remove(listening.entry)
    assert listening.transcripts.awaits("item_1")
    listening.transcripts.take(TranscriptFinished("item_1", "good morning"))
    assert listening.effects() == []
    assert listening.entry.hearing is Hearing.DONE
    assert not listening.transcripts.awaits("item_1")
