"""Where speech is cut into phrases."""

from antiphon.core.clock import SAMPLES_PER_MS, Span
from antiphon.core.phrases import LONGEST_MS, PHRASING, Phrases
from antiphon.core.signals import SpeechProbability
from antiphon.wire.audio_config import ServerVad

FRAME_MS = 32


class Speaker:
    """Speaks in frames, and keeps the phrases that come of it."""

    def __init__(self, phrases: Phrases | None = None) -> None:
        self.phrases = phrases or Phrases()
        self.spans: list[Span] = []
        self.now_ms = 0

    def sound(self, duration_ms: int, probability: float) -> None:
        for _ in range(duration_ms // FRAME_MS):
            start, self.now_ms = self.now_ms, self.now_ms + FRAME_MS
            frame = SpeechProbability(
                start * SAMPLES_PER_MS, self.now_ms * SAMPLES_PER_MS, probability
            )
            if (span := self.phrases.judge(frame)) is not None:
                self.spans.append(span)

    @property
    def spans_ms(self) -> list[tuple[int, int]]:
        return [(one.start // SAMPLES_PER_MS, one.end // SAMPLES_PER_MS) for one in self.spans]


def test_a_pause_ends_a_phrase() -> None:
    speaker = Speaker()
    speaker.sound(640, 0.0)
    speaker.sound(1600, 0.9)
    speaker.sound(640, 0.0)
    silence_ms = PHRASING.silence_duration_ms // FRAME_MS * FRAME_MS
    assert speaker.spans_ms == [(640 - PHRASING.prefix_padding_ms, 640 + 1600 + silence_ms)]


def test_a_phrase_has_no_audio_of_the_one_before() -> None:
    speaker = Speaker()
    for _ in range(3):
        speaker.sound(1600, 0.9)
        speaker.sound(448, 0.0)  # the padding of the next one reaches into this
    starts = [start for start, _ in speaker.spans_ms[1:]]
    ends = [end for _, end in speaker.spans_ms[:-1]]
    assert len(speaker.spans) == 3
    assert all(start >= end for start, end in zip(starts, ends, strict=True))


def test_phrases_can_be_cut_by_other_rules() -> None:
    rules = ServerVad(prefix_padding_ms=64, silence_duration_ms=1000)
    speaker = Speaker(Phrases(rules, longest_ms=20_000))
    for _ in range(2):
        speaker.sound(3200, 0.9)
        speaker.sound(640, 0.0)  # enough by the usual rules
    speaker.sound(15_008, 0.9)
    speaker.sound(1024, 0.0)
    assert [end - start <= 20_000 + FRAME_MS for start, end in speaker.spans_ms] == [True, True]


def test_the_shortest_of_longest_phrases_is_cut_too() -> None:
    speaker = Speaker(Phrases(longest_ms=960))
    speaker.sound(3200, 0.9)
    assert len(speaker.spans) >= 3


def test_silence_makes_no_phrases() -> None:
    speaker = Speaker()
    speaker.sound(20_000, 0.1)
    assert speaker.spans == []


def test_a_long_speech_is_cut_in_its_longest_pause() -> None:
    speaker = Speaker()
    speaker.sound(3200, 0.9)
    speaker.sound(96, 0.2)
    speaker.sound(1600, 0.9)
    pause_ms = speaker.now_ms
    speaker.sound(224, 0.05)
    speaker.sound(4800, 0.9)
    ((_, end_ms),) = speaker.spans_ms
    assert pause_ms < end_ms < pause_ms + 224


def test_speech_without_any_pause_is_cut_all_the_same_and_nothing_is_lost() -> None:
    speaker = Speaker()
    speaker.sound(40_000, 0.9)
    speaker.sound(640, 0.0)
    assert all(end - start <= LONGEST_MS + FRAME_MS for start, end in speaker.spans_ms)
    pieces = zip(speaker.spans_ms, speaker.spans_ms[1:], strict=False)
    assert all(before[1] == after[0] for before, after in pieces)
    assert speaker.spans_ms[0][0] == 0
    assert speaker.spans_ms[-1][1] >= 40_000


def test_the_end_of_the_input_ends_the_phrase() -> None:
    speaker = Speaker()
    speaker.sound(1600, 0.9)
    rest = speaker.phrases.finish(1610 * SAMPLES_PER_MS)
    assert rest == Span(0, 1610 * SAMPLES_PER_MS)
    assert speaker.phrases.finish(1620 * SAMPLES_PER_MS) is None


def test_there_is_nothing_left_when_nobody_speaks() -> None:
    speaker = Speaker()
    speaker.sound(1600, 0.9)
    speaker.sound(640, 0.0)
    assert speaker.phrases.finish(speaker.now_ms * SAMPLES_PER_MS) is None


def test_only_the_phrase_under_way_needs_its_audio() -> None:
    speaker = Speaker()
    assert speaker.phrases.needed_from == 0
    speaker.sound(9600, 0.0)
    padding_ms = PHRASING.prefix_padding_ms
    assert speaker.phrases.needed_from == (9600 - padding_ms) * SAMPLES_PER_MS
    speaker.sound(1600, 0.9)
    assert speaker.phrases.needed_from == (9600 - padding_ms) * SAMPLES_PER_MS
    speaker.sound(448, 0.0)
    assert speaker.phrases.needed_from == speaker.spans[-1].end
