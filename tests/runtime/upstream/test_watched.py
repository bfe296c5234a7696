"""What observers are told of a session that is relayed."""

from __future__ import annotations

import json
import logging
from typing import Any

from sqlalchemy import select

from antiphon.config import StoreChoice
from antiphon.engines.scripted.script import Gate, Say, Script, Sound, Take, WaitFor
from antiphon.store.schema import audio, items, responses, sessions
from tests.support.relay import front_of, relaying
from tests.support.server import running_server
from tests.support.strange_service import CREATED, say, service

KEEPING = StoreChoice(audio=True)


async def kept(front, table) -> list[dict[str, Any]]:
    store = front.reception.store
    await store.flush()
    found = await store.reading.run(lambda c: c.execute(select(table)).mappings().all())
    return [dict(row) for row in found]


async def test_a_relayed_response_is_kept_under_the_ids_of_the_service(tmp_path):
    async with (
        relaying(home=tmp_path, store=KEEPING) as relay,
        relay.front.socket() as client,
    ):
        session = (await client.until("session.created"))["session"]
        response = await client.ask("Hello.", metadata={"order": "42"})
        (row,) = await kept(relay.front, responses)
        assert json.loads(row["body"]) == response
        assert (row["session_id"], row["model"]) == (session["id"], "antiphon")
        assert json.loads(row["moments"])["ended"] > 0
        (opened,) = await kept(relay.front, sessions)
        conversation_id = response["conversation_id"]
        assert (opened["id"], opened["conversation_id"]) == (session["id"], conversation_id)
        asked, answered = await kept(relay.front, items)
        assert {asked["conversation_id"], answered["conversation_id"]} == {conversation_id}
        assert json.loads(row["input_items"]) == [asked["id"]]
        (spoken,) = await kept(relay.front, audio)
        sent_ms = len(client.audio_of(response["id"])) // 48
        assert (spoken["item_id"], spoken["duration_ms"]) == (answered["id"], sent_ms)


async def test_a_conversation_that_goes_on_is_not_deleted_by_its_late_name(tmp_path):
    async with (
        relaying(home=tmp_path, store=KEEPING) as relay,
        relay.front.socket() as client,
    ):
        await client.until("session.created")
        conversation_id = (await client.ask("Hello."))["conversation_id"]
        path = f"/v1/realtime/conversations/{conversation_id}"
        answer = await relay.front.request("DELETE", path)
        assert (answer.status_code, len(await kept(relay.front, items))) == (409, 2)


async def test_an_answer_that_its_client_leaves_is_kept_as_cancelled(tmp_path):
    gate = Gate()
    script = Script(
        answers=(Take((Say("One two three four five."),)),),
        speeches=(Take((Sound(600), WaitFor(gate))),),
    )
    async with relaying(script, home=tmp_path, store=KEEPING) as relay:
        async with relay.front.socket() as client:
            await client.until("session.created")
            await client.write("Count.")
            await client.send("response.create")
            await client.until("response.output_audio.delta")
        await relay.front.wait_until_empty()
        (row,) = await kept(relay.front, responses)
        assert (row["status"], row["reason"]) == ("cancelled", "client_cancelled")
        (opened,) = await kept(relay.front, sessions)
        assert opened["closed_at"] is not None


async def test_what_only_the_service_knows_reaches_the_client_and_no_observer(tmp_path, caplog):
    caplog.set_level(logging.DEBUG, "antiphon.runtime.upstream.watched")

    async def speaks_strangely(connection) -> None:
        await say(connection, **CREATED)
        await say(connection, type="response.sang", event_id="event_1", tune="high")
        await connection.wait_closed()

    async with (
        service(speaks_strangely) as url,
        running_server(home=tmp_path, store=KEEPING, **front_of(url)) as front,
        front.socket() as client,
    ):
        await client.next()
        assert json.loads(await client._receive())["tune"] == "high"
        assert len(await kept(front, sessions)) == 1
    assert "observers are not told of 'response.sang'" in caplog.text


async def test_of_images_that_the_service_sends_nothing_is_kept(tmp_path):
    picture = {"type": "input_image", "image_url": "data:image/png;base64,aGVsbG8="}
    item = {"id": "item_1", "type": "message", "role": "user", "content": [picture]}

    async def shows_images(connection) -> None:
        await say(connection, **CREATED)
        for name in ("added", "done"):
            kind = f"conversation.item.{name}"
            await say(connection, type=kind, previous_item_id=None, item=item)
        await connection.wait_closed()

    async with (
        service(shows_images) as url,
        running_server(home=tmp_path, store=KEEPING, **front_of(url)) as front,
        front.socket() as client,
    ):
        await client.until("conversation.item.done")
        (row,) = await kept(front, items)
        assert json.loads(row["body"])["content"] == [{"type": "input_image"}]
