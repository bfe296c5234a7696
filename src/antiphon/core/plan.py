"""What a response runs with: a frozen snapshot, taken when the response is created.

The core decides what the language model sees; the engines only read it. So the chat message is
defined here, below both.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from antiphon.wire.fields import Modality
from antiphon.wire.items import ImageDetail
from antiphon.wire.session import AudioFormat, FunctionTool

__all__ = ["ChatAudio", "ChatImage", "ChatMessage", "Plan", "Speculation", "ToolCall", "ToolPolicy"]

ToolPolicy = Literal["auto", "none", "required"]

Speculation = Literal["off", "words", "answers"]
"""What is worked out while a speaker pauses, before it is known whether the turn is over."""


class ToolCall(Struct, frozen=True):
    """A function call that the model made earlier in the conversation.

    Attributes:
        call_id: The id that pairs the call with its output.
        name: The function's name.
        arguments: The arguments as a JSON text.
    """

    call_id: str
    name: str
    arguments: str


class ChatImage(Struct, frozen=True):
    """An image that the model is shown.

    Attributes:
        url: The image itself: a data URI with base64, PNG or JPEG.
        detail: How closely to look.
    """

    url: str
    detail: ImageDetail


class ChatAudio(Struct, frozen=True):
    """What a user said, for a model that hears it by itself.

    Attributes:
        item_id: The item under whose id its recording is kept.
        transcript: Its words, as far as they are known; they stand for a recording that is not
            kept any more.
        after_chars: How much of the message's text comes before it.
    """

    item_id: str
    transcript: str = ""
    after_chars: int = 0


class ChatMessage(Struct, frozen=True, omit_defaults=True):
    """One message of the context, as a chat model is trained to read it.

    Attributes:
        role: Who said it; ``tool`` carries the output of a call.
        text: What was said: text as given, transcripts where it was spoken.
        images: The images shown (``user`` only).
        audio: What was said (``user`` only), for models that hear; its words are not in ``text``.
        tool_calls: Calls that the ``assistant`` made.
        tool_call_id: The call that a ``tool`` message answers.
    """

    role: Literal["system", "user", "assistant", "tool"]
    text: str = ""
    images: tuple[ChatImage, ...] = ()
    audio: tuple[ChatAudio, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


class Plan(Struct, frozen=True, kw_only=True):
    """Everything that one response needs to know; later session updates do not reach it.

    Attributes:
        response_id: Identity of the response. Signals are matched by it alone.
        model: The model name of the session, as the client gave it.
        modality: Whether the answer is written or spoken.
        instructions: What the model is told to be; goes before the messages.
        messages: The context, oldest message first.
        tools: Functions the model may call.
        tool_policy: Whether it may, must not or must call one.
        forced_tool: Name of the one function it must call, if any.
        parallel_tool_calls: Whether several calls in one response are wanted; ``None`` if unsaid.
        reasoning_effort: How long to think before answering; ``None`` if unsaid.
        max_output_tokens: Limit over text and tool calls; ``None`` for no limit.
        voice: Name of the voice as the client gave it.
        speed: Speaking rate, 1.0 is natural; 0.25 to 1.5.
        output_format: Sample format in which the client wants the audio.
    """

    response_id: str
    model: str
    modality: Modality
    instructions: str
    messages: tuple[ChatMessage, ...]
    tools: tuple[FunctionTool, ...] = ()
    tool_policy: ToolPolicy = "auto"
    forced_tool: str | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: str | None = None
    max_output_tokens: int | None = None
    voice: str
    speed: float
    output_format: AudioFormat
