"""Whisper: speech recognition in a hundred languages, by CTranslate2.

Any folder that faster-whisper can load will do: ``model.bin``, ``config.json``, ``tokenizer.json``
and ``vocabulary.*``. The features are our own (``mel.py``), so nothing but CTranslate2 is needed:
the package faster-whisper also brings FFmpeg, and always listens to half a minute.

The encoder was trained on half a minute, silence included, and takes most of the time. It may be
given less, which is five times as fast, as long as enough silence follows the words; without that
the decoder goes round in circles. If it does so all the same, the whole half minute is taken.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from msgspec import Struct

from antiphon.engines.base import EngineInfo, EngineSettings, Floats
from antiphon.engines.ears.mel import HOP_SAMPLES, log_mel
from antiphon.engines.ears.model_folder import model_folder
from antiphon.engines.ears.split import Part, parts_of
from antiphon.engines.ears.timed_words import timed_words, without_pauses
from antiphon.engines.ears.whisper_tokens import CONTEXT_TOKENS, WhisperTokens
from antiphon.engines.hearing import (
    LISTENING_RATE_HZ,
    TimedWord,
    Transcript,
    TranscriptDelta,
    TranscriptEvent,
    TranscriptionRequest,
)
from antiphon.engines.native.openmp import spin_briefly
from antiphon.engines.native.pool import Emitter, WorkerPool, pool_for
from antiphon.engines.native.pooled import PooledTranscriber
from antiphon.engines.options import Threads, options_as
from antiphon.errors import EngineError
from antiphon.wire.transcription_events import LogProb

__all__ = ["WhisperOptions", "WhisperTranscriber", "create"]

WINDOW_S = 30.0
"""What the encoder was trained on, and the most that it takes."""

SHORTEST_WINDOW_S = 10.0
SILENCE_AFTER_S = 2.0
"""With these two none of 45 utterances, most of them cut off, went round in circles; 12 did with
windows of 8 s and no silence after longer utterances, and 16 with windows of 6 s."""

TOKENS_PER_S = 20
SPARE_TOKENS = 16
"""Bounds a decoder that goes round in circles. Half a minute of training text had 7.5 tokens a
second; quick speech in scripts that take several tokens a letter has more."""

PLACES_PER_S = 50
"""Of what the encoder gives out, to which words are aligned: one for two frames of the features."""

MOST_COMPRESSIBLE = 2.4
NO_SPEECH = 0.6
UNSURE = -1.0
"""Text that shrinks more than this is going round in circles; words of this mean logarithmic
probability and less, where there is probably no speech, are made up. The values are those of
openai/whisper (``whisper/transcribe.py``)."""


class WhisperOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operator may set.

    Attributes:
        device: Where it computes; ``auto`` takes a GPU if CTranslate2 finds one.
        compute_type: How precisely, for example ``int8`` or ``float16``; ``auto`` takes what is
            quickest on the device. CTranslate2's documentation lists all.
        threads_per_utterance: Threads that share one utterance. With more than one, fewer
            utterances are recognized at once.
    """

    device: Literal["auto", "cpu", "cuda"] = "auto"
    compute_type: str = "auto"
    threads_per_utterance: Threads = 1


class _Heard(NamedTuple):
    """What was made of one part of an utterance.

    Attributes:
        tokens: Numbers of the tokens, control tokens included.
        text: What they say.
        score: Mean of their logarithmic probabilities.
        no_speech: How probably nobody speaks.
        logits: Scores of the whole vocabulary for each token, float32; empty if not wanted.
        encoded: What the encoder made of the part.
    """

    tokens: list[int]
    text: str
    score: float
    no_speech: float
    logits: list[Floats]
    encoded: Any

    @property
    def goes_in_circles(self) -> bool:
        text = self.text.encode()
        return len(text) > MOST_COMPRESSIBLE * len(zlib.compress(text))

    @property
    def is_made_up(self) -> bool:
        return self.no_speech > NO_SPEECH and self.score < UNSURE


