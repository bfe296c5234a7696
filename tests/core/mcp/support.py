"""A session with an MCP server, its tools and its calls by script."""

from typing import Any

from antiphon.core.effects import CallMcpTool, ListMcpTools
from antiphon.core.signals import McpCallFinished, McpToolsListed
from antiphon.wire.items import McpError, McpListedTool
from tests.core.support import Frame, Rig, called

__all__ = ["ERASE", "READ", "McpRig", "listed", "server"]


def listed(name: str, *, only_reads: bool = False) -> McpListedTool:
    """Return a tool as a server lists it."""
    annotations = {"readOnlyHint": True} if only_reads else None
    return McpListedTool(
        name=name, input_schema={"type": "object"}, description="", annotations=annotations
    )


READ = listed("read", only_reads=True)
ERASE = listed("erase")


def server(label: str = "files", **fields: Any) -> Frame:
    """Return the tool of a session that names a server."""
    return {
        "type": "mcp",
        "server_label": label,
        "server_url": f"https://{label}.example.org/mcp",
        **fields,
    }


class McpRig(Rig):
    """A session on the bench that uses MCP."""

    def use(self, *tools: Frame, **session: object) -> list[Frame]:
        """Give the session tools, and return the frames that led to."""
        update = {"type": "realtime", "tools": list(tools), **session}
        return self.send("session.update", session=update)

    def names(self, *tools: McpListedTool, nth: int = -1) -> list[Frame]:
        """Have a server name its tools."""
        return self.feed(McpToolsListed(self.effects(ListMcpTools)[nth].item_id, tools))

    def offer(self, *tools: McpListedTool, **fields: Any) -> None:
        """Give the session a server that has tools."""
        self.use(server(**fields))
        self.names(*tools)

    def called(self, name: str, arguments: str = '{"path": "/tmp"}') -> list[Frame]:
        """Have a new response call a tool, and end."""
        self.send("response.create")
        return self.feed(*called(self.plan.response_id, name, arguments))

    def returns(self, result: str | McpError) -> list[Frame]:
        """Have the newest call end."""
        return self.feed(McpCallFinished(self.calls[-1].item_id, result))

    def approve(self, request_id: str, *, approve: bool = True, **fields: object) -> list[Frame]:
        """Answer a request for approval."""
        item = {
            "type": "mcp_approval_response",
            "approval_request_id": request_id,
            "approve": approve,
            **fields,
        }
        return self.send("conversation.item.create", item=item, previous_item_id=request_id)

    @property
    def calls(self) -> list[CallMcpTool]:
        """All calls that were made."""
        return self.effects(CallMcpTool)

    @property
    def offered(self) -> list[str]:
        """Names of what the newest response may call."""
        return [tool.name for tool in self.plan.tools]
