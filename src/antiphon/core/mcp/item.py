"""A call of an MCP server's tool as an item: it may outlive the response that asked for it.

Within the response the item has the frames of a call, up to ``response.output_item.done``, in
which it has no output yet. Afterwards come frames without a ``response_id``::

    response.mcp_call.in_progress, response.mcp_call.completed (or .failed), conversation.item.done

A call that was cut short before its arguments were whole is never made: it is done at once, with
an error that says so.
"""

from __future__ import annotations

from msgspec.structs import replace

from antiphon.core.mcp.offer import OfferedTool
from antiphon.core.output_items import OutputItem, Site
from antiphon.wire import server_events as sent
from antiphon.wire.items import (
    Item,
    ItemStatus,
    McpCall,
    McpError,
    McpToolExecutionError,
)

__all__ = ["CalledMcpTool"]

_CUT_SHORT = McpToolExecutionError(
    message="The response ended before the call was whole, so it was not made."
)


class CalledMcpTool(OutputItem):
    """A call of an MCP server's tool.

    Attributes:
        tool: What is called.
        arguments: The arguments as a JSON text.
    """

    def __init__(self, site: Site, tool: OfferedTool) -> None:
        super().__init__(site)
        assert site.conversation is not None, "out of band nobody would learn of the output"
        self.tool = tool
        self.arguments = ""

    def write(self, arguments: str) -> None:
        """Append JSON text to the arguments."""
        self.arguments += arguments
        self._outgoing.send(
            sent.ResponseMcpCallArgumentsDelta(
                **self._in_item(),
                delta=arguments,
                obfuscation=self._outgoing.padding_for(arguments),
            )
        )

    # --- after the response -----------------------------------------------------------------------

    def await_approval(self, request_id: str) -> None:
        """Note under which id the client is asked for approval."""
        self._amend(approval_request_id=request_id)

    def run(self) -> None:
        """Tell that the call is being made."""
        self._outgoing.send(
            sent.ResponseMcpCallInProgress(
                event_id=self._outgoing.event_id(), item_id=self.id, output_index=self.output_index
            )
        )

    def succeed(self, output: str) -> None:
        """Tell what the tool returned."""
        item = self._amend(output=output)
        self._outgoing.send(
            sent.ResponseMcpCallCompleted(
                event_id=self._outgoing.event_id(), item_id=self.id, output_index=self.output_index
            )
        )
        self._send_item_done(item)

    def fail(self, error: McpError) -> None:
        """Tell why there will be no output."""
        item = self._amend(error=error)
        self._outgoing.send(
            sent.ResponseMcpCallFailed(
                event_id=self._outgoing.event_id(), item_id=self.id, output_index=self.output_index
            )
        )
        self._send_item_done(item)

    def _amend(self, **changes: object) -> Item:
        assert self._entry is not None
        self._entry.item = replace(self._entry.item, **changes)
        return self._entry.item

    # --- within the response ----------------------------------------------------------------------

    def _announced(self) -> Item:
        return self._call()

    def _final(self, status: ItemStatus) -> Item:
        return self._call(None if status == "completed" else _CUT_SHORT)

    def _is_done(self, status: ItemStatus) -> bool:
        return status != "completed"  # a whole call has still to be made

    def _open_part(self) -> None:
        """A call has no content parts."""

    def _close_part(self) -> None:
        self._outgoing.send(
            sent.ResponseMcpCallArgumentsDone(**self._in_item(), arguments=self.arguments)
        )

    def _call(self, error: McpError | None = None) -> McpCall:
        return McpCall(
            id=self.id,
            server_label=self.tool.server.label,
            name=self.tool.name,
            arguments=self.arguments,
            error=error,
        )
