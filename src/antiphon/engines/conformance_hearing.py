"""Tests that every denoiser and every turn predictor has to pass; used as ``conformance.py`` is."""

# ruff: noqa: D102  (tests say by their name what they test)
from __future__ import annotations

import anyio
import anyio.lowlevel
import anyio.to_thread
import numpy as np
import pytest

from antiphon.engines.base import Floats
from antiphon.engines.conformance import PATIENCE_S, EngineConformance, noise
from antiphon.engines.hearing import LISTENING_RATE_HZ, Denoiser, TurnPredictor
from antiphon.errors import EngineError

__all__ = ["DenoiserConformance", "TurnPredictorConformance"]


class DenoiserConformance(EngineConformance):
    """Denoisers. Override :attr:`sound` to give them something to clean."""

    role = "denoiser"

    @property
    def sound(self) -> Floats:
        """Some seconds of noise that comes and goes; shape (n,), float32 at 16 kHz."""
        loudness = np.abs(np.sin(np.arange(3 * LISTENING_RATE_HZ) / 4000))
        return (noise(3 * LISTENING_RATE_HZ) * loudness).astype(np.float32)

    async def test_as_many_samples_come_out_as_go_in(self, engine: Denoiser) -> None:
        stream = engine.open("near_field", 1.0)
        pushed_samples = out_samples = 0
        for piece in np.array_split(self.sound, 7):
            cleaned = stream.push(piece)
            assert cleaned.dtype == np.float32
            pushed_samples += len(piece)
            out_samples += len(cleaned)
            assert 0 <= pushed_samples - out_samples <= stream.delay_samples
        assert out_samples + len(stream.flush()) == len(self.sound)

    async def test_it_does_not_matter_how_the_audio_is_cut(self, engine: Denoiser) -> None:
        whole = engine.open("far_field", 1.0)
        cleaned = np.concatenate([whole.push(self.sound), whole.flush()])
        for piece_samples in (1, 160, 997):
            stream = engine.open("far_field", 1.0)
            sound = self.sound[: 500 * piece_samples]
            pieces = [
                stream.push(sound[start : start + piece_samples])
                for start in range(0, len(sound), piece_samples)
            ]
            pushed = np.concatenate(pieces)
            assert np.array_equal(pushed, cleaned[: len(pushed)])

    async def test_a_stream_goes_on_after_a_flush(self, engine: Denoiser) -> None:
        stream = engine.open("near_field", 1.0)
        out = [stream.push(self.sound[:1234]), stream.flush(), stream.flush()]
        out += [stream.push(self.sound[1234:]), stream.flush()]
        assert len(out[2]) == 0
        assert sum(map(len, out)) == len(self.sound)

    async def test_streams_do_not_hear_each_other(self, engine: Denoiser) -> None:
        alone = engine.open("near_field", 1.0)
        expected = alone.push(self.sound)
        one, other = engine.open("near_field", 1.0), engine.open("near_field", 1.0)
        other.push(noise(LISTENING_RATE_HZ))
        assert np.array_equal(one.push(self.sound), expected)

    async def test_without_strength_audio_stays_as_it_is(self, engine: Denoiser) -> None:
        for strength in (0.0, -1.0):
            stream = engine.open("far_field", strength)
            out = np.concatenate([stream.push(self.sound), stream.flush()])
            assert np.allclose(out, self.sound, atol=1e-5)
            assert stream.in_foreground(0, len(out))

    async def test_silence_stays_silent(self, engine: Denoiser) -> None:
        stream = engine.open("near_field", 1.0)
        out = np.concatenate([stream.push(np.zeros(16_000, np.float32)), stream.flush()])
        assert not out.any()

    async def test_a_closed_engine_opens_nothing(self) -> None:
        engine = await anyio.to_thread.run_sync(self.create)
        await engine.aclose()
        with pytest.raises(EngineError):
            engine.open("near_field", 1.0)


class TurnPredictorConformance(EngineConformance):
    """Turn predictors."""

    role = "turn_predictor"

    async def judge(self, engine: TurnPredictor, audio: Floats) -> float:
        """Have a pause judged, and check that the answer is a probability."""
        with anyio.fail_after(PATIENCE_S):
            probability = await engine.predict(audio)
        assert 0 <= probability <= 1
        return probability

    async def test_audio_of_any_length_is_judged(self, engine: TurnPredictor) -> None:
        for samples in (0, 1, 399, LISTENING_RATE_HZ, 12 * LISTENING_RATE_HZ):
            await self.judge(engine, noise(samples))

    async def test_the_audio_is_not_changed(self, engine: TurnPredictor) -> None:
        audio = noise(LISTENING_RATE_HZ)
        await self.judge(engine, audio)
        assert np.array_equal(audio, noise(LISTENING_RATE_HZ))

    async def test_one_instance_serves_several_sessions_at_once(
        self, engine: TurnPredictor
    ) -> None:
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(self.judge, engine, noise(LISTENING_RATE_HZ))

    async def test_work_may_be_cancelled_at_any_await(self, engine: TurnPredictor) -> None:
        for turns in range(6):
            async with anyio.create_task_group() as group:
                group.start_soon(self.judge, engine, noise(LISTENING_RATE_HZ))
                for _ in range(turns):
                    await anyio.lowlevel.checkpoint()
                group.cancel_scope.cancel()
        await self.judge(engine, noise(LISTENING_RATE_HZ))

    async def test_a_closed_engine_refuses_work(self) -> None:
        engine = await anyio.to_thread.run_sync(self.create)
        await engine.aclose()
        with pytest.raises(EngineError):
            await engine.predict(noise(LISTENING_RATE_HZ))
