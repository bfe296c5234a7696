"""Where the transport plays the answers: what has been played of each, and what is cut off.

Over a WebSocket the client plays, and says by ``conversation.item.truncate`` what its user did not
hear. In a call the server plays, so it knows by itself. The order of its frames:

* ``output_audio_buffer.started`` with the first audio of a response that is played;
* ``output_audio_buffer.stopped`` once all of it has been, which is after ``response.done``;
* or ``output_audio_buffer.cleared`` where it is cut off, and for each message that was not heard to
  its end ``conversation.item.truncated``, with how much of it was played.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Generic, Protocol, TypeVar

from antiphon.core.effects import ClearPlayback
from antiphon.core.outgoing import Outgoing
from antiphon.core.signals import PlaybackAdvanced
from antiphon.wire import server_events as sent

__all__ = ["Playback", "PlayedMessage"]

_ROUNDING_MS = 0.5
"""Durations are added up chunk by chunk; so little is nothing that could be heard."""


class PlayedMessage(Protocol):
    """A message whose audio is played, whoever works it out."""

    @property
    def id(self) -> str:
        """Its item's id."""
        ...

    @property
    def response_id(self) -> str:
        """The response that it belongs to."""
        ...

    @property
    def duration_ms(self) -> float:
        """How long its audio is so far."""
        ...

    @property
    def in_conversation(self) -> bool:
        """Whether it is part of the conversation, so that the user's speech cuts it off."""
        ...

    @property
    def is_whole(self) -> bool:
        """Whether no more audio of it will come."""
        ...


_Message = TypeVar("_Message", bound=PlayedMessage)


class _Stage(Enum):
    """How far the playback of a response is."""

    QUEUED = "queued"
    PLAYING = "playing"
    CLEARED = "cleared"
    """Nothing of it is played any more, though more of it may still be generated."""


class _Played(Generic[_Message]):
    """One response as it is played.

    Attributes:
        stage: How far it is.
        is_whole: Whether there will be no more audio of it.
        messages: What it speaks, in order.
        played_ms: How much has been played of each message, by its id.
    """

    def __init__(self) -> None:
        self.stage = _Stage.QUEUED
        self.is_whole = False
        self.messages: dict[str, _Message] = {}
        self.played_ms: dict[str, float] = {}

    @property
    def in_conversation(self) -> bool:
        return all(message.in_conversation for message in self.messages.values())

    @property
    def unheard(self) -> list[_Message]:
        """The messages of which audio has not been played yet."""
        return [
            message
            for message in self.messages.values()
            if self.played_ms.get(message.id, 0.0) < message.duration_ms - _ROUNDING_MS
        ]


class Playback(Generic[_Message]):
    """The answers of one session that are on their way to being heard.

    Args:
        outgoing: Takes frames and effects.
        truncate: Called for each message that was not heard to its end, with how much of it was
            played, in milliseconds.
        on_silence: Called when nothing is left to be played.
    """

    def __init__(
        self,
        outgoing: Outgoing,
        truncate: Callable[[_Message, float], None],
        on_silence: Callable[[], None],
    ) -> None:
        self._outgoing = outgoing
        self._truncate = truncate
        self._on_silence = on_silence
        self._responses: dict[str, _Played[_Message]] = {}

    @property
    def is_silent(self) -> bool:
        """Whether nothing waits to be played, nor may come of a response that has begun to."""
        return all(played.stage is _Stage.CLEARED for played in self._responses.values())

    def queue(self, message: _Message) -> None:
        """Note that more of a message's audio is on its way to being played."""
        played = self._responses.setdefault(message.response_id, _Played())
        is_new = message.id not in played.messages
        played.messages[message.id] = message
        if is_new and played.stage is _Stage.CLEARED:
            self._truncate(message, 0.0)

    def advance(self, signal: PlaybackAdvanced) -> None:
        """Note that more has been played; of what has been cleared that is no news."""
        played = self._responses.get(signal.response_id)
        if played is None or played.stage is _Stage.CLEARED:
            return
        played.played_ms[signal.item_id] = signal.played_ms
        if played.stage is _Stage.QUEUED:
            played.stage = _Stage.PLAYING
            self._outgoing.send(
                sent.OutputAudioBufferStarted(
                    event_id=self._outgoing.event_id(), response_id=signal.response_id
                )
            )
        self._stop_if_over(signal.response_id)

    def end(self, response_id: str) -> None:
        """Note that a response has ended, so that there will be no more audio of it."""
        played = self._responses.get(response_id)
        if played is None:
            return
        played.is_whole = True
        if played.stage is _Stage.CLEARED:
            del self._responses[response_id]
        else:
            self._stop_if_over(response_id)

    def interrupt(self) -> None:
        """Cut off what is said in the conversation: the user speaks."""
        for response_id, played in tuple(self._responses.items()):
            if played.in_conversation:
                self._clear(response_id, played)

    def clear(self) -> None:
        """Cut off everything, at the client's word. If nothing is played, there is nothing to."""
        for response_id, played in tuple(self._responses.items()):
            self._clear(response_id, played)
        if self.is_silent:
            self._on_silence()

    def _stop_if_over(self, response_id: str) -> None:
        played = self._responses[response_id]
        if not played.is_whole or played.unheard:
            return
        del self._responses[response_id]
        self._outgoing.send(
            sent.OutputAudioBufferStopped(
                event_id=self._outgoing.event_id(), response_id=response_id
            )
        )
        if self.is_silent:
            self._on_silence()

    def _clear(self, response_id: str, played: _Played[_Message]) -> None:
        if played.stage is _Stage.CLEARED:
            return
        played.stage = _Stage.CLEARED
        if played.is_whole:
            del self._responses[response_id]
        self._outgoing.do(ClearPlayback(response_id))
        self._outgoing.send(
            sent.OutputAudioBufferCleared(
                event_id=self._outgoing.event_id(), response_id=response_id
            )
        )
        for message in played.messages.values():
            # Of one that is spoken on, what is yet to come is not heard either.
            if message in played.unheard or not message.is_whole:
                self._truncate(message, played.played_ms.get(message.id, 0.0))
