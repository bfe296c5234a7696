"""Antiphon: a self-hosted server that speaks the OpenAI Realtime API.

The names here are the protocol's types. They need nothing but msgspec: no engine, no server.
``antiphon.wire.codec.decode_as`` makes them from JSON and checks every limit;
``antiphon.wire.codec.encode`` makes JSON of them.
"""

from __future__ import annotations

from antiphon.wire.error import ErrorObject
from antiphon.wire.fields import Metadata
from antiphon.wire.items import (
    AudioPart,
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputImage,
    InputText,
    McpApprovalRequest,
    McpApprovalResponse,
    McpCall,
    McpHttpError,
    McpListedTool,
    McpListTools,
    McpProtocolError,
    McpToolExecutionError,
    Message,
    OutputAudio,
    OutputText,
    RealtimeConversationItem,
    TextPart,
)
from antiphon.wire.response import (
    CachedTokensDetails,
    InputTokenDetails,
    OutputTokenDetails,
    RealtimeResponse,
    RealtimeResponseAudio,
    RealtimeResponseAudioOutput,
    RealtimeResponseError,
    RealtimeResponseStatus,
    RealtimeResponseUsage,
    ResponseStatus,
    StatusReason,
)
from antiphon.wire.schema import json_schema
from antiphon.wire.session import (
    AudioFormat,
    PcmaFormat,
    PcmFormat,
    PcmuFormat,
    RealtimeSession,
    TranscriptionSession,
)

__all__ = [
    "AudioFormat",
    "AudioPart",
    "CachedTokensDetails",
    "ErrorObject",
    "FunctionCall",
    "FunctionCallOutput",
    "InputAudio",
    "InputImage",
    "InputText",
    "InputTokenDetails",
    "McpApprovalRequest",
    "McpApprovalResponse",
    "McpCall",
    "McpHttpError",
    "McpListTools",
    "McpListedTool",
    "McpProtocolError",
    "McpToolExecutionError",
    "Message",
    "Metadata",
    "OutputAudio",
    "OutputText",
    "OutputTokenDetails",
    "PcmFormat",
    "PcmaFormat",
    "PcmuFormat",
    "RealtimeConversationItem",
    "RealtimeResponse",
    "RealtimeResponseAudio",
    "RealtimeResponseAudioOutput",
    "RealtimeResponseError",
    "RealtimeResponseStatus",
    "RealtimeResponseUsage",
    "RealtimeSession",
    "ResponseStatus",
    "StatusReason",
    "TextPart",
    "TranscriptionSession",
    "json_schema",
]
