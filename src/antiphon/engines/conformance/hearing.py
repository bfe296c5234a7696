"""Tests that every denoiser, voice detector, turn predictor and transcriber has to pass."""

# ruff: noqa: D102  (tests say by their name what they test)
from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import numpy as np
import pytest

from antiphon.engines.base import Floats
from antiphon.engines.conformance.base import (
    PATIENCE_S,
    EngineConformance,
    WorkConformance,
    closed,
    events_of,
    noise,
)
from antiphon.engines.hearing import (
    LISTENING_RATE_HZ,
    Denoiser,
    SpeakerTurn,
    Transcriber,
    Transcript,
    TranscriptDelta,
    TranscriptionRequest,
    TurnPredictor,
    VoiceDetector,
)
from antiphon.errors import EngineError

__all__ = [
    "DenoiserConformance",
    "TranscriberConformance",
    "TurnPredictorConformance",
    "VoiceDetectorConformance",
]


class DenoiserConformance(EngineConformance):
    """Denoisers. Override :attr:`sound` to give them something to clean."""

    role = "denoiser"
    stage = "detect"

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
        await closed(engine)
        with pytest.raises(EngineError) as refused:
            engine.open("near_field", 1.0)
        assert refused.value.stage == self.stage


class VoiceDetectorConformance(EngineConformance):
    """Voice detectors."""

    role = "voice_detector"
    stage = "detect"

    async def test_each_frame_gets_a_probability_and_a_new_state(
        self, engine: VoiceDetector
    ) -> None:
        frames = noise(3 * engine.frame_samples).reshape(3, -1)
        probabilities, states = engine.step(frames, [engine.initial_state()] * 3)
        assert probabilities.shape == (3,)
        assert probabilities.dtype == np.float32
        assert np.all((probabilities >= 0) & (probabilities <= 1))
        assert [state.shape for state in states] == [engine.initial_state().shape] * 3

    async def test_sessions_judged_together_are_judged_as_if_alone(
        self, engine: VoiceDetector
    ) -> None:
        audio = noise(5 * 4 * engine.frame_samples).reshape(5, 4, -1)
        audio *= np.linspace(0, 1, 4, dtype=np.float32)[:, np.newaxis]
        together = [engine.initial_state()] * 4
        alone = [engine.initial_state()] * 4
        for frames in audio:
            probabilities, together = engine.step(frames, together)
            for session, frame in enumerate(frames):
                (probability,), (alone[session],) = engine.step(frame[np.newaxis], [alone[session]])
                assert probability == pytest.approx(probabilities[session], abs=1e-4)

    async def test_the_states_given_are_not_changed(self, engine: VoiceDetector) -> None:
        frame = noise(engine.frame_samples)[np.newaxis]
        _, (state,) = engine.step(frame, [engine.initial_state()])
        before = state.copy()
        engine.step(frame, [state])
        assert np.array_equal(state, before)

    async def test_no_sessions_are_no_trouble(self, engine: VoiceDetector) -> None:
        probabilities, states = engine.step(np.zeros((0, engine.frame_samples), np.float32), [])
        assert probabilities.shape == (0,)
        assert states == []

    async def test_a_closed_engine_refuses_work(self) -> None:
        engine = await anyio.to_thread.run_sync(self.create)
        await closed(engine)
        with pytest.raises(EngineError) as refused:
            engine.step(noise(engine.frame_samples)[np.newaxis], [engine.initial_state()])
        assert refused.value.stage == self.stage


class TurnPredictorConformance(EngineConformance):
    """Turn predictors."""

    role = "turn_predictor"
    stage = "detect"

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
            await self.cancel_after(turns, self.judge(engine, noise(LISTENING_RATE_HZ)))
        await self.judge(engine, noise(LISTENING_RATE_HZ))

    async def test_a_closed_engine_refuses_work(self) -> None:
        engine = await anyio.to_thread.run_sync(self.create)
        await closed(engine)
        with pytest.raises(EngineError) as refused:
            await engine.predict(noise(LISTENING_RATE_HZ))
        assert refused.value.stage == self.stage


