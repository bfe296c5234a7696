"""What a completion says, chunk by chunk, as events of a generation."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

from antiphon.engines.base import Floats
from antiphon.engines.http.chunks import (
    AudioDelta,
    CallDelta,
    Chunk,
    Delta,
    Usage,
    json_in,
    text_in,
    usages_in,
)
from antiphon.engines.http.endings import Ending, ending_of
from antiphon.engines.http.failures import BadAnswerError
from antiphon.engines.http.pcm import PcmReader
from antiphon.engines.http.text import CharacterJoiner
from antiphon.engines.http.tool_calls import CallReader
from antiphon.engines.reasoning import ReasoningFilter
from antiphon.engines.thinking import (
    GenerationEnd,
    GenerationEvent,
    GenerationRequest,
    PromptRead,
    SpeechDelta,
    TextDelta,
)

__all__ = ["Completion"]

_CHARS_PER_TOKEN = 4
"""What is taken for a token's text where servers send single characters; rather too many."""

_PLAIN_WORD = re.compile(r"[\w.: -]{1,60}")


class Completion:
    """Reads one completion.

    Args:
        request: What was asked.
        rate_hz: Sample rate of its speech.

    Attributes:
        is_past_limit: Whether it has gone on beyond ``max_output_tokens``.
    """

    def __init__(self, request: GenerationRequest, rate_hz: int) -> None:
        self.is_past_limit = False
        self._request = request
        self._speech = PcmReader(rate_hz)
        self._written = CharacterJoiner()
        self._spoken = CharacterJoiner()
        self._reasoning = ReasoningFilter()
        self._calls = CallReader(request)
        self._deltas = 0  # that brought something
        self._chars = 0
        self._usage: Usage | None = None
        self._ending: Ending | None = None
        self._finish_reason: object = None

    @property
    def is_over(self) -> bool:
        """Whether the server has said why it ended; only usage can follow."""
        return self._ending is not None

    def take(self, chunk: Chunk) -> Iterator[GenerationEvent]:
        """Yield what a chunk brings.

        Raises:
            ValueError: It brings speech that cannot be read.
        """
        for usage in usages_in(chunk):
            self._usage = _larger(self._usage, usage)
        for choice in chunk.choices or ():
            if (ending := ending_of(choice.finish_reason)) is not None:
                self._ending, self._finish_reason = ending, choice.finish_reason
            if choice.delta is not None:
                yield from self._say(choice.delta)
                yield from self._call(choice.delta)
            if choice.message is not None:  # all of it, some of which may have come already
                if not self._chars:
                    yield from self._say(choice.message)
                if not self._calls.told:
                    yield from self._call(choice.message)

    def finish(self) -> Iterator[GenerationEvent]:
        """Yield what is left, and the end.

        Raises:
            BadAnswerError: The answer is not whole, or not what was asked for.
        """
        ending: Ending = "length" if self.is_past_limit else self._good_ending()
        is_whole = ending in ("stop", "tool_calls")
        text = self._reasoning.push(self._written.flush()) + self._reasoning.flush()
        if text := text + self._spoken.flush():
            self._deltas += 1
            yield TextDelta(text)
        yield from self._calls.finish(is_whole=is_whole)
        output_tokens = self._deltas
        if (usage := self._usage) is not None:
            yield PromptRead(usage.prompt_tokens, min(usage.cached_tokens, usage.prompt_tokens))
            # Some cut a token's text into several deltas.
            output_tokens = max(output_tokens, usage.completion_tokens)
        match ending:
            case "length" | "content_filter":
                yield GenerationEnd(ending, output_tokens)
            case _:
                yield GenerationEnd("stop", output_tokens)

    def _good_ending(self) -> Ending:
        match self._ending:
            case None:
                remark = "ended its answer without a finish_reason"
                to_clients = "broke off in the middle of its answer"
                raise BadAnswerError(remark, to_clients, may_repeat=True)
            case "failure":
                to_clients = "failed in the middle of its answer"
                raise BadAnswerError(
                    f"ended its answer with {_shown(self._finish_reason)} as finish_reason",
                    to_clients,
                    may_repeat=True,
                    counts=False,
                )
            case "tool_calls" if not self._calls.told:
                remark = "says that the model calls a function, but sent no call that can be read"
                raise BadAnswerError(remark, counts=False)
            case "stop" | "tool_calls" if (
                self._request.tool_policy == "required" and not self._calls.made
            ):
                wanted = self._request.forced_tool or "some function"
                remark = f"was to call {wanted}, and did not"
                raise BadAnswerError(
                    remark,
                    "was to call a function, and did not",
                    code="tool_call_failed",
                    counts=False,
                )
            case ending:
                return ending

    def _say(self, delta: Delta) -> Iterator[GenerationEvent]:
        # A refusal is what the model says in place of an answer.
        written = self._written.push(text_in(delta.content) or text_in(delta.refusal))
        spoken = delta.audio or AudioDelta()
        text = self._reasoning.push(written) + self._spoken.push(text_in(spoken.transcript))
        if text and self._counts(text):
            yield TextDelta(text)
        if spoken.data and not self.is_past_limit:
            yield SpeechDelta(self._samples(spoken.data))

    def _call(self, delta: Delta) -> Iterator[GenerationEvent]:
        calls = delta.tool_calls or ()
        if delta.function_call is not None:
            calls = (*calls, CallDelta(function=delta.function_call))
        yield from self._calls.take([call for call in calls if self._counts(_words_of(call))])

    def _samples(self, data: str) -> Floats:
        return self._speech.push(base64.b64decode(data, validate=True))

    def _counts(self, text: str) -> bool:
        """Count the text of a delta; false if the limit on tokens is passed with it."""
        if self.is_past_limit or not text:
            return not self.is_past_limit
        deltas, chars = self._deltas + 1, self._chars + len(text)
        # A delta is a token or several, unless the server cuts tokens into characters.
        least_tokens = deltas if chars >= 2 * deltas else chars // _CHARS_PER_TOKEN
        limit = self._request.max_output_tokens
        self.is_past_limit = limit is not None and least_tokens > limit
        if not self.is_past_limit:
            self._deltas, self._chars = deltas, chars
        return not self.is_past_limit


def _words_of(call: CallDelta) -> str:
    function = call.function
    return text_in(function.name) + json_in(function.arguments) if function else ""


def _larger(known: Usage | None, told: Usage) -> Usage:
    """What has been used by now: some tell it with each chunk, or end with zeros."""
    if known is None:
        return told
    return Usage(
        max(known.prompt_tokens, told.prompt_tokens),
        max(known.cached_tokens, told.cached_tokens),
        max(known.completion_tokens, told.completion_tokens),
    )


def _shown(finish_reason: object) -> str:
    """A finish reason as it may be logged: a word, and nothing that was said."""
    if isinstance(finish_reason, str) and _PLAIN_WORD.fullmatch(finish_reason):
        return repr(finish_reason)
    return "no plain word"
