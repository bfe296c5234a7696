"""What leaves the core: effects in the order in which they came about."""

from __future__ import annotations

from antiphon.core.effects import Effect, SendEvent
from antiphon.core.entropy import Entropy, padding_length
from antiphon.wire.server_events import ServerEvent
from antiphon.wire.translation import TranslationServerEvent

__all__ = ["Outgoing"]

_CALL_ID_LENGTH = 16  # as recorded; all other ids have 21 characters


class Outgoing:
    """Collects effects until they are drained; hands out the ids that go with them."""

    def __init__(self, entropy: Entropy) -> None:
        self.entropy = entropy
        self._effects: list[Effect] = []

    def do(self, effect: Effect) -> None:
        """Ask the runtime for something."""
        self._effects.append(effect)

    def send(self, event: ServerEvent | TranslationServerEvent) -> None:
        """Send an event to the client."""
        self._effects.append(SendEvent(event))

    def drain(self) -> list[Effect]:
        """Return what came about since the last time, in order."""
        effects, self._effects = self._effects, []
        return effects

    def event_id(self) -> str:
        """Return an id for a new event."""
        return self.entropy.identifier("event")

    def item_id(self) -> str:
        """Return an id for a new item."""
        return self.entropy.identifier("item")

    def call_id(self) -> str:
        """Return an id for a new function call."""
        return self.entropy.identifier("call", _CALL_ID_LENGTH)

    def padding_for(self, delta: str) -> str:
        """Return the ``obfuscation`` that goes with a text delta."""
        return self.entropy.padding(padding_length(delta))
