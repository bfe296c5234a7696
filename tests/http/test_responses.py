from __future__ import annotations

import io
import wave
from urllib.parse import quote

import msgspec
import pytest

from antiphon.wire.kept import KeptResponse, KeptResponseList
from antiphon.wire.response import RealtimeResponse
from tests.support.keeping import KEYS, bearer, keeping
from tests.support.kept import BEGIN_S, kept, opened

RESPONSES = "/v1/realtime/responses"


def ids(answer) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [response["id"] for response in answer.json()["data"]]


async def test_a_response_is_found_by_its_metadata():
    async with keeping() as server:
        await server.keep([opened()], kept(1, metadata={"caller": "ann"}), kept(2))
        answer = await server.get(RESPONSES, **{"metadata[caller]": "ann"})
    assert ids(answer) == ["resp_1"]
    assert answer.headers["content-type"] == "application/json"
    listed = msgspec.json.decode(answer.content, type=KeptResponseList)
    assert (listed.first_id, listed.last_id, listed.has_more) == ("resp_1", "resp_1", False)


async def test_it_is_shown_as_it_was_sent_with_one_key_more():
    records = kept(1, metadata={"a": "b"}, cost_micros=1_500_000)
    async with keeping(currency="EUR") as server:
        await server.keep([opened()], records)
        listed = (await server.get(RESPONSES)).json()["data"][0]
        alone = (await server.get(f"{RESPONSES}/resp_1")).json()
    notes = listed.pop("antiphon")
    assert listed == msgspec.json.decode(records[-1].body)
    assert notes == {
        "created_at": BEGIN_S + 1,
        "session_id": "sess_1",
        "conversation_id": "conv_1",
        "model": "antiphon",
        "key": None,
        "moments_ms": {"speech_ended": 0.0, "transcribed": 100.0, "first_audio": 700.0},
        "input_items": ["heard_1"],
        "has_audio": False,
        "cost": 1.5,
        "currency": "EUR",
    }
    (answered,) = alone["antiphon"].pop("input")
    assert answered["content"] == [{"type": "input_audio", "transcript": "Hello?"}]
    assert alone.pop("antiphon") == notes
    assert alone == listed


async def test_bodies_fit_their_types():
    async with keeping() as server:
        await server.keep([opened()], *(kept(number) for number in range(3)))
        answer = await server.get(f"{RESPONSES}/resp_2")
    response = msgspec.json.decode(answer.content, type=KeptResponse)
    assert msgspec.json.decode(answer.content, type=RealtimeResponse).id == response.id


async def test_pages_follow_each_other():
    async with keeping() as server:
        await server.keep([opened()], *(kept(number) for number in range(5)))
        first = await server.get(RESPONSES, limit="2")
        second = await server.get(RESPONSES, limit="2", after=first.json()["last_id"])
        back = await server.get(RESPONSES, limit="2", before=second.json()["first_id"])
        last = await server.get(RESPONSES, limit="2", after="resp_1")
    assert (ids(first), ids(second)) == (["resp_4", "resp_3"], ["resp_2", "resp_1"])
    assert ids(back) == ids(first)
    assert [page.json()["has_more"] for page in (first, second, back, last)] == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("key", "value"),
    [("a[b]", "c]"), ("", ""), ("ключ", "🎈"), ("a&b=c", "d+e f"), ("%5B", "%"), ("]", "[")],
)
async def test_keys_and_values_may_be_anything(key, value):
    async with keeping() as server:
        await server.keep([opened()], kept(1, metadata={key: value}), kept(2))
        written = f"{RESPONSES}?metadata%5B{quote(key, safe='')}%5D={quote(value, safe='')}"
        assert ids(await server.http.get(written)) == ["resp_1"]
        unescaped = await server.get(RESPONSES, **{f"metadata[{key}]": value})
        assert ids(unescaped) == ["resp_1"]


async def test_sixteen_pairs_can_be_asked_for_at_once():
    pairs = {f"key{number}": str(number) for number in range(17)}
    asked = {f"metadata[{key}]": value for key, value in pairs.items()}
    async with keeping() as server:
        has = dict(list(pairs.items())[:16])
        await server.keep([opened()], kept(1, metadata=has), kept(2, metadata={"key0": "0"}))
        assert ids(await server.get(RESPONSES, **dict(list(asked.items())[:16]))) == ["resp_1"]
        too_many = await server.get(RESPONSES, **asked)
    assert too_many.status_code == 400
    assert too_many.json()["error"]["param"] == "metadata"


