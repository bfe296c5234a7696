"""What a client may send, sensible or not.

A request is an event with open places: ``?item``, ``?response`` and ``?call`` stand for the id of
one that exists at the moment of sending, or of one that does not; ``?audio`` for silence.
"""

import base64
from functools import cache
from typing import Any, NamedTuple

from hypothesis import strategies as st

from tests.core.support import Frame

__all__ = [
    "Known",
    "buffer_events",
    "cancellations",
    "filled_in",
    "item_creations",
    "item_events",
    "response_creations",
    "session_updates",
    "silence",
]


class Known(NamedTuple):
    """Ids that exist, or did."""

    items: list[str]
    responses: list[str]
    calls: list[str]


def filled_in(request: Frame, known: Known, choice: int) -> Frame:
    """Return the request with its open places filled in.

    Args:
        request: An event with open places.
        known: What they may become.
        choice: Which of them, counted from the newest.
    """
    pools = {
        "?item": ["nowhere", "a", *known.items],
        "?response": ["nowhere", *known.responses],
        "?call": ["nowhere", *known.calls],
        "?short_audio": [silence(60)],
        "?audio": [silence(120)],
        "?long_audio": [silence(2400)],
    }

    def fill(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: fill(one) for key, one in value.items()}
        if isinstance(value, list):
            return [fill(one) for one in value]
        if isinstance(value, str) and value in pools:
            pool = pools[value]
            return pool[-1 - choice % len(pool)]
        return value

    filled: Frame = fill(request)
    return filled


@cache
def silence(duration_ms: int) -> str:
    """Return 24 kHz PCM as it stands in an event."""
    return base64.b64encode(bytes(48 * duration_ms)).decode()


_texts = st.sampled_from(["", "Hello", "Was sagen Sie dazu?"])


def _message(role: str, *parts: st.SearchStrategy[Frame]) -> st.SearchStrategy[Frame]:
    return st.fixed_dictionaries(
        {
            "type": st.just("message"),
            "role": st.just(role),
            "content": st.lists(st.one_of(*parts), max_size=2),
        },
        optional={"id": st.sampled_from(["a", "b", "c", "?item", "not an id", ""])},
    )


def _part(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Frame]:
    return st.fixed_dictionaries({"type": st.just(kind), **fields})


_input_text = _part("input_text", text=_texts)
_audio_part = st.one_of(
    _part("input_audio", audio=st.sampled_from(["?audio", "?long_audio"])),
    _part("input_audio", audio=st.just("?audio"), transcript=_texts),
    _part("input_audio", transcript=_texts),
    _part("input_audio", audio=st.just("AAAA")),  # three bytes: half a sample too many
)
_items = st.one_of(
    _message("user", _input_text, _audio_part),
    _message("assistant", _part("output_text", text=_texts), _part("output_audio")),
    _message("system", _input_text),
    st.sampled_from(
        [
            {"type": "function_call", "name": "look_up", "arguments": "{}"},
            {"type": "function_call", "name": "look_up", "arguments": "{}", "call_id": "mine"},
            {"type": "function_call_output", "call_id": "?call", "output": "42"},
            {"type": "function_call_output", "call_id": "mine", "output": "42"},
            {"type": "mcp_approval_response", "approval_request_id": "x", "approve": True},
            {"type": "item_reference", "id": "?item"},
        ]
    ),
)
_reference = st.just({"type": "item_reference", "id": "?item"})

item_creations = st.fixed_dictionaries(
    {"type": st.just("conversation.item.create"), "item": _items},
    optional={"previous_item_id": st.sampled_from([None, "", "root", "?item"])},
)
_item_deletions_and_retrievals = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["conversation.item.delete", "conversation.item.retrieve"]),
        "item_id": st.just("?item"),
    }
)
_truncations = st.fixed_dictionaries(
    {
        "type": st.just("conversation.item.truncate"),
        "item_id": st.just("?item"),
        "content_index": st.sampled_from([0, 0, 0, 1]),
        "audio_end_ms": st.sampled_from([0, 10, 50, 150, 9999, -1]),
    }
)
item_events = st.one_of(_item_deletions_and_retrievals, _truncations, _truncations)

_response = st.fixed_dictionaries(
    {},
    optional={
        "conversation": st.sampled_from(["auto", "none", "none"]),
        "input": st.lists(st.one_of(_items, _reference), max_size=3),
        "output_modalities": st.sampled_from([["text"], ["audio"], ["text", "audio"]]),
        "metadata": st.sampled_from([None, {"topic": "x"}]),
        "max_output_tokens": st.sampled_from(["inf", 100, 0]),
        "tool_choice": st.sampled_from(["auto", {"type": "function", "name": "missing"}]),
        "prompt": st.sampled_from([None, {"id": "pmpt_1"}]),
    },
)
response_creations = st.one_of(
    st.just({"type": "response.create"}),
    st.fixed_dictionaries({"type": st.just("response.create"), "response": _response}),
)
cancellations = st.fixed_dictionaries(
    {"type": st.just("response.cancel")}, optional={"response_id": st.just("?response")}
)
_files = {"type": "mcp", "server_label": "files", "server_url": "https://files.example/mcp"}
_look_up = {"type": "function", "name": "look_up", "parameters": {}}
_session = st.fixed_dictionaries(
    {"type": st.sampled_from(["realtime"] * 5 + ["transcription"])},
    optional={
        "instructions": _texts,
        "output_modalities": st.sampled_from([["text"], ["audio"], []]),
        "tools": st.sampled_from([[], [_look_up], [_files]]),
        "tool_choice": st.sampled_from(["none", {"type": "function", "name": "look_up"}]),
        "audio": st.fixed_dictionaries(
            {},
            optional={
                "input": st.fixed_dictionaries(
                    {},
                    optional={
                        "turn_detection": st.sampled_from(
                            [
                                None,
                                {"type": "server_vad", "silence_duration_ms": 64},
                                {"type": "server_vad", "threshold": 2},
                                {"type": "semantic_vad"},
                            ]
                        ),
                        "transcription": st.sampled_from([None, {"model": "any"}, {}]),
                        "noise_reduction": st.sampled_from([None, {"type": "near_field"}]),
                    },
                ),
                "output": st.fixed_dictionaries(
                    {}, optional={"voice": st.sampled_from(["alloy", "marin", "nobody"])}
                ),
            },
        ),
        "model": st.just("another-model"),
        "tracing": st.sampled_from([None, "auto"]),
    },
)
session_updates = st.fixed_dictionaries({"type": st.just("session.update"), "session": _session})
buffer_events = st.sampled_from(
    [
        {"type": "input_audio_buffer.append", "audio": "?short_audio"},
        {"type": "input_audio_buffer.append", "audio": "?long_audio"},
        {"type": "input_audio_buffer.append", "audio": "no base64"},
        {"type": "input_audio_buffer.commit"},
        {"type": "input_audio_buffer.commit"},
        {"type": "input_audio_buffer.clear"},
        {"type": "output_audio_buffer.clear"},
    ]
)
