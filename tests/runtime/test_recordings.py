"""Audio that clients may ask for again."""

import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from antiphon.audio.formats import codec_of
from antiphon.runtime.recordings import SENT_BYTES, Recordings
from antiphon.wire.audio_config import AudioFormat, PcmaFormat, PcmFormat, PcmuFormat
from antiphon.wire.items import FunctionCall, InputAudio, Item, Message, OutputAudio
from tests.support.sound import speech


@pytest.fixture
def packing() -> Iterator[ThreadPoolExecutor]:
    """Packs all there is to be packed before it is shut down."""
    with ThreadPoolExecutor(1) as packing:
        yield packing


def said(item_id: str) -> Message:
    return Message(id=item_id, role="user", content=(InputAudio(transcript="Hello."),))


def answered(item_id: str) -> Message:
    return Message(id=item_id, role="assistant", content=(OutputAudio(transcript="Hello."),))


def audio_of(item: Item) -> bytes | None:
    assert isinstance(item, Message)
    (part,) = item.content
    assert isinstance(part, InputAudio | OutputAudio)
    return part.audio or None


def tone(duration_s: float) -> np.ndarray:
    at_s = np.arange(int(16_000 * duration_s)) / 16_000
    return (0.5 * np.sin(2 * np.pi * 300 * at_s)).astype(np.float32)


@pytest.mark.parametrize("audio_format", [PcmFormat(), PcmuFormat(), PcmaFormat()])
def test_what_the_user_said_comes_back_in_the_format_of_the_session(audio_format: AudioFormat):
    recordings = Recordings()
    recordings.hear("item_1", tone(0.5))
    audio = audio_of(recordings.complete(said("item_1"), audio_format, None))
    assert audio is not None
    codec = codec_of(audio_format)
    samples = codec.decode(audio)
    assert len(samples) == codec.rate_hz // 2
    spectrum = np.abs(np.fft.rfft(samples))
    assert np.argmax(spectrum) * codec.rate_hz / len(samples) == pytest.approx(300, abs=2)


def test_what_the_assistant_said_comes_back_as_it_was_sent():
    recordings = Recordings()
    recordings.speak("item_1", b"ab" * 100, PcmFormat())
    recordings.speak("item_1", b"cd" * 100, PcmFormat())
    whole = audio_of(recordings.complete(answered("item_1"), PcmFormat(), None))
    assert whole == b"ab" * 100 + b"cd" * 100


@pytest.mark.parametrize("audio_format", [PcmFormat(), PcmuFormat(), PcmaFormat()])
def test_what_is_packed_comes_back_as_it_was(
    audio_format: AudioFormat, packing: ThreadPoolExecutor
):
    recordings = Recordings(packing=packing)
    pcm = speech(1_000)
    recordings.hear("item_1", tone(0.5))
    before = audio_of(recordings.complete(said("item_1"), audio_format, None))
    for start in range(0, len(pcm), 9_600):
        recordings.speak("item_2", pcm[start : start + 9_600], audio_format)
    recordings.finish("item_2")
    packing.shutdown()
    assert audio_of(recordings.complete(said("item_1"), audio_format, None)) == before
    assert audio_of(recordings.complete(answered("item_2"), audio_format, None)) == pcm
    assert (
        audio_of(recordings.complete(answered("item_2"), audio_format, 250))
        == (pcm[: 12_000 if audio_format == PcmFormat() else 2_000])
    )


def test_speech_is_kept_in_little_more_than_half_its_size(packing: ThreadPoolExecutor):
    recordings = Recordings(packing=packing)
    pcm = speech(10_000)
    tracemalloc.start()
    try:
        recordings.speak("item_1", bytes(bytearray(pcm)), PcmFormat())
        recordings.finish("item_1")
        packing.shutdown()
        held_bytes = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert held_bytes < 0.7 * len(pcm)


def test_what_was_forgotten_is_not_finished():
    recordings = Recordings(kept_bytes=1000)
    recordings.speak("old", bytes(800), PcmFormat())
    recordings.speak("new", bytes(800), PcmFormat())
    recordings.finish("old")
    assert audio_of(recordings.complete(answered("old"), PcmFormat(), None)) is None


def test_only_what_was_heard_of_an_answer_comes_back():
    recordings = Recordings()
    recordings.speak("item_1", bytes(48_000), PcmFormat())  # a second
    heard = audio_of(recordings.complete(answered("item_1"), PcmFormat(), 250))
    assert heard is not None
    assert len(heard) == 12_000


def test_audio_too_long_for_a_frame_is_left_out():
    recordings = Recordings()
    recordings.speak("item_1", bytes(SENT_BYTES + 2), PcmFormat())
    assert audio_of(recordings.complete(answered("item_1"), PcmFormat(), None)) is None


def test_the_oldest_audio_makes_room():
    recordings = Recordings(kept_bytes=1000)
    recordings.speak("old", bytes(800), PcmFormat())
    recordings.speak("new", bytes(800), PcmFormat())
    assert audio_of(recordings.complete(answered("old"), PcmFormat(), None)) is None
    assert audio_of(recordings.complete(answered("new"), PcmFormat(), None)) == bytes(800)


def test_deleted_items_are_forgotten():
    recordings = Recordings()
    recordings.speak("item_1", bytes(800), PcmFormat())
    recordings.forget("item_1")
    recordings.forget("item_1")
    assert audio_of(recordings.complete(answered("item_1"), PcmFormat(), None)) is None


def test_items_without_audio_are_left_alone():
    call = FunctionCall(id="item_1", name="look_up", call_id="call_1", arguments="{}")
    assert Recordings().complete(call, PcmFormat(), None) is call
