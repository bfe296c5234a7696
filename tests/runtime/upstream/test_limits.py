from __future__ import annotations

from antiphon.config import Limits
from antiphon.engines.scripted.script import Gate, Say, Script, Take, WaitFor
from antiphon.runtime.upstream.limits import unbegun_response
from antiphon.wire.codec import decode_as
from antiphon.wire.response import ResponseCreateParams
from tests.support.client import Frame, types
from tests.support.ledger import Ledger
from tests.support.relay import front_of, relaying
from tests.support.server import running_server
from tests.support.sound import silence, speech
from tests.support.strange_service import CREATED, say, service

TURN = speech(700) + silence(800)
ONE = Limits(requests_per_minute=1)
SESSION = CREATED["session"]
LIMIT_REACHED = {"type": "rate_limit_exceeded", "code": "inference_rate_limit_exceeded"}


def error_of(response: Frame) -> Frame:
    assert response["status"] == "failed"
    error: Frame = response["status_details"]["error"]
    assert error.pop("message").startswith("Rate limit reached: 1 requests per minute.")
    return error


def spoken(params: str = "{}") -> Frame:
    return unbegun_response(decode_as(params, ResponseCreateParams), SESSION, "conv_1")


# --- by request -----------------------------------------------------------------------------------


async def test_a_response_beyond_the_limit_never_reaches_the_service():
    async with relaying(rate_limits=ONE) as relay, relay.front.socket() as client:
        ledger = Ledger()
        ledger.read(await client.next())
        first = '{"type": "response.create", "response": {"input": []}}'
        second = '{"type": "response.create", "response": {"metadata": {"a": "b"}}}'
        for request in (first, second):
            ledger.sends(request)
            await client.send_raw(request)
            await client.until("rate_limits.updated")
        assert relay.behind.cast.stage.begun == 2  # words and voice of the first
    for frame in client.frames[1:]:
        ledger.read(frame)
    ledger.settle()
    first_done, second_done = client.of("response.done")
    assert first_done["response"]["status"] == "completed"
    assert error_of(second_done["response"]) == LIMIT_REACHED
    assert second_done["response"]["metadata"] == {"a": "b"}
    assert second_done["response"]["conversation_id"] == first_done["response"]["conversation_id"]
    assert types(client.frames[-3:]) == ["response.created", "response.done", "rate_limits.updated"]


async def test_a_second_answer_at_once_is_refused_as_such_whatever_the_limit():
    gate = Gate()
    script = Script(answers=(Take((Say("One"), WaitFor(gate), Say("two."))),))
    async with relaying(script, rate_limits=ONE) as relay, relay.front.sdk() as client:
        await client.send("response.create")
        await client.until("response.created")
        await gate.reached()
        await client.send("response.create")
        while not client.of("error"):
            await client.next()
        gate.open()
        assert (await client.answer())["status"] == "completed"
    (error,) = client.of("error")
    assert error["error"]["code"] == "conversation_already_has_active_response"


async def test_an_answer_to_speech_beyond_the_limit_is_cancelled_at_the_service():
    gate = Gate()
    script = Script(answers=(Take((Say("First."),)), Take((WaitFor(gate), Say("Second.")))))
    async with relaying(script, rate_limits=ONE) as relay, relay.front.sdk() as client:
        await client.ask("Hello?")
        await client.append(TURN)
        response = await client.answer()
        assert error_of(response) == LIMIT_REACHED
        assert response["output"] == []
        await client.until("rate_limits.updated")
        assert relay.behind.cast.stage.running == 0


# --- by token -------------------------------------------------------------------------------------


async def test_tokens_count_as_the_service_reports_them():
    limits = Limits(tokens_per_minute=1_000_000)
    async with relaying(rate_limits=limits) as relay, relay.front.sdk() as client:
        response = await client.ask("Hello?")
        figures = await client.until("rate_limits.updated")
    (tokens,) = figures["rate_limits"]
    assert (tokens["name"], tokens["limit"]) == ("tokens", 1_000_000)
    used = response["usage"]["total_tokens"]
    assert 1_000_000 - used <= tokens["remaining"] < 1_000_000
    assert 0 < tokens["reset_seconds"] <= used * 60 / 1_000_000 + 0.001


async def test_the_services_own_limits_are_told_only_where_there_are_no_others():
    limits = [{"name": "tokens", "limit": 9, "remaining": 9, "reset_seconds": 0}]

    async def limited(connection) -> None:
        await say(connection, **CREATED)
        await say(connection, type="rate_limits.updated", rate_limits=limits)
        await say(connection, type="input_audio_buffer.cleared")
        await connection.wait_closed()

    for own, expected in ((None, 1), (ONE, 0)):
        async with (
            service(limited) as url,
            running_server(**front_of(url), rate_limits=own) as front,
            front.socket() as client,
        ):
            await client.until("input_audio_buffer.cleared")
        assert len(client.of("rate_limits.updated")) == expected


# --- a response that is not begun -----------------------------------------------------------------


def test_it_is_what_the_session_says():
    told = spoken()
    assert told["audio"]["output"] == SESSION["audio"]["output"]
    assert (told["output_modalities"], told["max_output_tokens"]) == (["audio"], "inf")
    assert (told["conversation_id"], told["metadata"]) == ("conv_1", None)


def test_or_what_the_client_asks_for():
    params = '{"output_modalities": ["text"], "max_output_tokens": 5, "conversation": "none"}'
    told = spoken(params)
    assert (told["output_modalities"], told["max_output_tokens"]) == (("text",), 5)
    assert told["conversation_id"] is None
