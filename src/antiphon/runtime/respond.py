"""Works out one answer: language model, then segments of text, then speech, all flowing at once.

The three stages run side by side and wait for one another only where a bound says so: the voice is
at most an outbox ahead of the client. The model hardly ever waits for the voice: whoever else wants
an answer would wait with it, since a model writes few at once, and text takes no room. Cancelling
the task stops all of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import get_args

import anyio
import anyio.to_thread
from anyio.abc import ObjectReceiveStream, ObjectSendStream

from antiphon.audio.resample import Resampler
from antiphon.audio.stretch import TimeStretch
from antiphon.core.plan import ChatMessage, Plan
from antiphon.core.signals import (
    Failure,
    GenerationFailed,
    GenerationFinished,
    PromptMeasured,
    Signal,
    TextGenerated,
    ToolCallGenerated,
)
from antiphon.engines.base import Floats
from antiphon.engines.thinking import (
    EndReason,
    GenerationEnd,
    GenerationEvent,
    GenerationRequest,
    PromptRead,
    SpeechDelta,
    TextDelta,
    ToolCallDelta,
)
from antiphon.errors import EngineError
from antiphon.observe import Moment
from antiphon.runtime.engine_set import EngineSet
from antiphon.runtime.segment import Segment, Segmenter
from antiphon.runtime.sounding import Sounding
from antiphon.runtime.voice import Voice
from antiphon.wire.refusal import listed

__all__ = ["Answer", "failure_of", "generation_request", "no_recording"]

SEGMENTS_AHEAD = 64
"""How many segments the language model may be ahead of the voice: some minutes of speech."""

_CLIENTS_FAULTS = frozenset(
    {"context_length_exceeded", "image_not_supported", "invalid_function_parameters"}
)
"""Codes of failures for which no engine is to blame."""


def no_recording(_item_id: str) -> None:
    """Stands for the recordings of who keeps none."""


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
        recording: As for :func:`generation_request`.
    """

    plan: Plan
    conversation: str
    engines: EngineSet
    feed: Callable[[Signal], None]
    room: Callable[[], Awaitable[None]]
    mark: Callable[[Moment], None]
    recording: Callable[[str], Floats | None] = no_recording

    async def work_out(self) -> None:
        """Answer, and end with exactly one of finished and failed."""
        try:
            if self.plan.modality == "text":
                end = await self._generate(self._keep_up)
            elif self.engines.language_model.info.speaks:
                end = await self._speak_itself()
            else:
                end = await self._speak()
        except* EngineError as group:
            self.feed(GenerationFailed(self.plan.response_id, failure_of(_first(group))))
        else:
            self.feed(GenerationFinished(self.plan.response_id, end.reason, end.output_tokens))

    async def _keep_up(self, _event: GenerationEvent) -> None:
        """A written answer waits for the client alone."""
        await self.room()

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

        async def pass_on(event: GenerationEvent) -> None:
            if not isinstance(event, TextDelta):
                return
            for segment in segmenter.push(event.text):
                self.mark(Moment.FIRST_SEGMENT)
                await segments.send(segment)

        end = await self._generate(pass_on)
        for segment in segmenter.flush():
            self.mark(Moment.FIRST_SEGMENT)
            await segments.send(segment)
        return end

    async def _speak_itself(self) -> GenerationEnd:
        """Have the language model speak.

        Raises:
            EngineError: As the model does; or it answers in writing only.
        """
        info = self.engines.language_model.info
        voice, usual_speed = self.engines.voice_named(self.plan.voice)
        output = self._sounding()
        stretch = TimeStretch(1 / (usual_speed * self.plan.speed), info.rate_hz)
        resampler = Resampler(info.rate_hz, output.rate_hz)
        written_chars, is_heard = 0, False

        async def pass_on(event: GenerationEvent) -> None:
            nonlocal written_chars, is_heard
            match event:
                case TextDelta(text=text):
                    written_chars += len(text)
                case SpeechDelta(audio=audio):
                    is_heard = True
                    await output.sound(resampler.push(stretch.push(audio)))
                    output.align(written_chars)

        end = await self._generate(pass_on, voice=voice)
        await output.sound(resampler.push(stretch.flush()))
        await output.sound(resampler.flush())
        output.align(written_chars)
        if written_chars and not is_heard:
            message = (
                f"{info.name} is said to speak, but has answered in writing only. Take 'speaks' "
                "out of its options, and a synthesizer will."
            )
            raise EngineError(message, stage="generate", code="no_audio")
        return end

    def _sounding(self) -> Sounding:
        return Sounding(self.plan, self.feed, self.room, self.mark)

    async def _generate(
        self, take: Callable[[GenerationEvent], Awaitable[None]], *, voice: str | None = None
    ) -> GenerationEnd:
        request = await self._request(voice)
        async with aclosing(self.engines.language_model.generate(request)) as events:
            async for event in events:
                if isinstance(event, GenerationEnd):
                    _check_reason(event, self.engines.language_model.info.name)
                    return event
                self._report(event)
                await take(event)
        message = "the language model's answer has no end"
        raise EngineError(message, stage="generate")

    async def _request(self, voice: str | None) -> GenerationRequest:
        ask = partial(generation_request, self.plan, self.conversation, self.recording, voice)
        # Recordings are unpacked: 12 ms for a minute of them.
        hears = any(message.audio for message in self.plan.messages)
        return await anyio.to_thread.run_sync(ask) if hears else ask()

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
        output = self._sounding()
        voice = Voice(self.engines, self.plan.voice, self.plan.speed, output.rate_hz)
        async for segment in segments:
            async with aclosing(voice.speak(segment.text)) as chunks:
                async for chunk in chunks:
                    await output.sound(chunk)
            output.align(segment.end_chars)
        await output.sound(voice.flush())


def generation_request(
    plan: Plan,
    conversation: str,
    recording: Callable[[str], Floats | None] = no_recording,
    voice: str | None = None,
) -> GenerationRequest:
    """Return what a plan asks of the language model.

    Args:
        plan: The answer.
        conversation: Key of the model's prefix cache.
        recording: Returns what a user's item sounds like: shape (n,), float32 at 16 kHz; ``None``
            if that is not kept. May be called on a thread.
        voice: With which of its voices the model is to speak; ``None`` if it writes.
    """
    instructions = (ChatMessage("system", plan.instructions),) if plan.instructions else ()
    heard = {clip.item_id: recording(clip.item_id) for one in plan.messages for clip in one.audio}
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
        recordings={item_id: audio for item_id, audio in heard.items() if audio is not None},
        voice=voice,
    )


def failure_of(error: EngineError) -> Failure:
    """Return what clients may know of an engine's failure."""
    fault_of_client = error.code in _CLIENTS_FAULTS
    kind = "invalid_request_error" if fault_of_client else "server_error"
    return Failure(error.stage, error.code, error.message, kind)


def _check_reason(end: GenerationEnd, name: str) -> None:
    """Check what an engine says it ended for: nobody else holds third parties to the type.

    Raises:
        EngineError: There is no such reason.
    """
    reasons = get_args(EndReason)
    if end.reason not in reasons:
        message = (
            f"{name} has ended its answer for the reason {end.reason!r}; there are "
            f"{listed(reasons)}"
        )
        raise EngineError(message, stage="generate")


def _first(group: BaseExceptionGroup[EngineError]) -> EngineError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
