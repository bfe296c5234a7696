"""``/v1/realtime/translations``: who may open a translation session, and what becomes of it."""

from __future__ import annotations

import json

import msgspec
import pytest
from websockets.exceptions import InvalidStatus

from antiphon.config.keys import digest_of, name_of
from antiphon.http.client_secrets import ClientSecrets, SessionGrant
from antiphon.wire.session import RealtimeSessionUpdate
from tests.support.cast import make_cast
from tests.support.models import ONE_MODEL
from tests.support.server import running_server, serving
from tests.support.sound import silence, speech
from tests.support.translation import translating

KEY = "sk-one"
PATH = "/v1/realtime/translations"


@pytest.mark.parametrize("path", [PATH, "/realtime/translations"])
async def test_a_session_opens_with_and_without_v1(path: str):
    async with (
        running_server() as server,
        translating(server, f"{path}?model=gpt-realtime-translate") as client,
    ):
        session = (await client.next())["session"]
    assert (session["type"], session["model"]) == ("translation", "gpt-realtime-translate")
    assert session["audio"]["output"] == {"language": "en"}


async def test_speech_goes_in_and_a_translation_comes_out_to_the_last_word():
    async with running_server() as server, translating(server) as client:
        await client.until("session.created")
        transcription = {"transcription": {"model": "whisper-1"}}
        await client.send("session.update", session={"audio": {"input": transcription}})
        await client.until("session.updated")
        await client.append(speech(1000) + silence(600) + speech(1000))
        await client.finish()
        assert (await client.closed())[0] == 1000
        await server.wait_until_empty()
    assert client.ledger.source == "Hello there. Hello there."
    assert client.ledger.target == " ".join(["You said: Translate into English: Hello there."] * 2)
    assert len(client.ledger.sound) > 48_000


async def test_events_of_speech_sessions_are_refused_and_nothing_else_happens():
    async with running_server() as server, translating(server) as client:
        await client.until("session.created")
        await client.send("response.create", event_id="e1")
        error = (await client.until("error"))["error"]
        await client.finish()
    assert (error["event_id"], error["param"]) == ("e1", "type")
    assert "A translation session takes 'session.update'" in error["message"]


async def test_events_of_translation_sessions_are_refused_in_speech_sessions():
    async with running_server() as server, server.sdk() as client:
        await client.send("session.close")
        error = (await client.until("error"))["error"]
        assert (await client.ask("Still there?"))["status"] == "completed"
    assert "Connect to /v1/realtime/translations" in error["message"]


async def test_half_a_sample_is_refused():
    async with running_server() as server, translating(server) as client:
        await client.until("session.created")
        await client.send("session.input_audio_buffer.append", audio="AAAA", event_id="e1")
        error = (await client.until("error"))["error"]
    assert (error["event_id"], error["param"]) == ("e1", "audio")


async def test_a_language_that_the_synthesizer_does_not_speak_is_refused():
    cast = make_cast()
    cast.synthesizer.info = msgspec.structs.replace(cast.synthesizer.info, languages=("en",))
    async with serving(cast.engines) as server, translating(server) as client:
        await client.until("session.created")
        await client.send("session.update", session={"audio": {"output": {"language": "es"}}})
        error = (await client.until("error"))["error"]
        body = {"session": {"model": "m", "audio": {"output": {"language": "es"}}}}
        minting = await server.request("POST", f"{PATH}/client_secrets", json=body)
    assert error["param"] == minting.json()["error"]["param"] == "session.audio.output.language"
    assert "speaks only 'en'" in error["message"]
    assert error["message"] == minting.json()["error"]["message"]


async def test_a_secret_that_the_sdk_makes_opens_a_translation(tmp_path):
    async with running_server(api_keys=(KEY,), home=tmp_path) as server, server.openai(KEY) as own:
        secret = await own.realtime.translations.client_secrets.create(
            session={"model": "translator", "audio": {"output": {"language": "es"}}}
        )
        offered = ("realtime", f"openai-insecure-api-key.{secret.value}")
        async with translating(server, PATH, subprotocols=offered) as client:
            session = (await client.until("session.created"))["session"]
            await client.append(speech(1000))
            await client.finish()
    assert (session["model"], session["audio"]["output"]["language"]) == ("translator", "es")
    assert client.ledger.target


async def test_a_secret_for_another_kind_of_session_is_refused(tmp_path):
    secrets = ClientSecrets(tmp_path)
    grant = SessionGrant(
        expires_at=secrets.expiry(60),
        settings=RealtimeSessionUpdate(),
        key_name=name_of("key", digest_of(KEY)),
    )
    headers = {"Authorization": f"Bearer {secrets.mint(grant)}"}
    async with (
        running_server(api_keys=(KEY,), home=tmp_path) as server,
        server.socket(PATH, headers=headers) as client,
    ):
        error = (await client.until("error"))["error"]
        assert await client.closed() == (4000, "invalid_request_error.invalid_parameter")
    assert "/v1/realtime/translations/client_secrets" in error["message"]


async def test_a_wrong_key_opens_nothing():
    async with running_server(api_keys=(KEY,)) as server:
        with pytest.raises(InvalidStatus) as refusal:
            async with server.socket(PATH, headers={"Authorization": "Bearer sk-two"}):
                pass
    assert refusal.value.response.status_code == 401


async def test_a_page_of_elsewhere_opens_nothing():
    async with running_server() as server:
        with pytest.raises(InvalidStatus) as refusal:
            async with server.socket(PATH, headers={"Origin": "https://elsewhere.example.org"}):
                pass
    assert refusal.value.response.status_code == 403


async def test_translations_take_up_room_as_other_sessions_do():
    async with running_server(max_sessions=1) as server, translating(server) as client:
        await client.until("session.created")
        with pytest.raises(InvalidStatus) as refusal:
            async with server.socket(PATH):
                pass
    assert refusal.value.response.status_code == 503
    assert json.loads(refusal.value.response.body)["error"]["code"] == "server_full"


async def test_a_strict_server_refuses_models_it_does_not_have():
    async with (
        running_server(models=ONE_MODEL, strict_models=True) as server,
        server.socket(f"{PATH}?model=third") as client,
    ):
        error = (await client.until("error"))["error"]
        assert await client.closed() == (4000, "invalid_request_error.model_not_found")
    assert error["param"] == "model"


async def test_who_comes_without_a_websocket_is_told():
    async with running_server() as server:
        assert (await server.request("GET", PATH)).status_code == 426
