"""Engines that think: language models."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Literal, Protocol, runtime_checkable

from msgspec import Struct

from antiphon.core.plan import ChatMessage, ToolPolicy
from antiphon.core.tokens import TokenCounter
from antiphon.engines.base import Engine, Floats
from antiphon.wire.session import FunctionTool

__all__ = [
    "EndReason",
    "GenerationEnd",
    "GenerationEvent",
    "GenerationRequest",
    "LanguageModel",
    "MessageEndPredictor",
    "Progress",
    "PromptRead",
    "SpeechDelta",
    "TextDelta",
    "ToolCallDelta",
]


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
        recordings: What the messages' audio sounds like, by the id of its item: shape (n,),
            float32 at 16 kHz. What is not kept any more is missing.
        voice: With which of its voices the answer is to be spoken; ``None`` for a written one. Only
            engines whose ``info.speaks`` is true are asked for a voice.
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
    recordings: Mapping[str, Floats] = {}
    voice: str | None = None


class Progress(Struct, frozen=True):
    """Work goes on, but there is nothing to tell yet: a long prompt is read, a thought is thought.

    The guard before the engine (``engines/guard.py``) passes it on to nobody: it takes an engine of
    whose work nothing comes for so long to hang. May come at any time before the end.
    """


class PromptRead(Struct, frozen=True):
    """The prompt has been read; comes at most once.

    Engines that count tokens (:attr:`LanguageModel.counter`) tell it before the first output,
    others as soon as they know, which may be right before the end.

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


class SpeechDelta(Struct, frozen=True):
    """More of the answer's sound. Its words come as text, not long after their sound.

    Attributes:
        audio: Shape (n,), mono float32 at the engine's ``info.rate_hz``.
    """

    audio: Floats


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


EndReason = Literal["stop", "length", "content_filter"]


class GenerationEnd(Struct, frozen=True):
    """The generation is over; always the last event.

    Attributes:
        reason: ``stop`` (the model finished, tool calls included), ``length`` (the token limit
            was reached) or ``content_filter``.
        output_tokens: Tokens generated in all, by the model's own tokenizer.
    """

    reason: EndReason
    output_tokens: int


GenerationEvent = Progress | PromptRead | TextDelta | SpeechDelta | ToolCallDelta | GenerationEnd


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
            Events as documented on each type, ending with exactly one :class:`GenerationEnd`. Where
            nothing else may come for more than some seconds, :class:`Progress`.

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
