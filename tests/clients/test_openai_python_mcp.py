"""A client of the official SDK has the server use an MCP server's tools."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from antiphon.engines.scripted.script import Call, Script, Take
from tests.support.client import Client, Frame, transcript_of, types
from tests.support.mcp_server import THIS_MACHINE, McpProcess, mcp_process
from tests.support.server import running_server

ADD = Script(answers=(Take((Call("add", '{"a": 2, "b": 3}'),)),))
ERASE = Script(answers=(Take((Call("erase", '{"path": "/tmp"}'),)),))


@pytest.fixture(scope="module")
def box() -> Iterator[McpProcess]:
    with mcp_process() as process:
        yield process


async def use(client: Client, tool: Frame) -> None:
    await client.update(output_modalities=["text"], tools=[tool])
    await client.until("mcp_list_tools.completed")


async def answer_with_what_is_known(client: Client) -> str:
    await client.send("response.create", response={"tool_choice": "none"})
    return transcript_of(await client.answer())


async def test_an_answer_uses_what_a_tool_returned(box):
    async with (
        running_server(ADD, allow_private_addresses=THIS_MACHINE) as server,
        server.sdk() as client,
    ):
        await use(client, box.tool())
        (called,) = (await client.ask("How much is two and three?"))["output"]
        assert called["type"] == "mcp_call"
        await client.until("response.mcp_call.completed")
        done = await client.until("conversation.item.done")
        assert (done["item"]["id"], done["item"]["output"]) == (called["id"], "5")
        assert await answer_with_what_is_known(client) == "The function answered: 5."


@pytest.mark.parametrize("approve", [True, False])
async def test_a_call_waits_for_the_clients_word(box, approve):
    async with (
        running_server(ERASE, allow_private_addresses=THIS_MACHINE) as server,
        server.sdk() as client,
    ):
        await use(client, box.tool(require_approval={"never": {"read_only": True}}))
        await client.ask("Tidy up.")
        asked = (await client.until("conversation.item.done"))["item"]
        assert asked["type"] == "mcp_approval_request"
        item = {
            "type": "mcp_approval_response",
            "approval_request_id": asked["id"],
            "approve": approve,
        }
        await client.send("conversation.item.create", item=item)
        ending = "completed" if approve else "failed"
        frames = await client.collect(f"response.mcp_call.{ending}")
        assert ("response.mcp_call.in_progress" in types(frames)) == approve
        said = await answer_with_what_is_known(client)
        assert ("/tmp is gone" in said) == approve
        assert ("did not approve" in said) != approve


async def test_a_client_secret_brings_the_server_its_token_and_nobody_else(box):
    tool = box.tool("/locked", authorization="opensesame")
    async with running_server(ADD, api_keys=(), allow_private_addresses=THIS_MACHINE) as server:
        body = {"session": {"type": "realtime", "tools": [tool]}}
        minted = await server.request("POST", "/v1/realtime/client_secrets", json=body)
        assert minted.status_code == 200, minted.text
        async with server.sdk(api_key=minted.json()["value"]) as client:
            await client.until("mcp_list_tools.completed")
            told = repr(client.frames)
    assert "opensesame" not in minted.text + told


async def test_a_session_that_ends_leaves_no_call_behind(box):
    waiting = Script(answers=(Take((Call("wait", "{}"),)),))
    async with running_server(waiting, allow_private_addresses=THIS_MACHINE) as server:
        async with server.sdk() as client:
            await use(client, box.tool())
            await client.ask("Wait.")
            await client.until("response.mcp_call.in_progress")
        await server.wait_until_empty()
