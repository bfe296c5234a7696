"""What engines put out before it is known that anybody wants it.

Words and answers to a turn that may not be over yet are worked out like any others, but all that
comes of them is held here. Once the turn is confirmed, everything goes out at once and the rest as
it comes; if the speaker goes on, it is as if the work had never been begun.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio

from antiphon.core.signals import AudioGenerated, GenerationFailed, Signal

__all__ = ["HELD_BYTES", "HeldSignals"]

HELD_BYTES = 512 * 1024
"""How much audio is worked out ahead: some eleven seconds of 24 kHz speech. The rest of a long
answer waits until it is wanted."""


class HeldSignals:
    """Stands between work and its session until it is released.

    Args:
        deliver: Takes the signals, once released.
        room: Waits while the client is too far behind, once released.
    """

    def __init__(
        self, deliver: Callable[[Signal], None], room: Callable[[], Awaitable[None]]
    ) -> None:
        self._deliver = deliver
        self._room = room
        self._signals: list[Signal] = []
        self._bytes = 0
        self._released = anyio.Event()

    @property
    def failed(self) -> bool:
        """Whether the answer has failed: it deserves a second try, now that it is wanted."""
        return any(isinstance(signal, GenerationFailed) for signal in self._signals)

    def reset(self) -> None:
        """Forget what is held: the work begins again."""
        self._signals.clear()
        self._bytes = 0

    def feed(self, signal: Signal) -> None:
        """Take a signal: hold it, or pass it on once released."""
        if self._released.is_set():
            self._deliver(signal)
            return
        self._signals.append(signal)
        if isinstance(signal, AudioGenerated):
            self._bytes += len(signal.pcm)

    async def room(self) -> None:
        """Wait while too much is held; once released, while the client is too far behind."""
        if self._bytes >= HELD_BYTES:
            await self._released.wait()
        if self._released.is_set():
            await self._room()

    def release(self) -> None:
        """Pass on what is held, in order, and from now on everything at once."""
        self._released.set()
        held, self._signals = self._signals, []
        self._bytes = 0
        for signal in held:
            self._deliver(signal)
