"""Conversation items and the content parts of messages.

A message is one type with a ``role``, because the wire tells items apart by ``type`` alone; which
parts a role may hold is checked when a message is made.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import force_setattr

from antiphon.wire.fields import CallId, ItemId
from antiphon.wire.refusal import InvalidFieldError, listed
from antiphon.wire.sizes import MAX_APPEND_BYTES, MAX_PARTS, MAX_TEXT_CHARS

__all__ = [
    "AudioPart",
    "ContentPart",
    "FunctionCall",
    "FunctionCallOutput",
    "ImageDetail",
    "InputAudio",
    "InputImage",
    "InputText",
    "Item",
    "ItemReference",
    "ItemStatus",
    "McpApprovalRequest",
    "McpApprovalResponse",
    "McpCall",
    "McpError",
    "McpHttpError",
    "McpListTools",
    "McpListedTool",
    "McpProtocolError",
    "McpToolExecutionError",
    "Message",
    "OutputAudio",
    "OutputText",
    "Part",
    "RealtimeConversationItem",
    "TextPart",
    "refuse_assistant_audio",
]

ImageDetail = Literal["auto", "low", "high"]
ItemStatus = Literal["in_progress", "completed", "incomplete"]

_PartAudio = Annotated[
    Annotated[bytes, Meta(max_length=MAX_APPEND_BYTES)] | UnsetType | None,
    Meta(description="Audio in the session's format, base64 on the wire; only in retrieved items."),
]
_Arguments = Annotated[
    str, Meta(max_length=MAX_TEXT_CHARS, description="Arguments of the call, as a JSON text.")
]
_ServerLabel = Annotated[
    str, Meta(description="Label of the MCP server, as the session's tools name it.")
]
_ToolName = Annotated[str, Meta(description="Name of the tool on the MCP server.")]


class InputText(Struct, frozen=True, kw_only=True, tag_field="type", tag="input_text"):
    """Text from the user or the system."""

    text: Annotated[str, Meta(max_length=MAX_TEXT_CHARS, description="The text.")]


class InputAudio(Struct, frozen=True, kw_only=True, tag_field="type", tag="input_audio"):
    """Speech from the user."""

    audio: _PartAudio = UNSET
    transcript: Annotated[
        Annotated[str, Meta(max_length=MAX_TEXT_CHARS)] | None,
        Meta(description="What was said; null until it is transcribed."),
    ] = None


class InputImage(Struct, frozen=True, kw_only=True, tag_field="type", tag="input_image"):
    """An image from the user."""

    image_url: Annotated[
        str | UnsetType,
        Meta(
            description="The image as a data URI, PNG or JPEG. Of the items that the server sends, "
            "only retrieved ones have it."
        ),
    ] = UNSET
    detail: Annotated[
        ImageDetail | UnsetType,
        Meta(description="How closely to look; `auto` means `high`."),
    ] = UNSET


class OutputText(Struct, frozen=True, kw_only=True, tag_field="type", tag="output_text"):
    """Text from the assistant."""

    text: Annotated[str, Meta(max_length=MAX_TEXT_CHARS, description="The text.")]


class OutputAudio(Struct, frozen=True, kw_only=True, tag_field="type", tag="output_audio"):
    """Speech from the assistant."""

    audio: _PartAudio = UNSET
    transcript: Annotated[str | UnsetType | None, Meta(description="The words spoken.")] = UNSET


class TextPart(Struct, frozen=True, kw_only=True, tag_field="type", tag="text"):
    """A text part as ``response.content_part.*`` shows it."""

    text: Annotated[str, Meta(max_length=MAX_TEXT_CHARS, description="The text so far.")]


class AudioPart(Struct, frozen=True, kw_only=True, tag_field="type", tag="audio"):
    """An audio part as ``response.content_part.*`` shows it; its audio travels in deltas."""

    audio: _PartAudio = UNSET
    transcript: Annotated[str | UnsetType | None, Meta(description="The words so far.")] = UNSET


ContentPart: TypeAlias = InputText | InputAudio | InputImage | OutputText | OutputAudio
"""What a message holds."""

Part: TypeAlias = AudioPart | TextPart
"""What ``response.content_part.*`` carries, under names of its own."""

_PARTS_OF_ROLE: dict[str, tuple[type[Struct], ...]] = {
    "user": (InputText, InputAudio, InputImage),
    "assistant": (OutputText, OutputAudio),
    "system": (InputText,),
}


class _Item(Struct, frozen=True, kw_only=True, tag_field="type"):
    id: Annotated[ItemId | UnsetType, Meta(description="Unique id of the item.")] = UNSET


class _ItemWithStatus(_Item, frozen=True, kw_only=True):
    object: Annotated[
        Literal["realtime.item"] | UnsetType,
        Meta(description="The kind of object. Sent in retrieved items only."),
    ] = UNSET
    status: Annotated[
        ItemStatus | UnsetType,
        Meta(
            description="Whether the item is still being produced, whole, or cut short. "
            "What a client sends has no effect."
        ),
    ] = UNSET


class Message(_ItemWithStatus, frozen=True, kw_only=True, tag="message"):
    """A message of the user, the assistant or the system.

    ``user`` holds ``input_text``, ``input_audio`` and ``input_image`` parts, ``system`` holds
    ``input_text``, ``assistant`` holds ``output_text`` and ``output_audio``. Parts of an assistant
    message called ``text`` and ``audio``, as older clients write them, become ``output_text`` and
    ``output_audio`` when the message is made, so ``content`` never holds them afterwards.

    Raises:
        InvalidFieldError: A part does not fit the role.
    """

    role: Annotated[
        Literal["user", "assistant", "system"], Meta(description="Whose message it is.")
    ]
    content: Annotated[
        tuple[ContentPart | Part, ...],
        Meta(max_length=MAX_PARTS, description="The parts of the message, in order."),
    ]

    def __post_init__(self) -> None:
        if self.role == "assistant" and any(isinstance(part, Part) for part in self.content):
            force_setattr(self, "content", tuple(_current_name(part) for part in self.content))
        allowed = _PARTS_OF_ROLE[self.role]
        for index, part in enumerate(self.content):
            if not isinstance(part, allowed):
                raise _misplaced(part, index, allowed)


def _current_name(part: ContentPart | Part) -> ContentPart | Part:
    if isinstance(part, TextPart):
        return OutputText(text=part.text)
    if isinstance(part, AudioPart):
        return OutputAudio(audio=part.audio, transcript=part.transcript)
    return part


def _misplaced(part: Struct, index: int, allowed: tuple[type[Struct], ...]) -> InvalidFieldError:
    supported = listed([str(kind.__struct_config__.tag) for kind in allowed])
    return InvalidFieldError(
        f"content[{index}].type",
        f"Invalid value: '{part.__struct_config__.tag}'. Supported values are: {supported}.",
    )


class FunctionCall(_ItemWithStatus, frozen=True, kw_only=True, tag="function_call"):
    """A call of a client's function that the model asks for."""

    name: Annotated[str, Meta(description="Name of the function to call.")]
    call_id: CallId | UnsetType = UNSET
    arguments: _Arguments


