"""A program at the other end of a session: it knows what it was sent, and has its own ways."""

from collections import deque
from collections.abc import Callable, Mapping
from enum import Enum
from typing import NamedTuple

import msgspec

from antiphon.core.abilities import Abilities
from tests.simulation.abilities import is_beyond
from tests.simulation.dice import Dice
from tests.simulation.nonsense import broken_event, broken_text
from tests.simulation.requests import Requests
from tests.simulation.scenes import ask_in_writing, say, use_servers
from tests.support.ledger import Form, Frame, Ledger

__all__ = ["Character", "Client", "Sending"]


class Character(Enum):
    """What kind of program a client is."""

    CALLER = "talks, listens and interrupts"
    WRITER = "writes, reads and calls tools"
    OPERATOR = "has MCP servers at hand, and approves what they do"
    EDITOR = "rearranges the conversation all the time"
    CLUMSY = "sends events that make no sense, or at the wrong time"


Act = Callable[[Requests], Frame]

_COMMON: Mapping[Act, float] = {
    Requests.append: 4,
    Requests.commit: 1,
    Requests.clear: 0.3,
    Requests.create_message: 2,
    Requests.create_call: 0.3,
    Requests.return_output: 1,
    Requests.retrieve: 1,
    Requests.delete: 0.7,
    Requests.truncate: 1,
    Requests.respond: 2,
    Requests.cancel: 1,
    Requests.update: 1,
    Requests.answer_approval: 0.3,
}
_LISTENING: Mapping[Act, float] = {
    Requests.append: 30,
    Requests.commit: 2,
    Requests.clear: 0.5,
    Requests.retrieve: 2,
    Requests.delete: 1,
    Requests.update_listening: 2,
    Requests.create_message: 0.3,
    Requests.truncate: 0.3,
    Requests.respond: 0.3,
    Requests.cancel: 0.3,
}
"""What is sent in a session that only transcribes, and some that it does not know."""

_PREFERRED: Mapping[Character, Mapping[Act, float]] = {
    Character.CALLER: {Requests.append: 40, Requests.truncate: 3},
    Character.WRITER: {Requests.respond: 5, Requests.return_output: 3, Requests.create_message: 4},
    Character.OPERATOR: {
        Requests.respond: 6,
        Requests.update: 3,
        Requests.answer_approval: 5,
        Requests.create_message: 3,
    },
    Character.EDITOR: {Requests.truncate: 4, Requests.delete: 3, Requests.retrieve: 3},
    Character.CLUMSY: {Requests.clear_output: 0.5, Requests.cancel: 3, Requests.commit: 3},
}
Scene = Callable[[Dice, Requests], list[Frame]]

_SCENES: Mapping[Character, Mapping[Scene, float]] = {
    Character.CALLER: {say: 0.15},
    Character.WRITER: {ask_in_writing: 0.1, say: 0.02},
    Character.OPERATOR: {use_servers: 0.15},
    Character.EDITOR: {ask_in_writing: 0.05, say: 0.05},
    Character.CLUMSY: {say: 0.02},
}
"""How often they are begun."""

_NONSENSE: Mapping[Character, float] = {
    Character.CALLER: 0.01,
    Character.WRITER: 0.01,
    Character.OPERATOR: 0.01,
    Character.EDITOR: 0.02,
    Character.CLUMSY: 0.2,
}


class Sending(NamedTuple):
    """A frame to send.

    Attributes:
        text: The frame.
        form: What the client knows about it.
    """

    text: str
    form: Form

    def __str__(self) -> str:
        return f"{'!' if self.form is Form.BROKEN else '>'} {self.text}"


class Client:
    """Decides what to send next.

    Args:
        dice: Decides.
        ledger: What the client knows.
        abilities: What its server can do.
        listens: Whether the session only transcribes.
        uses_mcp: Whether there are MCP servers that it can name.

    Attributes:
        character: Its ways.
    """

    def __init__(
        self,
        dice: Dice,
        ledger: Ledger,
        abilities: Abilities,
        *,
        listens: bool = False,
        uses_mcp: bool = False,
    ) -> None:
        characters = set(Character) if uses_mcp else set(Character) - {Character.OPERATOR}
        self.character = dice.choice([one for one in Character if one in characters])
        self._dice = dice
        self._requests = Requests(dice, ledger, uses_mcp=uses_mcp)
        self._abilities = abilities
        self._kind = "transcription" if listens else "realtime"
        self._acts = _LISTENING if listens else {**_COMMON, **_PREFERRED[self.character]}
        self._scenes = {say: 0.05} if listens else _SCENES[self.character]
        self._planned: deque[Frame] = deque()
        self._sent = 0

    def next_frame(self) -> Sending:
        """Return the next frame to send."""
        dice = self._dice
        if self._planned and dice.chance(0.9):
            return self._frame(self._planned.popleft(), Form.SOUND)
        for scene, probability in self._scenes.items():
            if dice.chance(probability) and not self._planned:
                self._planned.extend(scene(dice, self._requests))
        if not dice.chance(_NONSENSE[self.character]):
            return self._frame(dice.weighted(self._acts)(self._requests), Form.SOUND)
        if dice.chance(0.7):
            return self._frame(broken_event(dice, self._kind), Form.BROKEN)
        return Sending(broken_text(dice), Form.BROKEN)

    def request_of_a_response(self) -> Sending:
        """Return a frame that asks for an answer."""
        return self._frame({"type": "response.create"}, Form.SOUND)

    def request_of_an_end(self, response_id: str) -> Sending:
        """Return a frame that cancels a response."""
        return self._frame({"type": "response.cancel", "response_id": response_id}, Form.SOUND)

    def request_of_peace(self) -> Sending:
        """Return a frame after which nothing more will be made of what is heard, or is not."""
        audio = {"input": {"turn_detection": None}}
        event = {"type": "session.update", "session": {"type": self._kind, "audio": audio}}
        return self._frame(event, Form.SOUND)

    def request_of_an_item(self, item_id: str) -> Sending:
        """Return a frame that asks for an item."""
        event = {"type": "conversation.item.retrieve", "item_id": item_id}
        return self._frame(event, Form.SOUND)

    def _frame(self, event: Frame, form: Form) -> Sending:
        if form is Form.SOUND and is_beyond(event, self._abilities):
            form = Form.BROKEN
        self._sent += 1
        if self._dice.chance(0.9):
            event["event_id"] = f"client_{self._sent}"
        elif self._dice.chance(0.2):
            event["event_id"] = None
        return Sending(msgspec.json.encode(event).decode(), form)
