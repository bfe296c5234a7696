from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from itertools import pairwise

import anyio
import numpy as np
import pytest

from antiphon.audio.files import AudioReader
from antiphon.core.clock import INPUT_CLOCK_HZ
from antiphon.core.phrases import PHRASING, Phrases
from antiphon.engines.base import EngineInfo
from antiphon.engines.scripted.hearing import ScriptedVoiceDetector
from antiphon.engines.scripted.script import Script
from antiphon.errors import EngineError, RequestError
from antiphon.runtime.detection import Detection
from antiphon.runtime.files.pieces import Piece, spoken_pieces, whole_file
from tests.support.sound import as_file, silence, speech

SPOKEN = silence(1000) + speech(2000) + silence(1000) + speech(1500)


class FailingDetector(ScriptedVoiceDetector):
    def step(self, frames, states):
        raise EngineError("It fell over.", stage="detect")


@asynccontextmanager
async def detecting(kind: type[ScriptedVoiceDetector]) -> AsyncIterator[Detection]:
    info = EngineInfo(name="scripted", role="voice_detector", rate_hz=INPUT_CLOCK_HZ)
    detection = Detection(kind(info, Script(), "detect"))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(detection.run)
        yield detection
        tasks.cancel_scope.cancel()


def reader_of(audio: bytes) -> AudioReader:
    return AudioReader(io.BytesIO(as_file(audio)), INPUT_CLOCK_HZ)


async def cut(audio: bytes, phrases: Phrases | None = None) -> list[Piece]:
    async with (
        detecting(ScriptedVoiceDetector) as detection,
        aclosing(spoken_pieces(reader_of(audio), detection, phrases or Phrases())) as pieces,
    ):
        return [piece async for piece in pieces]


async def test_a_file_is_cut_where_nobody_speaks():
    first, second = await cut(SPOKEN)
    padding_s = PHRASING.prefix_padding_ms / 1000
    assert first.start_s == pytest.approx(1 - padding_s, abs=0.05)
    assert first.end_s == pytest.approx(3.4, abs=0.05)
    assert second.start_s == pytest.approx(4 - padding_s, abs=0.05)


async def test_the_last_piece_ends_with_the_file():
    *_, last = await cut(SPOKEN)
    assert last.end_s == 5.5


async def test_a_piece_has_the_audio_of_its_span():
    for piece in await cut(SPOKEN):
        assert len(piece.audio) == piece.span.end - piece.span.start
        assert np.abs(piece.audio).max() == pytest.approx(0.3, rel=0.05)


async def test_a_long_file_is_cut_although_nobody_pauses():
    pieces = await cut(speech(100_000), Phrases(longest_ms=30_000))
    assert len(pieces) >= 4
    assert max(len(piece.audio) for piece in pieces) <= 30.1 * INPUT_CLOCK_HZ
    for before, after in pairwise(pieces):
        assert before.span.end == after.span.start
    assert pieces[-1].end_s == 100


@pytest.mark.parametrize("audio", [b"", silence(20_000)])
async def test_without_speech_there_is_nothing(audio):
    assert await cut(audio) == []


async def test_a_detector_that_fails_ends_the_work():
    async with detecting(FailingDetector) as detection:
        with pytest.raises(EngineError, match="fell over") as failure:
            await anext(spoken_pieces(reader_of(SPOKEN), detection, Phrases()))
    assert failure.value.stage == "detect"


async def test_a_file_can_be_taken_as_a_whole():
    piece = await whole_file(reader_of(SPOKEN), 60)
    assert (piece.start_s, piece.end_s) == (0, 5.5)
    assert len(piece.audio) == 5.5 * INPUT_CLOCK_HZ


async def test_a_whole_file_may_be_only_so_long():
    with pytest.raises(RequestError, match="longer than 5 s") as refusal:
        await whole_file(reader_of(SPOKEN), 5)
    assert refusal.value.param == "file"
