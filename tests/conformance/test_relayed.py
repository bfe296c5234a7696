"""What a client is sent by way of a relay is what it would be sent without: all but the ids."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from antiphon.engines.scripted.script import (
    AnswerStep,
    Call,
    Fail,
    Gate,
    Say,
    Script,
    Sound,
    Take,
    WaitFor,
)
from tests.support.client import Client, Frame
from tests.support.relay import relaying
from tests.support.server import running_server
from tests.support.sound import silence, speech

TURN = speech(700) + silence(800)
TOOLS = [{"type": "function", "name": "get_weather"}]
CALL: Take[AnswerStep] = Take((Call("get_weather", '{"city": "Oslo"}'),))

Play = Callable[[Client], Awaitable[Any]]

_ID = re.compile(r"(?:event|sess|conv|resp|item|call)_[0-9A-Za-z]{16,21}")
_SPEECH = ("response.output_audio.delta", "response.output_audio_transcript.delta")
_RANDOM = ("obfuscation", "expires_at")


async def writes(client: Client) -> None:
    await client.update(output_modalities=["text"], instructions="Be brief.")
    await client.ask("Good morning.", metadata={"topic": "greeting"})


async def speaks(client: Client) -> None:
    await client.update(audio={"input": {"transcription": {"model": "whisper-1"}}})
    await client.append(TURN)
    await client.answer()


async def has_a_function_called(client: Client) -> None:
    await client.update(tools=TOOLS)
    response = await client.ask("How is the weather in Oslo?")
    (call,) = response["output"]
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "Rain."}
    await client.send("conversation.item.create", item=result)
    await client.send("response.create")
    await client.answer()


async def looks_back(client: Client) -> None:
    await client.append(TURN)
    response = await client.answer()
    item_id = response["output"][0]["id"]
    await client.send("conversation.item.retrieve", item_id=item_id)
    await client.until("conversation.item.retrieved")
    place = {"item_id": item_id, "content_index": 0}
    await client.send("conversation.item.truncate", **place, audio_end_ms=100)
    await client.until("conversation.item.truncated")
    await client.send("conversation.item.delete", item_id=item_id)
    await client.until("conversation.item.deleted")


async def makes_mistakes(client: Client) -> None:
    for number, mistake in enumerate(
        ["{", '{"type": "sing"}', '{"type": "response.cancel", "event_id": "mine"}']
    ):
        await client.send_raw(mistake)
        while len(client.of("error")) == number:
            await client.next()
    await client.send("session.update", event_id="yours", session={"type": "realtime", "tools": 1})
    while len(client.of("error")) == 3:
        await client.next()


async def asks_out_of_band(client: Client) -> None:
    await client.write("Good morning.")
    await client.send("response.create", response={"conversation": "none", "input": []})
    await client.answer()


async def hears_of_a_failure(client: Client) -> None:
    response = await client.ask("Something broken?")
    assert response["status"] == "failed"


@pytest.mark.parametrize(
    ("play", "script"),
    [
        (writes, Script()),
        (speaks, Script(sentence="What time is it?")),
        (has_a_function_called, Script(answers=(CALL,))),
        (looks_back, Script()),
        (makes_mistakes, Script()),
        (asks_out_of_band, Script()),
        (hears_of_a_failure, Script(answers=(Take((Say("Well…"), Fail("It fell over."))),))),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_a_relay_changes_nothing_but_ids(play: Play, script: Script):
    async with running_server(script) as server, server.sdk() as client:
        await play(client)
        direct = client.frames
    async with relaying(script) as relay, relay.front.sdk() as client:
        await play(client)
    assert without_chance(client.frames) == without_chance(direct)


async def test_an_interrupted_answer_is_the_same_over_a_relay():
    heard = []
    for is_relayed in (False, True):
        gate = Gate()
        script = Script(
            answers=(Take((Say("One two three four five."),)),),
            speeches=(Take((Sound(600), WaitFor(gate), Sound(600))),),
        )
        async with relaying(script) as relay:
            own = {"Authorization": "Bearer sk-of-the-operator"}
            path = "/v1/realtime?model=behind"
            entrance = relay.front.sdk() if is_relayed else relay.behind.socket(path, headers=own)
            async with entrance as client:
                await client.write("Count to five.")
                await client.send("response.create")
                await gate.reached()
                await client.append(speech(700))
                await client.answer()
        heard.append([frame for frame in client.frames if frame["type"] != "session.created"])
    assert without_chance(heard[0]) == without_chance(heard[1])


def without_chance(frames: list[Frame]) -> list[Any]:
    """Return frames with ids numbered as they come, and without what is random or a matter of time.

    Words and sound of an answer flow side by side, so only what they amount to is compared.
    """
    names: dict[str, str] = {}

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(one) for key, one in value.items() if key not in _RANDOM}
        if isinstance(value, list):
            return [plain(one) for one in value]
        if isinstance(value, str):
            return _ID.sub(lambda found: names.setdefault(found[0], f"#{len(names)}"), value)
        return value

    others = [frame for frame in frames if frame["type"] not in _SPEECH]
    in_turn = [{**frame, "event_id": None} for frame in others]
    flowing = {
        kind: "".join(frame["delta"] for frame in frames if frame["type"] == kind)
        for kind in _SPEECH
    }
    return [*plain(in_turn), flowing]
