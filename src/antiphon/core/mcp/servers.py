"""The MCP servers of a session, and which tools each is known to have.

A server is asked for its tools as soon as the session's tools, or those of one response, name it.
That takes a while; until then the model is not offered its tools. Each listing is an item of the
conversation, and ends in one way: ``completed`` or ``failed``.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from msgspec import UNSET
from msgspec.structs import replace

from antiphon.core.conversation import Conversation, Entry
from antiphon.core.effects import ForgetMcpServer, ListMcpTools
from antiphon.core.mcp.policy import MAX_SERVERS, McpServer, allows, mcp_tools
from antiphon.core.outgoing import Outgoing
from antiphon.core.signals import McpListingFailed, McpToolsListed
from antiphon.errors import RequestError
from antiphon.wire import server_events as sent
from antiphon.wire.items import (
    Item,
    ItemReference,
    McpApprovalResponse,
    McpListedTool,
    McpListTools,
)
from antiphon.wire.tools import McpTool, Tool

__all__ = ["MAX_TOOLS", "McpServers"]

MAX_TOOLS = 128
"""Tools of one server that a model may be offered; each takes up room in every prompt."""


class _State(Enum):
    """How far a listing has come."""

    ASKED = "asked"
    LISTED = "listed"
    FAILED = "failed"


class _Listing:
    """A server as the client named it, and what is known of its tools."""

    def __init__(self, tool: McpTool, entry: Entry) -> None:
        self.tool = tool
        self.entry = entry
        self.state = _State.ASKED
        self.tools: tuple[McpListedTool, ...] = ()

    @property
    def server(self) -> McpServer:
        """The server as it is connected to."""
        return McpServer.of(self.tool)


class McpServers:
    """What one session knows of MCP servers."""

    def __init__(self, outgoing: Outgoing, conversation: Conversation) -> None:
        self._outgoing = outgoing
        self._conversation = conversation
        self._listings: list[_Listing] = []
        self._tools: tuple[McpTool, ...] = ()  # the session's own
        self.dropped_signals = 0
        """Answers of servers that nobody waits for any more."""

    def configure(self, tools: tuple[Tool, ...]) -> None:
        """Take the session's tools: ask the servers that are new, forget those that are gone."""
        self._tools = mcp_tools(tools)
        for listing in tuple(self._listings):
            if not any(_same_listing(listing.tool, tool) for tool in self._tools):
                self._forget(listing)
        self._list(self._tools)

    def also_use(self, tools: tuple[Tool, ...]) -> None:
        """Take the tools of one response, besides the session's."""
        self._list(mcp_tools(tools))

    def listed(self, tool: McpTool) -> tuple[McpListedTool, ...]:
        """Return the tools that a server is known to have."""
        listing = self._find(tool)
        return listing.tools if listing else ()

    def check_input(self, items: Iterable[Item | ItemReference], param: str) -> None:
        """Check what a response's input has of MCP.

        Args:
            items: The input.
            param: Its path in the client's event.

        Raises:
            RequestError: ``invalid_value``; a server whose tools stand in it has not named them
                (in the words of the hosted service), or a call is to be approved by it.
        """
        ready = {one.tool.server_label for one in self._listings if one.state is _State.LISTED}
        for index, item in enumerate(items):
            entry = self._conversation.find(item.id) if isinstance(item, ItemReference) else None
            found = entry.item if entry else item
            if isinstance(found, McpListTools) and found.server_label not in ready:
                raise _not_in_cache(found.server_label, f"{param}[{index}]")
            if isinstance(item, McpApprovalResponse):
                message = "Calls are approved by conversation.item.create, not by an input."
                raise RequestError(message, code="invalid_value", param=f"{param}[{index}].type")

    def finish(self, signal: McpToolsListed) -> bool:
        """Take a server's tools; say whether the model may now be offered more."""
        listing = self._asked(signal.item_id)
        if listing is None:
            return False
        tools = tuple(tool for tool in signal.tools if allows(listing.tool, tool))
        if len(tools) > MAX_TOOLS:
            self._fail(listing)
            return False
        listing.state, listing.tools = _State.LISTED, tools
        entry = listing.entry
        entry.item = replace(entry.item, tools=tools)
        if self._conversation.find(entry.id) is entry:  # the client may have deleted it
            self._outgoing.send(
                sent.ConversationItemDone(
                    event_id=self._outgoing.event_id(),
                    previous_item_id=self._conversation.id_before(entry),
                    item=entry.item,
                )
            )
        self._outgoing.send(
            sent.McpListToolsCompleted(event_id=self._outgoing.event_id(), item_id=entry.id)
        )
        return True

    def fail(self, signal: McpListingFailed) -> None:
        """Note that a server has not named its tools."""
        listing = self._asked(signal.item_id)
        if listing is not None:
            self._fail(listing)

    def _fail(self, listing: _Listing) -> None:
        listing.state = _State.FAILED
        self._outgoing.send(
            sent.McpListToolsFailed(event_id=self._outgoing.event_id(), item_id=listing.entry.id)
        )

    def _list(self, tools: tuple[McpTool, ...]) -> None:
        for tool in tools:
            known = self._find(tool)
            if known is not None and known.state is not _State.FAILED:
                continue
            if known is not None:
                self._listings.remove(known)  # another try, another item
            self._make_room()
            self._ask(tool)

    def _ask(self, tool: McpTool) -> None:
        item = McpListTools(id=self._outgoing.item_id(), server_label=tool.server_label, tools=())
        entry = Entry(item)
        listing = _Listing(tool, entry)
        self._listings.append(listing)
        self._outgoing.send(
            sent.McpListToolsInProgress(event_id=self._outgoing.event_id(), item_id=entry.id)
        )
        previous_id = self._conversation.append(entry)
        self._outgoing.send(
            sent.ConversationItemAdded(
                event_id=self._outgoing.event_id(), previous_item_id=previous_id, item=item
            )
        )
        self._outgoing.do(ListMcpTools(entry.id, listing.server))

    def _make_room(self) -> None:
        """Forget the server of an earlier response, if there are as many as there may be."""
        if len(self._listings) >= MAX_SERVERS:
            passing = (
                listing
                for listing in self._listings
                if not any(_same_listing(listing.tool, tool) for tool in self._tools)
            )
            self._forget(next(passing, self._listings[0]))

    def _forget(self, listing: _Listing) -> None:
        self._listings.remove(listing)
        if listing.state is _State.ASKED:
            self._fail(listing)  # whoever waits for it need not any more
        if not any(one.server == listing.server for one in self._listings):
            self._outgoing.do(ForgetMcpServer(listing.server))

    def _find(self, tool: McpTool) -> _Listing | None:
        return next((one for one in self._listings if _same_listing(one.tool, tool)), None)

    def _asked(self, item_id: str) -> _Listing | None:
        """Return the listing that an answer is for, if it is waited for."""
        for listing in self._listings:
            if listing.entry.id == item_id and listing.state is _State.ASKED:
                return listing
        self.dropped_signals += 1
        return None


def _same_listing(one: McpTool, other: McpTool) -> bool:
    """Whether both lead to the same tools, whatever is to be approved and told of them."""
    return _listed_by(one) == _listed_by(other)


def _listed_by(tool: McpTool) -> McpTool:
    return replace(
        tool,
        require_approval=UNSET,
        server_description=UNSET,
        allowed_callers=UNSET,
        defer_loading=UNSET,
    )


def _not_in_cache(label: str, param: str) -> RequestError:
    message = (
        "MCP tool not found in cache, the session must have completed fetching the tools of "
        f"'{label}' before they are used. Wait for mcp_list_tools.completed."
    )
    return RequestError(message, code="invalid_value", param=param)
