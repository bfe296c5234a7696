from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from typing import Any

import anyio
import soundfile
from openai import AsyncOpenAI
from sqlalchemy import select

from antiphon.config import StoreChoice
from antiphon.store.databases import Database
from antiphon.store.schema import (
    audio,
    item_text,
    items,
    response_metadata,
    responses,
    sessions,
)
from tests.support.client import PATIENCE_S
from tests.support.server import Served, running_server
from tests.support.sound import speech
from tests.test_cli import SCRIPTED


@asynccontextmanager
async def keeping(tmp_path, **choice):
    async with running_server(home=tmp_path, store=StoreChoice(**choice)) as server:
        yield server


async def kept(server: Served, table) -> list[dict[str, Any]]:
    """The rows of a table, oldest first, once all is written."""
    store = server.reception.store
    assert store is not None
    await store.flush()
    order = table.c.created_at if "created_at" in table.c else next(iter(table.primary_key))
    found = await store.reading.run(
        lambda connection: connection.execute(select(table).order_by(order)).mappings().all()
    )
    return [dict(row) for row in found]


async def in_conversation(server: Served) -> list[dict[str, Any]]:
    """The items of the only conversation, in their order."""
    found = [row for row in await kept(server, items) if row["position"] is not None]
    return [json.loads(row["body"]) for row in sorted(found, key=lambda row: row["position"])]


def text_of(item: dict[str, Any]) -> str:
    (part,) = item["content"]
    text: str = part["text"] if "text" in part else part["transcript"]
    return text


async def test_a_response_is_kept_exactly_as_it_was_sent(tmp_path):
    async with keeping(tmp_path) as server, server.socket() as client:
        session = (await client.until("session.created"))["session"]
        response = await client.ask("Hello.", metadata={"order": "42"})
        (row,) = await kept(server, responses)
        assert json.loads(row["body"]) == response
        assert row["session_id"] == session["id"]
        assert row["model"] == "antiphon"
        assert row["created_at"] <= row["ended_at"]
        assert json.loads(row["moments"])["ended"] > 0
        asked, answered = await kept(server, items)
        assert json.loads(row["input_items"]) == [asked["id"]]
        assert (asked["response_id"], answered["response_id"]) == (None, response["id"])
        (pair,) = await kept(server, response_metadata)
        assert (pair["key"], pair["value"]) == ("order", "42")


async def test_the_session_is_kept_with_its_conversation_and_its_end(tmp_path):
    async with keeping(tmp_path) as server:
        async with server.socket() as client:
            await client.until("session.created")
            conversation = (await client.ask("Hello."))["conversation_id"]
            (row,) = await kept(server, sessions)
            assert (row["conversation_id"], row["closed_at"]) == (conversation, None)
        await server.wait_until_empty()
        (row,) = await kept(server, sessions)
        assert row["closed_at"] > row["opened_at"]


async def test_the_words_of_speech_are_kept_though_the_client_does_not_ask_for_them(tmp_path):
    async with keeping(tmp_path) as server, server.socket() as client:
        await client.until("session.created")
        await client.take_turns_by_hand()
        await client.append(speech(1_000))
        await client.send("input_audio_buffer.commit")
        await client.send("response.create")
        await client.answer()
        assert not client.of("conversation.item.input_audio_transcription.completed")
        asked, _ = await in_conversation(server)
        assert text_of(asked)


async def test_of_a_truncated_answer_the_words_and_the_sound_stay_that_were_heard(tmp_path):
    async with keeping(tmp_path, audio=True) as server, server.socket() as client:
        await client.until("session.created")
        response = await client.ask("Say something that is long enough to be cut short.")
        (spoken,) = response["output"]
        await client.send(
            "conversation.item.truncate", item_id=spoken["id"], content_index=0, audio_end_ms=300
        )
        await client.until("conversation.item.truncated")
        _, answered = await in_conversation(server)
        assert len(text_of(answered)) < len(text_of(spoken))
        (row,) = await kept(server, audio)
        samples, rate_hz = soundfile.read(io.BytesIO(row["sound"]))
        assert (row["item_id"], row["duration_ms"]) == (spoken["id"], 300)
        assert len(samples) == rate_hz * 300 // 1000


