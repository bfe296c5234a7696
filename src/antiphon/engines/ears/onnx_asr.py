"""Parakeet, Canary, GigaAM, Vosk and others, by the package onnx-asr.

Any folder with a model that onnx-asr loads will do; its documentation lists the kinds and where
exports of them are: https://istupakov.github.io/onnx-asr. Nothing is downloaded.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from msgspec import Meta, Struct

from antiphon.engines.base import EngineInfo, EngineSettings, Floats
from antiphon.engines.ears.model_folder import model_folder
from antiphon.engines.ears.split import Part, parts_of
from antiphon.engines.ears.timed_words import timed_words
from antiphon.engines.hearing import (
    LISTENING_RATE_HZ,
    TimedWord,
    Transcript,
    TranscriptDelta,
    TranscriptEvent,
    TranscriptionRequest,
)
from antiphon.engines.native.onnx import session_options
from antiphon.engines.native.pool import Emitter, WorkerPool, pool_for
from antiphon.engines.native.pooled import PooledTranscriber
from antiphon.engines.options import options_as
from antiphon.errors import EngineError
from antiphon.wire.transcription_events import LogProb

__all__ = ["OnnxAsrOptions", "OnnxAsrTranscriber", "aligned", "create"]

LONGEST_TOKEN_S = 0.4
"""What a token lasts at most. The models say when one begins; before the next may be a pause."""


class OnnxAsrOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operator may set.

    Attributes:
        model_type: The kind of model, for example ``nemo-conformer-tdt``; ``None`` for what the
            folder's ``config.json`` says.
        quantization: Which of a folder's files to take: ``int8`` for ``….int8.onnx``; ``None`` for
            those without such an ending, and if there are none, for ``int8``.
        languages: ISO-639-1 codes the model understands. Clients that ask for another are refused;
            without any none is refused.
        max_audio_s: Longer utterances are recognized in parts, cut where they are quietest. Memory
            and time of many encoders grow with the square of it.
    """

    model_type: str | None = None
    quantization: str | None = None
    languages: tuple[str, ...] = ()
    max_audio_s: Annotated[float, Meta(ge=1, le=3600)] = 30.0


class OnnxAsrTranscriber(PooledTranscriber):
    """Recognizes speech. Built by :func:`create`.

    A delta comes for each part of ``max_audio_s``. Only models that are told their language
    (Canary, Whisper) heed ``language``; none takes a prompt or keywords. One utterance is
    recognized at a time: all threads share it, so that its words are there sooner.

    Args:
        info: What it is.
        model: ``onnx_asr.adapters.TimestampedResultsAsrAdapter``.
        options: Its options.
        pool: Its thread.
    """

    def __init__(
        self,
        info: EngineInfo,
        model: Any,  # noqa: ANN401 (of an optional extra)
        options: OnnxAsrOptions,
        pool: WorkerPool,
    ) -> None:
        super().__init__(info, pool)
        self._model = model
        self._options = options

    def _recognize(
        self, audio: Floats, request: TranscriptionRequest, emit: Emitter[TranscriptEvent]
    ) -> None:
        text = ""
        logprobs: tuple[LogProb, ...] = ()
        words: tuple[TimedWord, ...] = ()
        for part in parts_of(audio, self._options.max_audio_s):
            emit.check()
            heard = self._model.recognize(
                part.samples, sample_rate=LISTENING_RATE_HZ, language=request.language
            )
            if heard.text:
                space = " " if text else ""
                delta = space + heard.text
                shown = _logprobs(delta, heard) if request.logprobs else ()
                text += delta
                logprobs += shown
                if request.word_times:
                    words += _timed(delta, heard, part)
                emit(TranscriptDelta(delta, shown))
        emit(Transcript(text, logprobs=logprobs, words=words))


