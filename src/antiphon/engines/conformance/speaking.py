"""Tests that every synthesizer has to pass."""

# ruff: noqa: D102  (tests say by their name what they test)
from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import numpy as np
import pytest

from antiphon.engines.conformance.base import WorkConformance, events_of
from antiphon.engines.speaking import SpeechRequest, Synthesizer
from antiphon.errors import EngineError

__all__ = ["SynthesizerConformance"]


class SynthesizerConformance(WorkConformance):
    """Synthesizers."""

    role = "synthesizer"

    def request(self, engine: Synthesizer, speed: float = 1.0) -> SpeechRequest:
        """Two sentences in the default voice."""
        text = "This is the first sentence. And this is another one."
        return SpeechRequest(text=text, voice=engine.info.voices[0], speed=speed)

    def work(self, engine: Synthesizer) -> AsyncGenerator[Any, None]:
        return engine.synthesize(self.request(engine))

    def check(self, events: list[Any]) -> None:
        assert sum(chunk.size for chunk in events) > 0
        for chunk in events:
            assert chunk.ndim == 1
            assert chunk.dtype == np.float32
            assert np.all(np.abs(chunk) <= 1)

    async def test_chunks_stay_as_they_were_given(self, engine: Synthesizer) -> None:
        async with aclosing(self.work(engine)) as work:
            given = [(chunk, chunk.copy()) async for chunk in work]
        assert all(np.array_equal(chunk, copy) for chunk, copy in given)

    async def test_it_states_a_sample_rate(self, engine: Synthesizer) -> None:
        assert engine.info.rate_hz >= 8000

    async def test_slow_speech_is_longer_than_quick_speech(self, engine: Synthesizer) -> None:
        samples = {
            speed: sum(
                c.size for c in await events_of(engine.synthesize(self.request(engine, speed)))
            )
            for speed in (0.5, 1.5)
        }
        assert samples[0.5] > 1.5 * samples[1.5]

    async def test_a_voice_it_does_not_have_is_an_engine_error(self, engine: Synthesizer) -> None:
        with pytest.raises(EngineError):
            await events_of(engine.synthesize(SpeechRequest(text="Hello.", voice="no such voice")))

    async def test_nothing_to_say_is_no_trouble(self, engine: Synthesizer) -> None:
        await events_of(engine.synthesize(SpeechRequest(text="", voice=engine.info.voices[0])))
