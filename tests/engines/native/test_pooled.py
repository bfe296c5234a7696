"""Synthesizers that speak on threads."""

from __future__ import annotations

from contextlib import aclosing

import anyio
import numpy as np

from antiphon.engines.base import EngineInfo, EngineSettings, Floats
from antiphon.engines.native.pool import Emitter, pool_for
from antiphon.engines.native.pooled import PooledSynthesizer
from antiphon.engines.speaking import SpeechRequest

PATIENCE_S = 10


class Chatty(PooledSynthesizer):
    """Speaks in many small chunks."""

    def _speak(self, request: SpeechRequest, emit: Emitter[Floats]) -> None:
        for _ in range(50):
            emit(np.zeros(10, np.float32))


async def test_who_listens_slowly_keeps_nobody_waiting():
    info = EngineInfo(name="chatty", role="synthesizer", rate_hz=24_000, voices=("joe",))
    settings = EngineSettings(name="chatty", threads=1)
    engine = Chatty(info, pool_for(settings, "synthesize"))
    request = SpeechRequest(text="Once upon a time.", voice="joe")
    async with aclosing(engine.synthesize(request)) as listened_to:
        await anext(listened_to)
        with anyio.fail_after(PATIENCE_S):
            assert len([chunk async for chunk in engine.synthesize(request)]) == 50
        assert len([chunk async for chunk in listened_to]) == 49
    await engine.aclose()
