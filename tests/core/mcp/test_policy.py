from typing import Any

import msgspec
import pytest

from antiphon.core.mcp.policy import (
    MAX_SERVERS,
    McpServer,
    allows,
    needs_approval,
)
from antiphon.wire.tools import McpTool
from tests.core.mcp.support import ERASE, READ, McpRig, server

SECRETS = ("pass-word", "to-ken", "hea-der")
SECRETIVE = server(
    server_url="https://ann:pass-word@files.example.org/mcp",
    authorization="to-ken",
    headers={"X-Key": "hea-der"},
)


def tool(**fields: Any) -> McpTool:
    return msgspec.convert(server(**fields), McpTool)


@pytest.mark.parametrize(
    ("allowed", "read", "erase"),
    [
        (None, True, True),
        ([], False, False),
        (["erase"], False, True),
        ({}, True, True),
        ({"tool_names": ["read"]}, True, False),
        ({"read_only": True}, True, False),
        ({"read_only": False}, False, True),
        ({"tool_names": ["erase"], "read_only": True}, False, False),
    ],
)
def test_which_tools_are_allowed(allowed, read, erase) -> None:
    named = tool(allowed_tools=allowed)
    assert (allows(named, READ), allows(named, ERASE)) == (read, erase)


@pytest.mark.parametrize(
    ("rule", "read", "erase"),
    [
        (None, True, True),
        ("always", True, True),
        ("never", False, False),
        ({}, True, True),
        ({"never": {}}, True, True),
        ({"never": {"read_only": True}}, False, True),
        ({"never": {"tool_names": ["erase"]}}, True, False),
        ({"always": {"tool_names": ["read"]}}, True, True),
        ({"always": {"tool_names": ["erase"]}, "never": {"tool_names": ["erase"]}}, True, True),
        ({"always": {"tool_names": ["erase"]}, "never": {"tool_names": ["read"]}}, False, True),
    ],
)
def test_which_calls_need_approval(rule, read, erase) -> None:
    named = tool(require_approval=rule)
    assert (needs_approval(named, READ), needs_approval(named, ERASE)) == (read, erase)


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"connector_id": "connector_gmail"}, "not_implemented", "connector_id"),
        ({"tunnel_id": "tunnel_1"}, "not_implemented", "tunnel_id"),
        ({"defer_loading": True}, "not_implemented", "defer_loading"),
        ({"allowed_callers": ["direct", "programmatic"]}, "not_implemented", "allowed_callers"),
        ({"server_url": "file:///etc/passwd"}, "invalid_value", "server_url"),
        ({"server_url": "https:///mcp"}, "invalid_value", "server_url"),
        ({"server_url": "http://[::1/mcp"}, "invalid_value", "server_url"),
        ({"server_url": "http://host:99999/mcp"}, "invalid_value", "server_url"),
        ({"headers": {"X Team": "red"}}, "invalid_value", "headers"),
        ({"headers": {"X-Team": "red\r\nX-Other: 1"}}, "invalid_value", "headers"),
        ({"authorization": "a\nb"}, "invalid_value", "authorization"),
    ],
)
def test_a_server_that_cannot_be_used_is_refused_by_name(fields, code, field) -> None:
    rig = McpRig()
    before = rig.state()
    (error,) = rig.use(server(**fields))
    assert error["error"]["code"] == code
    assert error["error"]["param"] == f"session.tools[0].{field}"
    assert rig.state() == before


@pytest.mark.parametrize("fields", [{"defer_loading": False}, {"allowed_callers": ["direct"]}])
def test_what_is_the_case_anyway_may_be_asked_for(fields) -> None:
    assert McpRig().use(server(**fields))[0]["type"] == "session.updated"


def test_a_label_is_given_once() -> None:
    (error,) = McpRig().use(server(), server(server_url="https://other.example.org"))
    assert error["error"]["param"] == "session.tools[1].server_label"


def test_there_is_a_limit_to_servers() -> None:
    (error,) = McpRig().use(*(server(f"s{number}") for number in range(MAX_SERVERS + 1)))
    assert error["error"]["message"] == "17 MCP servers are too many; a session may use 16."


def test_a_token_becomes_a_header_in_the_place_of_one() -> None:
    named = tool(authorization="new", headers={"authorization": "old", "X-Team": "red"})
    assert dict(McpServer.of(named).headers) == {"Authorization": "Bearer new", "X-Team": "red"}


def test_no_frame_and_no_representation_tells_a_secret() -> None:
    rig = McpRig()
    rig.use(SECRETIVE)
    begun = McpRig(rig.session.settings)
    rig.names(READ)
    rig.called("read")
    rig.use({**SECRETIVE, "headers": {"X Key": "hea-der"}})
    rig.use({**SECRETIVE, "server_url": "ftp://ann:pass-word@files.example.org"})
    told = msgspec.json.encode([*rig.frames, *begun.frames]).decode()
    assert "https://files.example.org/mcp" in told
    shown = told + repr(rig.log) + repr(rig.session.settings)
    assert not [secret for secret in SECRETS if secret in shown]
