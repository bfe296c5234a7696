import pytest

from antiphon.core.clock import SAMPLES_PER_MS
from antiphon.core.turns import (
    LONGEST_PAUSE_MS,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    SpeechStopped,
    TurnChange,
    TurnDetector,
)
from antiphon.wire.audio_config import SemanticVad, ServerVad, TurnDetection

from .support import FRAME_MS

FRAME = FRAME_MS * SAMPLES_PER_MS
SPEECH, SILENCE = 0.99, 0.1
UNSURE = 0.7
SPEECH_DBFS, ROOM_DBFS = -20.0, -60.0


class Listener:
    """Feeds frames of 32 ms to a detector and keeps what it makes of them."""

    def __init__(self, settings: TurnDetection | None = None) -> None:
        self.detector = TurnDetector(settings or ServerVad())
        self.frames = 0

    def hear(self, *probabilities: float, level_dbfs: float | None = None) -> list[TurnChange]:
        """Feed frames: speech at the usual level and silence at the room's, unless told."""
        changes: list[TurnChange | None] = []
        for probability in probabilities:
            start = self.frames * FRAME
            self.frames += 1
            level = SPEECH_DBFS if probability >= UNSURE else ROOM_DBFS
            if level_dbfs is not None:
                level = level_dbfs
            changes.append(self.detector.step(start, start + FRAME, probability, level))
        return [change for change in changes if change is not None]


def test_a_click_of_two_frames_does_not_start_a_turn() -> None:
    assert Listener().hear(*[SILENCE] * 20, SPEECH, SPEECH, *[SILENCE] * 20) == []


def test_three_frames_of_speech_start_a_turn() -> None:
    listener = Listener()
    assert listener.hear(*[SILENCE] * 20, SPEECH, SPEECH) == []
    assert listener.hear(SPEECH) == [SpeechStarted(20 * FRAME - 300 * SAMPLES_PER_MS)]
    assert listener.detector.speaking


def test_the_turn_begins_where_the_speech_did_less_the_prefix_padding() -> None:
    listener = Listener(ServerVad(prefix_padding_ms=64))
    assert listener.hear(*[SILENCE] * 10, *[SPEECH] * 3) == [SpeechStarted(8 * FRAME)]


def test_no_turn_begins_before_the_session_did() -> None:
    assert Listener().hear(*[SPEECH] * 3) == [SpeechStarted(0)]


def test_frames_of_speech_apart_do_not_add_up_to_a_turn() -> None:
    assert Listener().hear(*[SPEECH, SPEECH, SILENCE] * 10) == []


def test_a_turn_ends_after_the_silence_that_was_asked_for() -> None:
    listener = Listener(ServerVad(silence_duration_ms=5 * FRAME_MS))
    listener.hear(*[SPEECH] * 10)
    assert listener.hear(*[SILENCE] * 4) == [SpeechPaused(12 * FRAME)]
    assert listener.hear(SILENCE) == [SpeechStopped(15 * FRAME)]
    assert not listener.detector.speaking


def test_silence_is_within_a_frame_of_what_was_asked_for() -> None:
    listener = Listener(ServerVad(silence_duration_ms=500))
    listener.hear(*[SPEECH] * 10)
    assert listener.hear(*[SILENCE] * 14) == [SpeechPaused(12 * FRAME)]
    assert listener.hear(SILENCE) == [SpeechStopped(25 * FRAME)]


def test_what_the_detector_hears_of_speech_that_is_over_counts_as_silence() -> None:
    listener = Listener(ServerVad(silence_duration_ms=500))
    listener.hear(*[SPEECH] * 10)
    listener.hear(*[SPEECH] * 2, level_dbfs=ROOM_DBFS)
    assert listener.hear(SILENCE) == [SpeechPaused(13 * FRAME)]
    assert listener.hear(*[SILENCE] * 11) == []
    assert listener.hear(SILENCE) == [SpeechStopped(25 * FRAME)]


def test_semantic_waits_count_from_where_the_detector_hears_no_more() -> None:
    listener = Listener(SemanticVad())
    listener.hear(*[SPEECH] * 10)
    listener.hear(*[SPEECH] * 2, level_dbfs=ROOM_DBFS)
    assert listener.hear(SILENCE) == []
    assert listener.hear(SILENCE) == [SpeechPaused(14 * FRAME)]
    listener.detector.expect(5 * FRAME_MS)
    assert listener.hear(*[SILENCE] * 2) == []
    assert listener.hear(SILENCE) == [SpeechStopped(17 * FRAME)]


def test_a_pause_shorter_than_the_silence_does_not_end_the_turn() -> None:
    listener = Listener(ServerVad(silence_duration_ms=5 * FRAME_MS))
    listener.hear(*[SPEECH] * 10)
    changes = listener.hear(*([SILENCE] * 4 + [SPEECH]) * 5)
    assert changes[:2] == [SpeechPaused(12 * FRAME), SpeechResumed()]
    assert not any(isinstance(change, SpeechStopped) for change in changes)
    assert listener.detector.speaking


def test_the_gap_of_one_frame_is_not_a_pause() -> None:
    listener = Listener()
    listener.hear(*[SPEECH] * 10)
    assert listener.hear(*[SILENCE, SPEECH] * 5) == []


def test_a_turn_that_ends_at_once_has_no_pause() -> None:
    listener = Listener(ServerVad(silence_duration_ms=0))
    listener.hear(*[SPEECH] * 10)
    assert listener.hear(SILENCE) == [SpeechStopped(11 * FRAME)]


