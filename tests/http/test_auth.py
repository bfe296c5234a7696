from __future__ import annotations

import json
import random

import pytest
from starlette.datastructures import Headers
from websockets.exceptions import InvalidStatus

from antiphon.config.keys import ApiKey, digest_of, hash_line, name_of
from antiphon.errors import RequestError
from antiphon.http.auth import Keyring, key_from_headers, key_from_subprotocols
from antiphon.http.client_secrets import (
    MAX_SECRET_CHARS,
    ClientSecrets,
    SessionGrant,
    TranslationGrant,
)
from antiphon.wire.audio_config import AudioInputUpdate, AudioOutputUpdate
from antiphon.wire.session import (
    RealtimeSessionUpdate,
    SessionAudioUpdate,
    TranscriptionAudioUpdate,
    TranscriptionSessionUpdate,
)
from antiphon.wire.translation import TranslationSessionRequest
from tests.support.server import running_server

KEYS = ("sk-one", "sk-two")
MAKER = name_of("key", digest_of("sk-one"))
KEYRING = Keyring({"one": digest_of("sk-one"), "two": digest_of("sk-two")})


@pytest.mark.parametrize("key", [None, "anything"])
def test_without_keys_everybody_may_connect(key):
    assert Keyring({}).check(key) is None


@pytest.mark.parametrize(("key", "name"), [("sk-one", "one"), ("sk-two", "two")])
def test_each_of_the_keys_will_do_and_is_known_by_its_name(key, name):
    assert KEYRING.check(key) == name


@pytest.mark.parametrize("key", ["", "sk-on", "sk-one ", "SK-ONE", "sk-one,sk-two", "schlüssel"])
def test_any_other_key_is_refused(key):
    with pytest.raises(RequestError, match="not one of those") as refusal:
        KEYRING.check(key)
    assert refusal.value.code == "invalid_api_key"


def test_no_key_is_refused_with_a_word_on_how_to_give_one():
    with pytest.raises(RequestError, match="Authorization: Bearer KEY"):
        KEYRING.check(None)


@pytest.mark.parametrize("key", [None, "anything"])
def test_without_keys_everybody_may_do_what_concerns_all(key):
    assert Keyring({}).check_admin(key) is None
    assert Keyring({}).is_admin(None)


def test_admin_keys_are_keys_that_may_do_more():
    keyring = Keyring({"one": digest_of("sk-one"), "two": digest_of("sk-two")}, ("two",))
    assert keyring.check("sk-two") == keyring.check_admin("sk-two") == "two"
    assert (keyring.is_admin("one"), keyring.is_admin("two")) == (False, True)
    with pytest.raises(RequestError, match="The key 'one' may not do this") as refusal:
        keyring.check_admin("sk-one")
    assert refusal.value.code == "forbidden"
    with pytest.raises(RequestError) as refusal:
        keyring.check_admin("sk-three")
    assert refusal.value.code == "invalid_api_key"


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ("Bearer sk-one", "sk-one"),
        ("bearer  sk-one ", "sk-one"),
        ("Basic c2stb25l", None),
        ("Bearer ", None),
        ("sk-one", None),
    ],
)
def test_the_key_is_the_bearer_token(header, key):
    assert key_from_headers(Headers({"Authorization": header})) == key


def test_browsers_offer_the_key_as_a_subprotocol():
    offered = ["realtime", "openai-insecure-api-key.sk-one", "openai-agents-sdk.0.20"]
    assert key_from_subprotocols(offered) == "sk-one"
    assert key_from_subprotocols(["realtime"]) is None


async def test_a_bearer_token_opens_a_session():
    headers = {"Authorization": "Bearer sk-two"}
    async with running_server(api_keys=KEYS) as server, server.socket(headers=headers) as client:
        await client.until("session.created")
        assert client.socket.subprotocol is None


async def test_a_browser_key_opens_a_session_under_the_subprotocol_realtime():
    offered = ("openai-agents-sdk.0.20", "openai-insecure-api-key.sk-one", "realtime")
    async with (
        running_server(api_keys=KEYS) as server,
        server.socket(subprotocols=offered) as client,
    ):
        await client.until("session.created")
        assert client.socket.subprotocol == "realtime"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer sk-three"}])
async def test_without_a_right_key_the_upgrade_is_refused(headers, caplog):
    async with running_server(api_keys=KEYS) as server:
        with pytest.raises(InvalidStatus) as refusal:
            async with server.socket(headers=headers):
                pass
        assert server.reception.open_sessions == 0
    response = refusal.value.response
    assert response.status_code == 401
    assert response.headers["content-type"] == "application/json"
    error = json.loads(response.body)["error"]
    assert error["type"] == "invalid_request_error"
    assert error["code"] == "invalid_api_key"
    assert set(error) == {"message", "type", "param", "code"}
    assert not caplog.records  # a wrong key is nothing that the operator has to see


