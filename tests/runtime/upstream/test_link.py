from __future__ import annotations

from http import HTTPStatus

import anyio
import pytest
from websockets.datastructures import Headers
from websockets.http11 import Response

from antiphon.config import UpstreamChoice
from antiphon.errors import ConfigurationError, EngineError
from antiphon.runtime.upstream.link import Upstream, open_link, upstream_self_test
from tests.support.relay import KEY, relaying
from tests.support.strange_service import CREATED, say, service


def choice(url: str, **more) -> UpstreamChoice:
    return UpstreamChoice(use=f"ws{url.removeprefix('http')}/v1#behind", **more)


def answering(status: int, **headers: str):
    def refuse(_request) -> Response:
        return Response(status, HTTPStatus(status).phrase, Headers(headers), b"")

    return refuse


async def nothing(connection) -> None:
    await connection.wait_closed()


async def greets(connection) -> None:
    await say(connection, **CREATED)
    await connection.wait_closed()


# --- where it is ----------------------------------------------------------------------------------


def test_a_session_is_opened_with_the_operators_model():
    upstream = Upstream.of(UpstreamChoice(use="wss://example.org/v1#gpt-realtime"))
    assert upstream.address("realtime", "antiphon") == (
        "wss://example.org/v1/realtime?model=gpt-realtime"
    )


def test_without_one_with_the_clients():
    upstream = Upstream.of(UpstreamChoice(use="wss://example.org/v1/"))
    assert upstream.address("realtime", "a b") == "wss://example.org/v1/realtime?model=a+b"


def test_a_transcription_session_is_asked_for_without_a_model():
    upstream = Upstream.of(UpstreamChoice(use="wss://example.org/v1#gpt-realtime"))
    assert upstream.address("transcription", "antiphon") == (
        "wss://example.org/v1/realtime?intent=transcription"
    )


def test_the_key_may_be_in_a_variable(monkeypatch):
    chosen = UpstreamChoice(use="wss://example.org/v1", api_key="env:CLOUD_KEY")
    monkeypatch.delenv("CLOUD_KEY", raising=False)
    with pytest.raises(ConfigurationError, match="the variable CLOUD_KEY, which is not set"):
        Upstream.of(chosen)
    monkeypatch.setenv("CLOUD_KEY", KEY)
    assert Upstream.of(chosen).api_key == KEY


def test_the_key_is_not_shown():
    upstream = Upstream("wss://example.org/v1", api_key=KEY)
    assert KEY not in repr(upstream)
    assert upstream.without_key(f"Incorrect API key: {KEY}.") == "Incorrect API key: …."
    assert Upstream("wss://example.org/v1").without_key("as it is") == "as it is"


# --- how it answers -------------------------------------------------------------------------------


async def test_a_service_that_works_says_how_long_it_took():
    async with relaying() as relay:
        told = await upstream_self_test(choice(relay.behind.url, api_key=KEY), "antiphon")
        assert f"{relay.behind.url.removeprefix('http://')} opens sessions with 'behind'" in told
        await relay.behind.wait_until_empty()


@pytest.mark.parametrize(
    ("key", "remedy"), [(None, "Give it an 'api_key'"), ("sk-wrong", "Check its 'api_key'")]
)
async def test_a_key_that_is_refused_is_the_operators_to_set_right(key, remedy):
    async with relaying() as relay:
        with pytest.raises(EngineError, match=rf"refuses the key \(HTTP 401\). {remedy}") as error:
            await upstream_self_test(choice(relay.behind.url, api_key=key), "antiphon")
    assert error.value.code == "upstream_unavailable"


@pytest.mark.parametrize("status", [429, 503])
async def test_a_service_that_is_full_is_overloaded(status):
    async with service(nothing, answering(status)) as url:
        with pytest.raises(EngineError, match=f"is full .HTTP {status}") as error:
            await upstream_self_test(choice(url), "antiphon")
    assert (error.value.code, error.value.retryable) == ("server_overloaded", True)


async def test_the_key_does_not_follow_a_redirect():
    asked: list[str] = []

    def note(request) -> None:
        asked.append(request.path)

    async with service(greets, note) as elsewhere:
        moved = answering(302, Location=f"ws{elsewhere.removeprefix('http')}/v1/realtime")
        async with service(nothing, moved) as url:
            with pytest.raises(EngineError, match=r"refuses the connection .HTTP 302"):
                await upstream_self_test(choice(url, api_key=KEY), "antiphon")
    assert not asked


async def test_a_service_that_is_not_there_is_named_for_the_operator():
    async with service(nothing) as url:
        pass
    with pytest.raises(EngineError, match=r"127\.0\.0\.1:[0-9]+ cannot be reached") as error:
        await upstream_self_test(choice(url), "antiphon")
    assert (error.value.code, error.value.retryable) == ("upstream_unavailable", True)


async def test_a_service_that_says_nothing_is_not_waited_for_long():
    async with service(nothing) as url:
        with pytest.raises(EngineError, match=r"(did not answer|opened no session) within 0.05 s"):
            await upstream_self_test(choice(url, open_s=0.05), "antiphon")


async def test_a_service_that_begins_with_an_error_is_quoted_without_the_key():
    async def refuses(connection) -> None:
        await say(connection, type="error", error={"message": f"No such key: {KEY}"})

    async with service(refuses) as url:
        with pytest.raises(EngineError, match="No such key: …") as error:
            await upstream_self_test(choice(url, api_key=KEY), "antiphon")
    assert KEY not in error.value.message


@pytest.mark.parametrize(
    ("first", "problem"),
    [("no JSON", "is no event"), ('{"type": "pong"}', "began with 'pong' in place of")],
)
async def test_a_service_that_begins_otherwise_is_none(first, problem):
    async def talks(connection) -> None:
        await connection.send(first)
        await connection.wait_closed()

    async with service(talks) as url:
        with pytest.raises(EngineError, match=problem):
            await upstream_self_test(choice(url), "antiphon")


async def test_a_service_that_leaves_without_a_word_is_none():
    async def leaves(connection) -> None:
        await connection.close(1008, "no")

    async with service(leaves) as url:
        with pytest.raises(EngineError, match=r"closed the connection .* 1008"):
            await upstream_self_test(choice(url), "antiphon")


async def test_a_link_that_is_cancelled_is_closed_at_once():
    left = anyio.Event()

    async def watches(connection) -> None:
        await connection.wait_closed()
        left.set()

    async with service(watches) as url, anyio.create_task_group() as tasks:

        async def hold() -> None:
            async with open_link(Upstream.of(choice(url)), "realtime", "antiphon"):
                tasks.cancel_scope.cancel()
                await anyio.sleep_forever()

        tasks.start_soon(hold)
        with anyio.CancelScope(shield=True), anyio.fail_after(5):
            await left.wait()
