from __future__ import annotations

import json
from typing import Any

import pytest

from antiphon.transports.webrtc.messages import message_of

LIMIT_BYTES = 1_000


def encoded(event: dict[str, Any]) -> bytes:
    return json.dumps(event, ensure_ascii=False).encode()


def retrieved(text: str, **media: str) -> dict[str, Any]:
    part = {"type": "input_audio", "transcript": text, **media}
    item = {"id": "item_1", "type": "message", "role": "user", "content": [part]}
    return {"type": "conversation.item.retrieved", "event_id": "event_1", "item": item}


@pytest.mark.parametrize("text", ["Hello", "é" * 200])
def test_events_go_as_they_are(text):
    event = {"type": "response.output_text.delta", "delta": text}
    assert json.loads(message_of(encoded(event), LIMIT_BYTES)) == event


@pytest.mark.parametrize("key", ["audio", "image_url"])
def test_items_that_are_too_long_lose_their_media(key):
    event = retrieved("Hello", **{key: "x" * LIMIT_BYTES})
    assert json.loads(message_of(encoded(event), LIMIT_BYTES)) == retrieved("Hello")


def test_short_recordings_are_kept():
    event = retrieved("Hello", audio="x" * 100)
    assert json.loads(message_of(encoded(event), LIMIT_BYTES)) == event


@pytest.mark.parametrize(
    "event",
    [{"type": "session.updated", "session": {"instructions": "é" * 600}}, retrieved("x" * 1_000)],
)
def test_in_the_place_of_what_is_too_long_comes_an_error_that_names_it(event):
    message = message_of(encoded(event), LIMIT_BYTES)
    told = json.loads(message)
    assert len(message.encode()) <= LIMIT_BYTES
    assert (told["type"], told["error"]["code"]) == ("error", "event_too_long")
    assert event["type"] in told["error"]["message"]
    assert str(LIMIT_BYTES) in told["error"]["message"]