def test_a_fading_voice_is_still_speech() -> None:
    listener = Listener(ServerVad(threshold=0.5, silence_duration_ms=FRAME_MS))
    listener.hear(*[SPEECH] * 3)
    assert listener.hear(*[0.36] * 50) == []


def test_what_is_not_loud_enough_to_begin_with_is_not_speech() -> None:
    assert Listener(ServerVad(threshold=0.5)).hear(*[0.49] * 50) == []


def test_the_threshold_itself_is_speech() -> None:
    assert Listener(ServerVad(threshold=0.7)).hear(*[0.7] * 8) != []


def test_a_sound_that_may_be_a_cough_is_not_the_start_of_a_turn() -> None:
    assert Listener().hear(*[UNSURE] * 7, SILENCE) == []


def test_a_sound_that_goes_on_is_the_start_of_a_turn() -> None:
    listener = Listener(ServerVad(prefix_padding_ms=0))
    assert listener.hear(SILENCE, *[UNSURE] * 7) == []
    assert listener.hear(UNSURE) == [SpeechStarted(FRAME)]


def test_a_turn_starts_as_soon_as_the_detector_is_sure() -> None:
    listener = Listener(ServerVad(prefix_padding_ms=0))
    assert listener.hear(*[UNSURE] * 4) == []
    assert listener.hear(SPEECH) == [SpeechStarted(0)]


def test_speech_that_has_begun_need_not_be_sure() -> None:
    listener = Listener(ServerVad(silence_duration_ms=FRAME_MS))
    listener.hear(*[SPEECH] * 3)
    assert listener.hear(*[UNSURE] * 20) == []


@pytest.mark.parametrize("threshold", [0.0, 0.1])
def test_a_turn_can_end_however_low_the_threshold_is(threshold: float) -> None:
    listener = Listener(ServerVad(threshold=threshold, silence_duration_ms=FRAME_MS))
    listener.hear(*[SPEECH] * 3)
    assert listener.hear(0.0) == [SpeechStopped(4 * FRAME)]


def test_new_settings_apply_to_the_turn_under_way() -> None:
    listener = Listener(ServerVad(silence_duration_ms=10 * FRAME_MS))
    listener.hear(*[SPEECH] * 5, SILENCE)
    listener.detector.configure(ServerVad(silence_duration_ms=2 * FRAME_MS))
    assert listener.hear(SILENCE) == [SpeechStopped(7 * FRAME)]


@pytest.mark.parametrize("settings", [SemanticVad(eagerness="low"), SemanticVad()])
def test_without_evidence_a_semantic_turn_ends_after_the_longest_pause(
    settings: SemanticVad,
) -> None:
    listener = Listener(settings)
    listener.hear(*[SPEECH] * 10)
    frames = -(-LONGEST_PAUSE_MS[settings.eagerness] // FRAME_MS)
    assert listener.hear(*[SILENCE] * (frames - 1)) == [SpeechPaused(12 * FRAME)]
    assert listener.hear(SILENCE) == [SpeechStopped((10 + frames) * FRAME)]


def test_evidence_shortens_the_pause_that_ends_the_turn() -> None:
    listener = Listener(SemanticVad())
    listener.hear(*[SPEECH] * 10, *[SILENCE] * 4)
    listener.detector.expect(5 * FRAME_MS)
    assert listener.hear(SILENCE) == [SpeechStopped(15 * FRAME)]


def test_evidence_cannot_lengthen_the_pause() -> None:
    listener = Listener(ServerVad(silence_duration_ms=5 * FRAME_MS))
    listener.hear(*[SPEECH] * 10, *[SILENCE] * 4)
    listener.detector.expect(10_000)
    assert listener.hear(SILENCE) == [SpeechStopped(15 * FRAME)]


def test_evidence_about_one_pause_says_nothing_about_the_next() -> None:
    listener = Listener(SemanticVad())
    listener.hear(*[SPEECH] * 10, *[SILENCE] * 4)
    listener.detector.expect(5 * FRAME_MS)
    assert listener.hear(SPEECH) == [SpeechResumed()]
    assert listener.hear(*[SILENCE] * 10) == [SpeechPaused(17 * FRAME)]


def test_evidence_that_comes_when_the_speaker_goes_on_is_too_late() -> None:
    listener = Listener(SemanticVad())
    listener.hear(*[SPEECH] * 10, *[SILENCE] * 4, SPEECH)
    listener.detector.expect(5 * FRAME_MS)
    assert listener.hear(*[SILENCE] * 10) == [SpeechPaused(17 * FRAME)]


def test_a_second_turn_begins_like_the_first() -> None:
    listener = Listener(ServerVad(silence_duration_ms=2 * FRAME_MS, prefix_padding_ms=0))
    listener.hear(*[SPEECH] * 5, SILENCE, SILENCE)
    assert listener.hear(SILENCE, *[SPEECH] * 3) == [SpeechStarted(8 * FRAME)]


def test_after_a_reset_speech_that_goes_on_is_a_new_turn() -> None:
    listener = Listener(ServerVad(prefix_padding_ms=0))
    listener.hear(*[SPEECH] * 5)
    listener.detector.reset()
    assert not listener.detector.speaking
    assert listener.hear(SPEECH, SPEECH) == []
    assert listener.hear(SPEECH) == [SpeechStarted(5 * FRAME)]


def test_quiet_reaches_up_to_speech_that_may_become_a_turn() -> None:
    listener = Listener()
    listener.hear(*[SILENCE] * 4)
    assert listener.detector.quiet_until == 4 * FRAME
    listener.hear(SPEECH, SPEECH)
    assert listener.detector.quiet_until == 4 * FRAME
    listener.hear(SPEECH)
    assert listener.detector.quiet_until is None