async def test_a_browser_is_told_of_its_wrong_key_in_a_way_that_it_can_read():
    offered = ("realtime", "openai-insecure-api-key.sk-three")
    async with (
        running_server(api_keys=KEYS) as server,
        server.socket(subprotocols=offered) as client,
    ):
        error = (await client.until("error"))["error"]
        assert error["code"] == "invalid_api_key"
        assert client.socket.subprotocol == "realtime"
        assert await client.closed() == (4000, "invalid_request_error.invalid_api_key")
        assert server.reception.open_sessions == 0


async def test_keys_that_are_written_as_hashes_open_sessions():
    keys = (ApiKey(name="kiosk", hash=hash_line("sk-two")),)
    async with running_server(api_keys=(hash_line("sk-one"),), keys=keys) as server:
        for key in KEYS:
            headers = {"Authorization": f"Bearer {key}"}
            async with server.socket(headers=headers) as client:
                await client.until("session.created")
        with pytest.raises(InvalidStatus):
            async with server.socket(headers={"Authorization": f"Bearer {hash_line('sk-one')}"}):
                pass


# --- client secrets -------------------------------------------------------------------------------


def secret(home, *, lifetime_s: int = 60, key_name: str | None = MAKER, **settings) -> str:
    """A secret as a server with this home makes it."""
    secrets = ClientSecrets(home)
    return secrets.mint(
        SessionGrant(
            expires_at=secrets.expiry(lifetime_s),
            settings=RealtimeSessionUpdate(**settings),
            key_name=key_name,
        )
    )


@pytest.mark.parametrize("keys", [(), KEYS])
async def test_a_client_secret_opens_sessions_with_its_settings(keys, tmp_path):
    name = MAKER if keys else None
    key = secret(tmp_path, key_name=name, instructions="Be a pirate.", model="gpt-realtime")
    headers = {"Authorization": f"Bearer {key}"}
    async with running_server(api_keys=keys, home=tmp_path) as server:
        for _ in range(2):
            async with server.socket(headers=headers) as client:
                session = (await client.until("session.created"))["session"]
            assert session["instructions"] == "Be a pirate."
            assert session["model"] == "gpt-realtime"


async def test_a_browser_offers_a_client_secret_as_a_subprotocol(tmp_path):
    key = secret(tmp_path, instructions="Be a pirate.")
    offered = ("realtime", f"openai-insecure-api-key.{key}")
    async with (
        running_server(api_keys=KEYS, home=tmp_path) as server,
        server.socket(subprotocols=offered) as client,
    ):
        session = (await client.until("session.created"))["session"]
        assert client.socket.subprotocol == "realtime"
    assert session["instructions"] == "Be a pirate."


async def test_the_longest_client_secret_fits_a_subprotocol(tmp_path):
    secrets = ClientSecrets(tmp_path)
    instructions = random.Random(1).randbytes(5 << 10).hex()

    def of_length(chars: int) -> str:
        settings = RealtimeSessionUpdate(instructions=instructions[:chars])
        grant = SessionGrant(expires_at=secrets.expiry(60), settings=settings, key_name=MAKER)
        return secrets.mint(grant)

    chars = len(instructions)
    while True:
        try:
            key = of_length(chars)
            break
        except RequestError:
            chars -= 16
    assert len(key) > MAX_SECRET_CHARS - 50
    offered = (
        "realtime",
        f"openai-insecure-api-key.{key}",
        "openai-agents-sdk.0.20.1",
    )
    async with (
        running_server(api_keys=KEYS, home=tmp_path) as server,
        server.socket(subprotocols=offered) as client,
    ):
        session = (await client.until("session.created"))["session"]
    assert session["instructions"] == instructions[:chars]


async def test_the_client_may_override_the_settings_of_its_secret(tmp_path):
    headers = {
        "Authorization": f"Bearer {secret(tmp_path, instructions='Be a pirate.', model='one')}"
    }
    async with (
        running_server(api_keys=KEYS, home=tmp_path) as server,
        server.socket("/v1/realtime?model=two", headers=headers) as client,
    ):
        assert (await client.until("session.created"))["session"]["model"] == "two"
        changed = await client.update(instructions="Be a parrot.")
        reset = await client.update(instructions="")
    assert changed["session"]["instructions"] == "Be a parrot."
    assert reset["session"]["instructions"] == "Be a pirate."