def _logprobs(text: str, heard: Any) -> tuple[LogProb, ...]:  # noqa: ANN401 (as above)
    return tuple(
        LogProb(token=piece, logprob=heard.logprobs[place], bytes=tuple(piece.encode()))
        for place, piece in aligned(text, heard.tokens)
    )


def _timed(
    text: str,
    heard: Any,  # noqa: ANN401 (as above)
    part: Part,
) -> tuple[TimedWord, ...]:
    """Say when the words of a part were said.

    Args:
        text: What was heard in it.
        heard: The same, as onnx-asr tells it, with when each token begins.
        part: The part.
    """
    pieces = aligned(text, heard.tokens)
    starts_s = [min(part.start_s + heard.timestamps[place], part.end_s) for place, _ in pieces]
    ends_s = [*starts_s[1:], part.end_s]
    return timed_words(
        [
            (piece.encode(), began_s, min(ended_s, began_s + LONGEST_TOKEN_S))
            for (_, piece), began_s, ended_s in zip(pieces, starts_s, ends_s, strict=True)
        ]
    )


def aligned(text: str, tokens: list[str]) -> list[tuple[int, str]]:
    """Say for each token which piece of the text it is.

    onnx-asr joins the tokens of a text and leaves out spaces that do not belong there, for example
    before a comma. Characters of the text that are in no token, which is the space between two
    parts, go to the token after them.

    Args:
        text: What was recognized.
        tokens: Its tokens.

    Returns:
        Places of the tokens that stand for some of the text, and the pieces; joined they are the
        text.
    """
    pieces: list[tuple[int, str]] = []
    at = 0
    for place, token in enumerate(tokens):
        end = at
        for letter in token:
            found = text.find(letter, end)
            if found >= 0 and not text[end:found].strip():
                end = found + 1
        piece, at = text[at:end], end
        if piece:
            pieces.append((place, piece))
    return pieces


def create(settings: EngineSettings) -> OnnxAsrTranscriber:
    """Load a folder given as the file ``model``, or the catalogue's files.

    Options: :class:`OnnxAsrOptions`.

    Raises:
        EngineError: onnx-asr is not installed, an option is wrong, or a file cannot be used.
    """
    options = options_as(settings, OnnxAsrOptions, "transcribe")
    with model_folder(settings, "transcribe") as folder:
        model = _open(folder, options, settings.threads)
    # Models without log probabilities give None, whatever they hear. It also warms the model up.
    silence = model.recognize(np.zeros(LISTENING_RATE_HZ, np.float32))
    info = EngineInfo(
        name=settings.name,
        role="transcriber",
        languages=options.languages,
        rate_hz=LISTENING_RATE_HZ,
        deltas=True,
        logprobs=silence.logprobs is not None,
        word_times=silence.timestamps is not None,
    )
    return OnnxAsrTranscriber(info, model, options, pool_for(settings, "transcribe", 1))


def _open(folder: Path, options: OnnxAsrOptions, threads: int) -> Any:  # noqa: ANN401
    session = session_options(threads=threads, stage="transcribe")
    try:
        from onnx_asr.loader import Manager  # noqa: PLC0415 (an optional extra, loaded by name)
        from onnx_asr.utils import ModelFileNotFoundError  # noqa: PLC0415
    except ImportError as error:
        message = "onnx-asr is not installed; install antiphon[onnx-asr]"
        raise EngineError(message, stage="transcribe", code="not_installed") from error
    load = partial(
        Manager(sess_options=session, providers=["CPUExecutionProvider"]).create_asr,
        options.model_type,
        folder,
        offline=True,
    )
    try:
        try:
            model = load(quantization=options.quantization)
        except ModelFileNotFoundError:
            if options.quantization:
                raise
            model = load(quantization="int8")
    except Exception as error:  # its own exceptions, onnxruntime's, and those of reading the files
        message = f"onnx-asr cannot load {folder}: {error}"
        raise EngineError(message, stage="transcribe", code="weights_unreadable") from error
    return model.with_timestamps()