async def test_both_sides_can_be_heard_again(tmp_path):
    async with keeping(tmp_path, audio=True) as server, server.socket() as client:
        await client.until("session.created")
        await client.take_turns_by_hand()
        await client.append(speech(1_000))
        await client.send("input_audio_buffer.commit")
        await client.send("response.create")
        response = await client.answer()
        heard, spoken = await kept(server, audio)
        assert (heard["rate_hz"], heard["duration_ms"]) == (16_000, 1_000)
        sent_ms = len(client.audio_of(response["id"])) // 48
        assert (spoken["rate_hz"], spoken["duration_ms"]) == (24_000, sent_ms)
        (row,) = await kept(server, responses)
        assert row["has_audio"]


async def test_without_being_asked_no_audio_is_kept(tmp_path):
    async with keeping(tmp_path) as server, server.socket() as client:
        await client.until("session.created")
        await client.ask("Hello.")
        assert await kept(server, audio) == []
        (row,) = await kept(server, responses)
        assert not row["has_audio"]


async def test_nothing_of_what_the_client_deletes_stays(tmp_path):
    async with keeping(tmp_path) as server, server.socket() as client:
        await client.until("session.created")
        item_id = (await client.write("My secret."))["item"]["id"]
        assert [row["text"] for row in await kept(server, item_text)] == ["My secret."]
        await client.send("conversation.item.delete", item_id=item_id)
        await client.until("conversation.item.deleted")
        assert await kept(server, items) == []
        assert await kept(server, item_text) == []


async def test_a_response_out_of_band_is_kept_beside_the_conversation(tmp_path):
    async with keeping(tmp_path) as server, server.socket() as client:
        await client.until("session.created")
        mine = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "A"}]}
        referred = (await client.write("B"))["item"]["id"]
        own_input = [mine, {"type": "item_reference", "id": referred}]
        asked = {"conversation": "none", "input": own_input, "output_modalities": ["text"]}
        await client.send("response.create", response=asked)
        response = await client.answer()
        (row,) = await kept(server, responses)
        assert (row["conversation_id"], json.loads(row["body"])) == (None, response)
        brought, named = json.loads(row["input_items"])
        assert named == referred
        found = {item["id"]: item for item in await kept(server, items)}
        assert text_of(json.loads(found[brought]["body"])) == "A"
        assert found[brought]["position"] is None
        (output,) = response["output"]
        assert found[output["id"]]["position"] is None
        assert [text_of(item) for item in await in_conversation(server)] == ["B"]


async def test_items_are_in_the_order_of_the_conversation(tmp_path):
    async with keeping(tmp_path) as server, server.socket() as client:
        await client.until("session.created")
        await client.write("second")
        for text in ("first", "third"):
            item = {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": text}],
            }
            before = {"previous_item_id": "root"} if text == "first" else {}
            await client.send("conversation.item.create", item=item, **before)
            await client.until("conversation.item.done")
        found = [text_of(item) for item in await in_conversation(server)]
        assert found == ["first", "second", "third"]


async def test_an_answer_that_its_client_leaves_is_kept_as_cancelled(tmp_path):
    async with keeping(tmp_path) as server:
        async with server.socket() as client:
            await client.until("session.created")
            await client.write("Tell me a very long story. " * 50)
            await client.send("response.create")
            await client.until("response.output_audio.delta")
        await server.wait_until_empty()
        (row,) = await kept(server, responses)
        body = json.loads(row["body"])
        assert (row["status"], row["reason"]) == ("cancelled", "client_cancelled")
        assert body["output"][0]["status"] == "incomplete"
        assert row["output_tokens"] > 0
        _, answered = await in_conversation(server)
        assert answered == body["output"][0]
        assert server.cast.stage.running == 0


async def test_without_content_all_is_kept_but_what_was_said(tmp_path):
    async with keeping(tmp_path, keep="no_content") as server, server.socket() as client:
        await client.until("session.created")
        response = await client.ask("My secret.", metadata={"order": "42"})
        (row,) = await kept(server, responses)
        body = json.loads(row["body"])
        assert text_of(body["output"][0]) == ""
        assert {**body, "output": None} == {**response, "output": None}
        assert [text_of(item) for item in await in_conversation(server)] == ["", ""]
        assert await kept(server, item_text) == []
    with Database(f"sqlite:///{tmp_path / 'antiphon.db'}").read() as connection:
        assert connection.execute(select(response_metadata)).one().value == "42"
    assert not any(b"secret" in file.read_bytes() for file in tmp_path.glob("antiphon.db*"))


