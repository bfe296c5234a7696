"""Moonshine: English speech recognition, small and quick, by plain onnxruntime.

An encoder reads the utterance, a decoder writes it token by token. The export is a *merged*
decoder: one graph with two branches, of which the first (``use_cache_branch`` false) also computes
the keys and values of the encoder's output, and the second reuses them. Format and figures:
https://github.com/moonshine-ai/moonshine.

One thread an utterance is faster than two: the matrices are small.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
from msgspec import Meta, Struct

from antiphon.engines.base import EngineInfo, EngineSettings, Floats
from antiphon.engines.ears.ort_format import as_onnx
from antiphon.engines.ears.split import parts_of
from antiphon.engines.hearing import (
    LISTENING_RATE_HZ,
    Transcript,
    TranscriptDelta,
    TranscriptEvent,
    TranscriptionRequest,
)
from antiphon.engines.native.onnx import open_session
from antiphon.engines.native.pool import Emitter, WorkerPool, pool_for
from antiphon.engines.native.pooled import PooledTranscriber
from antiphon.engines.options import file_of, options_as
from antiphon.errors import EngineError
from antiphon.wire.transcription_events import LogProb

__all__ = [
    "MoonshineOptions",
    "MoonshineTranscriber",
    "create",
    "read_vocabulary",
]

START_TOKEN = 1
END_TOKEN = 2

TOKENS_PER_S = 6.5
"""Speech has no more tokens a second; a decoder that writes more is repeating itself."""

SPARE_TOKENS = 6
"""Added for utterances of one or two words, whose tokens outnumber their seconds."""

HEARD_IN_SILENCE = "You"
"""All that the model writes for silence, noise, hum and clicks. When somebody says the word alone,
the model ends it with a full stop."""

_WORD_MARK = "\N{LOWER ONE EIGHTH BLOCK}".encode()  # SentencePiece writes a space as this


class _Token(NamedTuple):
    """What the decoder chose.

    Attributes:
        number: Its place in the vocabulary.
        logits: Scores of the whole vocabulary, among which its own is the highest; float32.
    """

    number: int
    logits: Floats

    @property
    def logprob(self) -> float:
        """Natural logarithm of its probability: the log-softmax at its place."""
        return -float(np.log(np.exp(self.logits - self.logits[self.number]).sum()))


class _Word(NamedTuple):
    """One recognized word."""

    text: str
    tokens: tuple[_Token, ...]


class MoonshineOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operator may set.

    Attributes:
        max_audio_s: Longer utterances are recognized in parts, cut where they are quietest. The
            model was trained on a few seconds up to half a minute.
        silence_after_s: Silence that is put after each utterance. The base model wrote nothing for
            one of 49 utterances that broke off in the middle of a word, and with 0.1 s for none.
        optimize: Whether the files were exported without being optimized, so that this has to be
            done as they are loaded (``engines/ears/ort_format.py``).
    """

    max_audio_s: Annotated[float, Meta(ge=1, le=600)] = 20.0
    silence_after_s: Annotated[float, Meta(ge=0, le=10)] = 0.0
    optimize: bool = False


class _Decoder:
    """The merged decoder's graph: names and shapes of its cache."""

    def __init__(self, session: Any) -> None:  # noqa: ANN401 (untyped library)
        self._session = session
        # Some exports have no mask.
        self._input_names = {entry.name for entry in session.get_inputs()}
        self._output_names = [output.name for output in session.get_outputs()]
        self._empty_cache = {
            entry.name: np.zeros((1, entry.shape[1], 1, entry.shape[3]), np.float32)
            for entry in session.get_inputs()
            if entry.name.startswith("past_key_values.")
        }

    def tokens(self, encoded: Floats, audio_samples: int) -> Iterator[_Token]:
        """Yield the likeliest token after each other, without end."""
        inputs: dict[str, Any] = {
            "encoder_hidden_states": encoded,
            "input_ids": np.array([[START_TOKEN]], np.int64),
            "use_cache_branch": np.array([False]),
            **self._empty_cache,
        }
        if "encoder_attention_mask" in self._input_names:
            inputs["encoder_attention_mask"] = np.ones((1, audio_samples), np.int64)
        while True:
            outputs = dict(zip(self._output_names, self._session.run(None, inputs), strict=True))
            logits = outputs["logits"][0, -1]
            token = int(logits.argmax())
            yield _Token(token, logits)
            reused = bool(inputs["use_cache_branch"][0])
            for name, value in outputs.items():
                # The second branch returns no keys and values of the encoder's output.
                if name != "logits" and not (reused and ".encoder." in name):
                    inputs[name.replace("present.", "past_key_values.")] = value
            inputs["input_ids"] = np.array([[token]], np.int64)
            inputs["use_cache_branch"] = np.array([True])


