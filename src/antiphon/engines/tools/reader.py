"""Function calls in a model's text, recognized while they arrive."""

from __future__ import annotations

from enum import Enum, auto

from antiphon.engines.thinking import TextDelta, ToolCallDelta
from antiphon.engines.tools.syntax import CallSyntax

__all__ = ["CallReader", "Reading"]


class Reading(Enum):
    """What is being read."""

    TEXT = auto()
    NAME = auto()
    ARGUMENTS = auto()
    BETWEEN = auto()
    OVER = auto()


class CallReader:
    """Sorts streamed text into text and function calls.

    Text is held back only while it may still be the beginning of a call.

    Args:
        syntax: How calls are written, as far as that is visible; ``None`` if all is text.
        several: Whether calls may follow the first. If not, nothing is read after it.

    Attributes:
        reading: What comes next.
        calls: Names and complete arguments of the calls so far.
    """

    def __init__(self, syntax: CallSyntax | None, *, several: bool = False) -> None:
        self.reading = Reading.TEXT
        self.calls: list[tuple[str, str]] = []
        self._syntax = syntax
        self._between = syntax.between if syntax and several else None
        self._held = ""
        self._held_tokens = 0
        self._index = -1
        self._name = ""
        self._arguments = _JsonObject()

    @property
    def called(self) -> bool:
        """Whether a call has begun, with its name complete."""
        return self._index >= 0

    def read(self, text: str, tokens: int) -> list[TextDelta | ToolCallDelta]:
        """Take more of the answer, ``tokens`` tokens long, and return what is certain by now.

        What follows the last call is dropped.
        """
        if self._syntax is None:
            return [TextDelta(text, tokens)]
        self._held += text
        self._held_tokens += tokens
        deltas: list[TextDelta | ToolCallDelta] = []
        before = None
        while before != (self.reading, self._held):
            before = (self.reading, self._held)
            deltas += self._step(self._syntax)
        return deltas

    def finish(self) -> list[TextDelta | ToolCallDelta]:
        """The answer has ended by itself: release text that was held back."""
        if self.reading is Reading.TEXT and self._held:
            return [TextDelta(self._take(len(self._held)), self._tokens())]
        return []

    def _step(self, syntax: CallSyntax) -> list[TextDelta | ToolCallDelta]:
        match self.reading:
            case Reading.TEXT:
                text, opened, self._held = self._held.partition(syntax.opening)
                if opened:
                    self.reading = Reading.NAME
                    text = text.rstrip()
                else:
                    kept = _beginning_at(text, syntax.opening)
                    text, self._held = text[:kept], text[kept:]
                return [TextDelta(text, self._tokens())] if text else []
            case Reading.NAME:
                name, ended, rest = self._held.partition(syntax.middle)
                if not ended:
                    return []
                self._held = rest
                self.reading = Reading.ARGUMENTS
                self._index += 1
                self._name = name
                self._arguments = _JsonObject()
                return [ToolCallDelta(self._index, name, tokens=self._tokens())]
            case Reading.ARGUMENTS:
                piece = self._take(self._arguments.end_in(self._held))
                if self._arguments.complete:
                    self.calls.append((self._name, self._arguments.text))
                    self.reading = Reading.BETWEEN if self._between else Reading.OVER
                if not piece:
                    return []
                return [ToolCallDelta(self._index, arguments=piece, tokens=self._tokens())]
            case Reading.BETWEEN:
                assert self._between is not None, "there is something between calls"
                if self._held.startswith(self._between):
                    self._take(len(self._between))
                    self.reading = Reading.NAME
                elif not self._between.startswith(self._held):
                    self.reading = Reading.OVER
                return []
            case Reading.OVER:
                self._held = ""
                return []

    def _take(self, length: int) -> str:
        taken, self._held = self._held[:length], self._held[length:]
        return taken

    def _tokens(self) -> int:
        """Tokens that no delta was told to have taken."""
        tokens, self._held_tokens = self._held_tokens, 0
        return tokens


class _JsonObject:
    """Follows a JSON object while it arrives, to find its end."""

    def __init__(self) -> None:
        self.complete = False
        self.text = ""
        self._depth = 0
        self._in_string = False
        self._escaped = False

    def end_in(self, text: str) -> int:
        """Take more, and return how many characters of it belong to the object."""
        for i, char in enumerate(text):
            if self._in_string:
                if self._escaped:
                    self._escaped = False
                elif char == "\\":
                    self._escaped = True
                elif char == '"':
                    self._in_string = False
            elif char == '"':
                self._in_string = True
            elif char in "{[":
                self._depth += 1
            elif char in "}]":
                self._depth -= 1
                if self._depth == 0:
                    self.complete = True
                    self.text += text[: i + 1]
                    return i + 1
        self.text += text
        return len(text)


def _beginning_at(text: str, opening: str) -> int:
    """Where a call may begin at the end of the text: its length, if nowhere."""
    for start in range(max(0, len(text) - len(opening) + 1), len(text)):
        if opening.startswith(text[start:]):
            return len(text[:start].rstrip())
    return len(text.rstrip())
