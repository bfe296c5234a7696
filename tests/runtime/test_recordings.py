"""Audio that clients may ask for again."""

import numpy as np
import pytest

from antiphon.audio.formats import codec_of
from antiphon.runtime.recordings import SENT_BYTES, Recordings
from antiphon.wire.audio_config import AudioFormat, PcmaFormat, PcmFormat, PcmuFormat
from antiphon.wire.items import FunctionCall, InputAudio, Item, Message, OutputAudio


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
