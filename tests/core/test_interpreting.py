"""Phrases on their way from words heard to words spoken."""

from antiphon.core.clock import Span
from antiphon.core.effects import DropAudio, ForgetItem, StartResponse, Transcribe
from antiphon.core.interpreting import CONTEXT_PHRASES, HEARD_AHEAD
from antiphon.core.signals import Failure, GenerationFailed, TranscriptFailed
from tests.core.booth import Booth, translation
from tests.core.support import spoken, types

INPUT = "session.input_transcript.delta"
OUTPUT = "session.output_transcript.delta"
SOUND = "session.output_audio.delta"


def asked(booth: Booth) -> list[str]:
    """What the language model was shown last."""
    return [message.text for message in booth.plan.messages]


def transcribed(booth: Booth, transcription: dict[str, str] | None) -> None:
    """Ask for the words of the source, or do not."""
    booth.send("session.update", session={"audio": {"input": {"transcription": transcription}}})


def test_a_phrase_is_heard_translated_and_spoken() -> None:
    booth = Booth(translation(transcribed=True))
    phrase = booth.phrase()
    (heard,) = booth.understand(phrase, " Good morning. ")
    assert (heard["type"], heard["delta"]) == (INPUT, "Good morning.")
    written, sound = booth.translate("Guten Morgen.")
    assert (written["type"], written["delta"]) == (OUTPUT, "Guten Morgen.")
    assert sound["type"] == SOUND
    assert (sound["sample_rate"], sound["channels"], sound["format"]) == (24_000, 1, "pcm16")
    assert written["elapsed_ms"] == sound["elapsed_ms"] == heard["elapsed_ms"] <= 1600 + 480


def test_the_model_is_told_the_language_by_its_name() -> None:
    booth = Booth(translation(language="fr"))
    booth.understand(booth.phrase(), "Good morning.")
    assert "into French" in booth.plan.instructions
    assert asked(booth) == ["Translate into French: Good morning."]


def test_words_of_the_source_are_told_only_if_they_are_asked_for() -> None:
    booth = Booth()
    assert booth.understand(booth.phrase(), "Good morning.") == []


def test_words_of_the_source_that_are_asked_for_later_begin_without_a_space() -> None:
    booth = Booth()
    booth.understand(booth.phrase(), "One.")
    booth.translate("Eins.")
    transcribed(booth, {"model": "any"})
    (heard,) = booth.understand(booth.phrase(), "Two.")
    assert heard["delta"] == "Two."


def test_words_of_the_source_go_on_where_they_left_off() -> None:
    booth = Booth(translation(transcribed=True))
    for words, transcription in (("One.", None), ("Two.", {"model": "any"}), ("Three.", None)):
        booth.understand(booth.phrase(), words)
        booth.translate("Wort.")
        transcribed(booth, transcription)
    assert booth.text(INPUT) == "One. Three."


def test_phrases_are_spoken_in_order_although_the_second_is_understood_first() -> None:
    booth = Booth(translation(transcribed=True))
    first, second = booth.phrase(), booth.phrase()
    assert booth.understand(second, "Two.") == []
    assert [one["delta"] for one in booth.understand(first, "One.")] == ["One.", " Two."]
    booth.translate("Eins.")
    booth.translate("Zwei.")
    assert booth.text(INPUT) == "One. Two."
    assert booth.text(OUTPUT) == "Eins. Zwei."


def test_the_next_phrase_is_heard_while_one_is_spoken() -> None:
    booth = Booth(translation(transcribed=True))
    booth.understand(booth.phrase(), "One.")
    booth.feed(*spoken(booth.plan.response_id, "Eins", ending=None))
    assert types(booth.understand(booth.phrase(), "Two.")) == [INPUT]
    assert len(booth.effects(StartResponse)) == 1


def test_a_translation_sees_a_few_phrases_before_it() -> None:
    booth = Booth()
    for number in range(CONTEXT_PHRASES + 2):
        booth.understand(booth.phrase(), f"Word {number}.")
        booth.translate(f" Wort {number}.")
    seen = [(one.role, one.text) for one in booth.plan.messages]
    assert len(seen) == 2 * CONTEXT_PHRASES + 1
    assert seen[:2] == [("user", "Translate into German: Word 1."), ("assistant", "Wort 1.")]
    assert seen[-1] == ("user", f"Translate into German: Word {CONTEXT_PHRASES + 1}.")


def test_another_language_begins_without_translations_into_the_one_before() -> None:
    booth = Booth()
    booth.understand(booth.phrase(), "One.")
    booth.translate("Eins.")
    booth.send("session.update", session={"audio": {"output": {"language": "fr"}}})
    booth.understand(booth.phrase(), "Two.")
    assert asked(booth) == ["Translate into French: Two."]
    assert "into French" in booth.plan.instructions


def test_a_phrase_that_is_being_spoken_keeps_its_language_to_itself() -> None:
    booth = Booth()
    booth.understand(booth.phrase(), "One.")
    booth.send("session.update", session={"audio": {"output": {"language": "fr"}}})
    booth.translate("Eins.")
    booth.understand(booth.phrase(), "Two.")
    assert asked(booth) == ["Translate into French: Two."]


def test_sound_without_words_is_passed_over() -> None:
    booth = Booth(translation(transcribed=True))
    assert booth.understand(booth.phrase(), "  ") == []
    assert booth.effects(StartResponse) == []
    assert types(booth.understand(booth.phrase(), "One.")) == [INPUT]


def test_a_phrase_that_cannot_be_understood_is_left_out() -> None:
    booth = Booth()
    first, second = booth.phrase(), booth.phrase()
    booth.understand(second, "Two.")
    failure = Failure("transcribe", "server_error", "It fell over.")
    (error,) = booth.feed(TranscriptFailed(first, failure))
    assert error["error"]["type"] == "server_error"
    assert "It fell over." in error["error"]["message"]
    assert asked(booth) == ["Translate into German: Two."]


def test_a_phrase_that_cannot_be_translated_is_left_out() -> None:
    booth = Booth()
    first, second = booth.phrase(), booth.phrase()
    booth.understand(first, "One.")
    booth.understand(second, "Two.")
    failure = Failure("generate", "rate_limit_exceeded", "Too much.")
    (error,) = booth.feed(GenerationFailed(booth.plan.response_id, failure))
    assert error["error"]["code"] == "rate_limit_exceeded"
    assert asked(booth) == ["Translate into German: Two."]
    booth.translate("Zwei.")
    assert booth.text(OUTPUT) == "Zwei."


def test_what_comes_after_the_end_of_a_phrase_is_dropped() -> None:
    booth = Booth()
    phrase = booth.phrase()
    booth.understand(phrase, "One.")
    booth.translate("Eins.")
    assert booth.feed(*spoken(phrase, "Eins.")) == []
    assert booth.understand(phrase, "One.") == []


def test_few_phrases_are_heard_ahead_and_the_audio_of_others_stays() -> None:
    booth = Booth()
    first = booth.phrase()
    for _ in range(HEARD_AHEAD):
        booth.phrase()
    spans = [one.source for one in booth.effects(Transcribe) if isinstance(one.source, Span)]
    assert len(spans) == HEARD_AHEAD
    assert booth.effects(DropAudio)[-1].before == spans[-1].end
    booth.understand(first, "One.")
    booth.translate("Eins.")
    assert len(booth.effects(Transcribe)) == HEARD_AHEAD + 1


def test_nothing_that_was_heard_is_kept() -> None:
    booth = Booth()
    phrase = booth.phrase()
    assert [one.item_id for one in booth.effects(ForgetItem)] == [phrase]
