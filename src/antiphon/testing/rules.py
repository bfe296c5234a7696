"""What a scripted server does, said step by step; the steps are those of its script."""

from __future__ import annotations

import json
from typing import Generic, Literal, Self, TypeVar

from msgspec import Struct

from antiphon.engines.scripted.script import (
    AnswerStep,
    Call,
    Fail,
    Hang,
    Reel,
    Say,
    Sound,
    SpeechStep,
    Stop,
    Take,
    Wait,
)
from antiphon.testing.checking import checked

__all__ = ["AnswerRule", "SpeechRule"]

StepT = TypeVar("StepT", bound=Struct)


class Rule(Generic[StepT]):
    """Something the server does when its moment comes. Every step returns the rule itself.

    A rule holds from its first step on, so say it in full before the app can ask for it. Of rules
    that fit a request the newest is used. Steps that cannot be acted out raise ``ValueError``.

    Args:
        reel: Where the engine finds its takes.
        when: As in :class:`antiphon.engines.scripted.script.Take`.
        after_outputs: As there.
    """

    def __init__(
        self, reel: Reel[StepT], when: str | None = None, after_outputs: int | None = None
    ) -> None:
        self._reel = reel
        self._when = when
        self._after_outputs = after_outputs
        self._take: Take[StepT] | None = None

    def _add(self, step: StepT) -> Self:
        before = self._take
        steps = () if before is None else before.steps
        self._take = Take((*steps, checked(step)), self._when, self._after_outputs)
        if before is None:
            self._reel.add(self._take)
        else:
            self._replace(before, self._take)
        return self

    def _replace(self, before: Take[StepT], after: Take[StepT]) -> None:
        try:
            self._reel.replace(before, after)
        except LookupError as error:
            message = (
                f"The app has been given this already, without {after.steps[-1]}. "
                "Say all steps before the app asks for them."
            )
            raise RuntimeError(message) from error


class AnswerRule(Rule[AnswerStep]):
    """An answer of the language model; see :class:`Rule`."""

    def wait(self, *, ms: float) -> Self:
        """Let ``ms`` milliseconds pass."""
        return self._add(Wait(ms))

    def say(self, text: str, *, every_ms: float = 0.0) -> Self:
        """Say text, one delta a word, each after ``every_ms``."""
        return self._add(Say(text, every_ms))

    def call(self, name: str, /, **arguments: object) -> Self:
        """Call a function of the app's, with arguments that can be put into JSON."""
        return self._add(Call(name, json.dumps(arguments)))

    def fail(self, message: str, *, code: str = "server_error", retryable: bool = False) -> Self:
        """Fail: the response ends as ``failed``, with this error."""
        return self._add(Fail(message, code, retryable))

    def hang(self) -> Self:
        """Come to no end, until the app cancels."""
        return self._add(Hang())

    def stop(self, reason: Literal["length", "content_filter"]) -> Self:
        """End as ``incomplete``: the answer is too long, or may not be given."""
        return self._add(Stop(reason))

    def then(self) -> AnswerRule:
        """Say what the next answer is, after functions that were called have returned."""
        following = None if self._after_outputs is None else self._after_outputs + 1
        return AnswerRule(self._reel, self._when, following)


class SpeechRule(Rule[SpeechStep]):
    """How a segment of an answer is spoken; see :class:`Rule`."""

    def wait(self, *, ms: float) -> Self:
        """Let ``ms`` milliseconds pass."""
        return self._add(Wait(ms))

    def sound(self, *, ms: float, every_ms: float = 0.0) -> Self:
        """Sound for ``ms``, in chunks of 100 ms, each after ``every_ms``."""
        return self._add(Sound(ms, every_ms))

    def fail(self, message: str, *, code: str = "server_error", retryable: bool = False) -> Self:
        """Fail: the response ends as ``failed``, with this error."""
        return self._add(Fail(message, code, retryable))

    def hang(self) -> Self:
        """Come to no end, until the app cancels."""
        return self._add(Hang())
