"""What a response may call: the client's functions and listed MCP tools, and the choice of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from msgspec import UNSET

from antiphon.core.mcp.offer import ListedTools, Offer, OfferedTool, offer
from antiphon.core.mcp.policy import check_servers, mcp_tools
from antiphon.core.plan import ToolPolicy
from antiphon.errors import RequestError
from antiphon.wire.response import ResponseCreateParams
from antiphon.wire.session import RealtimeSession
from antiphon.wire.tools import (
    FunctionTool,
    FunctionToolChoice,
    McpToolChoice,
    Tool,
    ToolChoice,
)

__all__ = ["ResolvedTools", "check_tools", "resolve_tools"]


class ResolvedTools(NamedTuple):
    """What one response may call.

    Attributes:
        functions: All of it, as the model reads it.
        mcp_tools: Those that are tools of MCP servers, by the names in ``functions``.
        policy: Whether the model may, must not or must call one.
        forced: Name of the one it must call, if any.
    """

    functions: tuple[FunctionTool, ...]
    mcp_tools: Mapping[str, OfferedTool]
    policy: ToolPolicy
    forced: str | None


def check_tools(tools: tuple[Tool, ...], choice: ToolChoice, path: str) -> None:
    """Check that tools can be offered, and that a choice is one of them.

    Args:
        tools: What the client offers to the model.
        choice: Which of it the model is to use.
        path: ``session`` or ``response``, for errors.

    Raises:
        RequestError: ``invalid_value``, or ``not_implemented`` for what only the hosted service
            has.
    """
    check_servers(tools, f"{path}.tools")
    param = f"{path}.tool_choice"
    if isinstance(choice, FunctionToolChoice):
        names = [tool.name for tool in tools if isinstance(tool, FunctionTool)]
        _require(choice.name, names, "the tools", f"{param}.name")
    elif isinstance(choice, McpToolChoice):
        labels = [tool.server_label for tool in mcp_tools(tools)]
        _require(choice.server_label, labels, "the MCP servers", f"{param}.server_label")


def resolve_tools(
    session: RealtimeSession, params: ResponseCreateParams, listed: ListedTools
) -> ResolvedTools:
    """Return what one response may call.

    MCP tools that are not listed yet are left out, and so are all of them out of band, where no
    item could show what comes of a call. A session's choice of such tools leaves the model free
    meanwhile; a choice for this one response cannot be met.

    Args:
        session: The session's settings.
        params: Those of the response.
        listed: Which tools the MCP servers are known to have.

    Raises:
        RequestError: The parameters ask for something that cannot be done.
    """
    tools = session.tools if params.tools is UNSET else params.tools
    choice = session.tool_choice if params.tool_choice is UNSET else params.tool_choice
    check_tools(tools, choice, "response")
    if params.conversation == "none":
        _refuse_out_of_band(params)
        tools = tuple(tool for tool in tools if isinstance(tool, FunctionTool))
    offered = offer(tools, listed)
    match choice:
        case FunctionToolChoice(name=name):
            return ResolvedTools(*offered, "required", name)
        case McpToolChoice():
            return _resolve_mcp_choice(offered, choice, params)
        case _:
            return ResolvedTools(*offered, choice, None)


def _resolve_mcp_choice(
    offered: Offer, choice: McpToolChoice, params: ResponseCreateParams
) -> ResolvedTools:
    chosen = offered.chosen(choice)
    if chosen:
        forced = chosen[0].name if choice.name else None
        return ResolvedTools(chosen, offered.mcp_tools, "required", forced)
    if params.tool_choice is UNSET:
        return ResolvedTools(*offered, "auto", None)
    wanted = f"'{choice.name}'" if choice.name else "any tool"
    message = (
        f"MCP tool not found in cache: {wanted} of '{choice.server_label}' is not listed or not "
        "allowed. The session must have completed fetching the tools; wait for "
        "mcp_list_tools.completed."
    )
    raise RequestError(message, code="invalid_value", param="response.tool_choice")


def _refuse_out_of_band(params: ResponseCreateParams) -> None:
    message = (
        "A response with 'conversation': 'none' cannot use MCP tools, since what comes of a call "
        "becomes part of the conversation. Leave the tools out, or 'conversation'."
    )
    if params.tools is not UNSET and mcp_tools(params.tools):
        raise RequestError(message, code="invalid_value", param="response.tools")
    if isinstance(params.tool_choice, McpToolChoice):
        raise RequestError(message, code="invalid_value", param="response.tool_choice")


def _require(name: str, names: list[str], what: str, param: str) -> None:
    if name not in names:
        known = ", ".join(f"'{one}'" for one in names) or "none"
        message = f"Tool choice '{name}' is not one of {what}: {known}."
        raise RequestError(message, code="invalid_value", param=param)
