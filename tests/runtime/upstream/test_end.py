"""How a relayed session ends, and that nobody learns the operator's key from it."""

from __future__ import annotations

import json
import logging
from typing import Any

import msgspec
import pytest

from antiphon.engines.scripted.script import Call, Gate, Say, Script, Sound, Take, WaitFor
from antiphon.wire.response import OutputTokenDetails, RealtimeResponseUsage
from tests.support.ledger import Ledger
from tests.support.relay import KEY, front_of, relaying
from tests.support.server import running_server
from tests.support.strange_service import CREATED, say, service

FUNCTION = {"type": "function", "name": "f"}
USAGE_OF_600_MS = msgspec.to_builtins(
    RealtimeResponseUsage(
        total_tokens=12,
        output_tokens=12,
        output_token_details=OutputTokenDetails(audio_tokens=12),
    )
)


def hanging(gate: Gate) -> Script:
    """An answer that sounds for 600 ms and then waits."""
    return Script(
        answers=(Take((Say("One two three four five."),)),),
        speeches=(Take((Sound(600), WaitFor(gate))),),
    )


# --- the end --------------------------------------------------------------------------------------


async def test_a_client_that_leaves_takes_its_session_along():
    gate = Gate()
    async with relaying(hanging(gate)) as relay:
        async with relay.front.sdk() as client:
            await client.write("Count.")
            await client.send("response.create")
            await gate.reached()
        await relay.front.wait_until_empty()
        await relay.behind.wait_until_empty()
        assert relay.behind.cast.stage.running == 0


@pytest.mark.parametrize("reason", [(1000, ""), (1001, "Your session hit the maximum duration.")])
async def test_a_session_that_the_service_ends_in_order_ends_so_here(reason):
    async def ends(connection) -> None:
        await say(connection, **CREATED)
        await connection.close(*reason)

    async with (
        service(ends) as url,
        running_server(**front_of(url)) as front,
        front.socket() as client,
    ):
        await client.next()
        assert await client.closed() == reason
    assert not client.of("error")


async def test_a_spoken_answer_whose_service_is_lost_is_closed_properly():
    gate, ledger = Gate(), Ledger()
    async with relaying(hanging(gate)) as relay, relay.front.socket() as client:
        ledger.read(await client.next())
        ledger.sends('{"type": "response.create"}')
        await client.send("response.create")
        await gate.reached()
        relay.behind.stop()
        code, _ = await client.closed()
    *frames, done, error = client.frames
    response = done["response"]
    assert response["usage"]["total_tokens"] == 0  # only the service knows how many there were
    for frame in frames[1:]:
        ledger.read(frame)
    ledger.read({**done, "response": {**response, "usage": USAGE_OF_600_MS}})
    ledger.settle()
    assert code == 1011
    assert (response["status"], response["status_details"]["error"]["code"]) == (
        "failed",
        "upstream_lost",
    )
    (item,) = response["output"]
    assert item["status"] == "incomplete"
    spoken = "".join(
        frame["delta"] for frame in client.of("response.output_audio_transcript.delta")
    )
    assert item["content"] == [{"type": "output_audio", "transcript": spoken}]
    assert (error["error"]["type"], error["error"]["code"]) == ("server_error", "upstream_lost")


async def test_a_call_whose_service_is_lost_is_closed_properly():
    gate, ledger = Gate(), Ledger()
    script = Script(answers=(Take((Call("f", '{"a": 1'), WaitFor(gate))),))
    async with relaying(script) as relay, relay.front.socket() as client:
        ledger.read(await client.next())
        events: list[dict[str, Any]] = [
            {"type": "session.update", "session": {"type": "realtime", "tools": [FUNCTION]}},
            {"type": "response.create", "response": {"metadata": {"a": "b"}}},
        ]
        for event in events:
            ledger.sends(json.dumps(event))
            await client.send_raw(json.dumps(event))
        await gate.reached()
        relay.behind.stop()
        await client.closed()
    for frame in client.frames[1:-1]:
        ledger.read(frame)
    assert client.frames[-1]["error"]["code"] == "upstream_lost"
    (call,) = client.of("response.done")[0]["response"]["output"]
    assert (call["status"], call["arguments"]) == ("incomplete", '{"a": 1')


