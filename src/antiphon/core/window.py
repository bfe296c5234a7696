"""The context window: which items of a conversation the model sees, when it cannot see all.

The oldest go first. What has gone stays gone, even where there is room again, so that prompts
begin alike from one response to the next and the engine need not read them anew. Items leave the
model's sight only: clients still find them in the conversation.

What is never left out: the instructions and tools; the newest words of the user; the newest item,
which is what the response answers; and one half of a pair, such as a function call without its
output. Where even that is too much, the response fails.

``truncation`` (protocol: session settings) says what is done when the conversation is too long:

* ``auto``: items go until it fits.
* ``retention_ratio``: items go until no more than that share of the room is taken, so that it
  takes a number of turns until the next have to go. ``post_instructions`` makes the room smaller,
  but lets no response fail.
* ``disabled``: nothing goes, and the response fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from math import floor, inf

from msgspec import UNSET, Struct

from antiphon.core.context import messages_of
from antiphon.core.conversation import Entry
from antiphon.core.plan import ChatMessage, Plan
from antiphon.core.tokens import TokenCounter
from antiphon.errors import RequestError
from antiphon.wire.items import (
    FunctionCall,
    FunctionCallOutput,
    McpApprovalRequest,
    McpApprovalResponse,
    McpCall,
    Message,
)
from antiphon.wire.session import RetentionRatio, Truncation

__all__ = ["ANSWER_SHARE", "LARGEST_ANSWER_SHARE", "Reader", "Window"]

ANSWER_SHARE = 8
"""One part in so many of the context is kept free for an answer without a limit of its own: the
hosted service keeps 4096 of 32 768 tokens."""

LARGEST_ANSWER_SHARE = 2
"""One part in so many is the most that an answer's own limit keeps free. Clients ask for high
limits to be on the safe side, not to have the conversation forgotten."""


class Reader(Struct, frozen=True):
    """How much the language model can read.

    Attributes:
        counter: Counts its tokens; ``None`` if nobody can, and then nothing is left out.
        context_tokens: The longest prompt and answer together; ``None`` if unknown.
    """

    counter: TokenCounter | None = None
    context_tokens: int | None = None


class Window:
    """What the model sees of one conversation, from response to response.

    Args:
        reader: Who reads it.
        gone: Items that it does not see any more.
    """

    def __init__(self, reader: Reader, gone: frozenset[Entry] = frozenset()) -> None:
        self._reader = reader
        self._gone = gone
        self._frame: tuple[Plan, int] | None = None

    def aside(self) -> Window:
        """Return a window on the same, for a look that leaves no traces in this one."""
        return Window(self._reader, self._gone)

    def afresh(self) -> Window:
        """Return a window from which nothing has gone, for input that is no conversation."""
        return Window(self._reader)

    def look(
        self,
        entries: Sequence[Entry],
        plan: Plan,
        truncation: Truncation,
        *,
        after: Sequence[ChatMessage] = (),
    ) -> Sequence[Entry]:
        """Return the items that a response sees.

        Args:
            entries: The conversation, oldest item first.
            plan: What the response runs with; instructions, tools and the limit on tokens count.
            truncation: What to do if there is not enough room.
            after: Messages that follow the conversation.

        Raises:
            RequestError: ``context_length_exceeded``; the window is left as it was.
        """
        counter = self._reader.counter
        if counter is None:
            return entries
        frame_tokens = self._frame_tokens(counter, plan) + sum(map(counter.message_tokens, after))
        room = _Room(self._reader.context_tokens, plan.max_output_tokens, frame_tokens)
        seen = self._remaining(entries)
        tokens = _tokens(seen, counter)
        if truncation == "disabled":
            room.check(
                tokens,
                what="The input",
                remedy="Delete items, or set 'truncation' to 'auto'.",
            )
            return seen
        most, kept = room.bounds(truncation)
        if tokens <= most:
            return seen
        left = _newest(seen, counter, kept)
        room.check(
            _tokens(left, counter),
            what="What cannot be left out (instructions, tools and the newest message)",
            remedy="Shorten it, or set a lower 'max_output_tokens'.",
        )
        self._gone = frozenset(entries).difference(left)
        return left

    def _remaining(self, entries: Sequence[Entry]) -> Sequence[Entry]:
        """What has not gone.

        Where half of a pair is new, the other half has to come back; and so has what can never be
        left out, once the client has deleted what came after it.
        """
        if not self._gone:
            return entries
        kept = {e for e in entries if e not in self._gone} | _indispensable(entries)
        whole = {_pair(entry) for entry in kept} - {None}
        return tuple(e for e in entries if e in kept or _pair(e) in whole)

    def _frame_tokens(self, counter: TokenCounter, plan: Plan) -> int:
        """What instructions and tools take; they hardly ever change."""
        if self._frame is not None:
            known, tokens = self._frame
            if (known.instructions, known.tools) == (plan.instructions, plan.tools):
                return tokens
        tokens = counter.frame_tokens(plan.instructions, plan.tools)
        self._frame = (plan, tokens)
        return tokens


class _Room:
    """How many tokens of a conversation there is room for.

    Args:
        context_tokens: The longest prompt and answer together; ``None`` without a limit.
        max_output_tokens: The answer's own limit, if it has one.
        frame_tokens: What goes around the conversation.
    """

    def __init__(
        self, context_tokens: int | None, max_output_tokens: int | None, frame_tokens: int
    ) -> None:
        self._context_tokens = context_tokens
        self._frame_tokens = frame_tokens
        self._answer_tokens = 0
        if context_tokens is not None:
            self._answer_tokens = (
                context_tokens // ANSWER_SHARE
                if max_output_tokens is None
                else min(max_output_tokens, context_tokens // LARGEST_ANSWER_SHARE)
            )

    @property
    def _tokens(self) -> float:
        if self._context_tokens is None:
            return inf
        return self._context_tokens - self._answer_tokens - self._frame_tokens

    def bounds(self, truncation: Truncation) -> tuple[float, float]:
        """Return how much may stay as it is, and how much may stay once items have to go."""
        most, ratio = self._tokens, 1.0
        if isinstance(truncation, RetentionRatio):
            ratio = truncation.retention_ratio
            limits = truncation.token_limits
            if limits is not UNSET and limits.post_instructions is not UNSET:
                most = min(most, limits.post_instructions)
        return most, most if most == inf else floor(most * ratio)

    def check(self, tokens: int, *, what: str, remedy: str) -> None:
        """Check that there is room for so many tokens of a conversation.

        Raises:
            RequestError: ``context_length_exceeded``, naming what is too long and the remedy.
        """
        if tokens <= self._tokens:
            return
        assert self._context_tokens is not None
        message = (
            f"{what} has {tokens + self._frame_tokens} tokens, but the model takes at most "
            f"{self._context_tokens - self._answer_tokens}: its context of {self._context_tokens} "
            f"less {self._answer_tokens} for the answer. {remedy}"
        )
        raise RequestError(message, code="context_length_exceeded")


class _Unit:
    """Items that go together or not at all.

    Attributes:
        tokens: What they take in all.
    """

    def __init__(self) -> None:
        self.tokens = 0


def _newest(entries: Sequence[Entry], counter: TokenCounter, kept: float) -> Sequence[Entry]:
    """What is left when the oldest go until ``kept`` tokens are left, or nothing more can go."""
    unit_of: dict[Entry, _Unit] = {}
    units: dict[object, _Unit] = {}
    for entry in entries:
        unit = unit_of[entry] = units.setdefault(_pair(entry) or entry, _Unit())
        unit.tokens += _tokens((entry,), counter)
    stay = {unit_of[entry] for entry in _indispensable(entries)}
    tokens = sum(unit.tokens for unit in units.values())
    gone = set[_Unit]()
    for unit in units.values():
        if tokens <= kept:
            break
        if unit not in stay:
            gone.add(unit)
            tokens -= unit.tokens
    return tuple(entry for entry in entries if unit_of[entry] not in gone)


def _indispensable(entries: Sequence[Entry]) -> set[Entry]:
    """The newest item, which is what the response answers, and the newest words of the user."""
    words = (entry for entry in reversed(entries) if _is_users_words(entry))
    return {*entries[-1:], *islice(words, 1)}


def _is_users_words(entry: Entry) -> bool:
    item = entry.item
    return isinstance(item, Message) and item.role == "user" and bool(messages_of(entry))


def _pair(entry: Entry) -> str | None:
    """What an item shares with those it must not be separated from."""
    match entry.item:
        case FunctionCall(call_id=key) | FunctionCallOutput(call_id=key):
            return key or None
        case McpApprovalRequest(id=key):
            return key
        case McpApprovalResponse(approval_request_id=key) | McpCall(approval_request_id=key):
            return key
    return None


def _tokens(entries: Iterable[Entry], counter: TokenCounter) -> int:
    total = 0
    for entry in entries:
        if entry.tokens is None:
            entry.tokens = sum(map(counter.message_tokens, messages_of(entry)))
        total += entry.tokens
    return total
