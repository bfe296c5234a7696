"""Language models behind ``/chat/completions``: llama.cpp's server, vLLM, Ollama, hosted ones."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, asynccontextmanager
from typing import Final

import anyio
import msgspec

from antiphon.core.plan import ChatMessage
from antiphon.engines.base import EngineInfo, EngineSettings, Floats
from antiphon.engines.http.calls import Calls
from antiphon.engines.http.chat import (
    AudioDelta,
    CallDelta,
    Chunk,
    LanguageModelOptions,
    Usage,
    payload_of,
)
from antiphon.engines.http.events import EventStream
from antiphon.engines.http.failures import unusable
from antiphon.engines.http.loading import borrowed
from antiphon.engines.http.pcm import PcmReader
from antiphon.engines.http.server import Server
from antiphon.engines.options import options_as
from antiphon.engines.reasoning import ReasoningFilter
from antiphon.engines.thinking import (
    GenerationEnd,
    GenerationEvent,
    GenerationRequest,
    PromptRead,
    SpeechDelta,
    TextDelta,
    ToolCallDelta,
)
from antiphon.errors import EngineError

__all__ = ["HttpLanguageModel", "create"]

_STAGE: Final = "generate"


class HttpLanguageModel:
    """Answers with a server's model. Built by :func:`create`.

    Attributes:
        info: What it is.
        counter: ``None``: nobody but the server can count its tokens.

    Args:
        info: What it is.
        server: Where it is; given back when it is closed.
        options: Its options.
    """

    counter = None

    def __init__(self, info: EngineInfo, server: Server, options: LanguageModelOptions) -> None:
        self.info = info
        self._server = server
        self._options = options
        self._calls = Calls(server, info, _STAGE, options)
        self._generating = 0
        self._warming: set[anyio.CancelScope] = set()

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[GenerationEvent, None]:
        """Answer; see :class:`antiphon.engines.thinking.LanguageModel`.

        How many tokens the prompt has comes last, as the API has it. Each delta counts as one token
        until the server says how many there were.

        Raises:
            EngineError: Code ``context_length_exceeded`` if the request is too long,
                ``image_not_supported`` if a message shows an image to a model that does not see,
                ``tool_call_failed`` if it did not make a call that it had to make, or the server
                failed (see ``failures.py``).
        """
        self._generating += 1
        for scope in self._warming:
            scope.cancel()
        try:
            answer = _Answer(request, self.info.rate_hz)
            async with aclosing(self._chunks(request)) as chunks:
                async for chunk in chunks:
                    for event in answer.take(chunk):
                        yield event
            for event in answer.finish():
                yield event
        finally:
            self._generating -= 1

    async def warm(self, request: GenerationRequest) -> None:
        """Have the server read the request, if it has a use for that; gives way to answers.

        Raises:
            EngineError: The server failed.
        """
        if not self._options.warm or self._generating:
            return
        messages = request.messages
        if not messages or messages[-1].role != "user":
            messages += (ChatMessage("user"),)  # some templates insist on one
        ahead = msgspec.structs.replace(request, messages=messages, max_output_tokens=1)
        with anyio.CancelScope() as scope:
            self._warming.add(scope)
            try:
                async with aclosing(self._chunks(ahead)) as chunks:
                    async for _ in chunks:
                        pass
            finally:
                self._warming.discard(scope)

    async def aclose(self) -> None:
        """End all requests, and the connections if nobody else uses them."""
        await self._calls.aclose()

    async def _chunks(self, request: GenerationRequest) -> AsyncGenerator[Chunk, None]:
        if not self.info.images and any(message.images for message in request.messages):
            message = "this language model cannot see images; send text, or choose one that can"
            raise EngineError(message, stage=_STAGE, code="image_not_supported")
        model = await self._calls.model_for(request.model)
        payload = payload_of(request, self._options, model)

        @asynccontextmanager
        async def ask() -> AsyncGenerator[EventStream, None]:
            async with await self._server.client.post(
                "/chat/completions",
                body=payload,
                cast_to=object,
                stream=True,
                stream_cls=EventStream,
            ) as stream:
                yield stream

        async with aclosing(self._calls.read(ask)) as events:
            async for event in events:
                try:
                    yield msgspec.convert(event, Chunk)
                except msgspec.ValidationError as error:
                    raise unusable(_STAGE) from error


class _Answer:
    """Turns the chunks of one completion into events."""

    def __init__(self, request: GenerationRequest, rate_hz: int) -> None:
        self._speech = PcmReader(rate_hz)
        self._may_call = request.tool_policy != "none"
        self._must_call = request.tool_policy == "required"
        self._reasoning = ReasoningFilter()
        self._calls = _Calls()
        self._deltas = 0
        self._usage: Usage | None = None
        self._finish_reason: str | None = None

    def take(self, chunk: Chunk) -> Iterator[GenerationEvent]:
        """Yield what a chunk brings."""
        self._usage = chunk.usage or self._usage
        for choice in chunk.choices or ():
            self._finish_reason = choice.finish_reason or self._finish_reason
            if choice.delta is None:
                continue
            # A refusal is what the model says in place of an answer.
            text = self._reasoning.push(choice.delta.content or choice.delta.refusal or "")
            spoken = choice.delta.audio or AudioDelta()
            if text := text + (spoken.transcript or ""):
                self._deltas += 1
                yield TextDelta(text)
            if spoken.data:
                yield SpeechDelta(self._samples(spoken.data))
            for call in choice.delta.tool_calls or ():
                if self._may_call and (event := self._calls.take(call)):
                    self._deltas += 1
                    yield event

    def _samples(self, data: str) -> Floats:
        try:
            return self._speech.push(base64.b64decode(data, validate=True))
        except ValueError as error:
            raise unusable(_STAGE) from error

    def finish(self) -> Iterator[GenerationEvent]:
        """Yield what is left, and the end.

        Raises:
            EngineError: The model broke off, or made no call although it had to.
        """
        if self._finish_reason is None:
            message = "the language model's server broke off in the middle of its answer"
            raise EngineError(message, stage=_STAGE, retryable=True)
        if (
            self._must_call
            and not self._calls.made
            and self._finish_reason in ("stop", "tool_calls")
        ):
            message = "the model was to call a function, but answered with text"
            raise EngineError(message, stage=_STAGE, code="tool_call_failed")
        if text := self._reasoning.flush():
            self._deltas += 1
            yield TextDelta(text)
        output_tokens = self._deltas
        if self._usage is not None:
            details = self._usage.prompt_tokens_details
            cached_tokens = (details and details.cached_tokens) or 0
            input_tokens = self._usage.prompt_tokens
            yield PromptRead(input_tokens, min(cached_tokens, input_tokens))
            # Some cut a token's text into several deltas.
            output_tokens = max(output_tokens, self._usage.completion_tokens)
        match self._finish_reason:
            case "length" | "content_filter" as reason:
                yield GenerationEnd(reason, output_tokens)
            case _:
                yield GenerationEnd("stop", output_tokens)


class _Calls:
    """Numbers the function calls of one answer.

    Servers number them from 0, or all alike, or not at all; but each call begins with its name, and
    has an id of its own.
    """

    def __init__(self) -> None:
        self._numbers: dict[int | None, int] = {}  # theirs → ours
        self._ids: dict[int | None, str | None] = {}
        self.made = 0

    def take(self, delta: CallDelta) -> ToolCallDelta | None:
        """Return what a delta brings; ``None`` if nothing."""
        function = delta.function
        if function is None:
            return None
        arguments = function.arguments or ""
        if self._begins_call(delta):
            self._numbers[delta.index] = self.made
            self._ids[delta.index] = delta.id
            self.made += 1
            return ToolCallDelta(self.made - 1, name=function.name or "", arguments=arguments)
        if delta.index not in self._numbers or not arguments:
            return None
        return ToolCallDelta(self._numbers[delta.index], arguments=arguments)

    def _begins_call(self, delta: CallDelta) -> bool:
        if not delta.function or not delta.function.name:
            return False
        known = delta.index in self._numbers
        return not known or (delta.id is not None and delta.id != self._ids[delta.index])


def create(settings: EngineSettings) -> HttpLanguageModel:
    """Build it; options as in :class:`LanguageModelOptions`.

    Raises:
        EngineError: An option is wrong.
    """
    options = options_as(settings, LanguageModelOptions, _STAGE)
    if options.speaks and not options.voices:
        message = (
            f"{settings.name} is to speak, but nobody says with which voices. Name them in its "
            'options: voices = ["alloy"].'
        )
        raise EngineError(message, stage=_STAGE, code="invalid_options")
    server = borrowed(options, settings.name, _STAGE)
    info = EngineInfo(
        name=settings.name,
        role="language_model",
        remote=options.is_remote,
        context_tokens=options.context_tokens,
        tools=options.tools,
        images=options.images,
        hears=options.hears,
        speaks=options.speaks,
        voices=options.voices if options.speaks else (),
        rate_hz=options.rate_hz if options.speaks else 0,
    )
    return HttpLanguageModel(info, server, options)
