from __future__ import annotations

import numpy as np
import pytest

from antiphon.audio.formats import codec_of
from antiphon.core.clock import Span
from antiphon.core.signals import AudioAppended, Signal, SpeechProbability
from antiphon.errors import EngineError, RequestError
from antiphon.runtime.detection import Detection
from antiphon.runtime.listen import MAX_HELD_S, Ear
from antiphon.wire.audio_config import (
    AudioFormat,
    NoiseReduction,
    PcmaFormat,
    PcmFormat,
    PcmuFormat,
)
from tests.support.cast import make_cast
from tests.support.sound import noise, silence, speech

FORMATS = [PcmFormat(), PcmuFormat(), PcmaFormat()]


class Session:
    """An ear, and what it tells its session."""

    def __init__(self, audio_format: AudioFormat | None = None, *, detecting: bool = False) -> None:
        self.signals: list[Signal] = []
        self.failures: list[Exception] = []
        cast = make_cast()
        self.denoiser = cast.denoiser
        self.ear = Ear(
            audio_format or PcmFormat(),
            Detection(cast.voice_detector),
            cast.denoiser,
            feed=self.signals.append,
            fail=self.failures.append,
        )
        self.ear.configure(audio_format or PcmFormat(), detecting=detecting)

    @property
    def clock(self) -> int:
        """Where the input ends, as the session was last told."""
        return [one.end for one in self.signals if isinstance(one, AudioAppended)][-1]

    def judge_all(self) -> list[SpeechProbability]:
        """Judge as many frames as there are, and return what the session was told."""
        before = len(self.signals)
        while (frame := self.ear.next_frame()) is not None:
            self.ear.judge(float(np.abs(frame).max() > 0.1), level_dbfs=-20.0)
        return [one for one in self.signals[before:] if isinstance(one, SpeechProbability)]


@pytest.mark.parametrize("audio_format", FORMATS)
@pytest.mark.parametrize("chunk_samples", [1, 7, 160, 2_400, 100_000])
def test_the_clock_counts_what_was_sent_whatever_the_chunks(audio_format, chunk_samples):
    codec = codec_of(audio_format)
    audio = speech(200, audio_format)
    session = Session(audio_format)
    step = chunk_samples * codec.bytes_per_sample
    for start in range(0, len(audio), step):
        session.ear.append(audio[start : start + step])
        sent_s = min(start + step, len(audio)) / codec.bytes_per_sample / codec.rate_hz
        assert session.clock == pytest.approx(16_000 * sent_s, abs=0.5)
    assert session.clock == 3_200


