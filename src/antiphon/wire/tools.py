"""Tools that the model may use, and the choice among them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

from antiphon.wire.fields import NAME_PATTERN
from antiphon.wire.refusal import InvalidFieldError
from antiphon.wire.sizes import MAX_FUNCTION_NAME_CHARS, MAX_SCHEMA_BYTES, refuse_oversized

__all__ = [
    "FunctionTool",
    "FunctionToolChoice",
    "McpApprovalFilter",
    "McpTool",
    "McpToolChoice",
    "McpToolFilter",
    "Tool",
    "ToolChoice",
]


class FunctionTool(Struct, frozen=True, kw_only=True, tag_field="type", tag="function"):
    """A function of the client's that the model may ask to have called.

    Raises:
        InvalidFieldError: Its parameters are too large.
    """

    name: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=MAX_FUNCTION_NAME_CHARS,
            pattern=NAME_PATTERN,
            description="Name of the function.",
        ),
    ]
    description: Annotated[
        str | UnsetType | None, Meta(description="What it does and when to call it.")
    ] = UNSET
    parameters: Annotated[
        dict[str, Any] | UnsetType | None,
        Meta(description="JSON Schema of its arguments, of at most 65536 bytes."),
    ] = UNSET

    def __post_init__(self) -> None:
        refuse_oversized(self.parameters, "parameters", MAX_SCHEMA_BYTES)


class McpToolFilter(Struct, frozen=True, kw_only=True):
    """Picks some of an MCP server's tools."""

    tool_names: Annotated[tuple[str, ...] | UnsetType, Meta(description="Tools by name.")] = UNSET
    read_only: Annotated[bool | UnsetType, Meta(description="Tools by whether they only read.")] = (
        UNSET
    )


class McpApprovalFilter(Struct, frozen=True, kw_only=True):
    """Says which tools need the client's approval before each call."""

    always: Annotated[McpToolFilter | UnsetType, Meta(description="Tools that need it.")] = UNSET
    never: Annotated[McpToolFilter | UnsetType, Meta(description="Tools that do not.")] = UNSET


class McpTool(Struct, frozen=True, kw_only=True, tag_field="type", tag="mcp"):
    """An MCP server whose tools the model may use; this server makes the calls.

    Raises:
        InvalidFieldError: None of ``server_url``, ``connector_id`` and ``tunnel_id`` is given.
    """

    server_label: Annotated[
        str, Meta(min_length=1, description="Label by which events and choices name the server.")
    ]
    server_url: Annotated[str | UnsetType, Meta(description="URL of the MCP server.")] = UNSET
    connector_id: Annotated[
        Literal[
            "connector_dropbox",
            "connector_gmail",
            "connector_googlecalendar",
            "connector_googledrive",
            "connector_microsoftteams",
            "connector_outlookcalendar",
            "connector_outlookemail",
            "connector_sharepoint",
        ]
        | UnsetType,
        Meta(description="A connector of the hosted service, instead of a URL."),
    ] = UNSET
    tunnel_id: Annotated[
        str | UnsetType, Meta(description="A tunnel of the hosted service, instead of a URL.")
    ] = UNSET
    authorization: Annotated[
        str | UnsetType, Meta(description="OAuth token for the MCP server.")
    ] = UNSET
    headers: Annotated[
        dict[str, str] | UnsetType | None, Meta(description="HTTP headers for the MCP server.")
    ] = UNSET
    server_description: Annotated[
        str | UnsetType, Meta(description="What the server is for, told to the model.")
    ] = UNSET
    allowed_tools: Annotated[
        tuple[str, ...] | McpToolFilter | UnsetType | None,
        Meta(description="The tools that may be used; all if absent."),
    ] = UNSET
    require_approval: Annotated[
        Literal["always", "never"] | McpApprovalFilter | UnsetType | None,
        Meta(description="Which calls need the client's approval; `always` if absent."),
    ] = UNSET
    allowed_callers: Annotated[
        tuple[Literal["direct", "programmatic"], ...] | UnsetType | None,
        Meta(description="Who may call the tools."),
    ] = UNSET
    defer_loading: Annotated[
        bool | UnsetType, Meta(description="Whether tools are found by search, not listed.")
    ] = UNSET

    def __post_init__(self) -> None:
        if self.server_url is self.connector_id is self.tunnel_id is UNSET:
            message = (
                "Missing required parameter: '{param}'. Give the MCP server's URL "
                "(or a 'connector_id' or a 'tunnel_id')."
            )
            field = "server_url"
            raise InvalidFieldError(field, message, code="missing_required_parameter")

    def __repr__(self) -> str:
        """Show the label only: URL, headers and token open somebody's server."""
        return f"McpTool(server_label={self.server_label!r}, …)"


Tool: TypeAlias = FunctionTool | McpTool


class FunctionToolChoice(Struct, frozen=True, kw_only=True, tag_field="type", tag="function"):
    """The model must call this function."""

    name: Annotated[str, Meta(min_length=1, description="Name of the function.")]


class McpToolChoice(Struct, frozen=True, kw_only=True, tag_field="type", tag="mcp"):
    """The model must use a tool of this MCP server."""

    server_label: Annotated[str, Meta(min_length=1, description="Label of the MCP server.")]
    name: Annotated[
        str | UnsetType | None, Meta(description="Name of the tool; any if absent.")
    ] = UNSET


ToolChoice: TypeAlias = Literal["auto", "none", "required"] | FunctionToolChoice | McpToolChoice
