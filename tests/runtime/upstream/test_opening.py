"""How a session with a service begins; the service is one that behaves as the test wants it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from antiphon.errors import RequestError
from antiphon.runtime.upstream.link import Upstream, open_link
from antiphon.runtime.upstream.opening import OpenedUpstream, open_session
from antiphon.wire.audio_config import AudioOutputUpdate, PcmuFormat
from antiphon.wire.session import RealtimeSessionUpdate, SessionAudioUpdate, SessionPatch
from tests.support.strange_service import CREATED, Behaviour, say, service

BRIEF = RealtimeSessionUpdate(instructions="Be brief.")
LOUD = RealtimeSessionUpdate(
    audio=SessionAudioUpdate(output=AudioOutputUpdate(format=PcmuFormat(), voice="bass"))
)


async def open_with(
    behave: Behaviour, *patches: SessionPatch, as_call: bool = False
) -> OpenedUpstream:
    async with service(behave) as url:
        upstream = Upstream(f"ws{url.removeprefix('http')}/v1", api_key="sk-secret")
        async with open_link(upstream, "realtime", "antiphon") as socket:
            return await open_session(socket, upstream, patches, as_call=as_call)


async def updated(connection: ServerConnection, **session: Any) -> Any:
    """Take an update, and confirm it; return what it asks for."""
    asked = json.loads(await connection.recv())
    await say(connection, type="session.updated", session={**CREATED["session"], **session})
    return asked["session"]


async def test_a_session_without_settings_of_its_own_begins_as_the_service_has_it():
    async def greets(connection: ServerConnection) -> None:
        await say(connection, **CREATED)
        await connection.wait_closed()

    opened = await open_with(greets)
    assert opened.created.event_id == CREATED["event_id"]
    assert opened.session == CREATED["session"]
    assert opened.beside == []


async def test_settings_are_sent_in_order_and_what_comes_beside_is_not_lost():
    asked = []

    async def obeys(connection: ServerConnection) -> None:
        await say(connection, **CREATED)
        await say(connection, type="conversation.created")
        asked.append(await updated(connection, instructions="Be brief."))
        await say(connection, type="rate_limits.updated")
        asked.append(await updated(connection, instructions="Be brief.", loud=True))
        await connection.wait_closed()

    opened = await open_with(obeys, BRIEF, LOUD)
    assert asked[0]["instructions"] == "Be brief."
    assert asked[1]["audio"]["output"] == {"format": {"type": "audio/pcmu"}, "voice": "bass"}
    assert opened.session == {**CREATED["session"], "instructions": "Be brief.", "loud": True}
    beside = [json.loads(frame)["type"] for frame in opened.beside]
    assert beside == ["conversation.created", "rate_limits.updated"]


async def test_in_a_call_the_service_is_not_told_of_formats():
    asked = []

    async def obeys(connection: ServerConnection) -> None:
        await say(connection, **CREATED)
        asked.append(await updated(connection))
        await connection.wait_closed()

    await open_with(obeys, LOUD, as_call=True)
    assert asked[0]["audio"]["output"] == {"voice": "bass"}


async def test_a_refusal_is_told_as_the_service_words_it_but_for_the_key():
    async def refuses(connection: ServerConnection) -> None:
        await say(connection, **CREATED)
        error = {"message": "Not for sk-secret.", "code": "no_voice", "param": "session.audio"}
        await say(connection, type="error", error=error)
        await connection.wait_closed()

    with pytest.raises(RequestError, match=r"Not for …\.") as refused:
        await open_with(refuses, LOUD)
    assert (refused.value.code, refused.value.param) == ("no_voice", "session.audio")
    assert refused.value.type == "invalid_request_error"
