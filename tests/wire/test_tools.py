import json
from typing import Any

import msgspec
import pytest

from antiphon.errors import RequestError
from antiphon.wire.codec import decode_client_event
from antiphon.wire.refusal import InvalidFieldError
from antiphon.wire.tools import (
    FunctionTool,
    FunctionToolChoice,
    McpApprovalFilter,
    McpTool,
    McpToolChoice,
    McpToolFilter,
    Tool,
    ToolChoice,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("auto", "auto"),
        ("none", "none"),
        ("required", "required"),
        ({"type": "function", "name": "f"}, FunctionToolChoice(name="f")),
        ({"type": "mcp", "server_label": "s"}, McpToolChoice(server_label="s")),
    ],
)
def test_forms_of_a_tool_choice(value, expected) -> None:
    assert msgspec.convert(value, ToolChoice) == expected


@pytest.mark.parametrize("value", ["always", {"type": "function"}, {"type": "web_search"}, None])
def test_other_tool_choices_are_refused(value) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(value, ToolChoice)


def test_a_null_description_is_a_description() -> None:
    tool = msgspec.convert({"type": "function", "name": "f", "description": None}, Tool)
    assert tool == FunctionTool(name="f", description=None)


@pytest.mark.parametrize("name", ["f", "get_weather", "Get-Weather-2", "x" * 128])
def test_a_function_may_have_these_names(name) -> None:
    assert msgspec.convert({"type": "function", "name": name}, Tool) == FunctionTool(name=name)


@pytest.mark.parametrize(
    "name", ["", "get weather", "get.weather", 'x"', "</tool_call>", "wetter_€", "f\n", "x" * 129]
)
@pytest.mark.parametrize("event", ["session.update", "response.create"])
def test_a_function_may_have_no_other_names(event, name) -> None:
    settings: dict[str, Any] = {
        "tools": [{"type": "function", "name": "fine"}, {"type": "function", "name": name}]
    }
    field = event.partition(".")[0]
    if field == "session":
        settings |= {"type": "realtime"}
    with pytest.raises(RequestError) as refusal:
        decode_client_event(json.dumps({"type": event, field: settings}))
    assert refusal.value.param == f"{field}.tools[1].name"


@pytest.mark.parametrize("place", ["server_url", "tunnel_id"])
def test_an_mcp_server_needs_one_place(place) -> None:
    tool = msgspec.convert({"server_label": "s", place: "somewhere"}, McpTool)
    assert getattr(tool, place) == "somewhere"


def test_an_mcp_server_without_a_place_is_refused() -> None:
    with pytest.raises(InvalidFieldError) as caught:
        McpTool(server_label="s")
    assert caught.value.field == "server_url"
    assert caught.value.code == "missing_required_parameter"


def test_tools_can_be_picked_by_name_and_by_filter() -> None:
    tool = msgspec.convert(
        {
            "server_label": "s",
            "server_url": "https://mcp.example",
            "allowed_tools": ["a", "b"],
            "require_approval": {"never": {"tool_names": ["a"]}},
        },
        McpTool,
    )
    assert tool.allowed_tools == ("a", "b")
    assert tool.require_approval == McpApprovalFilter(never=McpToolFilter(tool_names=("a",)))
