"""Function calls of a completion, which servers number in ways of their own.

They count from 0, or give all the same number, or none; some send several calls in turns. What is
passed on is one call after the other, since a call is over for clients when the next one begins.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from antiphon.engines.http.chunks import CallDelta, json_in, text_in
from antiphon.engines.http.text import CharacterJoiner, whole_characters
from antiphon.engines.thinking import GenerationRequest, ToolCallDelta

__all__ = ["CallReader"]


class CallReader:
    """Reads the function calls of one answer.

    Calls that must not be made are left out: all of them, or others than the one that is forced.
    Some servers pay no attention to ``tool_choice``.

    Args:
        request: Says what may be called.

    Attributes:
        told: How many calls the server has sent.
    """

    def __init__(self, request: GenerationRequest) -> None:
        self._may_call = request.tool_policy != "none"
        self._forced = request.forced_tool
        self._offered = frozenset(tool.name for tool in request.tools)
        self._calls: list[_Call] = []
        self._made: list[_Call] = []
        self._open = 0  # which of them is passed on as it comes; those before it are over
        self.told = 0

    @property
    def made(self) -> int:
        """How many calls are made."""
        return len(self._made)

    def take(self, deltas: Sequence[CallDelta]) -> Iterator[ToolCallDelta]:
        """Yield what can be passed on with the calls of one chunk."""
        named: set[int] = set()
        for delta in deltas:
            call = self._meant(delta, named)
            if call is not None and call.number is not None and call.number >= self._open:
                call.push(json_in(delta.function and delta.function.arguments))
                yield from self._released()

    def finish(self, *, is_whole: bool) -> Iterator[ToolCallDelta]:
        """Yield what is left.

        Args:
            is_whole: Whether the answer has come to its end. If not, what follows the open call
                stays out: its arguments are not complete, and they are the last of the answer.
        """
        for call in self._made[self._open :]:
            yield from call.end(is_whole=is_whole)
            if not is_whole:
                return

    def _released(self) -> Iterator[ToolCallDelta]:
        while True:
            call = self._made[self._open]
            yield from call.released()
            if self._open + 1 == len(self._made) or not call.is_complete:
                return
            self._open += 1

    def _meant(self, delta: CallDelta, named: set[int]) -> _Call | None:
        """Return the call that a delta belongs to; a new one if it begins one."""
        function = delta.function
        if function is None:
            return None
        name = whole_characters(text_in(function.name))
        call_id = None if delta.id in (None, "", "null") else delta.id  # the latter by Mistral
        call = self._known(delta.index, call_id)
        if not name:
            return call
        if call is None or self._is_another(call, delta.index, call_id, name, named):
            call = self._begin(delta.index, call_id, name)
        elif call_id is not None and call.is_complete:
            return None  # told once more
        named.add(id(call))
        return call

    def _known(self, index: object, call_id: object) -> _Call | None:
        for call in reversed(self._calls):
            if call_id is not None and call.id == call_id and index in (None, call.index):
                return call
        for call in reversed(self._calls):
            if call.index == index:
                return call
        return self._calls[-1] if index is None and self._calls else None

    def _is_another(
        self, call: _Call, index: object, call_id: object, name: str, named: set[int]
    ) -> bool:
        """Whether a name begins a call after one with the same number, or goes on with that."""
        if call_id is not None:
            return call_id != call.id
        is_other_function = name != call.name and name in self._offered
        return index != call.index or is_other_function or id(call) in named or call.is_complete

    def _begin(self, index: object, call_id: object, name: str) -> _Call:
        self.told += 1
        is_made = self._may_call and self._forced in (None, name)
        call = _Call(index, call_id, name, len(self._made) if is_made else None)
        self._calls.append(call)
        if is_made:
            self._made.append(call)
        return call


class _Call:
    """One call, as far as it has come."""

    def __init__(self, index: object, call_id: object, name: str, number: int | None) -> None:
        self.index = index
        self.id = call_id
        self.name = name
        self.number = number  # ours; None if it is left out
        self._joiner = CharacterJoiner()
        self._arguments = ""
        self._held = ""
        self._is_announced = False

    @property
    def is_complete(self) -> bool:
        """Whether its arguments are an object, so that nothing can follow."""
        text = self._arguments.strip()
        if not (text.startswith("{") and text.endswith("}")):
            return False
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return False
        return True

    def push(self, arguments: str) -> None:
        """Add to the arguments."""
        whole = self._joiner.push(arguments)
        self._arguments += whole
        self._held += whole

    def released(self, rest: str = "") -> Iterator[ToolCallDelta]:
        """Yield what has not been passed on yet, and a rest that took no token."""
        if self._held or rest or not self._is_announced:
            assert self.number is not None, "calls that are left out are not passed on"
            name = "" if self._is_announced else self.name
            tokens = 1 if self._held or name else 0
            arguments, self._held, self._is_announced = self._held + rest, "", True
            yield ToolCallDelta(self.number, name, arguments, tokens)

    def end(self, *, is_whole: bool) -> Iterator[ToolCallDelta]:
        """Yield the rest: ``{}`` for the arguments of a whole call that has none."""
        rest = self._joiner.flush()
        if is_whole and not (self._arguments + rest).strip():
            rest += "{}"
        yield from self.released(rest)