@pytest.mark.parametrize(
    ("query", "param", "code"),
    [
        ("stauts=failed", "stauts", "unknown_parameter"),
        ("status=done", "status", "invalid_value"),
        ("limit=0", "limit", "invalid_value"),
        ("limit=101", "limit", "integer_above_max_value"),
        ("limit=many", "limit", "invalid_type"),
        ("created_after=yesterday", "created_after", "invalid_type"),
        ("created_after=nan", "created_after", "invalid_type"),
        ("created_before=-1", "created_before", "invalid_value"),
        ("order=up", "order", "invalid_value"),
        ("after=resp_9", "after", "invalid_value"),
        ("before=%00", "before", "invalid_value"),
        ("text=", "text", "invalid_value"),
        ("status=failed&status=completed", "status", "invalid_value"),
        ("metadata[a]=1&metadata[a]=2", "metadata[a]", "invalid_value"),
        (f"metadata[{'k' * 65}]=1", f"metadata.{'k' * 64}", "string_above_max_length"),
        ("metadata=x", "metadata", "invalid_type"),
        ("model[a]=x", "model[a]", "unknown_parameter"),
    ],
)
async def test_what_cannot_be_asked_for_is_named(query, param, code):
    async with keeping() as server:
        await server.keep([opened()], kept(1))
        answer = await server.http.get(f"{RESPONSES}?{query}")
    error = answer.json()["error"]
    assert (answer.status_code, error["param"], error["code"]) == (400, param, code)


async def test_who_has_a_key_sees_what_was_made_with_it_and_an_administrator_everything():
    async with keeping(**KEYS) as server:
        await server.keep([opened(key="ann")], kept(1, key="ann"), kept(2, key="bob"))
        assert ids(await server.get(RESPONSES, "key-ann")) == ["resp_1"]
        assert ids(await server.get(RESPONSES, "key-ann", key="bob")) == []
        assert ids(await server.get(RESPONSES, "key-admin")) == ["resp_2", "resp_1"]
        assert ids(await server.get(RESPONSES, "key-admin", key="bob")) == ["resp_2"]
        hidden = await server.get(f"{RESPONSES}/resp_2", "key-ann")
        missing = await server.get(f"{RESPONSES}/resp_9", "key-ann")
        refused = await server.http.delete(f"{RESPONSES}/resp_2", headers=bearer("key-ann"))
        assert (await server.get(f"{RESPONSES}/resp_2", "key-bob")).status_code == 200
    assert [one.status_code for one in (hidden, missing, refused)] == [404] * 3
    # Nobody learns which ids there are.
    assert hidden.text == missing.text.replace("resp_9", "resp_2") == refused.text


@pytest.mark.parametrize("key", [None, "ek_secret", "other"])
async def test_others_see_nothing(key):
    async with keeping(**KEYS) as server:
        await server.keep([opened()], kept(1))
        for path in (RESPONSES, f"{RESPONSES}/resp_1", f"{RESPONSES}/resp_1/audio"):
            assert (await server.get(path, key)).status_code == 401


async def test_what_is_deleted_is_gone_with_what_it_said():
    async with keeping() as server:
        await server.keep([opened()], kept(1, said="the secret word"), kept(2))
        deleted = await server.http.delete(f"{RESPONSES}/resp_1")
        again = await server.http.delete(f"{RESPONSES}/resp_1")
        assert ids(await server.get(RESPONSES)) == ["resp_2"]
        assert ids(await server.get(RESPONSES, text="secret")) == []
        left = (await server.get("/v1/realtime/conversations/conv_1/items")).json()["data"]
    assert deleted.json() == {
        "id": "resp_1",
        "object": "realtime.response.deleted",
        "deleted": True,
    }
    assert (again.status_code, again.json()["error"]["code"]) == (404, "not_found")
    assert [item["id"] for item in left] == ["heard_1", "heard_2", "said_2"]


async def test_what_has_just_been_put_is_found_and_deleted():
    async with keeping() as server:
        for record in ([opened()], kept(1), kept(2)):
            for one in record:
                server.store.put(one)
        assert (await server.get(f"{RESPONSES}/resp_1")).status_code == 200
        for one in kept(3):
            server.store.put(one)
        assert (await server.http.delete(f"{RESPONSES}/resp_3")).status_code == 200


async def test_audio_comes_as_wav():
    pcm = bytes(range(200)) * 24
    async with keeping() as server:
        await server.keep([opened()], kept(1, pcm=pcm), kept(2))
        answer = await server.get(f"{RESPONSES}/resp_1/audio")
        silent = await server.get(f"{RESPONSES}/resp_2/audio")
    assert answer.headers["content-type"] == "audio/wav"
    with wave.open(io.BytesIO(answer.content)) as file:
        assert (file.getframerate(), file.getnchannels()) == (24_000, 1)
        assert file.readframes(10_000) == pcm
    assert silent.status_code == 404
    assert "No audio is kept of response 'resp_2'" in silent.json()["error"]["message"]