class MoonshineTranscriber(PooledTranscriber):
    """Recognizes English. Built by :func:`create`.

    Words are told as they are recognized. The model knows one language and takes neither prompt nor
    keywords, so hints have no effect.

    Args:
        info: What it is.
        encoder: ``onnxruntime.InferenceSession`` of the encoder.
        decoder: ``onnxruntime.InferenceSession`` of the merged decoder.
        vocabulary: UTF-8 bytes of each token; control tokens are empty.
        options: Its options.
        pool: Its threads.
    """

    def __init__(
        self,
        info: EngineInfo,
        encoder: Any,  # noqa: ANN401 (untyped library)
        decoder: Any,  # noqa: ANN401 (untyped library)
        vocabulary: tuple[bytes, ...],
        options: MoonshineOptions,
        pool: WorkerPool,
    ) -> None:
        super().__init__(info, pool)
        self._encoder = encoder
        self._encoder_has_mask = "attention_mask" in {one.name for one in encoder.get_inputs()}
        self._decoder = _Decoder(decoder)
        self._vocabulary = vocabulary
        self._options = options

    def _recognize(
        self, audio: Floats, request: TranscriptionRequest, emit: Emitter[TranscriptEvent]
    ) -> None:
        text = ""
        logprobs: tuple[LogProb, ...] = ()
        for part in parts_of(audio, self._options.max_audio_s):
            for word in self._words(part.samples, emit):
                space = " " if text else ""
                shown = self._logprobs(word.tokens, space) if request.logprobs else ()
                text += space + word.text
                logprobs += shown
                emit(TranscriptDelta(space + word.text, shown))
        emit(Transcript(text, logprobs=logprobs))

    def _logprobs(self, tokens: tuple[_Token, ...], space: str) -> tuple[LogProb, ...]:
        """Return how sure the model is of a word's tokens, the first of which takes the space."""
        shown: list[LogProb] = []
        before = space.encode()
        for token in tokens:
            piece = before + self._vocabulary[token.number].replace(_WORD_MARK, b"")
            before = b""
            if piece:
                text = piece.decode("utf-8", "replace")
                shown.append(LogProb(token=text, logprob=token.logprob, bytes=tuple(piece)))
        return tuple(shown)

    def _words(self, audio: Floats, emit: Emitter[TranscriptEvent]) -> Iterator[_Word]:
        """Recognize one part; each word is given when the next one begins."""
        silence_samples = int(self._options.silence_after_s * LISTENING_RATE_HZ)
        audio = np.pad(audio, (0, silence_samples))
        inputs: dict[str, Any] = {"input_values": audio[np.newaxis]}
        if self._encoder_has_mask:
            inputs["attention_mask"] = np.ones((1, audio.size), np.int64)
        (encoded,) = self._encoder.run(None, inputs)
        emit.check()
        most_tokens = int(audio.size / LISTENING_RATE_HZ * TOKENS_PER_S) + SPARE_TOKENS
        word, words = b"", 0
        tokens: tuple[_Token, ...] = ()
        for count, token in enumerate(self._decoder.tokens(encoded, audio.size), 1):
            emit.check()
            ended = token.number == END_TOKEN or count == most_tokens
            piece = self._vocabulary[token.number]
            if word and (ended or piece.startswith(_WORD_MARK)):
                text = word.replace(_WORD_MARK, b"").decode("utf-8", "replace")
                words += 1
                if text and not (ended and words == 1 and text == HEARD_IN_SILENCE):
                    yield _Word(text, tokens)
                word, tokens = b"", ()
            if ended:
                return
            word += piece
            tokens += (token,)


def create(settings: EngineSettings) -> MoonshineTranscriber:
    """Load the files ``encoder``, ``decoder`` and ``tokenizer``; options: ``MoonshineOptions``.

    Raises:
        EngineError: An option is wrong, or a file cannot be used.
    """
    options = options_as(settings, MoonshineOptions, "transcribe")
    encoder, decoder = (
        _open(file_of(settings, key, "transcribe"), options) for key in ("encoder", "decoder")
    )
    info = EngineInfo(
        name=settings.name,
        role="transcriber",
        languages=("en",),
        rate_hz=LISTENING_RATE_HZ,
        deltas=True,
        logprobs=True,
    )
    vocabulary = read_vocabulary(file_of(settings, "tokenizer", "transcribe"))
    pool = pool_for(settings, "transcribe")
    return MoonshineTranscriber(info, encoder, decoder, vocabulary, options, pool)


def _open(path: Path, options: MoonshineOptions) -> Any:  # noqa: ANN401 (untyped library)
    content = as_onnx(path, "transcribe") if options.optimize else None
    return open_session(path, threads=1, stage="transcribe", content=content)


def read_vocabulary(path: Path) -> tuple[bytes, ...]:
    """Read Moonshine's ``tokenizer.bin``: the bytes of each token, in the order of their numbers.

    Each token is its length and its bytes. A length below 128 is one byte; a longer one is two,
    the first of which holds the lower seven bits and has its high bit set. The three control
    tokens at the start and those written ``<<…>>`` stand for no text and are returned empty.

    Raises:
        EngineError: The file ends in the middle of a token.
    """
    packed = path.read_bytes()
    tokens: list[bytes] = []
    at = 0
    while at < len(packed):
        length = packed[at]
        at += 1
        if length >= 128:
            length = length - 128 + (packed[at] if at < len(packed) else 0) * 128
            at += 1
        if at + length > len(packed):
            message = f"{path} ends in the middle of token {len(tokens)}; fetch it again"
            raise EngineError(message, stage="transcribe", code="weights_unreadable")
        token = packed[at : at + length]
        at += length
        is_control = len(tokens) <= END_TOKEN or (token.startswith(b"<<") and token.endswith(b">>"))
        tokens.append(b"" if is_control else token)
    return tuple(tokens)
