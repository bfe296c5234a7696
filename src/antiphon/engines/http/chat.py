"""The Chat Completions API: what a language model is asked."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Literal, cast

from antiphon.core.plan import ChatAudio, ChatMessage
from antiphon.engines.base import Floats
from antiphon.engines.http.options import ServerOptions
from antiphon.engines.http.wav import wav_of
from antiphon.engines.thinking import GenerationRequest
from antiphon.engines.tools.calls import described
from antiphon.engines.tools.messages import chat_completions_message

__all__ = ["LanguageModelOptions", "payload_of"]


class LanguageModelOptions(ServerOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operator may set, beside :class:`ServerOptions`.

    Attributes:
        context_tokens: How long prompt and answer may be together; ``None`` if unknown. Nobody can
            count another machine's tokens beforehand, so it is only told.
        tools: Whether the model can call functions. If not, it is offered none.
        named_tool_choice: Whether the server can be told which function to call. If not, it is
            offered no other, and has to call one.
        images: Whether it sees images.
        hears: Whether it hears what users say (``input_audio``), in place of reading its words.
        speaks: Whether it speaks its answers (``modalities``), in place of a synthesizer.
        voices: What it can speak with, its default first; needed if it speaks.
        rate_hz: Sample rate of its speech, 16-bit PCM.
        limit_field: What the limit on tokens is called: ``max_tokens`` everywhere but for the
            reasoning models of OpenAI, which insist on the other name.
        usage: Whether the server counts tokens at the end of a stream (``stream_options``). Nearly
            all do; some older ones refuse the field.
        warm: Whether instructions are sent ahead, with one token to answer, so that a server with a
            prefix cache has read them by the time it is asked. Costs money where tokens do.
    """

    context_tokens: int | None = None
    tools: bool = True
    named_tool_choice: bool = True
    images: bool = False
    hears: bool = False
    speaks: bool = False
    voices: tuple[str, ...] = ()
    rate_hz: int = 24_000
    limit_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    usage: bool = True
    warm: bool = False


def payload_of(
    request: GenerationRequest, options: LanguageModelOptions, model: str
) -> dict[str, Any]:
    """Return the body of a request; ``options.body`` has the last word."""
    payload: dict[str, Any] = {
        "model": model,
        "messages": [_message(message, request.recordings) for message in request.messages],
        "stream": True,
    }
    if options.usage:
        payload["stream_options"] = {"include_usage": True}
    if request.max_output_tokens is not None:
        payload[options.limit_field] = request.max_output_tokens
    if request.reasoning_effort is not None:
        payload["reasoning_effort"] = request.reasoning_effort
    if request.voice is not None:
        payload["modalities"] = ["text", "audio"]
        payload["audio"] = {"voice": request.voice, "format": "pcm16"}  # the one that is streamed
    if request.tools and options.tools:
        payload |= _tools(request, options)
        if request.parallel_tool_calls is not None:
            payload["parallel_tool_calls"] = request.parallel_tool_calls
    return payload | options.body


def _message(message: ChatMessage, recordings: Mapping[str, Floats]) -> dict[str, Any]:
    chat = chat_completions_message(message)
    if message.images or message.audio:
        first = message.audio[0].after_chars if message.audio else len(message.text)
        images = [
            {"type": "image_url", "image_url": {"url": image.url, "detail": image.detail}}
            for image in message.images
        ]
        chat["content"] = _written(message.text[:first]) + images
        following = [clip.after_chars for clip in message.audio[1:]] + [len(message.text)]
        for clip, end in zip(message.audio, following, strict=False):
            chat["content"].append(_heard(clip, recordings.get(clip.item_id)))
            chat["content"] += _written(message.text[clip.after_chars : end])
    return chat


def _written(text: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": text.strip()}] if text.strip() else []


def _heard(clip: ChatAudio, audio: Floats | None) -> dict[str, Any]:
    """Return what a user said: as it sounded, or its words if that is not kept any more."""
    if audio is None:
        return {"type": "text", "text": clip.transcript or "(Something was said.)"}
    data = base64.b64encode(wav_of(audio)).decode()
    return {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}


def _tools(request: GenerationRequest, options: LanguageModelOptions) -> dict[str, Any]:
    offered, choice = request.tools, cast("Any", request.tool_policy)
    if request.forced_tool is not None:
        if options.named_tool_choice:
            choice = {"type": "function", "function": {"name": request.forced_tool}}
        else:
            offered = tuple(tool for tool in offered if tool.name == request.forced_tool)
    return {"tools": [described(tool) for tool in offered], "tool_choice": choice}