class FunctionCallOutput(_ItemWithStatus, frozen=True, kw_only=True, tag="function_call_output"):
    """What a client's function returned."""

    call_id: CallId
    output: Annotated[
        str, Meta(max_length=MAX_TEXT_CHARS, description="The result as free text; may be empty.")
    ]


class McpListedTool(Struct, frozen=True, kw_only=True):
    """One tool that an MCP server offers."""

    name: _ToolName
    input_schema: Annotated[
        dict[str, Any], Meta(description="JSON Schema of the tool's arguments.")
    ]
    description: Annotated[str | UnsetType | None, Meta(description="What the tool does.")] = UNSET
    annotations: Annotated[
        dict[str, Any] | UnsetType | None, Meta(description="The server's remarks on the tool.")
    ] = UNSET


class McpListTools(_Item, frozen=True, kw_only=True, tag="mcp_list_tools"):
    """The tools of one MCP server."""

    server_label: _ServerLabel
    tools: Annotated[tuple[McpListedTool, ...], Meta(description="The tools it offers.")]


class McpProtocolError(Struct, frozen=True, kw_only=True, tag_field="type", tag="protocol_error"):
    """The MCP server broke its protocol."""

    code: Annotated[int, Meta(description="JSON-RPC error code.")]
    message: Annotated[str, Meta(description="What happened.")]


class McpToolExecutionError(
    Struct, frozen=True, kw_only=True, tag_field="type", tag="tool_execution_error"
):
    """The tool ran and failed."""

    message: Annotated[str, Meta(description="What happened.")]


class McpHttpError(Struct, frozen=True, kw_only=True, tag_field="type", tag="http_error"):
    """The MCP server could not be reached or answered with an HTTP error."""

    code: Annotated[int, Meta(description="HTTP status.")]
    message: Annotated[str, Meta(description="What happened.")]


McpError: TypeAlias = McpProtocolError | McpToolExecutionError | McpHttpError


class McpCall(_Item, frozen=True, kw_only=True, tag="mcp_call"):
    """A call of an MCP server's tool, made by this server."""

    id: ItemId
    server_label: _ServerLabel
    name: _ToolName
    arguments: _Arguments
    approval_request_id: Annotated[
        str | None, Meta(description="Id of the approval request it waited for; else null.")
    ] = None
    output: Annotated[
        str | None, Meta(description="What the tool returned; null until it has.")
    ] = None
    error: Annotated[McpError | None, Meta(description="Why it failed; null if it did not.")] = None


class McpApprovalRequest(_Item, frozen=True, kw_only=True, tag="mcp_approval_request"):
    """The server asks whether it may call a tool."""

    id: ItemId
    server_label: _ServerLabel
    name: _ToolName
    arguments: _Arguments


class McpApprovalResponse(_Item, frozen=True, kw_only=True, tag="mcp_approval_response"):
    """The client's answer to an approval request."""

    approval_request_id: Annotated[str, Meta(description="Id of the request it answers.")]
    approve: Annotated[bool, Meta(description="Whether the call may be made.")]
    reason: Annotated[str | UnsetType | None, Meta(description="Why or why not.")] = UNSET


class ItemReference(Struct, frozen=True, kw_only=True, tag_field="type", tag="item_reference"):
    """Stands for an item of the session, in ``response.create.response.input`` only."""

    id: ItemId


RealtimeConversationItem: TypeAlias = (
    Message
    | FunctionCall
    | FunctionCallOutput
    | McpListTools
    | McpCall
    | McpApprovalRequest
    | McpApprovalResponse
)
"""Anything a conversation holds; ``type`` tells the kinds apart."""

Item = RealtimeConversationItem


def refuse_assistant_audio(item: Item | ItemReference, field: str) -> None:
    """Refuse a spoken assistant message from a client, as the hosted service does.

    Args:
        item: What the client sent.
        field: Path of the item in the object that holds it.

    Raises:
        InvalidFieldError: A part of the item is assistant audio; its text is called missing.
    """
    if not isinstance(item, Message):
        return
    for index, part in enumerate(item.content):
        if isinstance(part, OutputAudio):
            message = "Missing required parameter: '{param}'."
            path = f"{field}.content[{index}].text"
            raise InvalidFieldError(path, message, code="missing_required_parameter")