class TranscriberConformance(WorkConformance):
    """Transcribers. Override :attr:`speech` with words to have something recognized."""

    role = "transcriber"
    stage = "transcribe"

    @property
    def speech(self) -> Floats:
        """An utterance; shape (n,), float32 at 16 kHz."""
        return noise(2 * LISTENING_RATE_HZ)

    def work(self, engine: Transcriber) -> AsyncGenerator[Any, None]:
        return engine.transcribe(self.speech, TranscriptionRequest())

    def transcript_of(self, events: list[Any]) -> Transcript:
        """The transcript that ends what an engine tells of an utterance."""
        kinds = [type(event).__name__ for event in events]
        assert kinds[-1:] == ["Transcript"], "the last event is the transcript"
        others = [one for one in kinds[:-1] if one not in ("TranscriptDelta", "SpeakerTurn")]
        assert others == [], "only deltas and turns of speakers come before the transcript"
        transcript: Transcript = events[-1]
        return transcript

    def check(self, events: list[Any]) -> None:
        transcript = self.transcript_of(events)
        deltas = [event for event in events if isinstance(event, TranscriptDelta)]
        turns = [event for event in events if isinstance(event, SpeakerTurn)]
        if deltas:
            assert "".join(delta.text for delta in deltas) == transcript.text
            assert [one for delta in deltas for one in delta.logprobs] == [*transcript.logprobs]
        starts_s = [turn.start_s for turn in turns]
        assert starts_s == sorted(starts_s)
        assert all(0 <= turn.start_s <= turn.end_s for turn in turns)

    async def test_it_takes_the_audio_that_the_server_has(self, engine: Transcriber) -> None:
        assert engine.info.rate_hz == LISTENING_RATE_HZ

    async def test_it_does_no_more_than_it_says(self, engine: Transcriber) -> None:
        events = await events_of(self.work(engine))
        transcript = self.transcript_of(events)
        assert engine.info.deltas or not any(isinstance(one, TranscriptDelta) for one in events)
        assert engine.info.diarization or not any(isinstance(one, SpeakerTurn) for one in events)
        assert transcript.logprobs == (), "log probabilities were not asked for"
        assert transcript.words == (), "times were not asked for"

    async def test_it_says_how_sure_it_is_of_each_token_if_it_can(
        self, engine: Transcriber
    ) -> None:
        request = TranscriptionRequest(logprobs=engine.info.logprobs)
        events = await events_of(engine.transcribe(self.speech, request))
        self.check(events)
        if engine.info.logprobs:
            transcript = self.transcript_of(events)
            assert all(one.logprob <= 0 for one in transcript.logprobs)
            told = b"".join(bytes(one.bytes) for one in transcript.logprobs)
            assert told == transcript.text.encode()

    async def test_it_says_when_each_word_was_said_if_it_can(self, engine: Transcriber) -> None:
        request = TranscriptionRequest(word_times=engine.info.word_times)
        events = await events_of(engine.transcribe(self.speech, request))
        self.check(events)
        text, words = events[-1].text, events[-1].words
        assert bool(words) == (engine.info.word_times and bool(text))
        times_s = [word.start_s for word in words]
        assert times_s == sorted(times_s)
        assert all(0 <= word.start_s <= word.end_s for word in words)
        assert all(word.end_s <= len(self.speech) / LISTENING_RATE_HZ + 1 for word in words)
        assert all(word.text and word.text in text for word in words)

    async def test_it_translates_if_it_can(self, engine: Transcriber) -> None:
        request = TranscriptionRequest(translate=engine.info.translates)
        self.check(await events_of(engine.transcribe(self.speech, request)))

    async def test_the_audio_is_not_changed(self, engine: Transcriber) -> None:
        audio = self.speech
        await events_of(engine.transcribe(audio, TranscriptionRequest()))
        assert np.array_equal(audio, self.speech)

    async def test_hints_of_no_use_are_no_trouble(self, engine: Transcriber) -> None:
        request = TranscriptionRequest(
            language="tlh", prompt="", keywords=("", "Bortaš"), model="no such model"
        )
        self.check(await events_of(engine.transcribe(self.speech, request)))

    async def test_no_audio_has_no_words(self, engine: Transcriber) -> None:
        audio = np.zeros(0, np.float32)
        events = await events_of(engine.transcribe(audio, TranscriptionRequest()))
        assert events == [Transcript("")]

    async def test_a_breath_of_audio_is_no_trouble(self, engine: Transcriber) -> None:
        for samples in (1, 100, 1600):
            self.check(await events_of(engine.transcribe(noise(samples), TranscriptionRequest())))
