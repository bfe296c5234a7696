"""How soon language models answer, and how quickly they write; for ``bench/engines.py``."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from msgspec import Struct

from antiphon.core.plan import ChatMessage
from antiphon.engines.thinking import (
    GenerationEnd,
    GenerationRequest,
    LanguageModel,
    PromptRead,
    TextDelta,
)
from bench.common import Table

__all__ = ["Answer", "Thinking", "Together", "ask", "measure_language_model", "thinking_table"]

AT_ONCE = (1, 2, 4)
ANSWERS = 4
"""How many answers there are of each kind, however many at once."""

FIRST_TOKENS = 8
NEXT_TOKENS = 64

INSTRUCTIONS = (
    "This is call number {number}. You are the voice assistant of a small hotel by the sea. You "
    "speak with guests on the telephone, so keep to what can be said aloud: no lists, no headings, "
    "no symbols. Be warm and brief, and speak like a person who has worked there for years. "
    "Breakfast is served from seven to ten, on Sundays until eleven. The pool closes at nine in "
    "the evening. Dogs are welcome on the ground floor. The last bus to the town leaves at half "
    "past ten. If a guest asks for something that you do not know, say that you will find out "
    "and call back. Never make promises about prices, refunds or rooms with a view, and never "
    "speak about other guests. If somebody sounds unwell, give them the number of the doctor on "
    "call before anything else."
)
QUESTION = "What can I do here with my children when it rains?"
NEXT_QUESTION = "That sounds nice. Tell me a long story about the sea that I can read to them."


class Together(Struct, frozen=True):
    """How some conversations went that asked at the same moment.

    Attributes:
        conversations: How many.
        cold_ms: Until the first token of an answer whose prompt was read for it.
        cold_tokens: How many tokens were read.
        warm_ms: Until the first token of the conversation's next answer.
        warm_tokens: How many tokens were read for that.
        each_hz: Tokens a second that a conversation gets, after its first one.
        all_hz: Tokens a second that all of them get together, after the first one.
    """

    conversations: int
    cold_ms: float
    cold_tokens: float
    warm_ms: float
    warm_tokens: float
    each_hz: float
    all_hz: float


class Thinking(Struct, frozen=True, tag=True):
    """What a language model did, with more and more conversations at once."""

    together: tuple[Together, ...]


@dataclass(frozen=True)
class Answer:
    """An answer and its moments.

    Attributes:
        text: What it says.
        began_s: When it was asked for, by the performance counter, as are the others.
        first_s: When its first text came.
        last_s: When its last text came.
        tokens: How many the model wrote.
        read_tokens: How many tokens of the prompt were not in the cache.
    """

    text: str
    began_s: float
    first_s: float
    last_s: float
    tokens: int
    read_tokens: int

    @property
    def first_ms(self) -> float:
        """How long its first text took."""
        return (self.first_s - self.began_s) * 1000

    @property
    def further_ms(self) -> float:
        """How long each token took after the first."""
        return (self.last_s - self.first_s) * 1000 / max(1, self.tokens - 1)


async def ask(model: LanguageModel, request: GenerationRequest) -> Answer:
    """Have a request answered, and note when what came."""
    began_s = time.perf_counter()
    texts, moments_s, tokens, read_tokens = [], [], 0, 0
    async with aclosing(model.generate(request)) as events:
        async for event in events:
            match event:
                case TextDelta(text=text):
                    moments_s.append(time.perf_counter())
                    texts.append(text)
                case PromptRead(input_tokens=of_prompt, cached_tokens=cached):
                    read_tokens = of_prompt - cached
                case GenerationEnd(output_tokens=tokens):
                    pass
    assert moments_s, f"{model.info.name} answered nothing"
    return Answer("".join(texts), began_s, moments_s[0], moments_s[-1], tokens, read_tokens)


async def measure_language_model(model: LanguageModel) -> Thinking:
    """Ask in one, two and four conversations at once."""
    await _converse(model, 0, count=1)  # the first work of all takes longer
    return Thinking(tuple([await _together(model, count) for count in AT_ONCE]))


def thinking_table(done: Mapping[str, Thinking]) -> Table:
    """Say how soon and how quickly language models answer."""
    one = next(iter(done.values())).together[0]
    return Table(
        "Thinking",
        f"Milliseconds to the first token: cold, when all of the prompt ({one.cold_tokens:.0f} "
        f"tokens) has to be read, and warm, at the conversation's next question (about "
        f"{one.warm_tokens:.0f} tokens to read). Then tokens a second, while as many "
        "conversations are answered at once. All cores.",
        ("language model", "at once", "cold ms", "warm ms", "tokens/s each", "tokens/s all"),
        [
            (name, at.conversations, at.cold_ms, at.warm_ms, at.each_hz, at.all_hz)
            for name, thinking in done.items()
            for at in thinking.together
        ],
    )


async def _together(model: LanguageModel, count: int) -> Together:
    rounds = [
        await _converse(model, number, count=count) for number in range(1, ANSWERS // count + 1)
    ]
    cold = [answer for answers, _ in rounds for answer in answers]
    warm = [answer for _, answers in rounds for answer in answers]
    return Together(
        conversations=count,
        cold_ms=statistics.median(answer.first_ms for answer in cold),
        cold_tokens=statistics.median(answer.read_tokens for answer in cold),
        warm_ms=statistics.median(answer.first_ms for answer in warm),
        warm_tokens=statistics.median(answer.read_tokens for answer in warm),
        each_hz=1000 / statistics.median(answer.further_ms for answer in warm),
        all_hz=statistics.median(_all_hz(answers) for _, answers in rounds),
    )


async def _converse(
    model: LanguageModel, number: int, *, count: int
) -> tuple[list[Answer], list[Answer]]:
    """Return the first and the next answers of new conversations that ask at the same moment."""
    # Different from the beginning, so that none finds in the cache what another one has read.
    names = [f"{count}{number}{caller}" for caller in range(count)]
    openings = [
        (
            ChatMessage("system", INSTRUCTIONS.format(number=name)),
            ChatMessage("user", QUESTION),
        )
        for name in names
    ]
    first = await asyncio.gather(
        *(
            ask(model, _request(name, opening, FIRST_TOKENS))
            for name, opening in zip(names, openings, strict=True)
        )
    )
    going_on = [
        (*opening, ChatMessage("assistant", answer.text), ChatMessage("user", NEXT_QUESTION))
        for opening, answer in zip(openings, first, strict=True)
    ]
    following = await asyncio.gather(
        *(
            ask(model, _request(name, messages, NEXT_TOKENS))
            for name, messages in zip(names, going_on, strict=True)
        )
    )
    return first, following


def _request(
    name: str, messages: tuple[ChatMessage, ...], max_output_tokens: int
) -> GenerationRequest:
    return GenerationRequest(
        messages=messages, conversation=name, max_output_tokens=max_output_tokens
    )


def _all_hz(answers: Sequence[Answer]) -> float:
    took_s = max(answer.last_s for answer in answers) - min(answer.first_s for answer in answers)
    return (sum(answer.tokens for answer in answers) - 1) / took_s
