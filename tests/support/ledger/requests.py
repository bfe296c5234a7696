"""What the client has sent and not been answered yet.

A server takes a client's events in order, so it answers them in order: by the event that says that
it is done, or by one ``error`` with the id of the event. Appended audio has no answer. The output
of a call that is still being made is answered when the response that makes it has ended.
"""

from collections import deque
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any

import msgspec

from tests.support.ledger.frames import Frame

__all__ = ["Form", "Request", "Requests"]

_MAX_EVENT_ID_CHARS = 512


class Form(Enum):
    """What the sender of a frame knows about it, whatever the state of the session."""

    SOUND = "sound"
    """It can be done, if only the state of the session permits."""
    BROKEN = "broken"
    """It can never be done."""
    UNKNOWN = "unknown"


class Request:
    """One frame that the client has sent.

    Attributes:
        event: The event in it; empty if there is none.
        event_id: The id that an error about it has to name.
    """

    def __init__(self, text: str | bytes, form: Form) -> None:
        self.form = form
        self.event = _parse(text)
        event_id = self.event.get("event_id")
        is_readable = isinstance(event_id, str) and len(event_id) <= _MAX_EVENT_ID_CHARS
        self.event_id: str | None = event_id if event_id and is_readable else None

    @property
    def kind(self) -> str | None:
        kind: str | None = self.event.get("type")
        return kind

    @property
    def is_append(self) -> bool:
        return self.kind == "input_audio_buffer.append"

    @property
    def answered_call(self) -> str | None:
        """Id of the call whose output it brings."""
        item = self.event.get("item")
        if self.kind != "conversation.item.create" or not isinstance(item, dict):
            return None
        call_id: str | None = item.get("call_id")
        return call_id if item.get("type") == "function_call_output" else None

    def recordings(self) -> Iterator[Frame]:
        """Return the parts of its items in which there is audio."""
        items = [self.event.get("item"), *((self.event.get("response") or {}).get("input") or ())]
        for item in items:
            for part in (item or {}).get("content", ()):
                if part.get("audio"):
                    yield part

    def __repr__(self) -> str:
        return f"the {self.form.value} request {str(self.event)[:300]}"


class Requests:
    """The requests that have not been answered, in order.

    Args:
        take_audio: Told of appended audio once it is sure that it has been taken in.
        is_running: Says whether the response that makes a call has not ended.
    """

    def __init__(
        self, take_audio: Callable[[Frame], None], is_running: Callable[[str], bool]
    ) -> None:
        self._take_audio = take_audio
        self._is_running = is_running
        self._pending: deque[Request] = deque()
        self._deferred: list[Request] = []
        self._due: list[Request] = []

    @property
    def overdue(self) -> bool:
        """Whether the next frame must answer what was put off."""
        return bool(self._due)

    def pending_audio(self) -> Iterator[str]:
        """Return the audio that the server may not have taken in yet, as base64."""
        for one in self._pending:
            if one.is_append and one.form is not Form.BROKEN:
                yield one.event["audio"]

    def add(self, request: Request) -> None:
        self._pending.append(request)

    def next_is(self, fits: Callable[[Request], bool]) -> bool:
        """Say whether the next request that needs an answer is such a one."""
        waiting = [one for one in self._pending if not self._needs_none(one)]
        return bool(waiting) and fits(waiting[0])

    def take(self, fits: Callable[[Request], bool]) -> Request:
        """Return the request that a frame answers.

        Args:
            fits: Says whether it can be the answer to a request.

        Raises:
            AssertionError: There is none, or another one should have been answered before.
        """
        if self._due:
            assert fits(self._due[0]), f"{self._due[0]} was put off and is not answered now"
            return self._due.pop(0)
        while self._pending:
            request = self._pending.popleft()
            if fits(request):
                return request
            self._pass_over(request)
        message = "this answers nothing that was asked"
        raise AssertionError(message)

    def end_response(self, made_call: Callable[[str], bool]) -> None:
        """Note that the calls of a response have been made: outputs put off are due."""
        due = [one for one in self._deferred if made_call(str(one.answered_call))]
        self._deferred = [one for one in self._deferred if one not in due]
        self._due += due

    def settle(self) -> None:
        """Note that everything sent so far has been taken in.

        Raises:
            AssertionError: Something has not been answered.
        """
        assert not self._due, f"{self._due[0]} was put off and never answered"
        while self._pending:
            self._pass_over(self._pending.popleft())

    @property
    def settled(self) -> bool:
        """Whether everything has been answered."""
        return not (self._pending or self._deferred or self._due)

    def _pass_over(self, request: Request) -> None:
        assert self._needs_none(request), f"{request} has not been answered"
        if request.is_append:
            self._take_audio(request.event)
        else:
            self._deferred.append(request)

    def _needs_none(self, request: Request) -> bool:
        """Whether it may be that a request gets no answer yet."""
        if request.form is Form.BROKEN:
            return False
        call_id = request.answered_call
        return request.is_append or (call_id is not None and self._is_running(call_id))


def _parse(text: str | bytes) -> Frame:
    try:
        event: Any = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {}
    return event if isinstance(event, dict) else {}
