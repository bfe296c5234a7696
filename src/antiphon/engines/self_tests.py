"""Has an engine do its work once, to see that it can; for ``antiphon check``.

The known clip, ``question.wav``, is two seconds of 16 kHz PCM, made with Piper and the voice
en_US-joe; no person speaks in it. It is released under CC0-1.0.
"""

from __future__ import annotations

import re
import time
import wave
from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import soxr

from antiphon.audio.formats import to_floats
from antiphon.core.plan import ChatMessage
from antiphon.engines.base import Engine, Floats
from antiphon.engines.hearing import (
    LISTENING_RATE_HZ,
    Denoiser,
    Transcriber,
    Transcript,
    TranscriptionRequest,
    TurnPredictor,
    VoiceDetector,
)
from antiphon.engines.speaking import SpeechRequest, Synthesizer
from antiphon.engines.thinking import GenerationRequest, LanguageModel, TextDelta
from antiphon.errors import EngineError

__all__ = ["SENTENCE", "self_test"]

QUESTION = "What is the capital of France?"
"""What is said in the known clip."""

SENTENCE = "The weather is fine today, and the birds sing in the trees."
"""What synthesizers are to say."""

_MAX_TOKENS = 1024
"""Of an answer. Models that think first spend most of them on what nobody reads."""

_ENOUGH_TOKENS = 24
"""After so many tokens of text it is known that a model answers, and how fast."""

_SPEECH_PROBABILITY = 0.5

_RIGHT = 0.5
"""Of the words. The smallest models get most of them right, sound at a wrong rate hardly any."""


async def self_test(engine: Engine, ears: Transcriber | None = None) -> str:
    """Have an engine work, and say in a line what came of it.

    Args:
        engine: Of any role.
        ears: Hears back what a synthesizer says; ``None`` if there is nobody.

    Returns:
        The line. It begins with ``warning:`` where most words are wrong that were heard or said.

    Raises:
        EngineError: It failed, or what came of it is nothing that it could be used for.
    """
    tested: Any = engine
    match engine.info.role:
        case "voice_detector":
            return _detect(tested)
        case "denoiser":
            return _denoise(tested)
        case "turn_predictor":
            return await _predict(tested)
        case "transcriber":
            return await _transcribe(tested)
        case "language_model":
            return await _complete(tested)
        case "synthesizer":
            return await _speak(tested, ears)


def _detect(detector: VoiceDetector) -> str:
    heard, quiet = (_likeliest(detector, sound) for sound in (_clip(), np.zeros_like(_clip())))
    if quiet > _SPEECH_PROBABILITY or heard < _SPEECH_PROBABILITY:
        message = f"finds speech in a question at {heard:.2f}, and in silence at {quiet:.2f}"
        raise EngineError(message, stage="detect")
    return f"finds speech in a question ({heard:.2f}), and none in silence ({quiet:.2f})"


def _likeliest(detector: VoiceDetector, sound: Floats) -> float:
    states = [detector.initial_state()]
    likeliest = 0.0
    for start in range(0, len(sound) - detector.frame_samples, detector.frame_samples):
        frame = sound[np.newaxis, start : start + detector.frame_samples]
        (probability,), states = detector.step(frame, states)
        likeliest = max(likeliest, float(probability))
    return likeliest


def _denoise(denoiser: Denoiser) -> str:
    stream = denoiser.open("near_field", 1.0)
    cleaned = [stream.push(_clip()), stream.flush()]
    samples = sum(len(part) for part in cleaned)
    if samples != len(_clip()):
        message = f"makes {samples} samples of {len(_clip())}"
        raise EngineError(message, stage="detect")
    return f"cleans speech, {stream.delay_samples / LISTENING_RATE_HZ * 1000:.0f} ms late"


async def _predict(predictor: TurnPredictor) -> str:
    whole, half = await predictor.predict(_clip()), await predictor.predict(_clip()[:16_000])
    return f"a question is over at {whole:.2f}, half of it at {half:.2f}"


