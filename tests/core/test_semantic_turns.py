"""Turns that end when the speaker seems to have finished."""

from typing import TypeVar

from msgspec.structs import replace

from antiphon.core.effects import (
    GuessResponse,
    PredictMessageEnd,
    PredictTurnEnd,
    Transcribe,
    WarmPrompt,
)
from antiphon.core.plan import Speculation
from antiphon.core.signals import MessageEndPredicted, TranscriptFinished, TurnEndPredicted
from antiphon.core.turns import LONGEST_PAUSE_MS
from antiphon.wire.audio_config import SemanticVad, TurnDetection

from .support import ABILITIES, Rig, settings, types

E = TypeVar("E")

SEMANTIC = SemanticVad(eagerness="medium")
READS_ENDS = replace(ABILITIES, message_ends=True)


class Speaker(Rig):
    """A session with ``semantic_vad`` that works answers ahead, unless said otherwise."""

    def __init__(
        self,
        *,
        reads_ends: bool = False,
        turn_detection: TurnDetection = SEMANTIC,
        speculation: Speculation = "answers",
    ) -> None:
        super().__init__(
            settings(turn_detection=turn_detection),
            abilities=READS_ENDS if reads_ends else ABILITIES,
            speculation=speculation,
        )

    def asked(self, kind: type[E]) -> list[E]:
        return [one for one in self.log if isinstance(one, kind)]

    def pause(self) -> str:
        """Speak for a second, pause for a moment, and return the pause's id."""
        self.speech(960)
        self.silence(96)
        return self.asked(Transcribe)[-1].item_id

    def wait_for_the_end(self, most_ms: int = 10_000) -> int:
        """Stay silent until the turn has ended; return how long that took."""
        for waited_ms in range(32, most_ms, 32):
            if "input_audio_buffer.speech_stopped" in types(self.silence(32)):
                return waited_ms
        raise TimeoutError


def test_a_pause_is_looked_at_from_all_sides() -> None:
    speaker = Speaker()
    pause_id = speaker.pause()
    (transcribe,), (predict,) = speaker.asked(Transcribe), speaker.asked(PredictTurnEnd)
    assert transcribe.item_id == predict.pause_id == pause_id
    assert not speaker.asked(PredictMessageEnd)


def test_without_evidence_the_turn_lasts_to_the_longest_pause() -> None:
    speaker = Speaker()
    speaker.pause()
    assert speaker.wait_for_the_end() >= LONGEST_PAUSE_MS["medium"] - 128


def test_a_sentence_that_sounds_finished_and_is_complete_ends_the_turn_soon() -> None:
    speaker = Speaker()
    pause_id = speaker.pause()
    speaker.feed(
        TurnEndPredicted(pause_id, 0.99),
        TranscriptFinished(pause_id, "What is the capital of Italy?"),
    )
    assert speaker.wait_for_the_end() < 1500


def test_a_sentence_that_hangs_in_the_air_is_waited_for() -> None:
    speaker, other = Speaker(), Speaker()
    for one, words in (
        (speaker, "I would like to book a"),
        (other, "I would like to book a room."),
    ):
        pause_id = one.pause()
        one.feed(TurnEndPredicted(pause_id, 0.9), TranscriptFinished(pause_id, words))
    assert speaker.wait_for_the_end() > other.wait_for_the_end() + 500


def test_the_language_model_is_asked_before_it_answers() -> None:
    speaker = Speaker(reads_ends=True)
    pause_id = speaker.pause()
    speaker.feed(TranscriptFinished(pause_id, "Tell me a story."))
    (asked,) = speaker.asked(PredictMessageEnd)
    assert asked.plan.messages[-1].text == "Tell me a story."
    assert not speaker.asked(GuessResponse)
    speaker.feed(MessageEndPredicted(pause_id, 0.9))
    assert len(speaker.asked(GuessResponse)) == 1


def test_it_answers_ahead_also_if_it_cannot_say_whether_the_message_is_over() -> None:
    speaker = Speaker(reads_ends=True)
    pause_id = speaker.pause()
    speaker.feed(TranscriptFinished(pause_id, "Tell me a story."))
    speaker.feed(MessageEndPredicted(pause_id, None))
    assert len(speaker.asked(GuessResponse)) == 1


def test_what_is_said_of_a_pause_that_is_over_changes_nothing() -> None:
    speaker = Speaker(reads_ends=True)
    pause_id = speaker.pause()
    speaker.speech(320)
    before = list(speaker.log)
    speaker.feed(
        TurnEndPredicted(pause_id, 0.99),
        TranscriptFinished(pause_id, "Yes."),
        MessageEndPredicted(pause_id, 1.0),
    )
    assert speaker.log == before


def test_evidence_of_one_pause_is_not_evidence_of_the_next() -> None:
    speaker = Speaker()
    pause_id = speaker.pause()
    speaker.feed(TurnEndPredicted(pause_id, 0.99), TranscriptFinished(pause_id, "Yes, please."))
    speaker.speech(320)
    assert speaker.wait_for_the_end() >= LONGEST_PAUSE_MS["medium"] - 64


def test_a_turn_that_is_not_to_be_answered_is_not_answered_ahead() -> None:
    speaker = Speaker()
    speaker.send(
        "session.update",
        session={
            "type": "realtime",
            "audio": {
                "input": {"turn_detection": {"type": "semantic_vad", "create_response": False}}
            },
        },
    )
    speaker.feed(TranscriptFinished(speaker.pause(), "Yes."))
    assert not speaker.asked(GuessResponse)


def test_while_somebody_speaks_the_language_model_reads_along() -> None:
    speaker = Speaker()
    speaker.speech(1600)
    (transcribe,) = speaker.asked(Transcribe)
    speaker.feed(TranscriptFinished(transcribe.item_id, "I would like to know"))
    assert speaker.asked(WarmPrompt)[-1].messages[-1].text == "I would like to know"
    assert not speaker.asked(GuessResponse)


def test_words_that_were_read_along_are_never_taken_for_the_whole_turn() -> None:
    speaker = Speaker()
    speaker.send(
        "session.update",
        session={
            "type": "realtime",
            "audio": {
                "input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": 0}}
            },
        },
    )
    speaker.speech(1600)
    (reading,) = speaker.asked(Transcribe)
    speaker.feed(TranscriptFinished(reading.item_id, "I would like"))
    speaker.silence(64)
    whole = speaker.asked(Transcribe)[-1]
    assert whole is not reading
    assert not whole.is_guess
