"""What takes a client several frames, one soon after the other."""

from tests.simulation.dice import Dice
from tests.simulation.mcp_servers import random_server
from tests.simulation.requests import TEXTS, Requests
from tests.support.ledger import Frame

__all__ = ["ask_in_writing", "say", "use_servers"]


def say(dice: Dice, requests: Requests) -> list[Frame]:
    """Say something, at times with a pause in the middle, and wait for an answer."""
    said: list[Frame] = []
    for _ in range(dice.choice([1, 1, 2])):
        said += [requests.sound(100, loud=True) for _ in range(dice.randint(3, 6))]
        said += [requests.sound(100, loud=False) for _ in range(dice.randint(1, 7))]
    return said


def ask_in_writing(dice: Dice, requests: Requests) -> list[Frame]:
    """Write something, and ask for an answer."""
    content = [{"type": "input_text", "text": dice.choice(TEXTS)}]
    message = {"type": "message", "role": "user", "content": content}
    return [
        {"type": "conversation.item.create", "item": message},
        requests.respond() if dice.chance(0.5) else {"type": "response.create"},
    ]


def use_servers(dice: Dice, requests: Requests) -> list[Frame]:
    """Have tools of an MCP server called again and again; name it, unless one is named."""
    asked = [ask_in_writing(dice, requests) for _ in range(dice.randint(1, 4))]
    frames = [frame for pair in asked for frame in pair]
    if requests.names_servers and dice.chance(0.8):
        return frames
    session: Frame = {"type": "realtime", "tools": [random_server(dice)]}
    if dice.chance(0.5):
        session["tool_choice"] = "required"
    return [{"type": "session.update", "session": session}, *frames]