class WhisperTranscriber(PooledTranscriber):
    """Recognizes speech. Built by :func:`create`.

    A delta comes for each half minute; longer audio is cut where it is quiet. Languages that the
    model does not know are ignored; without one it is detected, among ``languages`` if there are
    any. Keywords and prompt are put before the transcript, as if they had been said before.

    Args:
        info: What it is.
        model: ``ctranslate2.models.Whisper``.
        tokens: Its vocabulary.
        pool: Its threads.
    """

    def __init__(
        self,
        info: EngineInfo,
        model: Any,  # noqa: ANN401 (untyped library)
        tokens: WhisperTokens,
        pool: WorkerPool,
    ) -> None:
        super().__init__(info, pool)
        self._model = model
        self._tokens = tokens

    def _recognize(
        self, audio: Floats, request: TranscriptionRequest, emit: Emitter[TranscriptEvent]
    ) -> None:
        text = ""
        language: str | None = None
        logprobs: tuple[LogProb, ...] = ()
        words: tuple[TimedWord, ...] = ()
        for part in parts_of(audio, WINDOW_S - SILENCE_AFTER_S):
            encoded = self._encode(part.samples, SHORTEST_WINDOW_S)
            emit.check()
            language = language or self._language(encoded, request)
            heard = self._words(encoded, part.samples.size, language, request)
            emit.check()
            if heard.goes_in_circles:
                whole = self._encode(part.samples, WINDOW_S)
                emit.check()
                heard = self._words(whole, part.samples.size, language, request)
            pieces = self._tokens.pieces(heard.tokens, first=not text)
            if pieces and not heard.is_made_up:
                delta = _text_of(pieces)
                shown = _logprobs(heard, pieces) if request.logprobs else ()
                text += delta
                logprobs += shown
                if request.word_times:
                    opening = self._tokens.opening(language, "", translate=request.translate)
                    words += self._timed(heard, pieces, opening[:-1], part)
                emit(TranscriptDelta(delta, shown))
        emit(Transcript(text, (language,) if text and language else (), logprobs, words))

    def _encode(self, audio: Floats, shortest_s: float) -> Any:  # noqa: ANN401 (untyped library)
        from ctranslate2 import StorageView  # noqa: PLC0415 (an optional extra)

        seconds = max(shortest_s, audio.size / LISTENING_RATE_HZ + SILENCE_AFTER_S)
        window = int(min(seconds, WINDOW_S) * LISTENING_RATE_HZ)
        features = log_mel(np.pad(audio, (0, window - audio.size)), self._model.n_mels)
        return self._model.encode(
            StorageView.from_array(np.ascontiguousarray(features[np.newaxis]))
        )

    def _language(self, encoded: Any, request: TranscriptionRequest) -> str | None:  # noqa: ANN401
        known = self._tokens.languages
        if not known or request.language in known:
            return request.language if known else None
        (ranked,) = self._model.detect_language(encoded)
        codes = [self._tokens.language_of(token) for token, _ in ranked]
        return next((code for code in codes if code in request.languages), codes[0])

    def _words(
        self,
        encoded: Any,  # noqa: ANN401 (untyped library)
        audio_samples: int,
        language: str | None,
        request: TranscriptionRequest,
    ) -> _Heard:
        opening = self._tokens.opening(language, _prompt(request), translate=request.translate)
        most_tokens = int(audio_samples / LISTENING_RATE_HZ * TOKENS_PER_S) + SPARE_TOKENS
        (result,) = self._model.generate(
            encoded,
            [opening],
            beam_size=1,  # logits are given for the likeliest tokens only
            max_length=min(len(opening) + most_tokens, CONTEXT_TOKENS),
            return_scores=True,
            return_no_speech_prob=True,
            return_logits_vocab=request.logprobs,
        )
        (tokens,) = result.sequences_ids
        return _Heard(
            tokens=tokens,
            text=_text_of(self._tokens.pieces(tokens, first=True)),
            score=result.scores[0],
            no_speech=result.no_speech_prob,
            logits=[np.asarray(one) for one in result.logits[0]] if request.logprobs else [],
            encoded=encoded,
        )

    def _timed(
        self,
        heard: _Heard,
        pieces: list[tuple[int, bytes]],
        opening: list[int],
        part: Part,
    ) -> tuple[TimedWord, ...]:
        """Say when the words of a part were said, which the decoder's attention shows.

        Takes 20 ms for six seconds, a tenth of what recognizing them takes.

        Args:
            heard: What was made of the part.
            pieces: Places and bytes of its tokens that stand for text.
            opening: The tokens that it begins with, without the one that wants no times.
            part: The part.
        """
        tokens = [heard.tokens[place] for place, _ in pieces]
        (aligned,) = self._model.align(
            heard.encoded, opening, [tokens], [len(part.samples) // HOP_SAMPLES]
        )
        starts_s: dict[int, float] = {}
        for number, place in aligned.alignments:
            starts_s.setdefault(number, part.start_s + place / PLACES_PER_S)
        # The last one is the token that ends the text.
        ends_s = [starts_s[number + 1] for number in range(len(pieces))]
        timed = [
            (piece, starts_s[number], ends_s[number]) for number, (_, piece) in enumerate(pieces)
        ]
        return without_pauses(timed_words(timed), part.samples, part.start_s)


def create(settings: EngineSettings) -> WhisperTranscriber:
    """Load a folder given as the file ``model``, or the catalogue's files.

    Options: :class:`WhisperOptions`.

    Raises:
        EngineError: CTranslate2 is not installed, an option is wrong, or a file cannot be used.
    """
    options = options_as(settings, WhisperOptions, "transcribe")
    with model_folder(settings, "transcribe") as folder:
        model, concurrency = _open(folder, options, settings.threads)
        tokens = WhisperTokens(folder / "tokenizer.json", multilingual=model.is_multilingual)
    info = EngineInfo(
        name=settings.name,
        role="transcriber",
        languages=tokens.languages or ("en",),
        rate_hz=LISTENING_RATE_HZ,
        deltas=True,
        logprobs=True,
        word_times=True,
        translates=bool(tokens.languages),
    )
    return WhisperTranscriber(info, model, tokens, pool_for(settings, "transcribe", concurrency))


def _open(folder: Path, options: WhisperOptions, threads: int) -> tuple[Any, int]:
    """Load a model; the other result is how many utterances it recognizes at once."""
    spin_briefly()
    try:
        from ctranslate2.models import Whisper  # noqa: PLC0415 (an optional extra, loaded by name)
    except ImportError as error:
        message = "ctranslate2 is not installed; install antiphon[whisper]"
        raise EngineError(message, stage="transcribe", code="not_installed") from error
    concurrency = max(1, threads // options.threads_per_utterance)
    try:
        model = Whisper(
            str(folder),
            device=options.device,
            compute_type=options.compute_type,
            inter_threads=concurrency,
            intra_threads=options.threads_per_utterance,
        )
    except (RuntimeError, ValueError) as error:
        message = f"CTranslate2 cannot load {folder}: {error}"
        raise EngineError(message, stage="transcribe", code="weights_unreadable") from error
    return model, concurrency


def _prompt(request: TranscriptionRequest) -> str:
    """Keywords and prompt as one text."""
    return " ".join(filter(None, (", ".join(request.keywords), request.prompt)))


def _text_of(pieces: list[tuple[int, bytes]]) -> str:
    return b"".join(piece for _, piece in pieces).decode("utf-8", "replace")


def _logprobs(heard: _Heard, pieces: list[tuple[int, bytes]]) -> tuple[LogProb, ...]:
    """Return how sure the model is of each token that stands for text."""
    shown: list[LogProb] = []
    for place, piece in pieces:
        scores = heard.logits[place].ravel()
        logprob = -float(np.log(np.exp(scores - scores[heard.tokens[place]]).sum()))
        text = piece.decode("utf-8", "replace")
        shown.append(LogProb(token=text, logprob=logprob, bytes=tuple(piece)))
    return tuple(shown)
