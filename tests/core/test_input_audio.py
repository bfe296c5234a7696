import pytest

from antiphon.core.clock import SAMPLES_PER_MS, Span
from antiphon.core.input_audio import MIN_COMMIT_MS, InputAudioBuffer
from antiphon.core.turns import SpeechPaused, SpeechStarted, SpeechStopped, TurnChange
from antiphon.errors import RequestError
from antiphon.wire.audio_config import ServerVad, TurnDetection

from .support import FRAME_MS

FRAME = FRAME_MS * SAMPLES_PER_MS
VAD = ServerVad(prefix_padding_ms=2 * FRAME_MS, silence_duration_ms=4 * FRAME_MS)


class Microphone:
    """Appends frames of 32 ms to a buffer and has them judged."""

    def __init__(self, turn_detection: TurnDetection | None = VAD) -> None:
        self.buffer = InputAudioBuffer(turn_detection)
        self.frames = 0

    def hear(self, count: int, probability: float) -> list[TurnChange]:
        changes = []
        for _ in range(count):
            start = self.frames * FRAME
            self.frames += 1
            self.buffer.append(start + FRAME)
            changes.append(self.buffer.judge(start, start + FRAME, probability))
        return [change for change in changes if change is not None]


def test_a_turn_is_committed_with_its_padding_and_its_silence() -> None:
    microphone = Microphone()
    assert microphone.hear(10, 0) == []
    assert microphone.hear(5, 1) == [SpeechStarted(8 * FRAME)]
    assert microphone.hear(4, 0) == [SpeechPaused(17 * FRAME), SpeechStopped(19 * FRAME)]
    assert microphone.buffer.commit_turn(19 * FRAME) == Span(8 * FRAME, 19 * FRAME)
    assert not microphone.buffer.speaking


def test_padding_does_not_reach_into_the_turn_before() -> None:
    microphone = Microphone()
    microphone.hear(5, 1)
    microphone.hear(4, 0)
    microphone.buffer.commit_turn(9 * FRAME)
    assert microphone.hear(3, 1) == [SpeechStarted(9 * FRAME)]


def test_without_turn_detection_everything_is_committed() -> None:
    microphone = Microphone(None)
    assert microphone.hear(10, 1) == []
    assert microphone.buffer.commit() == Span(0, 10 * FRAME)


def test_a_commit_empties_the_buffer() -> None:
    microphone = Microphone(None)
    microphone.hear(10, 1)
    microphone.buffer.commit()
    microphone.hear(5, 1)
    assert microphone.buffer.commit() == Span(10 * FRAME, 15 * FRAME)


def test_a_commit_under_100_ms_is_refused_with_the_length_that_is_there() -> None:
    buffer = InputAudioBuffer(None)
    buffer.append(99 * SAMPLES_PER_MS + 4)
    with pytest.raises(RequestError) as refusal:
        buffer.commit()
    assert refusal.value.code == "input_audio_buffer_commit_empty"
    assert refusal.value.message == (
        "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, "
        "but buffer only has 99.25ms of audio."
    )
    buffer.append(MIN_COMMIT_MS * SAMPLES_PER_MS)
    assert buffer.commit() == Span(0, MIN_COMMIT_MS * SAMPLES_PER_MS)


def test_a_commit_during_speech_takes_the_turn_so_far() -> None:
    microphone = Microphone()
    microphone.hear(10, 0)
    microphone.hear(5, 1)
    assert microphone.buffer.commit() == Span(8 * FRAME, 15 * FRAME)
    assert not microphone.buffer.speaking


def test_speech_that_goes_on_after_a_commit_is_a_new_turn() -> None:
    microphone = Microphone()
    microphone.hear(5, 1)
    microphone.buffer.commit()
    assert microphone.hear(3, 1) == [SpeechStarted(5 * FRAME)]


def test_judgements_of_audio_that_was_committed_meanwhile_are_void() -> None:
    buffer = InputAudioBuffer(VAD)
    buffer.append(10 * FRAME)
    buffer.commit()
    for n in range(10):
        assert buffer.judge(n * FRAME, (n + 1) * FRAME, 1.0) is None
    assert not buffer.speaking


def test_clearing_leaves_nothing_to_commit() -> None:
    microphone = Microphone()
    microphone.hear(5, 1)
    microphone.buffer.clear()
    assert not microphone.buffer.speaking
    with pytest.raises(RequestError, match=r"only has 0\.00ms"):
        microphone.buffer.commit()


def test_new_settings_leave_the_turn_under_way_alone() -> None:
    microphone = Microphone()
    microphone.hear(5, 1)
    microphone.buffer.configure(ServerVad(silence_duration_ms=2 * FRAME_MS))
    assert microphone.buffer.speaking
    assert microphone.hear(2, 0) == [SpeechStopped(7 * FRAME)]


def test_switching_detection_off_ends_the_turn_but_keeps_the_audio() -> None:
    microphone = Microphone()
    microphone.hear(5, 1)
    microphone.buffer.configure(None)
    assert not microphone.buffer.speaking
    assert microphone.buffer.commit() == Span(0, 5 * FRAME)


def test_long_silence_is_forgotten_up_to_what_a_turn_may_still_need() -> None:
    microphone = Microphone()
    forgotten = []
    for _ in range(200):
        microphone.hear(1, 0)
        forgotten.append(microphone.buffer.forgettable())
    positions = [position for position in forgotten if position is not None]
    assert positions == sorted(positions)
    assert 0 < len(positions) < 200 / 4, "in steps, rather than with every frame"
    kept_ms = (200 * FRAME - microphone.buffer.start) / SAMPLES_PER_MS
    assert 1000 + VAD.prefix_padding_ms <= kept_ms <= 1300 + VAD.prefix_padding_ms


def test_nothing_is_forgotten_during_speech_or_without_detection() -> None:
    speaking = Microphone()
    speaking.hear(200, 1)
    assert speaking.buffer.forgettable() is None
    manual = Microphone(None)
    manual.hear(200, 0)
    assert manual.buffer.forgettable() is None
    assert manual.buffer.commit() == Span(0, 200 * FRAME)
