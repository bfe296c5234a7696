import msgspec

from antiphon.core.mcp.offer import offer
from antiphon.wire.tools import FunctionTool, McpTool
from tests.core.mcp.support import ERASE, READ, server


def test_tools_keep_their_names_where_those_are_unique() -> None:
    one, other = (msgspec.convert(server(label), McpTool) for label in ("one", "other"))
    offered = offer((one, other), lambda tool: (READ,) if tool is one else (ERASE,))
    assert [function.name for function in offered.functions] == ["read", "erase"]
    assert offered.mcp_tools["erase"].server.label == "other"


def test_where_names_clash_the_label_goes_before() -> None:
    mine = FunctionTool(name="read")
    one, other = (msgspec.convert(server(label), McpTool) for label in ("one", "other"))
    offered = offer((mine, one, other), lambda _tool: (READ, ERASE))
    names = ["read", "one_read", "one_erase", "other_read", "other_erase"]
    assert [function.name for function in offered.functions] == names
    assert offered.mcp_tools["other_read"].name == "read"
    assert "read" not in offered.mcp_tools


def test_no_two_have_one_name_whatever_servers_call_them() -> None:
    mine = (FunctionTool(name="read"), FunctionTool(name="one_read"))
    one = msgspec.convert(server("one"), McpTool)
    offered = offer((*mine, one), lambda _tool: (READ, READ))
    names = [function.name for function in offered.functions]
    assert len(set(names)) == len(names) == 4


def test_the_model_reads_what_the_server_is_for() -> None:
    one = msgspec.convert(server(server_description="The team's files."), McpTool)
    (function,) = offer((one,), lambda _tool: (READ,)).functions
    assert function.description == "The team's files."
