from __future__ import annotations

import json

import pytest

from antiphon.errors import RequestError
from antiphon.transports.dialects import DIALECTS

BETA = DIALECTS["beta"]
UPDATE = {"type": "session.update", "session": {"input_audio_format": "mp3"}}


def test_the_present_protocol_needs_no_translation():
    frame, sent = '{"type": "session.update"}', b'{"type":"conversation.item.done"}'
    assert DIALECTS["ga"].understand(frame) is frame
    assert DIALECTS["ga"].express(sent) is sent


def test_a_beta_frame_becomes_a_present_one():
    frame = '{"type": "session.update", "session": {"modalities": ["text"]}}'
    assert json.loads(BETA.understand(frame)) == {
        "type": "session.update",
        "session": {"type": "realtime", "output_modalities": ["text"]},
    }


@pytest.mark.parametrize(
    "frame",
    [
        '{"type": "input_audio_buffer.append", "audio": "AAAA"}',
        "not JSON",
        "[1, 2]",
        '"session.update"',
        "[" * 100_000,
        '{"type": "\ud800"}',
        "",
    ],
)
def test_what_beta_does_not_name_otherwise_reaches_the_host_untouched(frame):
    assert BETA.understand(frame) is frame


def test_a_refusal_carries_the_clients_own_id():
    with pytest.raises(RequestError) as refusal:
        BETA.understand(json.dumps({**UPDATE, "event_id": "mine"}))
    assert refusal.value.event_id == "mine"
    assert refusal.value.param == "session.input_audio_format"


@pytest.mark.parametrize("event_id", [None, 7, "x" * 513])
def test_a_refusal_carries_no_id_that_is_none(event_id):
    with pytest.raises(RequestError) as refusal:
        BETA.understand(json.dumps({**UPDATE, "event_id": event_id}))
    assert refusal.value.event_id is None


def test_a_present_frame_becomes_a_beta_one_or_none():
    delta = BETA.express(b'{"type":"response.output_text.delta","delta":"Hel"}')
    assert delta is not None
    assert json.loads(delta) == {"type": "response.text.delta", "delta": "Hel"}
    assert BETA.express(b'{"type":"conversation.item.done","item":{}}') is None
