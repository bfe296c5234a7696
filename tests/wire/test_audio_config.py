import msgspec
import pytest
from msgspec import UNSET

from antiphon.wire.audio_config import (
    AudioFormat,
    AudioInputUpdate,
    AudioOutputUpdate,
    PcmFormat,
    SemanticVad,
    ServerVad,
    TurnDetection,
)


def test_server_vad_fills_its_defaults_in() -> None:
    vad = msgspec.json.decode(b'{"type":"server_vad"}', type=TurnDetection)
    assert vad == ServerVad(
        threshold=0.5,
        prefix_padding_ms=300,
        silence_duration_ms=500,
        idle_timeout_ms=None,
        create_response=True,
        interrupt_response=True,
    )


def test_semantic_vad_fills_its_defaults_in() -> None:
    vad = msgspec.json.decode(b'{"type":"semantic_vad"}', type=TurnDetection)
    assert vad == SemanticVad(eagerness="auto", create_response=True, interrupt_response=True)


@pytest.mark.parametrize(
    "fields",
    [
        {"threshold": -0.1},
        {"threshold": 1.1},
        {"prefix_padding_ms": -1},
        {"silence_duration_ms": 1.5},
        {"idle_timeout_ms": 4999},
        {"idle_timeout_ms": 30_001},
        {"create_response": "yes"},
    ],
)
def test_server_vad_keeps_its_limits(fields) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(fields, ServerVad)


def test_the_ends_of_the_ranges_are_allowed() -> None:
    vad = msgspec.convert({"threshold": 1, "idle_timeout_ms": 30_000}, ServerVad)
    assert (vad.threshold, vad.idle_timeout_ms) == (1.0, 30_000)


@pytest.mark.parametrize("speed", [0.25, 1, 1.5])
def test_speed_within_its_range(speed) -> None:
    assert msgspec.convert({"speed": speed}, AudioOutputUpdate).speed == speed


@pytest.mark.parametrize("speed", [0.24, 1.51, "1", None])
def test_speed_outside_its_range(speed) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"speed": speed}, AudioOutputUpdate)


def test_pcm_has_one_rate() -> None:
    assert msgspec.json.decode(b'{"type":"audio/pcm"}', type=AudioFormat) == PcmFormat(rate=24000)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"type":"audio/pcm","rate":16000}', type=AudioFormat)


def test_a_patch_tells_null_from_absent() -> None:
    patch = msgspec.convert({"turn_detection": None}, AudioInputUpdate)
    assert patch.turn_detection is None
    assert patch.transcription is UNSET
    assert patch.noise_reduction is UNSET