@pytest.mark.parametrize(
    "last",
    [
        *(b"no JSON", b'{"type": 1}', b'{"type": "response.created"}'),
        *(b'{"type": "error", "error": {"a": "caf\xe9"}}', b'{"type": "new", "a": "caf\xe9"}'),
        b'{"type": "new", "a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=["no JSON", "a number", "no response", "no UTF-8", "no UTF-8 in what is new", "nested"],
)
async def test_a_service_that_sends_nonsense_is_left(last):
    async def babbles(connection) -> None:
        await say(connection, **CREATED)
        await connection.send(last, text=True)
        await connection.wait_closed()

    async with (
        service(babbles) as url,
        running_server(**front_of(url)) as front,
        front.socket() as client,
    ):
        await client.next()
        assert (await client.closed())[0] == 1011
    assert client.frames[-1]["error"]["code"] == "upstream_lost"


async def falls_silent(connection) -> None:
    """Begin an answer if it is asked to, and then only take what comes."""
    await say(connection, **CREATED)
    async for frame in connection:
        if json.loads(frame)["type"] == "response.create":
            response = {"id": "resp_1", "object": "realtime.response", "status": "in_progress"}
            await say(connection, type="response.created", response={**response, "output": []})
        else:
            await say(connection, type="input_audio_buffer.cleared")


async def test_a_service_that_falls_silent_in_the_middle_of_an_answer_is_left(caplog):
    short = {"upstream": {"stall_s": 0.1}}
    async with (
        service(falls_silent) as url,
        running_server(**front_of(url, **short)) as front,
        front.socket() as quiet,
        front.socket() as client,
    ):
        await quiet.next()
        await client.next()
        await client.send("response.create")
        code, _ = await client.closed()
        # Longer than that, nothing was said here either, but there is nothing to be said.
        await quiet.send("input_audio_buffer.clear")
        assert (await quiet.next())["type"] == "input_audio_buffer.cleared"
    done, error = client.frames[-2:]
    assert done["response"]["status_details"]["error"]["code"] == "upstream_lost"
    assert (error["error"]["code"], code) == ("upstream_lost", 1011)
    assert "has sent nothing of an answer for 0.1 s" in caplog.text


async def test_a_service_that_cannot_be_reached_is_not_named(caplog):
    async with service(lambda connection: connection.wait_closed()) as url:
        pass
    async with running_server(**front_of(url)) as front, front.socket() as client:
        error = (await client.next())["error"]
        code, reason = await client.closed()
    host = url.removeprefix("http://")
    assert (error["type"], error["code"]) == ("server_error", "upstream_unavailable")
    assert (code, reason) == (1011, error["message"])
    assert host not in error["message"]
    assert any(host in record.getMessage() for record in caplog.records)


# --- the operator's key ---------------------------------------------------------------------------


async def test_the_key_of_the_operator_is_nowhere_to_be_seen(caplog):
    caplog.set_level(logging.DEBUG)

    async def tells_all(connection) -> None:
        await say(connection, **CREATED)
        async for frame in connection:
            echo = {"message": f"Key {KEY} may not.", "type": "invalid_request_error", "code": None}
            event_id = json.loads(frame).get("event_id")
            await say(connection, type="error", error=echo | {"param": None, "event_id": event_id})

    async with service(tells_all) as url, running_server(**front_of(url)) as front:
        async with front.socket() as client:
            await client.next()
            await client.send("input_audio_buffer.clear", event_id="mine")
            error = (await client.next())["error"]
        await front.wait_until_empty()
    assert (error["message"], error["event_id"]) == ("Key … may not.", "mine")
    assert KEY not in json.dumps(client.frames)
    assert KEY not in caplog.text


@pytest.mark.parametrize("code", [1000, 1001, 1008, 4000])
async def test_neither_is_a_key_in_the_reason_for_closing(code, caplog):
    async def tells_all(connection) -> None:
        await say(connection, **CREATED)
        await connection.close(code, f"Bye, {KEY}.")

    async with (
        service(tells_all) as url,
        running_server(**front_of(url)) as front,
        front.socket() as client,
    ):
        await client.next()
        _, reason = await client.closed()
    assert KEY not in json.dumps(client.frames) + reason + caplog.text
    assert "Bye, …." in reason + caplog.text


async def test_neither_is_a_key_that_the_service_refuses(caplog):
    caplog.set_level(logging.DEBUG)
    another = {"api_keys": ("sk-another",)}
    async with relaying(behind=another) as relay, relay.front.socket() as client:
        _, reason = await client.closed()
    assert KEY not in json.dumps(client.frames) + reason + caplog.text
    assert "refuses the key (HTTP 401)" in caplog.text
