import pytest

from antiphon.core.effects import ForgetMcpServer, ListMcpTools, WarmPrompt
from antiphon.core.mcp.policy import MAX_SERVERS
from antiphon.core.mcp.servers import MAX_TOOLS
from antiphon.core.signals import McpListingFailed, McpToolsListed
from tests.core.mcp.support import ERASE, READ, McpRig, listed, server
from tests.core.support import types


def test_a_server_is_asked_as_soon_as_it_is_named_and_its_item_can_be_retrieved() -> None:
    rig = McpRig()
    frames = rig.use(server())
    assert types(frames) == [
        "session.updated",
        "mcp_list_tools.in_progress",
        "conversation.item.added",
    ]
    item = rig.item(frames[1]["item_id"])
    assert (item["type"], item["server_label"], item["tools"]) == ("mcp_list_tools", "files", [])


def test_the_tools_stand_in_the_item_and_in_the_next_response() -> None:
    rig = McpRig()
    rig.use(server())
    done, completed = rig.names(READ, ERASE)
    assert [tool["name"] for tool in done["item"]["tools"]] == ["read", "erase"]
    assert completed["item_id"] == done["item"]["id"]
    assert [tool.name for tool in rig.effects(WarmPrompt)[-1].tools] == ["read", "erase"]
    rig.send("response.create")
    assert rig.offered == ["read", "erase"]


def test_a_response_that_comes_before_the_tools_goes_without_them() -> None:
    rig = McpRig()
    rig.use(server())
    rig.send("response.create")
    assert rig.offered == []


def test_a_server_that_fails_is_tried_again_when_it_is_named_again() -> None:
    rig = McpRig()
    rig.use(server())
    (failed,) = rig.feed(McpListingFailed(rig.effects(ListMcpTools)[-1].item_id))
    assert failed["type"] == "mcp_list_tools.failed"
    assert "mcp_list_tools.in_progress" in types(rig.use(server()))


@pytest.mark.parametrize("change", [{}, {"require_approval": "never"}])
def test_the_same_server_is_not_asked_twice(change) -> None:
    rig = McpRig()
    rig.offer(READ)
    assert types(rig.use(server(**change))) == ["session.updated"]
    rig.send("response.create")
    assert rig.offered == ["read"]


@pytest.mark.parametrize(
    "change",
    [
        {"authorization": "another"},
        {"headers": {"X-Team": "red"}},
        {"server_url": "https://elsewhere.example.org/mcp"},
        {"allowed_tools": ["read"]},
    ],
)
def test_a_server_with_other_settings_is_asked_anew(change) -> None:
    rig = McpRig()
    rig.offer(READ, ERASE)
    assert "mcp_list_tools.in_progress" in types(rig.use(server(**change)))
    rig.send("response.create")
    assert rig.offered == []


def test_a_server_that_is_gone_is_forgotten_with_what_it_still_says() -> None:
    rig = McpRig()
    frames = rig.use(server())
    asked = rig.effects(ListMcpTools)[-1]
    assert types(rig.use()) == ["session.updated", "mcp_list_tools.failed"]
    assert rig.effects(ForgetMcpServer)[-1].server == asked.server
    assert rig.feed(McpToolsListed(frames[1]["item_id"], (READ,))) == []
    assert rig.session.dropped_signals == 1
    rig.send("response.create")
    assert rig.offered == []


def test_a_session_that_begins_with_a_server_asks_it_at_once() -> None:
    rig = McpRig()
    rig.use(server())
    begun = McpRig(rig.session.settings)
    assert types(begun.frames) == [
        "session.created",
        "mcp_list_tools.in_progress",
        "conversation.item.added",
    ]


def test_the_tools_of_one_response_are_listed_for_the_next_one_that_names_them() -> None:
    rig = McpRig()
    params = {"tools": [server()]}
    frames = rig.send("response.create", response=params)
    assert types(frames)[0] == "mcp_list_tools.in_progress"
    rig.answer("Not yet.")
    rig.names(READ)
    assert types(rig.send("response.create", response=params)) == ["response.created"]
    assert rig.offered == ["read"]
    rig.answer("Now.")
    rig.send("response.create")
    assert rig.offered == []


def test_servers_of_earlier_responses_make_room_for_others() -> None:
    rig = McpRig()
    rig.use(server("own"))
    for number in range(MAX_SERVERS + 3):
        rig.send("response.create", response={"tools": [server(f"one{number}")]})
        rig.answer("Yes.")
    forgotten = [effect.server.label for effect in rig.effects(ForgetMcpServer)]
    assert forgotten == ["one0", "one1", "one2", "one3"]


def test_more_tools_than_a_model_can_be_offered_are_a_failure() -> None:
    rig = McpRig()
    rig.use(server())
    many = [listed(f"tool{number}") for number in range(MAX_TOOLS + 1)]
    assert types(rig.names(*many)) == ["mcp_list_tools.failed"]


def test_an_allowed_choice_of_many_tools_is_none() -> None:
    rig = McpRig()
    rig.use(server(allowed_tools=["tool3"]))
    many = [listed(f"tool{number}") for number in range(MAX_TOOLS + 1)]
    done, _ = rig.names(*many)
    assert [tool["name"] for tool in done["item"]["tools"]] == ["tool3"]


def test_a_deleted_listing_is_completed_without_its_item() -> None:
    rig = McpRig()
    frames = rig.use(server())
    rig.send("conversation.item.delete", item_id=frames[1]["item_id"])
    assert types(rig.names(READ)) == ["mcp_list_tools.completed"]


@pytest.mark.parametrize(
    "item",
    [
        {"type": "mcp_list_tools", "server_label": "files", "tools": []},
        {"type": "item_reference", "id": "?"},
    ],
)
def test_an_input_with_tools_that_are_not_listed_is_refused(item) -> None:
    rig = McpRig()
    listing_id = rig.use(server())[1]["item_id"]
    item = {**item, "id": listing_id} if "id" in item else item
    before = rig.state()
    (error,) = rig.send("response.create", response={"input": [item]})
    assert error["error"]["message"].startswith("MCP tool not found in cache")
    assert error["error"]["param"] == "response.input[0]"
    assert rig.state() == before
    rig.names(READ)
    assert types(rig.send("response.create", response={"input": [item]})) == ["response.created"]
