from __future__ import annotations

import io
from functools import partial

import msgspec
import numpy as np
import pytest
import soundfile

from antiphon.errors import RequestError
from antiphon.store.finding import (
    find_conversation,
    find_input,
    find_item,
    find_items,
    find_response,
    find_responses,
    find_sound,
    find_spoken,
)
from antiphon.store.records import ItemDeleted
from antiphon.wire.kept import ItemsQuery, ResponsesQuery
from antiphon.wire.response import RealtimeResponse
from tests.support.kept import BEGIN_S, Shelf, kept, opened


@pytest.fixture
def tables(database):
    return Shelf(database)


def items(tables, **wanted) -> list[str]:
    query = ItemsQuery(**wanted)
    found, _ = tables.read(lambda connection: find_items(connection, "conv_1", query))
    return [item.id for item in found]


def test_a_response_is_found_as_it_was_sent(tables):
    records = kept(1, metadata={"a": "b"}, key="mine", cost_micros=5)
    tables.keep([opened()], records)
    found = tables.read(partial(find_response, response_id="resp_1", owner=None))
    sent = records[-1].body
    assert found.body.encode() == sent
    assert msgspec.json.decode(found.body, type=RealtimeResponse) == records[-1].response
    assert (found.key_name, found.cost_micros) == ("mine", 5)
    assert found.created_at == (BEGIN_S + 1) * 1_000_000
    page = tables.read(partial(find_responses, query=ResponsesQuery(), owner=None))
    assert page == ([found], False)


def test_what_another_key_made_is_not_there(tables):
    tables.keep([opened(key="mine")], kept(1, key="mine"))
    assert tables.read(partial(find_response, response_id="resp_1", owner="other")) is None
    assert not tables.read(partial(find_conversation, conversation_id="conv_1", owner="other"))
    assert tables.read(partial(find_conversation, conversation_id="conv_1", owner="mine"))
    assert (
        tables.read(partial(find_item, conversation_id="conv_1", item_id="said_1", owner="other"))
        is None
    )
    assert (
        tables.read(
            partial(find_item, conversation_id="conv_1", item_id="said_1", owner="mine")
        ).response_id
        == "resp_1"
    )


@pytest.mark.parametrize("response_id", ["resp_2", "", "resp_1\x00", "%", "🎈"])
def test_what_is_not_there_is_not_found(tables, response_id):
    tables.keep([opened()], kept(1))
    assert tables.read(partial(find_response, response_id=response_id, owner=None)) is None


def test_the_input_of_a_response_is_what_is_left_of_it(tables):
    tables.keep([opened()], kept(1), kept(2))
    response = tables.read(partial(find_response, response_id="resp_2", owner=None))
    (item,) = tables.read(partial(find_input, response=response))
    assert msgspec.json.decode(item)["id"] == "heard_2"
    tables.keep([ItemDeleted("conv_1", "heard_2")])
    assert tables.read(partial(find_input, response=response)) == []


def test_items_come_in_the_order_of_the_conversation(tables):
    tables.keep([opened()], kept(2), kept(1))
    assert items(tables) == ["heard_1", "said_1", "heard_2", "said_2"]
    assert items(tables, order="desc", limit=1) == ["said_2"]
    assert items(tables, after="said_1") == ["heard_2", "said_2"]
    assert items(tables, after="heard_2", order="desc") == ["said_1", "heard_1"]


def test_an_item_that_no_page_can_begin_after_is_named(tables):
    tables.keep([opened()], kept(1))
    with pytest.raises(RequestError, match="no item 'said_9'") as refusal:
        items(tables, after="said_9")
    assert (refusal.value.code, refusal.value.param) == ("invalid_value", "after")


def test_audio_is_found_by_response_and_by_item(tables):
    pcm = np.arange(2_400, dtype="<i2")
    tables.keep([opened()], kept(1, pcm=pcm.tobytes()), kept(2))
    response = tables.read(partial(find_response, response_id="resp_1", owner=None))
    (spoken,) = tables.read(partial(find_spoken, response=response))
    assert tables.read(partial(find_sound, conversation_id="conv_1", item_id="said_1")) == spoken
    samples, rate_hz = soundfile.read(io.BytesIO(spoken), dtype="int16")
    assert rate_hz == 24_000
    assert np.array_equal(samples, pcm)
    assert (
        tables.read(
            partial(find_item, conversation_id="conv_1", item_id="said_1", owner=None)
        ).duration_ms
        == 100
    )
    silent = tables.read(partial(find_response, response_id="resp_2", owner=None))
    assert tables.read(partial(find_spoken, response=silent)) == []