async def test_a_secret_for_transcription_opens_transcription_sessions(tmp_path):
    secrets = ClientSecrets(tmp_path)
    settings = TranscriptionSessionUpdate(
        audio=TranscriptionAudioUpdate(input=AudioInputUpdate(turn_detection=None))
    )
    grant = SessionGrant(expires_at=secrets.expiry(60), settings=settings, key_name=MAKER)
    key = secrets.mint(grant)
    headers = {"Authorization": f"Bearer {key}"}
    async with running_server(api_keys=KEYS, home=tmp_path) as server:
        for path in ("/v1/realtime", "/v1/realtime?intent=transcription"):
            async with server.socket(path, headers=headers) as client:
                session = (await client.until("session.created"))["session"]
            assert session["type"] == "transcription"
            assert session["audio"]["input"]["turn_detection"] is None
        async with server.socket("/v1/realtime?model=antiphon", headers=headers) as client:
            assert (await client.until("error"))["error"]["param"] == "model"
            await client.closed()


async def test_a_secret_opens_no_session_of_another_kind(tmp_path):
    secrets = ClientSecrets(tmp_path)
    translation = secrets.mint(
        TranslationGrant(
            expires_at=secrets.expiry(60),
            settings=TranslationSessionRequest(model="m"),
            key_name=MAKER,
        )
    )
    refused = {
        translation: "/v1/realtime",
        secret(tmp_path): "/v1/realtime?intent=transcription",
    }
    async with running_server(api_keys=KEYS, home=tmp_path) as server:
        for key, path in refused.items():
            headers = {"Authorization": f"Bearer {key}"}
            async with server.socket(path, headers=headers) as client:
                error = (await client.until("error"))["error"]
                assert await client.closed() == (4000, "invalid_request_error.invalid_parameter")
            assert "The client secret is for" in error["message"]


async def test_settings_that_cannot_be_had_any_more_are_named_as_the_session_opens(tmp_path):
    voice = SessionAudioUpdate(output=AudioOutputUpdate(voice="gone"))
    headers = {"Authorization": f"Bearer {secret(tmp_path, audio=voice)}"}
    async with (
        running_server(api_keys=KEYS, home=tmp_path) as server,
        server.socket(headers=headers) as client,
    ):
        error = (await client.until("error"))["error"]
        assert await client.closed() == (4000, "invalid_request_error.invalid_value")
    assert error["param"] == "session.audio.output.voice"
    assert server.reception.open_sessions == 0


@pytest.mark.parametrize("keys", [(), KEYS])
@pytest.mark.parametrize(
    ("lifetime_s", "altered", "said"),
    [(-1, "", "The client secret expired"), (60, "x", "not one that this server made")],
)
async def test_an_expired_or_forged_secret_is_refused(keys, lifetime_s, altered, said, tmp_path):
    key = secret(tmp_path, lifetime_s=lifetime_s) + altered
    async with running_server(api_keys=keys, home=tmp_path) as server:
        with pytest.raises(InvalidStatus) as refusal:
            async with server.socket(headers={"Authorization": f"Bearer {key}"}):
                pass
        offered = ("realtime", f"openai-insecure-api-key.{key}")
        async with server.socket(subprotocols=offered) as client:
            told = (await client.until("error"))["error"]
            assert await client.closed() == (4000, "invalid_request_error.invalid_api_key")
    assert refusal.value.response.status_code == 401
    error = json.loads(refusal.value.response.body)["error"]
    assert error["code"] == told["code"] == "invalid_api_key"
    assert said in error["message"]
    assert said in told["message"]


@pytest.mark.parametrize("keys", [(), KEYS])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/models"),
        ("GET", "/v1/antiphon/timelines/resp_1"),
        ("POST", "/v1/realtime/client_secrets"),
        ("POST", "/v1/realtime/sessions"),
    ],
)
async def test_a_client_secret_only_opens_sessions(keys, method, path, tmp_path):
    headers = {"Authorization": f"Bearer {secret(tmp_path)}"}
    async with running_server(api_keys=keys, home=tmp_path) as server:
        response = await server.request(method, path, headers=headers)
    assert response.status_code == 401
    assert "only opens sessions" in response.json()["error"]["message"]


@pytest.mark.parametrize("name", ["gone", None])
def test_a_client_secret_is_of_no_use_without_the_key_it_was_made_with(name):
    with pytest.raises(RequestError, match="not one of this server's any more") as refusal:
        Keyring({"anna": digest_of("sk-anna")}).check_secret_of(name)
    assert refusal.value.code == "invalid_api_key"
    Keyring({"anna": digest_of("sk-anna")}).check_secret_of("anna")
    Keyring({}).check_secret_of(None)
