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
    stage = "synthesize"

    def request(self, engine: Synthesizer, speed: float = 1.0) -> SpeechRequest:
        """Two sentences in the default voice."""
        text = "This is the first sentence. And this is another one."
        return SpeechRequest(text=text, voice=self.voice(engine), speed=speed)

    def voice(self, engine: Synthesizer) -> str:
        """The default voice."""
        assert engine.info.voices, "a synthesizer names its voices, the default first"
        return engine.info.voices[0]

    def work(self, engine: Synthesizer) -> AsyncGenerator[Any, None]:
        return engine.synthesize(self.request(engine))

    def check(self, events: list[Any]) -> None:
        for chunk in events:
            assert isinstance(chunk, np.ndarray), "audio is an array of samples"
            assert chunk.ndim == 1
            assert chunk.dtype == np.float32
            assert np.all(np.abs(chunk) <= 1)
        assert sum(chunk.size for chunk in events) > 0

    async def test_chunks_stay_as_they_were_given(self, engine: Synthesizer) -> None:
        async with aclosing(self.work(engine)) as work:
            given = [(chunk, np.array(chunk)) async for chunk in work]
        assert all(np.array_equal(chunk, copy) for chunk, copy in given)

    async def test_it_states_a_sample_rate(self, engine: Synthesizer) -> None:
        assert engine.info.rate_hz >= 8000

    async def test_slow_speech_is_longer_than_quick_speech(self, engine: Synthesizer) -> None:
        slowest, quickest = engine.info.speeds
        slow, quick = max(slowest, 0.5), min(quickest, 1.5)
        if quick < 1.2 * slow:
            pytest.skip("it speaks at one speed, and the server stretches that")
        samples = {
            speed: sum(map(len, await events_of(engine.synthesize(self.request(engine, speed)))))
            for speed in (slow, quick)
        }
        assert samples[slow] > (1 + (quick / slow - 1) / 4) * samples[quick]

    async def test_a_voice_it_does_not_have_is_an_engine_error(self, engine: Synthesizer) -> None:
        with pytest.raises(EngineError) as refused:
            await events_of(engine.synthesize(SpeechRequest(text="Hello.", voice="no such voice")))
        assert refused.value.stage == self.stage

    async def test_nothing_to_say_is_no_trouble(self, engine: Synthesizer) -> None:
        await events_of(engine.synthesize(SpeechRequest(text="", voice=self.voice(engine))))