async def _transcribe(transcriber: Transcriber) -> str:
    began = time.monotonic()
    heard = await _heard_by(transcriber, _clip())
    if not heard.strip():
        message = f"hears nothing where '{QUESTION}' is said"
        raise EngineError(message, stage="transcribe")
    said = f"hears '{heard}' where '{QUESTION}' is said, in {_ms_since(began)} ms"
    return _judged(said, QUESTION, heard, [transcriber])


async def _heard_by(transcriber: Transcriber, audio: Floats) -> str:
    transcription = transcriber.transcribe(audio, TranscriptionRequest())
    async with aclosing(transcription) as events:
        return "".join([event.text async for event in events if isinstance(event, Transcript)])


async def _complete(model: LanguageModel) -> str:
    messages = (
        ChatMessage("system", "Answer in one short sentence."),
        ChatMessage("user", QUESTION),
    )
    limit = min(_MAX_TOKENS, (model.info.context_tokens or 2 * _MAX_TOKENS) // 2)
    request = GenerationRequest(messages=messages, max_output_tokens=limit)
    began = time.monotonic()
    first_ms, text, tokens = None, "", 0
    async with aclosing(model.generate(request)) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                first_ms = _ms_since(began) if first_ms is None else first_ms
                text += event.text
                tokens += event.tokens
            if tokens >= _ENOUGH_TOKENS:
                break
    if not text.strip():
        message = f"answers nothing to '{QUESTION}' with {limit} tokens"
        raise EngineError(message, stage="generate")
    pace = tokens * 1000 / max(1, _ms_since(began))
    return f"answers '{text.strip()}', begun after {first_ms} ms, {pace:.0f} tokens a second in all"


async def _speak(synthesizer: Synthesizer, ears: Transcriber | None) -> str:
    request = SpeechRequest(text=SENTENCE, voice=synthesizer.info.voices[0])
    began = time.monotonic()
    first_ms, chunks = None, []
    async with aclosing(synthesizer.synthesize(request)) as sounds:
        async for chunk in sounds:
            first_ms = _ms_since(began) if first_ms is None else first_ms
            chunks.append(chunk)
    took_s = time.monotonic() - began
    speech = np.concatenate(chunks) if chunks else np.zeros(0, np.float32)
    duration_s = len(speech) / synthesizer.info.rate_hz
    if not np.any(speech):
        message = f"is silent where it is to say '{SENTENCE}'"
        raise EngineError(message, stage="synthesize")
    pace = f"heard after {first_ms} ms, {duration_s / max(took_s, 1e-3):.0f} times as fast as time"
    if ears is None:
        return f"says a sentence in {duration_s:.1f} s, {pace}"
    listened = soxr.resample(speech, synthesizer.info.rate_hz, LISTENING_RATE_HZ)
    heard = await _heard_by(ears, listened)
    said = f"says '{heard}' where it is to say '{SENTENCE}', {pace}"
    return _judged(said, SENTENCE, heard, [synthesizer, ears])


def _judged(said: str, wanted: str, heard: str, engines: Sequence[Engine]) -> str:
    """Return what is said of words that were heard, as a warning if most of them are wrong.

    Engines that act out a script or know no English cannot be judged by English words.
    """
    infos = [engine.info for engine in engines]
    judged = all("en" in (info.languages or ("en",)) and not info.scripted for info in infos)
    right = (_words(wanted) & _words(heard)).total()
    if not judged or right >= _words(wanted).total() * _RIGHT:
        return said
    return f"warning: {said}: {right} of {_words(wanted).total()} words are right"


def _words(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", text.lower()))


@cache
def _clip() -> Floats:
    """The known clip: shape (n,), float32 at 16 kHz."""
    with (
        resources.files(__package__).joinpath("question.wav").open("rb") as file,
        wave.open(file) as recording,
    ):
        pcm = recording.readframes(recording.getnframes())
    return to_floats(np.frombuffer(pcm, "<i2"))


def _ms_since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
