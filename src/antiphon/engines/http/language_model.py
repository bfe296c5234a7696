"""Language models behind ``/chat/completions``: llama.cpp's server, vLLM, Ollama, hosted ones."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any, Final

import anyio
import msgspec
import openai

from antiphon.core.plan import ChatMessage
from antiphon.engines.base import EngineInfo, EngineSettings
from antiphon.engines.http.calls import NOTHING_YET, Calls
from antiphon.engines.http.chat import LanguageModelOptions, payload_of
from antiphon.engines.http.chunks import Chunk, chunk_of
from antiphon.engines.http.completion import Completion
from antiphon.engines.http.events import EventStream
from antiphon.engines.http.loading import borrowed
from antiphon.engines.http.server import Server
from antiphon.engines.options import options_as
from antiphon.engines.thinking import (
    GenerationEnd,
    GenerationEvent,
    GenerationRequest,
    Progress,
)
from antiphon.errors import EngineError

__all__ = ["HttpLanguageModel", "create"]

_STAGE: Final = "generate"

_STILL_S = 1.0
"""How often it is told that a model is at work."""

_USAGE_S = 2.0
"""How long usage is waited for after an answer has ended."""


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
            end: tuple[GenerationEvent, ...] = ()
            told_s = anyio.current_time()
            async with aclosing(self._asked(request, self._read)) as pieces:
                async for events in pieces:
                    if events is NOTHING_YET:
                        if anyio.current_time() >= told_s + _STILL_S:
                            told_s = anyio.current_time()
                            yield Progress()
                        continue
                    if isinstance(events[-1], GenerationEnd):
                        end = events  # who hears of it reads no further
                        continue
                    told_s = anyio.current_time()
                    for event in events:
                        yield event
            for event in end:
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
                async with aclosing(self._asked(ahead, _read_through)) as pieces:
                    async for _ in pieces:
                        pass
            finally:
                self._warming.discard(scope)

    async def aclose(self) -> None:
        """End all requests, and the connections if nobody else uses them."""
        await self._calls.aclose()

    async def _asked(
        self,
        request: GenerationRequest,
        read: Callable[[GenerationRequest, EventStream], AsyncGenerator[Any, None]],
    ) -> AsyncGenerator[Any, None]:
        """Send a request, and yield what comes of reading the answer."""
        if not self.info.images and any(message.images for message in request.messages):
            message = "this language model cannot see images; send text, or choose one that can"
            raise EngineError(message, stage=_STAGE, code="image_not_supported")
        model = await self._calls.model_for(request.model)
        payload = payload_of(request, self._options, model)

        @asynccontextmanager
        async def ask() -> AsyncGenerator[AsyncGenerator[Any, None], None]:
            async with (
                await self._server.client.post(
                    "/chat/completions",
                    body=payload,
                    cast_to=object,
                    stream=True,
                    stream_cls=EventStream,
                ) as stream,
                aclosing(read(request, stream)) as pieces,
            ):
                yield pieces

        async with aclosing(self._calls.read(ask)) as pieces:
            async for piece in pieces:
                yield piece

    async def _read(
        self, request: GenerationRequest, stream: EventStream
    ) -> AsyncGenerator[Any, None]:
        """Yield the events of each chunk, ``NOTHING_YET`` if it has none."""
        completion = Completion(request, self.info.rate_hz)
        while (chunk := await self._next(stream, completion)) is not None:
            yield tuple(completion.take(chunk)) or NOTHING_YET
            if completion.is_past_limit:
                break
        yield tuple(completion.finish())

    async def _next(self, stream: EventStream, completion: Completion) -> Chunk | None:
        if not completion.is_over:
            value = await anext(stream, None)
            return None if value is None else chunk_of(value)
        # Everything has been said: whatever goes wrong now, the answer is good.
        limit_s = min(_USAGE_S, self._options.next_event_timeout_s / 2)
        with anyio.move_on_after(limit_s), suppress(openai.OpenAIError, ValueError):
            value = await anext(stream, None)
            return None if value is None else chunk_of(value)
        return None


async def _read_through(
    _request: GenerationRequest, stream: EventStream
) -> AsyncGenerator[Any, None]:
    async for _ in stream:
        yield NOTHING_YET


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
