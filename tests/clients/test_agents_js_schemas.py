"""What the OpenAI Agents SDK for JavaScript understands of all that the server sends.

A frame that does not fit its schemas has no effect there, and nobody is told.
"""

from __future__ import annotations

import json

import anyio

from antiphon.engines.scripted.script import Call, Fail, Say, Script, Sound, Stop, Take
from tests.clients.environments import environment_of
from tests.clients.programs import run_on_node
from tests.clients.story import COUNT
from tests.support.client import Client
from tests.support.mcp_server import THIS_MACHINE, McpProcess, mcp_process
from tests.support.server import running_server
from tests.support.sound import silence, speech

TURN = speech(700) + silence(800)

TOOL = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}

SCRIPT = Script(
    answers=(
        Take((Fail("The model fell over."),), when="fail"),
        Take((Say("I would rather"), Stop("content_filter")), when="forbidden"),
        Take((Say(COUNT),), when="count"),
        Take((Call("add", '{"a": 1, "b": 2}'),), when="add"),
        Take((Call("erase", '{"path": "/tmp"}'),), when="erase"),
    ),
    speeches=(Take((Sound(60_000, every_ms=20),), when="one two"),),
    transcriptions=(Take((Fail("Only noise."),), when="noise"),),
)


async def a_spoken_turn(client: Client) -> None:
    await client.update(audio={"input": {"transcription": {"model": "whisper-1"}}})
    await client.append(TURN)
    await client.answer()
    for frame in client.of("conversation.item.done"):
        item_id = frame["item"]["id"]
        await client.send("conversation.item.retrieve", item_id=item_id)
        await client.until("conversation.item.retrieved")
        await client.send("conversation.item.delete", item_id=item_id)
        await client.until("conversation.item.deleted")


async def a_turn_that_is_not_understood(client: Client) -> None:
    transcription = {"model": "whisper-1", "prompt": "noise"}
    await client.update(audio={"input": {"transcription": transcription}})
    await client.append(TURN)
    await client.until("conversation.item.input_audio_transcription.failed")


async def a_function_call(client: Client) -> None:
    await client.update(output_modalities=["text"], tools=[TOOL], tool_choice="required")
    (called,) = (await client.ask("Weather?", metadata={"purpose": "a test"}))["output"]
    output = {"type": "function_call_output", "call_id": called["call_id"], "output": "Rain."}
    await client.send("conversation.item.create", item=output)
    await client.send("response.create", response={"tool_choice": "none"})
    await client.answer()
    await client.send("conversation.item.retrieve", item_id=called["id"])
    await client.until("conversation.item.retrieved")


async def an_interruption(client: Client) -> None:
    await client.write("Count.")
    await client.send("response.create")
    spoken = await client.until("response.output_audio.delta")
    await client.append(TURN)
    await client.answer()
    await client.send(
        "conversation.item.truncate", item_id=spoken["item_id"], content_index=0, audio_end_ms=50
    )
    await client.until("conversation.item.truncated")
    await client.send("conversation.item.retrieve", item_id=spoken["item_id"])
    await client.until("conversation.item.retrieved")


async def answers_that_end_early(client: Client) -> None:
    await client.ask("Fail.")
    await client.ask("Say something forbidden.")
    await client.ask("Count.", max_output_tokens=1)


async def refusals(client: Client) -> None:
    await client.send("response.cancel", event_id="the-cancel")
    assert (await client.next())["type"] == "error"
    await client.send("nonsense")
    assert (await client.next())["type"] == "error"
    await client.send("input_audio_buffer.clear")
    await client.until("input_audio_buffer.cleared")


async def mcp_calls(client: Client, box: McpProcess) -> None:
    await client.update(
        output_modalities=["text"],
        tools=[box.tool(require_approval={"never": {"read_only": True}})],
    )
    await client.until("mcp_list_tools.completed")
    for listed in client.of("mcp_list_tools.in_progress"):
        await client.send("conversation.item.retrieve", item_id=listed["item_id"])
        await client.until("conversation.item.retrieved")
    await client.ask("Add.")
    await client.until("response.mcp_call.completed")
    await client.ask("Erase.")
    request = (await client.until("conversation.item.done"))["item"]
    while request["type"] != "mcp_approval_request":
        request = (await client.until("conversation.item.done"))["item"]
    approval = {
        "type": "mcp_approval_response",
        "approval_request_id": request["id"],
        "approve": False,
        "reason": "too risky",
    }
    await client.send("conversation.item.create", item=approval, previous_item_id=request["id"])
    await client.until("response.mcp_call.failed")
    await client.update(tools=[box.tool("/broken", server_label="broken")])
    await client.until("mcp_list_tools.failed")


UNKNOWN = {"response.mcp_call.failed"}
"""The SDK has no schema for it. It learns of the failure from the item, which is done then."""

SESSIONS = (
    a_spoken_turn,
    a_turn_that_is_not_understood,
    a_function_call,
    an_interruption,
    answers_that_end_early,
    refusals,
)


async def test_every_frame_fits_its_schema(tmp_path):
    frames = []
    async with running_server(SCRIPT, allow_private_addresses=THIS_MACHINE) as server:
        for hold in SESSIONS:
            async with server.sdk() as client:
                await hold(client)
            frames += client.frames
        with mcp_process() as box:
            async with server.sdk() as client:
                await mcp_calls(client, box)
            frames += client.frames
    recording = anyio.Path(tmp_path, "frames.jsonl")
    await recording.write_text("".join(f"{json.dumps(frame)}\n" for frame in frames))
    environment = environment_of("node")
    told = await run_on_node(environment, "agents_schemas.mjs", tmp_path, str(recording))
    assert len(told) == len(frames)
    assert {one["type"] for one in told if one["told"] == "demoted"} == UNKNOWN
