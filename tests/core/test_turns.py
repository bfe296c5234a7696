import pytest

from antiphon.core.clock import SAMPLES_PER_MS
from antiphon.core.turns import SpeechStarted, SpeechStopped, TurnDetector
from antiphon.wire.audio_config import ServerVad

from .support import FRAME_MS

FRAME = FRAME_MS * SAMPLES_PER_MS
SPEECH, SILENCE = 0.9, 0.1


class Listener:
    """Feeds frames of 32 ms to a detector and keeps what it makes of them."""

    def __init__(self, settings: ServerVad | None = None) -> None:
        self.detector = TurnDetector(settings or ServerVad())
        self.frames = 0

    def hear(self, *probabilities: float) -> list[SpeechStarted | SpeechStopped]:
        changes = []
        for probability in probabilities:
            start = self.frames * FRAME
            self.frames += 1
            changes.append(self.detector.step(start, start + FRAME, probability))
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
    assert listener.hear(*[SILENCE] * 4) == []
    assert listener.hear(SILENCE) == [SpeechStopped(15 * FRAME)]
    assert not listener.detector.speaking


def test_a_pause_shorter_than_the_silence_does_not_end_the_turn() -> None:
    listener = Listener(ServerVad(silence_duration_ms=5 * FRAME_MS))
    listener.hear(*[SPEECH] * 10)
    assert listener.hear(*([SILENCE] * 4 + [SPEECH]) * 5) == []


def test_a_fading_voice_is_still_speech() -> None:
    listener = Listener(ServerVad(threshold=0.5, silence_duration_ms=FRAME_MS))
    listener.hear(*[SPEECH] * 3)
    assert listener.hear(*[0.36] * 50) == []


def test_what_is_not_loud_enough_to_begin_with_is_not_speech() -> None:
    assert Listener(ServerVad(threshold=0.5)).hear(*[0.49] * 50) == []


def test_the_threshold_itself_is_speech() -> None:
    assert Listener(ServerVad(threshold=0.7)).hear(0.7, 0.7, 0.7) != []


@pytest.mark.parametrize("threshold", [0.0, 0.1])
def test_a_turn_can_end_however_low_the_threshold_is(threshold: float) -> None:
    listener = Listener(ServerVad(threshold=threshold, silence_duration_ms=FRAME_MS))
    listener.hear(*[SPEECH] * 3)
    assert listener.hear(0.0) == [SpeechStopped(4 * FRAME)]


def test_new_settings_apply_to_the_turn_under_way() -> None:
    listener = Listener(ServerVad(silence_duration_ms=10 * FRAME_MS))
    listener.hear(*[SPEECH] * 5, SILENCE)
    listener.detector.settings = ServerVad(silence_duration_ms=2 * FRAME_MS)
    assert listener.hear(SILENCE) == [SpeechStopped(7 * FRAME)]


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
