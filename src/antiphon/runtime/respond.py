"""Works out one answer: language model, then segments of text, then speech, all flowing at once.

The three stages run side by side and wait for one another only where a bound says so: the model
writes at most a few segments ahead of the voice, and the voice at most an outbox ahead of the
client. Cancelling the task stops all of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass

import anyio
from anyio.abc import ObjectReceiveStream, ObjectSendStream

from antiphon.audio.formats import codec_of
from antiphon.core.plan import ChatMessage, Plan
from antiphon.core.signals import (
    AudioGenerated,
    Failure,
    GenerationFailed,
    GenerationFinished,
    PromptMeasured,
    SegmentSpoken,
    Signal,
    TextGenerated,
    ToolCallGenerated,
)
from antiphon.engines.base import Floats
from antiphon.engines.thinking import (
    GenerationEnd,
    GenerationEvent,
    GenerationRequest,
    PromptRead,
    TextDelta,
    ToolCallDelta,
)
from antiphon.errors import EngineError
from antiphon.observe import Moment
from antiphon.runtime.engine_set import EngineSet
from antiphon.runtime.segment import Segment, Segmenter
from antiphon.runtime.voice import Voice

__all__ = ["Answer", "failure_of", "generation_request"]

SEGMENTS_AHEAD = 4
"""How many segments the language model may be ahead of the voice."""

DELTA_S = 0.2
"""Longest audio in one delta. A frame of 24 kHz PCM then is 13 kB of JSON, and a client that is
interrupted has little in flight."""

_CLIENTS_FAULTS = frozenset({"context_length_exceeded", "image_not_supported"})
"""Codes of failures for which no engine is to blame."""


@dataclass(frozen=True)
class Answer:
    """One response being worked out.

    Attributes:
        plan: What to answer and how.
        conversation: Key of the language model's prefix cache.
        engines: Who does the work.
        feed: Takes what comes of it.
        room: Waits while the client is too far behind.
        mark: Notes when things happened.
    """

    plan: Plan
    conversation: str
    engines: EngineSet
    feed: Callable[[Signal], None]
    room: Callable[[], Awaitable[None]]
    mark: Callable[[Moment], None]

    async def work_out(self) -> None:
        """Answer, and end with exactly one of finished and failed."""
        try:
            if self.plan.modality == "audio":
                end = await self._speak()
            else:
                end = await self._generate(_discard)
        except* EngineError as group:
            self.feed(GenerationFailed(self.plan.response_id, failure_of(_first(group))))
        else:
            self.feed(GenerationFinished(self.plan.response_id, end.reason, end.output_tokens))

    async def _speak(self) -> GenerationEnd:
        segments_in, segments_out = anyio.create_memory_object_stream[Segment](SEGMENTS_AHEAD)
        # Both ends outlive the voice: a writer that finds its reader gone would hide why it went.
        async with segments_out, anyio.create_task_group() as group:
            group.start_soon(self._voice, segments_out)
            async with segments_in:
                end = await self._write_segments(segments_in)
        return end

    async def _write_segments(self, segments: ObjectSendStream[Segment]) -> GenerationEnd:
        segmenter = Segmenter()

        async def pass_on(text: str) -> None:
            for segment in segmenter.push(text):
                self.mark(Moment.FIRST_SEGMENT)
                await segments.send(segment)

        end = await self._generate(pass_on)
        for segment in segmenter.flush():
            self.mark(Moment.FIRST_SEGMENT)
            await segments.send(segment)
        return end

    async def _generate(self, take: Callable[[str], Awaitable[None]]) -> GenerationEnd:
        request = generation_request(self.plan, self.conversation)
        async with aclosing(self.engines.language_model.generate(request)) as events:
            async for event in events:
                if isinstance(event, GenerationEnd):
                    return event
                self._report(event)
                if isinstance(event, TextDelta):
                    await take(event.text)
                await self.room()
        message = "the language model's answer has no end"
        raise EngineError(message, stage="generate")

    def _report(self, event: GenerationEvent) -> None:
        response_id = self.plan.response_id
        match event:
            case PromptRead():
                self.mark(Moment.PROMPT_READ)
                self.feed(
                    PromptMeasured(
                        response_id, event.input_tokens, event.cached_tokens, event.image_tokens
                    )
                )
            case TextDelta(text=text, tokens=tokens):
                self.mark(Moment.FIRST_TOKEN)
                self.feed(TextGenerated(response_id, text, tokens))
            case ToolCallDelta(index=index, name=name, arguments=arguments, tokens=tokens):
                self.mark(Moment.FIRST_TOKEN)
                self.feed(ToolCallGenerated(response_id, index, name, arguments, tokens))

    async def _voice(self, segments: ObjectReceiveStream[Segment]) -> None:
        codec = codec_of(self.plan.output_format)
        voice = Voice(self.engines, self.plan.voice, self.plan.speed, codec.rate_hz)

        async def sound(samples: Floats) -> None:
            for piece in _pieces(samples, round(DELTA_S * codec.rate_hz)):
                await self.room()
                self.mark(Moment.FIRST_AUDIO)
                duration_ms = len(piece) * 1000 / codec.rate_hz
                pcm = codec.encode(piece)
                self.feed(AudioGenerated(self.plan.response_id, pcm, duration_ms))

        async for segment in segments:
            async with aclosing(voice.speak(segment.text)) as chunks:
                async for chunk in chunks:
                    await sound(chunk)
            self.feed(SegmentSpoken(self.plan.response_id, segment.end_chars))
        await sound(voice.flush())


def generation_request(plan: Plan, conversation: str) -> GenerationRequest:
    """Return what a plan asks of the language model."""
    instructions = (ChatMessage("system", plan.instructions),) if plan.instructions else ()
    return GenerationRequest(
        messages=instructions + plan.messages,
        tools=plan.tools,
        tool_policy=plan.tool_policy,
        forced_tool=plan.forced_tool,
        max_output_tokens=plan.max_output_tokens,
        parallel_tool_calls=plan.parallel_tool_calls,
        reasoning_effort=plan.reasoning_effort,
        model=plan.model,
        conversation=conversation,
    )


def failure_of(error: EngineError) -> Failure:
    """Return what clients may know of an engine's failure."""
    fault_of_client = error.code in _CLIENTS_FAULTS
    kind = "invalid_request_error" if fault_of_client else "server_error"
    return Failure(error.stage, error.code, error.message, kind)


def _first(group: BaseExceptionGroup[EngineError]) -> EngineError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


def _pieces(samples: Floats, longest: int) -> Iterator[Floats]:
    return (samples[start : start + longest] for start in range(0, len(samples), longest))


async def _discard(_text: str) -> None:
    """A written answer has no voice to pass its text on to."""
