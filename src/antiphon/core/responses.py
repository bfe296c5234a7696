"""The responses of a session: at most one writes to the conversation, others run out of band."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from msgspec.structs import replace

from antiphon.core.context import chat_messages, is_unspoken
from antiphon.core.conversation import Conversation, Entry
from antiphon.core.effects import (
    DropGuess,
    GuessResponse,
    ReleaseGuess,
    StartResponse,
    StopResponse,
)
from antiphon.core.mcp.item import CalledMcpTool
from antiphon.core.outgoing import Outgoing
from antiphon.core.output_items import SpokenMessage
from antiphon.core.plan import ChatMessage, Plan
from antiphon.core.rate_limits import RateLimits, failure_of_limit
from antiphon.core.response import Response, State
from antiphon.core.settings import Resolved
from antiphon.core.signals import (
    AudioGenerated,
    Failure,
    GenerationFailed,
    GenerationFinished,
    PromptMeasured,
    SegmentSpoken,
    TextGenerated,
    ToolCallGenerated,
)
from antiphon.core.window import Window
from antiphon.errors import RequestError
from antiphon.wire.session import Truncation

__all__ = ["SILENCE", "ResponseSignal", "Responses"]

ResponseSignal = (
    PromptMeasured
    | TextGenerated
    | AudioGenerated
    | SegmentSpoken
    | ToolCallGenerated
    | GenerationFinished
    | GenerationFailed
)


SILENCE = ChatMessage("user", "(The user has said nothing.)")
"""Stands for audio without words where it has to be answered: models need something to answer."""


MAX_RUNNING = 16
"""Responses of one session at once, out of band all but one. Each holds its own context."""


class _Running(NamedTuple):
    """A response that has not ended, and what it starts with."""

    response: Response
    plan: Plan
    window: Window
    truncation: Truncation


class Responses:
    """The responses that have not ended."""

    def __init__(
        self,
        outgoing: Outgoing,
        conversation: Conversation,
        limits: RateLimits | None,
        *,
        on_end: Callable[[Response], None],
        on_mcp_calls: Callable[[list[CalledMcpTool]], None],
        on_sound: Callable[[SpokenMessage], None],
    ) -> None:
        self._outgoing = outgoing
        self._limits = limits
        self._conversation = conversation
        self._on_end = on_end
        self._on_mcp_calls = on_mcp_calls
        self._on_sound = on_sound
        self._running: dict[str, _Running] = {}
        self._guess: Plan | None = None  # of an answer that is worked out ahead
        self.has_spoken = False
        """Whether the assistant's voice has been heard in the conversation."""
        self.dropped_signals = 0
        """Signals for responses that had ended already: engines take a moment to stop."""

    @property
    def active(self) -> Response | None:
        """The response that writes to the conversation."""
        return next((one for one in self if one.in_conversation), None)

    def __iter__(self) -> Iterator[Response]:
        return (running.response for running in tuple(self._running.values()))

    def refuse_second(self) -> None:
        """Check that a response may write to the conversation.

        Raises:
            RequestError: ``conversation_already_has_active_response``.
        """
        active = self.active
        if active is not None:
            message = (
                f"Conversation already has an active response in progress: {active.id}. Wait until "
                "the response is finished before creating a new one."
            )
            raise RequestError(message, code="conversation_already_has_active_response")

    def refuse_too_many(self) -> None:
        """Check that there is room for one more response.

        Raises:
            RequestError: ``too_many_responses``.
        """
        if len(self._running) >= MAX_RUNNING:
            message = (
                f"{len(self._running)} responses are in progress, and a session has at most "
                f"{MAX_RUNNING} at once. Wait until one is done, or cancel one."
            )
            raise RequestError(message, code="too_many_responses")

    def create(
        self,
        resolved: Resolved,
        context: tuple[Entry, ...],
        window: Window,
        *,
        truncation: Truncation,
        in_conversation: bool,
        answers_silence: bool,
        has_own_input: bool,
        now: float,
    ) -> None:
        """Create a response, and start it as soon as the words of its context are known.

        It fails at once if it is more than may be asked for.

        Args:
            resolved: What it is to be.
            context: The items it answers, oldest first.
            window: What it sees of them.
            truncation: What to do if they are too much to see.
            in_conversation: Whether its output becomes part of the conversation.
            answers_silence: Whether it has something to say even if the newest item is audio in
                which nobody said anything.
            has_own_input: Whether the context is what the client gave, not the conversation.
            now: Monotonic clock in seconds.
        """
        guess = self._guess if in_conversation else None
        response = Response(
            self._outgoing,
            self._conversation if in_conversation else None,
            response_id=guess.response_id if guess is not None else None,
            settings=resolved.settings,
            context=context,
            answers_silence=answers_silence,
            has_own_input=has_own_input,
            mcp_tools=resolved.mcp_tools,
        )
        plan = replace(resolved.plan, response_id=response.id)
        self._running[response.id] = _Running(response, plan, window, truncation)
        exceeded = self._limits.admit(now) if self._limits is not None else None
        if exceeded is not None:
            self._fail_unbegun(response, failure_of_limit(exceeded))
            self._forget_ended()
        self.start_ready()

    def start_ready(self) -> None:
        """Start what has waited for words and need not any more."""
        for running in tuple(self._running.values()):
            if running.response.ready:
                self._start(running)
                self._forget_ended()

    def _start(self, running: _Running) -> None:
        """Start a response, or end it if there is nothing that it could do."""
        response, plan = running.response, running.plan
        question = response.context[-1] if response.context else None
        if question is not None and question.failure is not None and not question.model_hears:
            self._fail_unbegun(response, question.failure)
            return
        silence: tuple[ChatMessage, ...] = ()
        if question is not None and is_unspoken(question):
            if not response.answers_silence:
                self._drop_guess_of(response)
                response.complete()  # nobody said anything, so there is nothing to answer
                return
            silence = (SILENCE,)
        try:
            seen = running.window.look(response.context, plan, running.truncation, after=silence)
        except RequestError as error:
            code = error.code or "server_error"
            failure = Failure("generate", code, error.message, error.type)
            self._fail_unbegun(response, failure)
            return
        response.start(seen)
        plan = replace(plan, messages=chat_messages(seen) + silence)
        if plan == self._guess:
            self._guess = None
            self._outgoing.do(ReleaseGuess(response.id))
            return
        if response.in_conversation:
            self.drop_guess()  # something has changed since
        self._outgoing.do(StartResponse(plan))

    # --- guesses --------------------------------------------------------------------------------

    def plan(
        self,
        resolved: Resolved,
        context: tuple[Entry, ...],
        window: Window,
        truncation: Truncation,
    ) -> Plan | None:
        """Return what a response would run with; ``None`` if it would be refused, or fail.

        Arguments as for :meth:`create`.
        """
        if self.active is not None:
            return None
        try:
            seen = window.aside().look(context, resolved.plan, truncation)
        except RequestError:
            return None
        return replace(resolved.plan, messages=chat_messages(seen))

    def guess(self, plan: Plan) -> None:
        """Have a response worked out that may be wanted; nobody is told of it.

        If one is then created that would run with just the same, it is that one, and takes over
        what has been worked out.

        Args:
            plan: As :meth:`plan` returned it.
        """
        self.drop_guess()
        self._guess = replace(plan, response_id=self._outgoing.entropy.identifier("resp"))
        self._outgoing.do(GuessResponse(self._guess))

    def drop_guess(self) -> None:
        """Forget the response that was worked out ahead: it is not wanted."""
        guess, self._guess = self._guess, None
        if guess is not None:
            self._outgoing.do(DropGuess(guess.response_id))

    def _drop_guess_of(self, response: Response) -> None:
        """Drop what was worked out ahead of a response that is about to end before it begins.

        Before, since nothing of a response follows its end.
        """
        if self._guess is not None and self._guess.response_id == response.id:
            self.drop_guess()

    # --- the end --------------------------------------------------------------------------------

    def cancel(self, response_id: str | None) -> None:
        """Cancel a response at the client's word; the conversation's own without an id.

        Raises:
            RequestError: ``response_cancel_not_active``.
        """
        response = self.active if response_id is None else self._find(response_id)
        if response is None:
            message = "Cancellation failed: no active response found"
            raise RequestError(message, code="response_cancel_not_active")
        self._stop(response, "client_cancelled")

    def interrupt(self) -> None:
        """Cancel the conversation's response, since the user speaks."""
        if self.active is not None:
            self._stop(self.active, "turn_detected")

    def take(self, signal: ResponseSignal) -> None:
        """Pass a signal on to its response, or drop it if that has ended."""
        response = self._find(signal.response_id)
        if response is None:
            self.dropped_signals += 1
            return
        match signal:
            case PromptMeasured():
                response.measure(signal)
            case TextGenerated():
                response.write(signal)
            case AudioGenerated():
                self._on_sound(response.sound(signal))
                self.has_spoken = self.has_spoken or response.in_conversation
            case SegmentSpoken():
                response.align(signal)
            case ToolCallGenerated():
                response.call(signal)
            case GenerationFinished():
                response.finish(signal)
            case GenerationFailed():
                response.fail(signal.failure)
        self._forget_ended()
        self._on_mcp_calls(response.take_mcp_calls())

    def _find(self, response_id: str) -> Response | None:
        found = self._running.get(response_id)
        return found.response if found else None

    def _stop(
        self, response: Response, reason: Literal["turn_detected", "client_cancelled"]
    ) -> None:
        if response.state is State.ACTIVE:
            self._outgoing.do(StopResponse(response.id))
        self._drop_guess_of(response)
        response.cancel(reason)
        self._forget_ended()

    def _fail_unbegun(self, response: Response, failure: Failure) -> None:
        self._drop_guess_of(response)
        response.fail(failure)

    def _forget_ended(self) -> None:
        ended = [one for one in self if one.state not in (State.WAITING, State.ACTIVE)]
        for response in ended:
            del self._running[response.id]
        for response in ended:
            self._on_end(response)
