from __future__ import annotations

import io
import wave

import msgspec
import pytest

from antiphon.config import StoreChoice
from antiphon.wire.kept import KeptItemList
from tests.support.keeping import KEYS, bearer, keeping
from tests.support.kept import BEGIN_S, kept, opened
from tests.support.server import running_server

KEPT = StoreChoice()
CONVERSATION = "/v1/realtime/conversations/conv_1"


def ids(answer) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["data"]]


async def test_items_are_shown_as_they_were_sent_with_one_key_more():
    records = kept(1, pcm=bytes(4_800))
    async with keeping() as server:
        await server.keep([opened()], records)
        answer = await server.get(f"{CONVERSATION}/items")
    heard, said = answer.json()["data"]
    assert (heard.pop("antiphon"), said.pop("antiphon")) == (
        {
            "created_at": BEGIN_S + 1,
            "session_id": "sess_1",
            "response_id": None,
            "audio_ms": None,
        },
        {
            "created_at": BEGIN_S + 1,
            "session_id": "sess_1",
            "response_id": "resp_1",
            "audio_ms": 100,
        },
    )
    assert [heard, said] == [msgspec.json.decode(record.body) for record in records[:2]]
    msgspec.json.decode(answer.content, type=KeptItemList)


async def test_pages_go_through_a_conversation():
    async with keeping() as server:
        await server.keep([opened()], kept(1), kept(2))
        first = await server.get(f"{CONVERSATION}/items", limit="3")
        rest = await server.get(f"{CONVERSATION}/items", limit="3", after=first.json()["last_id"])
        backwards = await server.get(f"{CONVERSATION}/items", order="desc")
    assert (ids(first), ids(rest)) == (["heard_1", "said_1", "heard_2"], ["said_2"])
    assert (first.json()["has_more"], rest.json()["has_more"]) == (True, False)
    assert ids(backwards) == ["said_2", "heard_2", "said_1", "heard_1"]


@pytest.mark.parametrize(
    ("query", "param"),
    [("after=said_9", "after"), ("after=a%20b", "after"), ("before=said_1", "before")],
)
async def test_what_cannot_be_asked_for_is_named(query, param):
    async with keeping() as server:
        await server.keep([opened()], kept(1))
        answer = await server.http.get(f"{CONVERSATION}/items?{query}")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


async def test_the_audio_of_an_item_comes_as_wav():
    async with keeping() as server:
        await server.keep([opened()], kept(1, pcm=bytes(4_800)))
        answer = await server.get(f"{CONVERSATION}/items/said_1/audio")
        without = await server.get(f"{CONVERSATION}/items/heard_1/audio")
        missing = await server.get(f"{CONVERSATION}/items/said_9/audio")
    with wave.open(io.BytesIO(answer.content)) as file:
        assert file.getnframes() == 2_400
    assert (without.status_code, missing.status_code) == (404, 404)
    assert "No audio is kept of item 'heard_1'" in without.json()["error"]["message"]


async def test_a_conversation_is_there_for_its_key_and_for_administrators():
    async with keeping(**KEYS) as server:
        await server.keep([opened(key="ann")], kept(1, key="ann", pcm=bytes(4_800)))
        for path in (f"{CONVERSATION}/items", f"{CONVERSATION}/items/said_1/audio"):
            statuses = [
                (await server.get(path, key)).status_code
                for key in (None, "key-bob", "key-ann", "key-admin")
            ]
            assert statuses == [401, 404, 200, 200]
        refused = await server.http.delete(CONVERSATION, headers=bearer("key-bob"))
        assert refused.status_code == 404
        assert ids(await server.get(f"{CONVERSATION}/items", "key-ann")) == ["heard_1", "said_1"]


async def test_a_conversation_is_deleted_with_all_that_belongs_to_it():
    async with keeping() as server:
        await server.keep(
            [opened(), opened("sess_2", conversation="conv_2")],
            kept(1, pcm=bytes(4_800)),
            kept(2, session="sess_2", conversation="conv_2"),
        )
        deleted = await server.http.delete(CONVERSATION)
        again = await server.http.delete(CONVERSATION)
        left = (await server.get("/v1/realtime/responses")).json()["data"]
        gone = await server.get(f"{CONVERSATION}/items/said_1/audio")
    assert deleted.json() == {
        "id": "conv_1",
        "object": "realtime.conversation.deleted",
        "deleted": True,
    }
    assert (again.status_code, gone.status_code) == (404, 404)
    assert [response["id"] for response in left] == ["resp_2"]


async def test_a_conversation_that_goes_on_is_not_deleted():
    async with running_server(store=KEPT) as server, server.sdk() as client:
        session = server.reception.live
        (live,) = session
        path = f"/v1/realtime/conversations/{live.opened.conversation_id}"
        answer = await server.request("DELETE", path)
        await client.sdk.close()
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (409, "conversation_in_use")
    assert live.opened.id in error["message"]


async def test_a_conversation_of_the_sdk_is_found_again():
    async with running_server(store=KEPT) as server:
        async with server.sdk() as client:
            await client.sdk.conversation.item.create(
                item={
                    "type": "message",
                    "role": "user",
                    "content": [{"type": "input_text", "text": "What is the weather in Oslo?"}],
                }
            )
            await client.sdk.response.create(
                response={"output_modalities": ["text"], "metadata": {"caller": "ann"}}
            )
            done = await client.until("response.done")
        path = "/v1/realtime/responses?metadata[caller]=ann&text=oslo"
        assert server.reception.store
        await server.reception.store.flush()
        found = (await server.request("GET", path)).json()["data"]
        (response,) = found
        conversation_id = response["conversation_id"]
        items = await server.request("GET", f"/v1/realtime/conversations/{conversation_id}/items")
        notes = response.pop("antiphon")
        assert response == done["response"]
        assert [item["role"] for item in items.json()["data"]] == ["user", "assistant"]
        assert notes["input_items"] == [items.json()["data"][0]["id"]]
        await server.wait_until_empty()
        deleted = await server.request("DELETE", f"/v1/realtime/conversations/{conversation_id}")
        assert deleted.status_code == 200
        assert (await server.request("GET", path)).json()["data"] == []
