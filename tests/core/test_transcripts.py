import pytest

from antiphon.core.clock import SAMPLES_PER_MS, Span
from antiphon.core.conversation import Conversation, Entry, Hearing
from antiphon.core.effects import (
    Effect,
    KeepItem,
    KeepRecording,
    NeedTranscript,
    SendEvent,
    StopTranscribing,
    Transcribe,
)
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
    assert listening.effects() == [KeepItem(listening.entry.item)]
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
    assert listening.effects() == [KeepItem(listening.entry.item)]
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


# --- words that are found out ahead ---------------------------------------------------------------


class Pausing:
    """A turn that may be over, and what becomes of its words."""

    def __init__(self) -> None:
        self.outgoing = Outgoing(CountingEntropy())
        self.conversation = Conversation("conv_1")
        self.transcripts = Transcripts(self.outgoing, self.conversation)
        self.transcripts.begin_guess(SPAN, ASKED_FOR, logprobs=True)

    def end_turn(self, source: Span | bytes = SPAN, *, logprobs: bool = True) -> Entry:
        item = Message(id="item_1", role="user", content=(InputAudio(),))
        entry = Entry(item, audio_ms=1500)
        self.conversation.append(entry)
        self.transcripts.begin(entry, source, ASKED_FOR, logprobs=logprobs)
        return entry

    def take(self, *words: str) -> None:
        for word in words[:-1]:
            self.transcripts.take(TranscriptExtended("guess_1", word))
        self.transcripts.take(TranscriptFinished("guess_1", words[-1]))

    def effects(self) -> list[Effect]:
        return self.outgoing.drain()


ASKED_AHEAD = Transcribe(
    item_id="guess_1", source=SPAN, hints=ASKED_FOR, logprobs=True, is_guess=True
)


def test_words_are_found_out_ahead_and_told_to_nobody() -> None:
    pausing = Pausing()
    pausing.take("good", " morning", "good morning")
    assert pausing.effects() == [ASKED_AHEAD]
    assert pausing.transcripts.guess is not None
    assert pausing.transcripts.guess.words == "good morning"


def test_words_that_are_known_are_told_after_what_the_end_of_the_turn_brings_about() -> None:
    pausing = Pausing()
    pausing.take("good", " morning", "good morning")
    entry = pausing.end_turn()
    assert pausing.effects() == [ASKED_AHEAD, KeepRecording("item_1", SPAN)]
    assert pausing.transcripts.awaits("item_1")
    pausing.transcripts.tell_known()
    assert entry.hearing is Hearing.DONE
    told = [effect.event for effect in pausing.effects() if isinstance(effect, SendEvent)]
    assert [type(event).__name__ for event in told] == [
        "ConversationItemInputAudioTranscriptionDelta",
        "ConversationItemInputAudioTranscriptionDelta",
        "ConversationItemInputAudioTranscriptionCompleted",
    ]
    pausing.transcripts.tell_known()
    assert pausing.effects() == []  # they are told once


def test_words_under_way_are_the_items_from_the_end_of_the_turn_on() -> None:
    pausing = Pausing()
    pausing.transcripts.take(TranscriptExtended("guess_1", "good"))
    entry = pausing.end_turn()
    assert pausing.effects()[-1] == NeedTranscript("guess_1")
    assert pausing.transcripts.awaits("item_1")
    pausing.transcripts.tell_known()
    pausing.take(" morning", "good morning")
    told = [effect.event for effect in pausing.effects() if isinstance(effect, SendEvent)]
    deltas = [
        event.delta
        for event in told
        if isinstance(event, sent.ConversationItemInputAudioTranscriptionDelta)
    ]
    assert "".join(deltas) == "good morning"
    assert entry.hearing is Hearing.DONE


@pytest.mark.parametrize("known", [True, False])
def test_words_that_nobody_wants_are_not_found_out_any_longer(known: bool) -> None:
    pausing = Pausing()
    if known:
        pausing.take("good morning")
    pausing.transcripts.drop_guess()
    assert pausing.effects() == [ASKED_AHEAD, *[StopTranscribing("guess_1")] * (not known)]
    pausing.take("late")
    pausing.transcripts.drop_guess()
    assert pausing.effects() == []


def test_a_new_pause_replaces_the_one_before() -> None:
    pausing = Pausing()
    longer = Span(0, 3000 * SAMPLES_PER_MS)
    pausing.transcripts.begin_guess(longer, ASKED_FOR, logprobs=True)
    _, stopped, asked = pausing.effects()
    assert stopped == StopTranscribing("guess_1")
    assert isinstance(asked, Transcribe)
    assert (asked.item_id, asked.source) == ("guess_2", longer)


def test_log_probabilities_are_found_out_only_for_who_is_told_the_words() -> None:
    pausing = Pausing()
    pausing.transcripts.begin_guess(SPAN, None, logprobs=True)
    *_, asked = pausing.effects()
    assert isinstance(asked, Transcribe)
    assert not asked.logprobs


def test_words_wanted_in_another_way_take_the_place_of_the_guess() -> None:
    pausing = Pausing()
    pausing.end_turn(logprobs=False)
    wanted = Transcribe(item_id="item_1", source=SPAN, hints=ASKED_FOR)
    assert pausing.effects()[-2:] == [StopTranscribing("guess_1"), wanted]
    assert pausing.transcripts.guess is None


def test_audio_that_comes_as_an_item_leaves_the_guess_alone() -> None:
    pausing = Pausing()
    pausing.end_turn(bytes(4800))
    assert not any(isinstance(effect, StopTranscribing) for effect in pausing.effects())
    assert pausing.transcripts.guess is not None
