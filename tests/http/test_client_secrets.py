from __future__ import annotations

import base64
import contextlib
import random
import string
import zlib

import pytest

from antiphon.errors import RequestError
from antiphon.http.client_secrets import (
    MAX_SECRET_CHARS,
    ClientSecrets,
    SessionGrant,
    TranslationGrant,
    is_client_secret,
)
from antiphon.wire.session import (
    RealtimeSessionUpdate,
    SessionAudioUpdate,
    TranscriptionSessionUpdate,
)
from antiphon.wire.tools import McpTool
from antiphon.wire.translation import TranslationSessionRequest

NOW = 1_800_000_000
# What RFC 9110 calls a token: all that a WebSocket subprotocol may hold.
TOKEN = set(string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~")


class Clock:
    def __init__(self) -> None:
        self.now = float(NOW)

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def secrets(tmp_path, clock):
    return ClientSecrets(tmp_path, clock)


def grant(**settings) -> SessionGrant:
    return SessionGrant(expires_at=NOW + 60, settings=RealtimeSessionUpdate(**settings))


@pytest.mark.parametrize(
    "granted",
    [
        grant(),
        grant(instructions="Sei höflich. 🙂", tracing=None, audio=SessionAudioUpdate()),
        SessionGrant(expires_at=NOW + 1, settings=TranscriptionSessionUpdate(include=None)),
        TranslationGrant(expires_at=NOW + 1, settings=TranslationSessionRequest(model="m")),
    ],
)
def test_a_secret_carries_all_that_it_grants(secrets, granted):
    assert secrets.read(secrets.mint(granted)) == granted


def test_nothing_of_what_it_grants_can_be_read_in_a_secret(secrets):
    token = "".join(random.Random(1).choices(string.ascii_letters, k=40))
    files = McpTool(server_label="files", server_url="https://f.example", authorization=token)
    secret = secrets.mint(grant(tools=(files,))).removeprefix("ek_")
    content = base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4))
    assert secrets.read(f"ek_{secret}").settings.tools == (files,)
    assert token.encode() not in content
    for start in range(len(content)):
        with contextlib.suppress(zlib.error):
            assert token.encode() not in zlib.decompressobj().decompress(content[start:])


def test_a_secret_can_be_a_subprotocol(secrets):
    secret = secrets.mint(grant(instructions="Grüße! " * 50))
    assert is_client_secret(secret)
    assert set(secret) <= TOKEN


def test_a_secret_can_be_read_many_times_and_by_all_who_share_a_home(secrets, tmp_path, clock):
    secret = secrets.mint(grant())
    assert secrets.read(secret) == secrets.read(secret)
    assert ClientSecrets(tmp_path, clock).read(secret) == grant()


def test_a_secret_ends_at_the_second_that_it_says(secrets, clock):
    secret = secrets.mint(SessionGrant(expires_at=secrets.expiry(60), settings=grant().settings))
    clock.now += 59.9
    secrets.read(secret)
    clock.now += 0.1
    with pytest.raises(RequestError, match="expired 0 seconds ago") as refusal:
        secrets.read(secret)
    assert refusal.value.code == "invalid_api_key"


@pytest.mark.parametrize("secret", ["ek_", "ek_x", "ek_.", "ek_a.b", "ek_ü.é", "ek_68af296e8e40"])
def test_what_the_server_did_not_make_is_refused(secrets, secret):
    with pytest.raises(RequestError, match="not one that this server made") as refusal:
        secrets.read(secret)
    assert refusal.value.code == "invalid_api_key"


def test_no_part_of_a_secret_can_be_changed(secrets):
    secret = secrets.mint(grant(instructions="Be kind."))
    for index in range(3, len(secret), 7):
        other = "A" if secret[index] != "A" else "B"
        with pytest.raises(RequestError, match="not one that this server made"):
            secrets.read(secret[:index] + other + secret[index + 1 :])


def test_a_secret_of_another_server_is_refused(secrets, tmp_path, clock):
    other = ClientSecrets(tmp_path / "other", clock)
    with pytest.raises(RequestError, match="not one that this server made"):
        secrets.read(other.mint(grant()))


def test_long_instructions_fit_into_a_secret(secrets):
    words = ["always", "answer", "briefly", "politely", "never", "mention", "prices", "unless"]
    instructions = " ".join(random.Random(1).choices(words, k=2500))
    assert len(instructions) > 16_000
    assert len(secrets.mint(grant(instructions=instructions))) <= MAX_SECRET_CHARS


def test_settings_that_no_header_could_carry_are_refused(secrets):
    noise = random.Random(1).randbytes(6000).hex()
    with pytest.raises(RequestError, match=rf"at most {MAX_SECRET_CHARS}") as refusal:
        secrets.mint(grant(instructions=noise))
    assert (refusal.value.code, refusal.value.param) == ("string_above_max_length", "session")
