"""The calls of MCP tools that have not ended: approved by the client first, where that is due.

A call is made at most once, and never before the approval that it needs. What comes of it is told
whether or not the response that asked for it has ended; no further response is created.
"""

from __future__ import annotations

from typing import Any

import msgspec

from antiphon.core.conversation import Conversation, Entry
from antiphon.core.effects import CallMcpTool
from antiphon.core.listening import announce
from antiphon.core.mcp.item import CalledMcpTool
from antiphon.core.outgoing import Outgoing
from antiphon.core.signals import McpCallFinished
from antiphon.errors import RequestError
from antiphon.wire.items import (
    McpApprovalRequest,
    McpApprovalResponse,
    McpProtocolError,
    McpToolExecutionError,
)

__all__ = ["MAX_ARGUMENTS_CHARS", "MAX_CALLS", "MAX_OUTPUT_CHARS", "McpCalls"]

MAX_CALLS = 16
"""Calls that a session may have under way at once, waiting for approval or for the server."""

MAX_ARGUMENTS_CHARS = 65_536
"""Arguments of one call. What a model writes in earnest is far shorter."""

MAX_OUTPUT_CHARS = 131_072
"""Output of one call. A frame of it stays under 1 MiB, which is the most that some clients take,
and a model reads it again in every later prompt."""

INVALID_PARAMS = -32602
"""Error code of JSON-RPC 2.0, section 5.1, for arguments that a method cannot take."""


class McpCalls:
    """The calls under way in one session."""

    def __init__(self, outgoing: Outgoing, conversation: Conversation) -> None:
        self._outgoing = outgoing
        self._conversation = conversation
        self._unapproved: dict[str, CalledMcpTool] = {}  # by the id of the approval request
        self._running: dict[str, CalledMcpTool] = {}  # by the id of the call's item
        self.dropped_signals = 0
        """Results of calls that nobody waits for."""

    @property
    def busy(self) -> bool:
        """Whether a call is being made."""
        return bool(self._running)

    def begin(self, call: CalledMcpTool) -> None:
        """Make a call whose arguments are whole, or ask for approval first."""
        arguments = _object(call.arguments)
        if len(call.arguments) > MAX_ARGUMENTS_CHARS:
            message = (
                f"The arguments have {len(call.arguments)} characters; at most "
                f"{MAX_ARGUMENTS_CHARS} are sent to a tool."
            )
            call.fail(McpProtocolError(code=INVALID_PARAMS, message=message))
        elif arguments is None:
            message = "The arguments that the model wrote are not a JSON object."
            call.fail(McpProtocolError(code=INVALID_PARAMS, message=message))
        elif len(self._running) + len(self._unapproved) >= MAX_CALLS:
            message = f"{MAX_CALLS} calls are under way already, which is the most at once."
            call.fail(McpToolExecutionError(message=message))
        elif call.tool.needs_approval:
            self._ask(call)
        else:
            self._make(call, arguments)

    def check(self, answer: McpApprovalResponse) -> None:
        """Check that an approval has been asked for, and is not given or refused yet.

        Raises:
            RequestError: ``invalid_approval_request_id``.
        """
        if answer.approval_request_id not in self._unapproved:
            message = (
                f"Approval request ID '{answer.approval_request_id}' not found among those that "
                "wait for an answer. Each request is answered once."
            )
            param = "item.approval_request_id"
            raise RequestError(message, code="invalid_approval_request_id", param=param)

    def answer(self, answer: McpApprovalResponse) -> None:
        """Make a call that the client approves, end one that it does not. Checked before."""
        call = self._unapproved.pop(answer.approval_request_id)
        if answer.approve:
            arguments = _object(call.arguments)
            assert arguments is not None, "nobody is asked to approve anything else"
            self._make(call, arguments)
        else:
            reason = f": {answer.reason}" if answer.reason else "."
            message = f"The user did not approve the call, so it was not made{reason}"
            call.fail(McpToolExecutionError(message=message))

    def finish(self, signal: McpCallFinished) -> None:
        """Tell what came of a call."""
        call = self._running.pop(signal.item_id, None)
        if call is None:
            self.dropped_signals += 1
        elif not isinstance(signal.result, str):
            call.fail(signal.result)
        elif len(signal.result) > MAX_OUTPUT_CHARS:
            message = (
                f"The tool returned {len(signal.result)} characters; at most {MAX_OUTPUT_CHARS} "
                "are taken. Ask it for less."
            )
            call.fail(McpToolExecutionError(message=message))
        else:
            call.succeed(signal.result)

    def forget(self, item_id: str) -> None:
        """Note that the client has deleted an item: what it stood for is not approved any more."""
        for request_id, call in tuple(self._unapproved.items()):
            if item_id in (request_id, call.id):
                del self._unapproved[request_id]
                message = "The request for approval was withdrawn, so the call was not made."
                call.fail(McpToolExecutionError(message=message))

    def _ask(self, call: CalledMcpTool) -> None:
        request = McpApprovalRequest(
            id=self._outgoing.item_id(),
            server_label=call.tool.server.label,
            name=call.tool.name,
            arguments=call.arguments,
        )
        self._unapproved[request.id] = call
        call.await_approval(request.id)
        entry = Entry(request)
        announce(entry, self._conversation.append(entry), self._outgoing)

    def _make(self, call: CalledMcpTool, arguments: dict[str, Any]) -> None:
        self._running[call.id] = call
        call.run()
        self._outgoing.do(CallMcpTool(call.id, call.tool.server, call.tool.name, arguments))


def _object(text: str) -> dict[str, Any] | None:
    """Return the arguments in a JSON text, ``None`` if it is something else.

    Models that have no arguments to give may write nothing at all.
    """
    try:
        return msgspec.json.decode(text or "{}", type=dict[str, Any])
    except msgspec.DecodeError:
        return None
