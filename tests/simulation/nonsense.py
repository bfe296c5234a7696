"""Frames that no server can make sense of."""

from tests.simulation.abilities import PROMPT_ID
from tests.simulation.dice import Dice
from tests.support.ledger import Frame

__all__ = ["broken_event", "broken_text"]

_MCP_TOOL = {"type": "mcp", "server_label": "files", "server_url": "ftp://files.example/mcp"}
_FILES = {"type": "mcp", "server_label": "files", "server_url": "https://files.example.org/mcp"}
_CONNECTOR = {"type": "mcp", "server_label": "mail", "connector_id": "connector_gmail"}
_IMAGE_ELSEWHERE = {"type": "input_image", "image_url": "https://example.org/cat.png"}

_TEXTS = ("", "{", "[]", "null", "42", '"x"', '{"type": "response.create"', "{}", '{"type": 1}')

_BROKEN: list[Frame] = [
    {"type": "no.such.event"},
    {"type": "session.created"},
    {"type": "session.update"},
    {"type": "session.update", "session": {}},
    {"type": "session.update", "session": {"type": "realtime", "output_modalities": []}},
    {"type": "session.update", "session": {"type": "realtime", "tools": [_MCP_TOOL]}},
    {"type": "session.update", "session": {"type": "realtime", "max_output_tokens": -1}},
    {"type": "session.update", "session": {"type": "realtime", "instructions": 5}},
    {
        "type": "session.update",
        "session": {"type": "realtime", "audio": {"output": {"voice": "nobody"}}},
    },
    {
        "type": "session.update",
        "session": {
            "type": "realtime",
            "instructions": "This must not be taken in.",
            "audio": {"input": {"turn_detection": {"type": "server_vad", "threshold": 2}}},
        },
    },
    {"type": "input_audio_buffer.append"},
    {"type": "input_audio_buffer.append", "audio": "no base64"},
    {"type": "input_audio_buffer.append", "audio": None},
    {"type": "conversation.item.create"},
    {"type": "conversation.item.create", "item": {"type": "no such item"}},
    {"type": "conversation.item.create", "item": {"type": "item_reference", "id": "x"}},
    {"type": "conversation.item.create", "item": {"type": "function_call", "name": "look_up"}},
    {
        "type": "conversation.item.create",
        "item": {"type": "message", "role": "nobody", "content": []},
    },
    {
        "type": "conversation.item.create",
        "item": {"type": "message", "role": "user", "content": [], "id": "not an id"},
    },
    {"type": "conversation.item.retrieve"},
    {"type": "conversation.item.delete", "item_id": 5},
    {"type": "conversation.item.truncate", "item_id": "x", "content_index": 0},
    {
        "type": "conversation.item.truncate",
        "item_id": "x",
        "content_index": 0,
        "audio_end_ms": -1,
    },
    {"type": "response.create", "response": 5},
    {"type": "response.create", "response": {"max_output_tokens": 0}},
    {"type": "response.create", "response": {"output_modalities": ["text", "audio"]}},
    {"type": "response.create", "response": {"conversation": "another"}},
    {"type": "response.create", "response": {"prompt": {"id": "pmpt_1"}}},
    {"type": "response.create", "response": {"prompt": {"id": PROMPT_ID}}},
    {"type": "session.update", "session": {"type": "realtime", "prompt": {"id": "pmpt_1"}}},
    {"type": "response.create", "response": {"tools": [_CONNECTOR]}},
    {"type": "session.update", "session": {"type": "realtime", "tools": [_FILES, _FILES]}},
    {
        "type": "conversation.item.create",
        "item": {"type": "message", "role": "user", "content": [_IMAGE_ELSEWHERE]},
    },
    {
        "type": "response.create",
        "response": {"conversation": "none", "tool_choice": {"type": "function", "name": "none"}},
    },
    {"type": "response.cancel", "response_id": 5},
    {"type": "output_audio_buffer.clear"},
]


def broken_event(dice: Dice, kind: str) -> Frame:
    """Return an event that can never be done in a session of a kind."""
    if dice.chance(0.05):
        other = "transcription" if kind == "realtime" else "realtime"
        return {"type": "session.update", "session": {"type": other}}
    return dict(dice.choice(_BROKEN))


def broken_text(dice: Dice) -> str:
    """Return a frame that is no event."""
    return dice.choice(_TEXTS)