@pytest.mark.parametrize("audio_format", FORMATS)
def test_a_span_up_to_the_clock_is_whole_though_the_resampler_lags(audio_format):
    session = Session(audio_format)
    session.ear.append(speech(500, audio_format))
    samples = session.ear.read(Span(0, session.clock))
    assert len(samples) == 8_000
    assert np.sqrt(np.mean(samples[1_000:7_000] ** 2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.02)
    assert np.abs(samples[-160:]).max() > 0.1  # the last 10 ms are there, too


def test_the_clock_goes_on_after_a_span_was_read():
    session = Session()
    for number in range(1, 21):
        session.ear.append(speech(30.5))
        samples = session.ear.read(Span(0, session.clock))
        assert len(samples) == session.clock
        assert session.clock == pytest.approx(number * 30.5 * 16, abs=number / 2)


def test_audio_of_two_formats_lies_on_one_clock():
    session = Session(PcmFormat())
    session.ear.append(speech(300))
    session.ear.configure(PcmuFormat(), detecting=False)
    assert session.clock == 300 * 16
    session.ear.append(silence(200, PcmuFormat()))
    assert session.clock == 500 * 16
    samples = session.ear.read(Span(0, session.clock))
    assert np.abs(samples[3_000:4_700]).max() > 0.25
    assert np.abs(samples[5_000:]).max() < 0.01


def test_the_same_settings_again_change_nothing():
    session = Session(detecting=True)
    session.ear.append(speech(100))
    session.ear.configure(PcmFormat(), detecting=True)
    session.ear.append(speech(100))
    assert session.clock == 200 * 16
    assert [frame.start for frame in session.judge_all()] == [512 * index for index in range(6)]


def test_frames_are_judged_once_each_and_in_order():
    session = Session(detecting=True)
    session.ear.append(silence(320))
    session.ear.append(speech(320))
    frames = session.judge_all()
    assert [frame.start for frame in frames] == [512 * index for index in range(len(frames))]
    assert all(frame.end - frame.start == 512 for frame in frames)
    assert [frame.probability for frame in frames] == [0] * 10 + [1] * (len(frames) - 10)
    assert len(frames) >= 19
    assert session.ear.next_frame() is None


def test_nothing_is_judged_while_detection_is_off():
    session = Session(detecting=False)
    session.ear.append(speech(320))
    assert session.ear.next_frame() is None


def test_detection_that_is_switched_on_begins_with_what_comes_next():
    session = Session(detecting=False)
    session.ear.append(speech(320))
    session.ear.read(Span(0, session.clock))
    session.ear.configure(PcmFormat(), detecting=True)
    session.ear.append(speech(320))
    frames = session.judge_all()
    assert frames[0].start == 320 * 16


def test_dropped_audio_is_not_judged_any_more():
    session = Session(detecting=True)
    session.ear.append(speech(640))
    session.ear.drop(4_800)
    frames = session.judge_all()
    assert frames[0].start == 4_800


def test_a_span_that_is_gone_in_part_is_read_as_far_as_it_is_there():
    session = Session()
    session.ear.append(speech(500))
    session.ear.read(Span(0, session.clock))
    session.ear.drop(4_000)
    assert len(session.ear.read(Span(0, 8_000))) == 4_000


def test_half_a_sample_is_refused_and_nothing_is_heard_of_it():
    session = Session()
    session.ear.append(speech(100))
    with pytest.raises(RequestError, match="even number of bytes"):
        session.ear.append(b"\0\0\0")
    session.ear.append(speech(100))
    assert session.clock == 200 * 16


def test_a_full_buffer_is_refused_until_there_is_room_again():
    session = Session()
    minute = silence(60_000)
    for _ in range(MAX_HELD_S // 60 - 1):
        session.ear.append(minute)
    before = session.clock
    with pytest.raises(RequestError, match=f"holds {MAX_HELD_S} s of audio at most") as refusal:
        session.ear.append(minute)
    assert refusal.value.code == "input_audio_buffer_full"
    assert session.clock == before
    session.ear.drop(session.clock)
    session.ear.append(minute)
    assert session.clock == before + 60 * 16_000


@pytest.mark.parametrize("audio_format", FORMATS)
def test_audio_of_an_item_is_read_in_the_sessions_format(audio_format):
    session = Session(audio_format)
    samples = session.ear.decode(speech(250, audio_format))
    assert len(samples) == 4_000
    assert np.abs(samples).max() == pytest.approx(0.3, rel=0.05)


def test_a_failure_of_detection_is_passed_on():
    session = Session(detecting=True)
    error = EngineError("it broke", stage="detect")
    session.ear.detection_failed(error)
    assert session.failures == [error]


def test_the_end_of_the_input_is_judged_to_its_last_sample():
    session = Session(detecting=True)
    session.ear.append(speech(1000))
    session.judge_all()
    session.ear.end()
    last = [one for one in session.judge_all() if one.probability][-1]
    assert last.end >= session.clock - 10 * 16  # the tone may end on a quiet sample
    assert session.judge_all() == []


def test_after_its_end_no_more_input_is_taken():
    session = Session(detecting=True)
    session.ear.end()
    with pytest.raises(RequestError, match="takes no more audio"):
        session.ear.append(speech(20))
    assert session.signals == []


NEAR = NoiseReduction(type="near_field", strength=1.0)


def test_noise_is_taken_out_of_what_is_kept():
    session = Session()
    session.ear.configure(PcmFormat(), detecting=False, noise_reduction=NEAR)
    session.ear.append(noise(300, rms=0.01))
    assert not session.ear.read(Span(0, 4_800)).any()
    assert list(session.denoiser.opened) == [("near_field", 1.0)]


def test_speech_lies_where_it_was_though_noise_is_reduced():
    heard, cleaned = Session(), Session()
    cleaned.ear.configure(PcmFormat(), detecting=False, noise_reduction=NEAR)
    audio = silence(200) + speech(300)
    for session in (heard, cleaned):
        session.ear.append(audio)
    span = Span(3_200, 8_000)
    difference = heard.ear.read(span) - cleaned.ear.read(span)
    assert np.abs(difference[:-160]).max() < 1e-3  # the last hop is read before it is complete


def test_noise_reduction_that_is_switched_on_or_off_in_speech_loses_nothing():
    session = Session()
    for wanted in (None, NEAR, None, NEAR):
        session.ear.configure(PcmFormat(), detecting=False, noise_reduction=wanted)
        session.ear.append(speech(250))
    assert session.clock == 16_000
    assert len(session.ear.read(Span(0, 16_000))) == 16_000


def test_speech_in_the_background_is_not_speech_to_the_session():
    session = Session(detecting=True)
    session.ear.configure(PcmFormat(), detecting=True, noise_reduction=NEAR)
    session.ear.append(noise(500, rms=0.01))
    session.ear.append(speech(500))
    while session.ear.next_frame() is not None:
        session.ear.judge(1.0, level_dbfs=-20.0)  # voices, all of it
    judged = [one for one in session.signals if isinstance(one, SpeechProbability)]
    assert {one.probability for one in judged if one.end <= 7_500} == {0.0}
    assert {one.probability for one in judged if one.start >= 8_500} == {1.0}
