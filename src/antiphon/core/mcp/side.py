"""The MCP side of one session: its servers, and the calls that are made to them."""

from __future__ import annotations

from collections.abc import Iterable

from antiphon.core.conversation import Conversation
from antiphon.core.mcp.calls import McpCalls
from antiphon.core.mcp.item import CalledMcpTool
from antiphon.core.mcp.servers import McpServers
from antiphon.core.outgoing import Outgoing
from antiphon.core.signals import McpCallFinished, McpListingFailed, McpToolsListed
from antiphon.wire.items import Item, McpApprovalResponse

__all__ = ["McpSide", "McpSignal"]

McpSignal = McpToolsListed | McpListingFailed | McpCallFinished


class McpSide:
    """What a speech session does with MCP.

    Attributes:
        servers: Who offers tools, and which.
    """

    def __init__(self, outgoing: Outgoing, conversation: Conversation) -> None:
        self.servers = McpServers(outgoing, conversation)
        self._calls = McpCalls(outgoing, conversation)

    @property
    def dropped_signals(self) -> int:
        """How many signals came that nobody waited for any more."""
        return self.servers.dropped_signals + self._calls.dropped_signals

    @property
    def busy(self) -> bool:
        """Whether a tool is being called."""
        return self._calls.busy

    def begin(self, calls: Iterable[CalledMcpTool]) -> None:
        """Make the calls whose arguments are whole, or ask for approval first."""
        for call in calls:
            self._calls.begin(call)

    def check(self, item: Item) -> None:
        """Check an item that a client creates, before it comes into the conversation.

        Raises:
            RequestError: ``invalid_approval_request_id``; it answers what nobody has asked.
        """
        if isinstance(item, McpApprovalResponse):
            self._calls.check(item)

    def follow(self, item: Item) -> None:
        """Do what a checked item, now in the conversation, says: make a call, or give it up."""
        if isinstance(item, McpApprovalResponse):
            self._calls.answer(item)

    def forget(self, item_id: str) -> None:
        """Note that a client has deleted an item."""
        self._calls.forget(item_id)

    def take(self, signal: McpSignal) -> bool:
        """Take news of a server; say whether the model may now be offered more tools."""
        match signal:
            case McpToolsListed():
                return self.servers.finish(signal)
            case McpListingFailed():
                self.servers.fail(signal)
            case McpCallFinished():
                self._calls.finish(signal)
        return False
