"""Engines that hear: noise, speech, the end of a turn, words."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Literal, Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from antiphon.engines.base import Engine, Floats
from antiphon.wire.audio_config import TranscriptionDelay
from antiphon.wire.transcription_events import LogProb

__all__ = [
    "LISTENING_RATE_HZ",
    "SHORTEST_AUDIO_S",
    "Denoiser",
    "DenoisingStream",
    "MicrophoneDistance",
    "SpeakerTurn",
    "TimedWord",
    "Transcriber",
    "Transcript",
    "TranscriptDelta",
    "TranscriptEvent",
    "TranscriptionRequest",
    "TurnPredictor",
    "VoiceDetector",
]

LISTENING_RATE_HZ = 16_000
"""Sample rate of everything that detectors and transcribers hear."""

SHORTEST_AUDIO_S = 0.1
"""Less holds no word, hardly fills an encoder's first window, and OpenAI's service refuses it."""

MicrophoneDistance = Literal["near_field", "far_field"]
"""Whether the speaker wears the microphone, or sits before it."""


class DenoisingStream(Protocol):
    """One session's audio on its way through a denoiser.

    Positions stay what they are: the nth sample out is the nth sample in, cleaned. A stream holds
    back what it cannot say yet, never more than ``delay_samples``.
    """

    @property
    def delay_samples(self) -> int:
        """How many of the newest samples are held back at most."""
        ...

    def push(self, audio: Floats) -> Floats:
        """Clean the stream's next samples.

        What comes out does not depend on how the stream was cut into pieces.

        Args:
            audio: Shape (n,), float32 at 16 kHz, of any length.

        Returns:
            Shape (m,), float32 at 16 kHz: all that can be said yet, possibly nothing.
        """
        ...

    def flush(self) -> Floats:
        """Give out what is held back, as if silence followed.

        The stream may go on afterwards, and remembers what it knows of the noise.

        Returns:
            Shape (m,), float32 at 16 kHz. With it as many samples have come out as went in.
        """
        ...

    def in_foreground(self, start: int, end: int) -> bool:
        """Whether somebody near speaks, or may speak, anywhere in a span.

        Voices in the background are speech to a voice detector; here they are not. Recognizing
        them is left to the transcriber, so they are not taken out of the audio.

        Args:
            start: Position of the span's first sample, counted from the stream's first. Spans must
                be asked for in order: what lies before ``start`` is forgotten.
            end: Position after its last sample; it has come out already.
        """
        ...


class Denoiser(Engine, Protocol):
    """Takes noise out of what the microphone heard. Cheap enough for the event loop."""

    def open(self, distance: MicrophoneDistance, strength: float) -> DenoisingStream:
        """Begin a stream.

        Args:
            distance: What kind of noise to expect.
            strength: How much to suppress, 1 is usual; 0 and less leave the audio as it is.

        Raises:
            EngineError: stage ``detect``: the denoiser is closed.
        """
        ...


class VoiceDetector(Engine, Protocol):
    """Says, frame by frame, how probably someone is speaking. Batched over sessions."""

    @property
    def frame_samples(self) -> int:
        """Samples in one frame at 16 kHz (512 = 32 ms for Silero)."""
        ...

    def initial_state(self) -> NDArray[np.float32]:
        """The state row of a session that has heard nothing yet."""
        ...

    def step(
        self, frames: Floats, states: Sequence[NDArray[np.float32]]
    ) -> tuple[Floats, list[NDArray[np.float32]]]:
        """Judge one new frame of each of n sessions, in one call.

        Args:
            frames: Shape (n, frame_samples), float32 at 16 kHz.
            states: The n sessions' state rows as returned by the step before.

        Returns:
            Probabilities of speech, shape (n,), and the n new state rows.
        """
        ...


class TurnPredictor(Engine, Protocol):
    """Says, in a pause, how probably the speaker has finished."""

    async def predict(self, audio: Floats) -> float:
        """Judge the pause at the end of a turn's audio.

        Args:
            audio: The turn until now, the pause included: shape (n,), float32 at 16 kHz. Of long
                turns the last seconds are enough.

        Returns:
            0 (the speaker will go on) to 1 (the turn is over).

        Raises:
            EngineError: stage ``detect``.
        """
        ...


class TranscriptionRequest(Struct, frozen=True, kw_only=True):
    """How to transcribe.

    What comes before ``logprobs`` are hints: engines ignore those of no use to them.

    Attributes:
        language: ISO-639-1 code of what is spoken, or ``None`` to let the engine decide.
        languages: ISO-639-1 codes of what may be spoken; empty if nothing is known.
        prompt: Text that steers the transcription, or ``None``.
        keywords: Words that are likely to occur.
        delay: How long words may be held back for the sake of accuracy, or ``None``.
        model: The model name the client asked for; engines with one model ignore it.
        logprobs: Whether log probabilities are wanted. Only engines whose ``info.logprobs`` is
            true are asked for them.
        word_times: Whether it is wanted when each word was said. Only engines whose
            ``info.word_times`` is true are asked for it.
        translate: Whether the transcript is to be in English, whatever is spoken. Only engines
            whose ``info.translates`` is true are asked for it.
    """

    language: str | None = None
    languages: tuple[str, ...] = ()
    prompt: str | None = None
    keywords: tuple[str, ...] = ()
    delay: TranscriptionDelay | None = None
    model: str | None = None
    logprobs: bool = False
    word_times: bool = False
    translate: bool = False


class TranscriptDelta(Struct, frozen=True):
    """More of the transcript, final as far as it goes.

    Attributes:
        text: Text to append to what came before.
        logprobs: The tokens of the text, if they are wanted. Their bytes joined are the text's.
    """

    text: str
    logprobs: tuple[LogProb, ...] = ()


class SpeakerTurn(Struct, frozen=True):
    """What one speaker said before another one did, from engines that tell speakers apart.

    Attributes:
        speaker: Label of the speaker, the same in all turns of the utterance.
        start_s: Where it begins, in seconds of the utterance; not before the turn before.
        end_s: Where it ends.
        text: What was said.
    """

    speaker: str
    start_s: float
    end_s: float
    text: str


class TimedWord(Struct, frozen=True):
    """When a word was said.

    Attributes:
        text: The word, without the punctuation around it.
        start_s: Where it begins, in seconds of the utterance; not before the word before.
        end_s: Where it ends; not before it begins.
    """

    text: str
    start_s: float
    end_s: float


class Transcript(Struct, frozen=True):
    """The whole transcript; always the last event.

    Attributes:
        text: Everything that was said; ``""`` if no words were recognized.
        languages: ISO-639-1 codes the engine detected, likeliest first; empty if it detects none.
        logprobs: All tokens of the text, if they are wanted. Their bytes joined are the text's.
        words: The words of the text in order, if their times are wanted.
    """

    text: str
    languages: tuple[str, ...] = ()
    logprobs: tuple[LogProb, ...] = ()
    words: tuple[TimedWord, ...] = ()


TranscriptEvent = TranscriptDelta | SpeakerTurn | Transcript


class Transcriber(Engine, Protocol):
    """Turns speech into words."""

    def transcribe(
        self, audio: Floats, request: TranscriptionRequest
    ) -> AsyncGenerator[TranscriptEvent, None]:
        """Transcribe one utterance.

        Args:
            audio: Shape (n,), float32 at 16 kHz.
            request: Hints.

        Yields:
            Any number of deltas and turns of speakers (engines that have them), then exactly one
            :class:`Transcript`.

        Raises:
            EngineError: stage ``transcribe``.
        """
        ...
