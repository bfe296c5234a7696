"""What llama.cpp sends of an answer, turned into events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from antiphon.engines.llama.prompts import Prompt
from antiphon.engines.native.pool import Emitter
from antiphon.engines.reasoning import ReasoningFilter
from antiphon.engines.thinking import GenerationEnd, GenerationEvent, Progress, PromptRead
from antiphon.engines.tools.reader import CallReader, Reading
from antiphon.engines.tools.schemas import check_arguments
from antiphon.errors import EngineError

__all__ = ["Answer"]


class Answer:
    """Turns the chunks of one completion into events.

    Thoughts are counted among the tokens, and otherwise dropped.

    Args:
        prompt: What is answered.
        emit: Takes the events.
    """

    def __init__(self, prompt: Prompt, emit: Emitter[GenerationEvent]) -> None:
        self._prompt = prompt
        self._reader = CallReader(prompt.calls, several=prompt.rules.several)
        self._emit = emit
        self._prompt_read = False
        self._tokens = 0
        self._emitted_tokens = 0
        self._finish_reason: str | None = None
        end = prompt.end_of_thoughts
        self._thoughts = None if end is None else ReasoningFilter(end, begun=True)

    def take(self, chunk: Mapping[str, Any]) -> bool:
        """Emit what a chunk brings, in any case something; true if nothing after it is wanted.

        Raises:
            Stopped: The reader has gone.
        """
        self._emit.check()
        for event in self._told_by(chunk) or [Progress()]:
            self._emit(event)
        return self._reader.reading is Reading.OVER

    def go_on(self) -> None:
        """Say that the engine works, if only on somebody else's prompt before it reads this one."""
        if not self._prompt_read:
            self._emit.offer(Progress())

    def finish(self) -> None:
        """Emit what is left, and the end.

        Raises:
            EngineError: The model broke off, made no call although it had to, or called with
                arguments that do not fit.
            Stopped: The reader has gone.
        """
        over = self._reader.reading is Reading.OVER
        length = self._finish_reason == "length" and not over
        if self._prompt.rules.must_call and not self._reader.called and not length:
            message = "the model was to call a function, but answered with text"
            raise EngineError(message, stage="generate", code="tool_call_failed")
        if self._finish_reason is None and not over:
            message = "the model broke off in the middle of its answer"
            raise EngineError(message, stage="generate", retryable=True)
        for name, arguments in self._reader.calls:
            if name in self._prompt.loosely_held:
                check_arguments(self._prompt.loosely_held[name], arguments)
        if not length:
            for event in self._reader.finish():
                self._emit(event)
        self._emit(GenerationEnd("length" if length else "stop", self._tokens))

    def _told_by(self, chunk: Mapping[str, Any]) -> list[GenerationEvent]:
        events: list[GenerationEvent] = []
        timings = chunk.get("timings")
        if timings is not None and timings["predicted_n"]:  # 0 while the prompt is being read
            self._tokens = timings["predicted_n"]
            if not self._prompt_read:
                self._prompt_read = True
                cached_tokens = timings["cache_n"]
                events.append(PromptRead(cached_tokens + timings["prompt_n"], cached_tokens))
        for choice in chunk.get("choices", ()):
            self._finish_reason = choice["finish_reason"] or self._finish_reason
            text = self._after_thoughts(choice["delta"].get("content") or "")
            if text:
                new_tokens = self._tokens - self._emitted_tokens
                self._emitted_tokens = self._tokens
                events += self._reader.read(text, new_tokens)
        return events

    def _after_thoughts(self, text: str) -> str:
        """What of the text belongs to the answer."""
        if self._thoughts is None:
            return text
        self._emitted_tokens = self._tokens  # of thoughts, which no event carries
        answer = self._thoughts.push(text)
        if answer:
            self._thoughts = None
        return answer
