"""What passed between an app and the server, in order, for tests to look at and to wait for."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Literal, NamedTuple

import anyio.to_thread

__all__ = ["PATIENCE_S", "Event", "Journal", "Note"]

Event = dict[str, Any]
"""An event of the protocol, as JSON reads."""

PATIENCE_S = 5.0
"""How long a test waits for an event unless it says otherwise."""

_LAST_NOTES = 20
"""How many of the last events a failure shows."""


class Note(NamedTuple):
    """An event and who sent it."""

    sender: Literal["app", "server"]
    event: Event


class Journal:
    """Events as they come. Written on the server's thread, read on any."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._notes: list[Note] = []
        self._looked_at: dict[str, int] = {}

    @property
    def notes(self) -> tuple[Note, ...]:
        """All that has come so far."""
        with self._changed:
            return tuple(self._notes)

    def add(self, note: Note) -> None:
        """Note an event, and tell those that wait for it."""
        with self._changed:
            self._notes.append(note)
            self._changed.notify_all()

    def wait_for(self, event_type: str, timeout_s: float = PATIENCE_S) -> Event:
        """Wait for the next event of a type, of either side.

        Each event is returned once, so that a second call waits for a second event.

        Raises:
            AssertionError: None came within ``timeout_s``.
            RuntimeError: The thread runs an event loop, which would stand still.
        """
        if _runs_event_loop():
            message = (
                "wait_for() would hold up the event loop of this thread, and with it the app. "
                "Use 'await wait_for_async()'."
            )
            raise RuntimeError(message)
        return self._wait_for(event_type, timeout_s)

    async def wait_for_async(self, event_type: str, timeout_s: float = PATIENCE_S) -> Event:
        """Do what :meth:`wait_for` does, while the event loop goes on."""
        return await anyio.to_thread.run_sync(self._wait_for, event_type, timeout_s)

    def __str__(self) -> str:
        """The last events, a line each; the same one several times is one line."""
        lines: list[tuple[str, int]] = []
        for sender, event in self.notes:
            arrow = "app → server" if sender == "app" else "server → app"
            line = f"{arrow}  {_summary(event)}"
            if lines and lines[-1][0] == line:
                lines[-1] = (line, lines[-1][1] + 1)
            else:
                lines.append((line, 1))
        shown = [line if times == 1 else f"{line} ({times} times)" for line, times in lines]
        return "\n".join(shown[-_LAST_NOTES:]) or "nothing"

    def _wait_for(self, event_type: str, timeout_s: float) -> Event:
        with self._changed:
            found = self._changed.wait_for(lambda: self._next(event_type), timeout_s)
        if found is None:
            message = f"No {event_type!r} came within {timeout_s} s. What came last:\n{self}"
            raise AssertionError(message)
        return found

    def _next(self, event_type: str) -> Event | None:
        start = self._looked_at.get(event_type, 0)
        for position, (_, event) in enumerate(self._notes[start:], start):
            if event.get("type") == event_type:
                self._looked_at[event_type] = position + 1
                return event
        return None


def _runs_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _summary(event: Event) -> str:
    """Type of an event, and what matters most where something failed."""
    match event:
        case {"type": "error", "error": {"message": message}}:
            return f"error: {message}"
        case {"type": "response.done", "response": {"status": status}}:
            return f"response.done: {status}"
        case {"type": "conversation.item.create", "item": {"type": item_type}}:
            return f"conversation.item.create: {item_type}"
        case _:
            return str(event.get("type"))
