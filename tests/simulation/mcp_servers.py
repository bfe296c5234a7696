"""MCP servers as the core sees them: they name tools, answer, fail and die, whenever they like."""

from collections.abc import Iterator

from antiphon.core.effects import CallMcpTool, ListMcpTools
from antiphon.core.signals import McpCallFinished, McpListingFailed, McpToolsListed, Signal
from antiphon.wire.items import (
    McpError,
    McpHttpError,
    McpListedTool,
    McpProtocolError,
    McpToolExecutionError,
)
from tests.simulation.dice import Dice
from tests.support.ledger import Frame

__all__ = ["LABELS", "McpServers", "random_server"]

LABELS = ("files", "weather")


def _tool(name: str, *, only_reads: bool = False) -> McpListedTool:
    return McpListedTool(
        name=name,
        input_schema={"type": "object"},
        description="",
        annotations={"readOnlyHint": True} if only_reads else None,
    )


_TOOLS = {
    "files": (_tool("read", only_reads=True), _tool("erase"), _tool("look_up")),
    "weather": (_tool("read", only_reads=True), _tool("ask the sky")),
}

_APPROVALS: tuple[object, ...] = (
    None,
    "always",
    "never",
    "never",
    {"never": {"read_only": True}},
    {"never": {"tool_names": ["erase"]}},
    {"never": {}},
    {"always": {"tool_names": ["erase"]}, "never": {"tool_names": ["erase", "read"]}},
    {"always": {"read_only": True}},
)
_ALLOWED: tuple[object, ...] = (
    None,
    None,
    ["read"],
    {"read_only": True},
    {"tool_names": ["erase"]},
)

_ERRORS = (
    McpProtocolError(code=-32050, message="no such thing"),
    McpToolExecutionError(message="the disk is full"),
    McpHttpError(code=502, message="The MCP server broke the connection off."),
)


def random_server(dice: Dice) -> Frame:
    """Return the tool of a session that names a server."""
    label = dice.choice(LABELS)
    server: Frame = {
        "type": "mcp",
        "server_label": label,
        "server_url": f"https://{label}.example.org/mcp",
    }
    choices = {"require_approval": _APPROVALS, "allowed_tools": _ALLOWED}
    server |= {key: dice.choice(values) for key, values in choices.items() if dice.chance(0.7)}
    if dice.chance(0.2):
        server["authorization"] = "opensesame"
    return server


class McpServers:
    """The MCP servers of one session.

    Attributes:
        calls: What they were asked for.
    """

    def __init__(self, dice: Dice) -> None:
        self.calls: list[CallMcpTool] = []
        self._dice = dice

    def name_tools(self, effect: ListMcpTools) -> Iterator[Signal]:
        """Say which tools there are."""
        if self._dice.chance(0.15):
            yield McpListingFailed(effect.item_id)
        else:
            yield McpToolsListed(effect.item_id, _TOOLS[effect.server.label])

    def call(self, effect: CallMcpTool) -> Iterator[Signal]:
        """Make a call."""
        self.calls.append(effect)
        results: list[str | McpError] = ["", "42", "It is done, and well.", *_ERRORS]
        result = self._dice.choice(results)
        return iter([McpCallFinished(effect.item_id, result)])
