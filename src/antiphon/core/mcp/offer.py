"""The tools of MCP servers as the model is offered them: as functions, each under its own name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from msgspec import UNSET, Struct

from antiphon.core.mcp.policy import McpServer, allows, mcp_tools, needs_approval
from antiphon.wire.items import McpListedTool
from antiphon.wire.tools import FunctionTool, McpTool, McpToolChoice, Tool

__all__ = ["ListedTools", "Offer", "OfferedTool", "nothing_listed", "offer"]

ListedTools = Callable[[McpTool], tuple[McpListedTool, ...]]
"""Says which tools a server is known to have; none, until it has named them."""


def nothing_listed(_server: McpTool) -> tuple[McpListedTool, ...]:
    """Know no tool of any server."""
    return ()


class OfferedTool(Struct, frozen=True):
    """A tool of an MCP server that the model may call.

    Attributes:
        server: Whose tool it is.
        name: What that server calls it.
        needs_approval: Whether the client has to approve each call.
    """

    server: McpServer
    name: str
    needs_approval: bool


class Offer(NamedTuple):
    """What the model may call.

    Attributes:
        functions: Everything, as the model reads it.
        mcp_tools: Those that are tools of MCP servers, by the names in ``functions``.
    """

    functions: tuple[FunctionTool, ...]
    mcp_tools: dict[str, OfferedTool]

    def chosen(self, choice: McpToolChoice) -> tuple[FunctionTool, ...]:
        """Return the functions that a choice leaves: one, or all of a server."""
        return tuple(
            function
            for function in self.functions
            if (tool := self.mcp_tools.get(function.name)) is not None
            and tool.server.label == choice.server_label
            and choice.name in (tool.name, None, UNSET)
        )


def offer(tools: tuple[Tool, ...], listed: ListedTools) -> Offer:
    """Return what the model may call.

    A tool keeps the name that its server gave it. Where the client's functions or another server's
    tools have the same one, the server's label goes before it.

    Args:
        tools: Functions of the client, and MCP servers.
        listed: Which tools the servers have.
    """
    functions = [tool for tool in tools if isinstance(tool, FunctionTool)]
    found = [
        (server, tool)
        for server in mcp_tools(tools)
        for tool in listed(server)
        if allows(server, tool)
    ]
    uses = Counter([*(one.name for one in functions), *(tool.name for _, tool in found)])
    taken = {one.name for one in functions}
    offered: dict[str, OfferedTool] = {}
    for server, tool in found:
        name = tool.name if uses[tool.name] == 1 else f"{server.server_label}_{tool.name}"
        while name in taken:
            name += "_"
        taken.add(name)
        described = f"{tool.description or ''} {server.server_description or ''}".strip()
        functions.append(
            FunctionTool(name=name, description=described, parameters=tool.input_schema)
        )
        offered[name] = OfferedTool(McpServer.of(server), tool.name, needs_approval(server, tool))
    return Offer(tuple(functions), offered)
