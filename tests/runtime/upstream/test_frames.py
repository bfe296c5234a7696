"""What is learnt from frames of a service, however it words them."""

from __future__ import annotations

import json

import msgspec
import pytest

from antiphon.runtime.upstream.frames import decoded, outcome, peek
from antiphon.wire.response import RealtimeResponseUsage


def usage_of(told: str) -> RealtimeResponseUsage:
    response = f'{{"id": "resp_1", "status": "completed", "usage": {told}}}'
    return outcome(peek(f'{{"type": "response.done", "response": {response}}}'.encode())).usage


def test_usage_is_told_in_all_where_its_details_cannot_be_read(caplog):
    usage = usage_of(json.dumps({"total_tokens": 7, "input_token_details": "many"}))
    assert (usage.total_tokens, usage.input_tokens) == (7, 7)
    assert not caplog.records


@pytest.mark.parametrize(
    "told", ["[]", "5.5", '"many"', '{"total_tokens": 5.5}', '{"total_tokens": -5}']
)
def test_usage_that_cannot_be_read_counts_as_none(told, caplog):
    assert usage_of(told) == RealtimeResponseUsage()
    assert "what 'resp_1' used cannot be read, and counts as nothing" in caplog.text


def test_no_usage_is_no_mistake(caplog):
    assert usage_of("null") == RealtimeResponseUsage()
    assert not caplog.records


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_what_is_nested_too_deeply_is_no_event(opening, closing):
    """Where that begins depends on who asks: what can be looked at may be too deep to be read."""
    refused = 0
    for levels in range(1, 1200):
        nested = opening * levels + "1" + closing * levels
        frame = f'{{"type": "error", "error": {{"a": {nested}}}}}'.encode()
        try:
            assert decoded(peek(frame).error)
        except msgspec.DecodeError:
            refused += 1
    assert 0 < refused < 1100


@pytest.mark.parametrize("field", ["error", "new"])
def test_what_is_no_utf_8_is_no_event(field):
    with pytest.raises(msgspec.DecodeError, match="UTF-8"):
        peek(b'{"type": "error", "' + field.encode() + b'": {"a": "caf\xe9"}}')