async def test_where_nothing_is_kept_there_is_no_database_and_nothing_is_loaded_for_one(tmp_path):
    program = """
import anyio, sys
from pathlib import Path
from antiphon.testing import scripted_server
with scripted_server(home=Path(sys.argv[1])) as server:
    pass
import antiphon.cli
print([name for name in ("sqlalchemy", "alembic") if name in sys.modules])
"""
    with anyio.fail_after(PATIENCE_S):
        done = await anyio.run_process([sys.executable, "-c", program, str(tmp_path)])
    assert done.stdout.decode().split() == ["[]"]
    assert not list(tmp_path.glob("antiphon.db*"))


# --- the end of the process -----------------------------------------------------------------------


async def answers_to(url: str, turns: int) -> list[str]:
    """Ask so often, with the SDK; return the ids of the responses."""
    ids = []
    async with (
        AsyncOpenAI(base_url=url, api_key="none-needed") as client,
        client.realtime.connect(model="antiphon") as connection,
    ):
        for turn in range(turns):
            content = [{"type": "input_text", "text": f"Turn {turn}"}]
            item = {"type": "message", "role": "user", "content": content}
            await connection.conversation.item.create(item=item)  # type: ignore[arg-type]
            await connection.response.create()
            async for event in connection:
                if event.type == "response.done":
                    ids.append(str(event.response.id))
                    break
    return ids


def test_what_was_done_a_second_ago_outlives_a_server_that_is_killed(tmp_path):
    file = tmp_path / "kept.db"
    command = [sys.executable, "-m", "antiphon.cli", "serve", "--port=0", *SCRIPTED]
    environment = {**os.environ, "ANTIPHON_STORE": f'{{url = "sqlite:///{file}"}}'}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().split()[-1]
            ids = anyio.run(answers_to, url, 5)
            time.sleep(1.0)  # what is promised
        finally:
            server.kill()
    database = Database(f"sqlite:///{file}")
    with database.read() as connection:
        assert set(connection.scalars(select(responses.c.id))) == set(ids)
    database.release()


async def test_of_an_answer_that_the_client_deletes_nothing_stays_in_its_response(tmp_path):
    async with keeping(tmp_path) as server, server.socket() as client:
        await client.until("session.created")
        await client.write("Hello.")
        await client.send("response.create", response={"output_modalities": ["text"]})
        response = await client.answer()
        (output,) = response["output"]
        await client.send("conversation.item.delete", item_id=output["id"])
        await client.until("conversation.item.deleted")
        (row,) = await kept(server, responses)
        assert json.loads(row["body"]) == response | {"output": []}


async def test_an_answer_that_was_deleted_does_not_come_again_when_it_is_truncated(tmp_path):
    async with keeping(tmp_path) as server, server.socket() as client:
        await client.until("session.created")
        response = await client.ask("Hello.")
        await kept(server, responses)
        path = f"/v1/realtime/responses/{response['id']}"
        assert (await server.request("DELETE", path)).status_code == 200
        (output,) = response["output"]
        await client.send(
            "conversation.item.truncate",
            item_id=output["id"],
            content_index=0,
            audio_end_ms=100,
        )
        await client.until("conversation.item.truncated")
        assert output["id"] not in [row["id"] for row in await kept(server, items)]


async def test_an_answer_that_is_deleted_while_it_is_spoken_is_not_kept(tmp_path):
    async with keeping(tmp_path, audio=True) as server, server.socket() as client:
        await client.until("session.created")
        await client.write("Tell me a very long story. " * 50)
        await client.send("response.create")
        delta = await client.until("response.output_audio.delta")
        await client.send("conversation.item.delete", item_id=delta["item_id"])
        await client.until("conversation.item.deleted")
        await client.send("response.cancel")
        await client.until("response.done")
        (row,) = await kept(server, responses)
        assert json.loads(row["body"])["output"] == []
        assert [row["role"] for row in await kept(server, items)] == ["user"]
        assert await kept(server, audio) == []
