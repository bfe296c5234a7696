"""What an MCP server's settings permit, and what of them may be shown.

A tool is a function of somebody else's server. Which ones the model may see, and which calls the
client wants to approve first, is the client's word; where that is unclear, the careful reading
holds: a call needs approval unless a rule says that it does not.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from msgspec import UNSET, Struct
from msgspec.structs import replace

from antiphon.errors import RequestError
from antiphon.wire.items import McpListedTool
from antiphon.wire.session import RealtimeSession
from antiphon.wire.tools import McpApprovalFilter, McpTool, McpToolFilter, Tool

__all__ = [
    "MAX_SERVERS",
    "McpServer",
    "allows",
    "check_servers",
    "mcp_tools",
    "needs_approval",
    "without_secrets",
]

MAX_SERVERS = 16
"""MCP servers that a session may know at once; each is a connection of its own."""

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.1: a token
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")  # RFC 9110, section 5.5, without obsolete text


class McpServer(Struct, frozen=True):
    """An MCP server as it is connected to.

    Attributes:
        label: What the client calls it.
        url: Its address, with whatever secrets the client put in.
        headers: Names and values that every request to it carries, secrets as well.
    """

    label: str
    url: str
    headers: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, tool: McpTool) -> McpServer:
        """Return the server that a session's tools name."""
        assert isinstance(tool.server_url, str), "others are refused"
        headers = dict(tool.headers or {})
        if tool.authorization:
            headers = {name: headers[name] for name in headers if name.lower() != "authorization"}
            headers["Authorization"] = f"Bearer {tool.authorization}"
        return cls(tool.server_label, tool.server_url, tuple(headers.items()))

    def __repr__(self) -> str:
        """Leave out what may be secret."""
        return f"McpServer(label={self.label!r}, url={_without_userinfo(self.url)!r})"


def mcp_tools(tools: tuple[Tool, ...]) -> tuple[McpTool, ...]:
    """Return only the MCP servers among the tools."""
    return tuple(tool for tool in tools if isinstance(tool, McpTool))


# --- what can be done -----------------------------------------------------------------------------


def check_servers(tools: tuple[Tool, ...], param: str) -> None:
    """Check that the MCP servers among the tools can be asked.

    Args:
        tools: What the client offers to the model.
        param: Path of the tools in the client's event, for errors.

    Raises:
        RequestError: ``not_implemented`` for what only the hosted service has, ``invalid_value``
            for a server that cannot be connected to, for a label given twice, and for more than
            ``MAX_SERVERS``.
    """
    labels: set[str] = set()
    for index, tool in enumerate(tools):
        if not isinstance(tool, McpTool):
            continue
        path = f"{param}[{index}]"
        _refuse_hosted(tool, path)
        _check_url(tool, path)
        _check_headers(tool, path)
        if tool.server_label in labels:
            message = f"Two MCP servers have the label '{tool.server_label}'. Give each its own."
            raise RequestError(message, code="invalid_value", param=f"{path}.server_label")
        labels.add(tool.server_label)
    if len(labels) > MAX_SERVERS:
        message = f"{len(labels)} MCP servers are too many; a session may use {MAX_SERVERS}."
        raise RequestError(message, code="invalid_value", param=param)


def _refuse_hosted(tool: McpTool, path: str) -> None:
    asked = {
        "connector_id": bool(tool.connector_id),
        "tunnel_id": bool(tool.tunnel_id),
        "defer_loading": tool.defer_loading is True,
        "allowed_callers": "programmatic" in (tool.allowed_callers or ()),
    }
    remedies = {
        "connector_id": "Connectors are run by the hosted service. Give a 'server_url'.",
        "tunnel_id": "Tunnels are run by the hosted service. Give a 'server_url'.",
        "defer_loading": "Tools are not searched for here. Leave it out, or set it to false.",
        "allowed_callers": "Tools are called by the model directly. Leave 'programmatic' out.",
    }
    for field, is_asked in asked.items():
        if is_asked:
            message = f"'{field}' of an MCP tool is not available here. {remedies[field]}"
            raise RequestError(message, code="not_implemented", param=f"{path}.{field}")


def _check_url(tool: McpTool, path: str) -> None:
    # Never with the value in the message: it may hold a password.
    parts = _split(tool.server_url or "")
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        message = (
            f"The 'server_url' of MCP server '{tool.server_label}' is not an http or https URL. "
            "Give one such as 'https://mcp.example.org/mcp'."
        )
        raise RequestError(message, code="invalid_value", param=f"{path}.server_url")


def _check_headers(tool: McpTool, path: str) -> None:
    for name, value in (tool.headers or {}).items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            message = (
                f"Header {name!r} of MCP server '{tool.server_label}' is not one of HTTP: names "
                "are letters, digits and '-', values printable ASCII on one line."
            )
            raise RequestError(message, code="invalid_value", param=f"{path}.headers")
    if tool.authorization and not _HEADER_VALUE.fullmatch(tool.authorization):
        message = (
            f"The 'authorization' of MCP server '{tool.server_label}' does not fit into a header: "
            "it has to be printable ASCII on one line."
        )
        raise RequestError(message, code="invalid_value", param=f"{path}.authorization")


# --- what is permitted ----------------------------------------------------------------------------


def allows(server: McpTool, tool: McpListedTool) -> bool:
    """Say whether the model may use a tool of the server."""
    allowed = server.allowed_tools
    if allowed is UNSET or allowed is None:
        return True
    if isinstance(allowed, McpToolFilter):
        return not _has_criteria(allowed) or _picks(allowed, tool)
    return tool.name in allowed


def needs_approval(server: McpTool, tool: McpListedTool) -> bool:
    """Say whether the client wants to approve each call of a tool.

    With filters, a tool needs it that ``always`` picks or that ``never`` does not pick. A filter
    without criteria picks nothing.
    """
    rule = server.require_approval
    if isinstance(rule, McpApprovalFilter):
        if rule.always and _picks(rule.always, tool):
            return True
        return not (rule.never and _picks(rule.never, tool))
    return rule != "never"


def _has_criteria(criteria: McpToolFilter) -> bool:
    return criteria.tool_names is not UNSET or criteria.read_only is not UNSET


def _picks(criteria: McpToolFilter, tool: McpListedTool) -> bool:
    if criteria.tool_names is not UNSET and tool.name not in criteria.tool_names:
        return False
    # A tool that says nothing may write: that is the hint's default in the MCP specification.
    only_reads = (tool.annotations or {}).get("readOnlyHint") is True
    if criteria.read_only is not UNSET and only_reads != criteria.read_only:
        return False
    return _has_criteria(criteria)


# --- what may be shown ----------------------------------------------------------------------------


def without_secrets(session: RealtimeSession) -> RealtimeSession:
    """Return the session as clients may read it: without what opens MCP servers.

    ``authorization`` and ``headers`` are left out, and so are user and password in a URL.
    """
    return replace(session, tools=tuple(_shown(tool) for tool in session.tools))


def _shown(tool: Tool) -> Tool:
    if not isinstance(tool, McpTool):
        return tool
    assert isinstance(tool.server_url, str), "others are refused"
    url = _without_userinfo(tool.server_url)
    return replace(tool, server_url=url, authorization=UNSET, headers=UNSET)


def _without_userinfo(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # only read if it is asked for
    except ValueError:
        return None
    return parts
