"""Plays the answers of one session, where the server does that: 20 ms at a time, as time goes by.

What is put into :class:`Player` waits there and not at the client, so that it can be taken back:
whatever has left is taken as played. (The client's jitter buffer holds some 50 ms of it.)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple, NoReturn

import anyio

from antiphon.core.signals import PlaybackAdvanced
from antiphon.errors import RequestError
from antiphon.wire.client_events import InputAudioBufferAppend
from antiphon.wire.translation import SessionInputAudioBufferAppend

__all__ = ["AHEAD_S", "FRAME_BYTES", "SILENCE", "Player", "refuse_append"]

_BYTES_PER_MS = 48
"""PCM of 16 bits, mono, 24 kHz: the format that calls are answered in."""

FRAME_BYTES = 20 * _BYTES_PER_MS
"""Size of a frame of 20 ms."""

SILENCE = bytes(FRAME_BYTES)
"""What is played while there is nothing to say. Sending nothing would make the client's jitter
buffer start over with each answer, and conceal the gap as if it were loss; silence costs next to
nothing once it is encoded."""

AHEAD_S = 16
"""How much of one response may wait to be played, as with what waits in an outbox. The engines of
an answer that is further ahead wait: it may be interrupted."""

_AHEAD_BYTES = AHEAD_S * 1000 * _BYTES_PER_MS


class _Chunk(NamedTuple):
    """Audio of one item."""

    item_id: str
    pcm: memoryview


class _Queue:
    """What waits to be played of one response.

    Attributes:
        held_bytes: How much that is.
        is_whole: Whether no more of it will come.
        played_bytes: How much of each item has been played, by its id.
        drained: Set once there is room for more; only while somebody waits for that.
    """

    def __init__(self) -> None:
        self.held_bytes = 0
        self.is_whole = False
        self.played_bytes: dict[str, int] = {}
        self.drained: anyio.Event | None = None
        self._chunks: deque[_Chunk] = deque()

    def put(self, item_id: str, pcm: bytes) -> None:
        self._chunks.append(_Chunk(item_id, memoryview(pcm)))
        self.held_bytes += len(pcm)

    def take_frame(self) -> tuple[bytes, list[str]]:
        """Return the next frame, filled up with silence at the end, and the items it is of."""
        taken: list[memoryview] = []
        items: list[str] = []
        missing = FRAME_BYTES
        while missing and self._chunks:
            item_id, pcm = self._chunks.popleft()
            if len(pcm) > missing:
                self._chunks.appendleft(_Chunk(item_id, pcm[missing:]))
                pcm = pcm[:missing]
            taken.append(pcm)
            missing -= len(pcm)
            self.played_bytes[item_id] = self.played_bytes.get(item_id, 0) + len(pcm)
            if item_id not in items:
                items.append(item_id)
        self.held_bytes -= FRAME_BYTES - missing
        self.wake_producer()
        return b"".join([*taken, SILENCE[:missing]]), items

    def wake_producer(self) -> None:
        """Let who waits for room go on, if there is some."""
        if self.drained is not None and self.held_bytes <= _AHEAD_BYTES:
            self.drained.set()
            self.drained = None


class Player:
    """Plays one response after the other, in the order in which they began to speak.

    Args:
        play: Takes a frame, to be sent at once: :data:`FRAME_BYTES` bytes of PCM.
        tell: Takes the news of how far it is.
    """

    def __init__(
        self, play: Callable[[bytes], object], tell: Callable[[PlaybackAdvanced], object]
    ) -> None:
        self._play = play
        self._tell = tell
        self._queues: dict[str, _Queue] = {}
        self._cleared: set[str] = set()  # of which more may still come

    def put(self, response_id: str, item_id: str, pcm: bytes) -> None:
        """Play more of an answer, after what is there; of one that was cleared, nothing.

        Args:
            response_id: The answer.
            item_id: The item whose audio it is.
            pcm: Of 16 bits, mono, 24 kHz; any length.
        """
        if response_id not in self._cleared:
            self._queues.setdefault(response_id, _Queue()).put(item_id, pcm)

    def end(self, response_id: str) -> None:
        """Note that no more of an answer will come."""
        self._cleared.discard(response_id)
        queue = self._queues.get(response_id)
        if queue is not None:
            queue.is_whole = True
            self._forget_if_over(response_id, queue)

    def clear(self, response_id: str) -> None:
        """Play nothing more of an answer, from the next frame on."""
        queue = self._queues.pop(response_id)
        queue.held_bytes = 0
        queue.wake_producer()
        if not queue.is_whole:
            self._cleared.add(response_id)

    def close(self) -> None:
        """Forget all that waits to be played: the call is over."""
        for response_id in tuple(self._queues):
            self.clear(response_id)

    async def room(self, response_id: str) -> None:
        """Wait while too much of an answer waits to be played."""
        queue = self._queues.get(response_id)
        while queue is not None and queue.held_bytes > _AHEAD_BYTES:
            queue.drained = queue.drained or anyio.Event()  # several may wait
            await queue.drained.wait()

    def tick(self) -> None:
        """Play the next 20 ms. To be called once for every 20 ms that pass."""
        response_id, queue = next(iter(self._queues.items()), ("", None))
        if queue is None or (queue.held_bytes < FRAME_BYTES and not queue.is_whole):
            self._play(SILENCE)  # the engines are not that fast, or there is nothing to say
            return
        frame, items = queue.take_frame()
        self._forget_if_over(response_id, queue)
        self._play(frame)
        for item_id in items:
            played_ms = queue.played_bytes[item_id] / _BYTES_PER_MS
            self._tell(PlaybackAdvanced(response_id, item_id, played_ms))

    def _forget_if_over(self, response_id: str, queue: _Queue) -> None:
        if queue.is_whole and not queue.held_bytes:
            del self._queues[response_id]


def refuse_append(event: InputAudioBufferAppend | SessionInputAudioBufferAppend) -> NoReturn:
    """Refuse sound in an event: where the transport plays, it also listens.

    Raises:
        RequestError: ``invalid_value``, always.
    """
    message = (
        f"'{event.__struct_config__.tag}' is for WebSockets. In a call the audio of the microphone "
        "comes on the audio track."
    )
    raise RequestError(message, code="invalid_value", param="type", event_id=event.event_id or None)
