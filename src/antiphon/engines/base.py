"""Who hears, thinks and speaks: the protocols that every engine implements.

Rules that hold for all of them (and that ``engines/conformance.py`` checks):

* Long work is an async generator. Closing it (``aclose``) or cancelling the task that reads it
  stops the work, within one chunk.
* Nothing blocks the event loop: native work runs on threads (``engines/pool.py``).
* The only exception raised is :class:`antiphon.errors.EngineError`.
* One instance serves all sessions of a process: weights are shared, and whatever belongs to one
  session is passed in and out.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from antiphon.core.plan import ChatMessage, ToolPolicy
from antiphon.core.tokens import TokenCounter
from antiphon.wire.audio_config import TranscriptionDelay
from antiphon.wire.session import FunctionTool
from antiphon.wire.transcription_events import LogProb

__all__ = [
    "LISTENING_RATE_HZ",
    "Denoiser",
    "DenoisingStream",
    "Engine",
    "EngineFactory",
    "EngineInfo",
    "EngineSettings",
    "Floats",
    "GenerationEnd",
    "GenerationEvent",
    "GenerationRequest",
    "LanguageModel",
    "MessageEndPredictor",
    "MicrophoneDistance",
    "PromptRead",
    "Role",
    "SpeakerTurn",
    "SpeechRequest",
    "Synthesizer",
    "TextDelta",
    "ToolCallDelta",
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

Floats = NDArray[np.float32]
"""Mono samples in -1.0 … 1.0."""

Role = Literal[
    "denoiser",
    "voice_detector",
    "turn_predictor",
    "transcriber",
    "language_model",
    "synthesizer",
]


class EngineInfo(Struct, frozen=True, kw_only=True):
    """What an engine is and what it can do, stated so that nobody has to find out by failing.

    Attributes:
        name: Catalogue name, for example ``moonshine-tiny-en``.
        role: What it does.
        languages: ISO-639-1 codes it understands or speaks; empty if it does not matter.
        rate_hz: Sample rate of the audio it takes (transcriber, detector) or makes (synthesizer);
            0 for a language model.
        voices: Names a synthesizer can speak with, its default first.
        speeds: Slowest and fastest speaking rate a synthesizer does well, 1.0 is natural. It is
            asked for no other; the server stretches its audio for the rest.
        max_audio_s: Longest audio a transcriber takes at once; ``None`` without a limit.
        deltas: Whether a transcriber gives words before it has heard all of them.
        logprobs: Whether a transcriber can say how sure it is of each token.
        diarization: Whether a transcriber tells speakers apart.
        context_tokens: How long a language model's prompt and answer may be together, without what
            the engine adds of its own; ``None`` if unknown.
        tools: Whether a language model can call functions.
        images: Whether a language model sees images.
        scripted: Whether it acts out a script, in which each request counts.
    """

    name: str
    role: Role
    languages: tuple[str, ...] = ()
    rate_hz: int = 0
    voices: tuple[str, ...] = ()
    speeds: tuple[float, float] = (0.25, 1.5)
    max_audio_s: float | None = None
    deltas: bool = False
    logprobs: bool = False
    diarization: bool = False
    context_tokens: int | None = None
    tools: bool = False
    images: bool = False
    scripted: bool = False


class EngineSettings(Struct, frozen=True, kw_only=True):
    """What a factory gets to build an engine from.

    Attributes:
        name: Catalogue name under which the engine is built.
        files: The catalogue entry's files by their key, all present and verified.
        options: The catalogue entry's options, overridden by the operator's.
        threads: How many threads the engine may compute with.
    """

    name: str
    files: Mapping[str, Path] = {}
    options: Mapping[str, Any] = {}
    threads: int = 1


class Engine(Protocol):
    """What all engines have in common."""

    @property
    def info(self) -> EngineInfo:
        """What it is and can do."""
        ...

    async def aclose(self) -> None:
        """Release threads and memory. Work under way is cancelled. May be called twice."""
        ...


EngineFactory = Callable[[EngineSettings], Engine]
"""Entry points of the group ``antiphon.engines`` name these. A factory blocks while it loads
weights and is therefore called on a thread; it raises ``EngineError`` if it cannot load."""


# --- hearing --------------------------------------------------------------------------------------


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
    """How to transcribe. All but ``logprobs`` are hints: engines ignore those of no use to them.

    Attributes:
        language: ISO-639-1 code of what is spoken, or ``None`` to let the engine decide.
        languages: ISO-639-1 codes of what may be spoken; empty if nothing is known.
        prompt: Text that steers the transcription, or ``None``.
        keywords: Words that are likely to occur.
        delay: How long words may be held back for the sake of accuracy, or ``None``.
        model: The model name the client asked for; engines with one model ignore it.
        logprobs: Whether log probabilities are wanted. Only engines whose ``info.logprobs`` is
            true are asked for them.
    """

    language: str | None = None
    languages: tuple[str, ...] = ()
    prompt: str | None = None
    keywords: tuple[str, ...] = ()
    delay: TranscriptionDelay | None = None
    model: str | None = None
    logprobs: bool = False


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


class Transcript(Struct, frozen=True):
    """The whole transcript; always the last event.

    Attributes:
        text: Everything that was said; ``""`` if no words were recognized.
        languages: ISO-639-1 codes the engine detected, likeliest first; empty if it detects none.
        logprobs: All tokens of the text, if they are wanted. Their bytes joined are the text's.
    """

    text: str
    languages: tuple[str, ...] = ()
    logprobs: tuple[LogProb, ...] = ()


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


# --- thinking -------------------------------------------------------------------------------------


class GenerationRequest(Struct, frozen=True, kw_only=True):
    """What a language model is asked.

    Attributes:
        messages: The context, instructions first.
        tools: Functions the model may call.
        tool_policy: Whether it may, must not or must call one.
        forced_tool: The one function it must call; ``None`` if it may choose.
        max_output_tokens: Limit over text and tool calls together; ``None`` for no limit.
        parallel_tool_calls: Whether several calls are wanted; ``None`` if unsaid.
        reasoning_effort: Passed to engines that can reason; others ignore it.
        model: The model name the client asked for; engines with one model ignore it.
        conversation: Key under which the engine may keep a prefix cache between responses.
    """

    messages: tuple[ChatMessage, ...]
    tools: tuple[FunctionTool, ...] = ()
    tool_policy: ToolPolicy = "auto"
    forced_tool: str | None = None
    max_output_tokens: int | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: str | None = None
    model: str | None = None
    conversation: str | None = None


class PromptRead(Struct, frozen=True):
    """The prompt has been read; comes at most once, before or with the first output.

    Attributes:
        input_tokens: Tokens of the whole prompt, by the model's own tokenizer.
        cached_tokens: How many of them came from the prefix cache.
        image_tokens: How many of them are images, if the model counts these.
    """

    input_tokens: int
    cached_tokens: int
    image_tokens: int = 0


class TextDelta(Struct, frozen=True):
    """More of the answer's text.

    Attributes:
        text: Text to append.
        tokens: How many tokens of the model it took.
    """

    text: str
    tokens: int = 1


class ToolCallDelta(Struct, frozen=True):
    """More of a function call. The first delta of an index starts the call.

    Attributes:
        index: Which call of this generation, from 0.
        name: The function's name, in the first delta of an index; ``""`` afterwards.
        arguments: JSON text to append to the arguments.
        tokens: How many tokens of the model it took.
    """

    index: int
    name: str = ""
    arguments: str = ""
    tokens: int = 1


class GenerationEnd(Struct, frozen=True):
    """The generation is over; always the last event.

    Attributes:
        reason: ``stop`` (the model finished, tool calls included), ``length`` (the token limit
            was reached) or ``content_filter``.
        output_tokens: Tokens generated in all, by the model's own tokenizer.
    """

    reason: Literal["stop", "length", "content_filter"]
    output_tokens: int


GenerationEvent = PromptRead | TextDelta | ToolCallDelta | GenerationEnd


class LanguageModel(Engine, Protocol):
    """Works out what to say."""

    @property
    def counter(self) -> TokenCounter | None:
        """Counts its tokens, at once and on the event loop.

        ``None`` if nobody but the model can. Nothing is then left out of long conversations, and
        those that outgrow the model fail.
        """
        ...

    def generate(self, request: GenerationRequest) -> AsyncGenerator[GenerationEvent, None]:
        """Answer the context.

        Yields:
            Events as documented on each type, ending with exactly one :class:`GenerationEnd`.

        Raises:
            EngineError: stage ``generate``; code ``context_length_exceeded`` if the request is too
                long.
        """
        ...

    async def warm(self, request: GenerationRequest) -> None:
        """Read the request's prefix (instructions, tools, history) into the cache, if there is one.

        Must give way to :meth:`generate`: it is a favour, never a delay.
        """
        ...


@runtime_checkable
class MessageEndPredictor(Protocol):
    """A language model that can also say whether a user's message is over."""

    async def predict_message_end(self, request: GenerationRequest) -> float:
        """Read the request up to the last word of its last message, and say if it ends there.

        Must give way to :meth:`LanguageModel.generate`.

        Returns:
            0 (more words follow) to 1 (the message is over).

        Raises:
            EngineError: stage ``generate``.
        """
        ...


# --- speaking -------------------------------------------------------------------------------------


class SpeechRequest(Struct, frozen=True, kw_only=True):
    """What to say and how.

    Attributes:
        text: A speakable segment of text.
        voice: One of the engine's voices.
        speed: Speaking rate, 1.0 is natural; within the engine's ``info.speeds``.
    """

    text: str
    voice: str
    speed: float = 1.0


class Synthesizer(Engine, Protocol):
    """Speaks."""

    def synthesize(self, request: SpeechRequest) -> AsyncGenerator[Floats, None]:
        """Speak one segment.

        Yields:
            Chunks of mono float32 samples at ``info.rate_hz``, in order, of any length.

        Raises:
            EngineError: stage ``synthesize``.
        """
        ...
