"""One instance of every server event, with the fields a busy session would fill."""

from typing import Any

from antiphon.wire import items, response, session
from antiphon.wire import server_events as sent
from antiphon.wire import transcription_events as transcription
from antiphon.wire.error import ErrorObject

EVENT: dict[str, Any] = {"event_id": "event_1"}
IN_RESPONSE: dict[str, Any] = {**EVENT, "response_id": "resp_1"}
IN_ITEM: dict[str, Any] = {**IN_RESPONSE, "item_id": "item_2", "output_index": 0}
IN_PART: dict[str, Any] = {**IN_ITEM, "content_index": 0}
HEARD: dict[str, Any] = {**EVENT, "item_id": "item_1", "content_index": 0}

USER_SPEECH = items.Message(
    id="item_1",
    status="completed",
    role="user",
    content=(items.InputAudio(transcript=None), items.InputText(text="and this")),
)
ASSISTANT_SPEECH = items.Message(
    id="item_2",
    status="incomplete",
    role="assistant",
    content=(items.OutputAudio(transcript="Good"),),
)
ITEMS: tuple[items.Item, ...] = (
    USER_SPEECH,
    ASSISTANT_SPEECH,
    items.Message(role="system", content=(items.InputText(text="Be brief."),)),
    items.FunctionCall(
        id="item_3", status="completed", name="look_up", call_id="call_1", arguments="{}"
    ),
    items.FunctionCallOutput(id="item_4", call_id="call_1", output="42"),
    items.McpListTools(
        id="mcpl_1",
        server_label="files",
        tools=(items.McpListedTool(name="read", input_schema={}, description="Read a file"),),
    ),
    items.McpCall(id="mcp_1", server_label="files", name="read", arguments="{}", output="text"),
    items.McpCall(
        id="mcp_2",
        server_label="files",
        name="read",
        arguments="{}",
        error=items.McpHttpError(code=502, message="Bad gateway"),
    ),
    items.McpApprovalRequest(id="mcpr_1", server_label="files", name="read", arguments="{}"),
    items.McpApprovalResponse(id="mcpa_1", approval_request_id="mcpr_1", approve=True),
)

REALTIME_SESSION = session.RealtimeSession(
    id="sess_1",
    model="some-model",
    output_modalities=("audio",),
    instructions="Be kind.",
    tools=(
        session.FunctionTool(name="look_up", description="Finds things", parameters={}),
        session.McpTool(server_label="files", server_url="https://files.example/mcp"),
    ),
    expires_at=1_800_000_000,
    audio=session.SessionAudio(
        input=session.AudioInput(
            format=session.PcmFormat(),
            transcription=session.AudioTranscription(model="whisper-1"),
            noise_reduction=session.NoiseReduction(type="near_field"),
            turn_detection=session.ServerVad(),
        ),
        output=session.AudioOutput(format=session.PcmuFormat(), voice="marin"),
    ),
)
TRANSCRIPTION_SESSION = session.TranscriptionSession(
    id="sess_2",
    expires_at=1_800_000_000,
    audio=session.TranscriptionAudio(
        input=session.AudioInput(
            format=session.PcmFormat(),
            transcription=session.AudioTranscription(model="whisper-1", language="en"),
            turn_detection=session.SemanticVad(),
        )
    ),
)

ASKED = response.RealtimeResponse(
    id="resp_1",
    status="in_progress",
    status_details=None,
    output=(),
    conversation_id="conv_1",
    output_modalities=("audio",),
    max_output_tokens="inf",
    audio=response.RealtimeResponseAudio(
        output=response.RealtimeResponseAudioOutput(format=session.PcmFormat(), voice="marin")
    ),
    usage=None,
    metadata={"client_event_id": "abc"},
)
ANSWERED = response.RealtimeResponse(
    id="resp_1",
    status="cancelled",
    status_details=response.RealtimeResponseStatus(type="cancelled", reason="turn_detected"),
    output=ITEMS,
    conversation_id=None,
    output_modalities=("text",),
    max_output_tokens=4096,
    audio=ASKED.audio,
    usage=response.RealtimeResponseUsage(total_tokens=12, input_tokens=10, output_tokens=2),
    metadata=None,
)
FAILED = response.RealtimeResponse(
    id="resp_1",
    status="failed",
    status_details=response.RealtimeResponseStatus(
        type="failed",
        error=response.RealtimeResponseError(
            type="server_error", code=None, message="The engine stopped."
        ),
    ),
    output=(),
    conversation_id="conv_1",
    output_modalities=("audio",),
    max_output_tokens="inf",
    audio=ASKED.audio,
    usage=response.RealtimeResponseUsage(),
    metadata=None,
)

SERVER_EVENTS: tuple[sent.ServerEvent, ...] = (
    sent.ErrorEvent(
        **EVENT, error=ErrorObject(type="invalid_request_error", code="x", message="No.")
    ),
    sent.RateLimitsUpdated(
        **EVENT,
        rate_limits=(sent.RateLimit(name="tokens", limit=9, remaining=8, reset_seconds=0.5),),
    ),
    sent.SessionCreated(**EVENT, session=REALTIME_SESSION),
    sent.SessionUpdated(**EVENT, session=TRANSCRIPTION_SESSION),
    sent.ConversationCreated(**EVENT, conversation=sent.Conversation(id="conv_1")),
    *(sent.ConversationItemAdded(**EVENT, previous_item_id=None, item=item) for item in ITEMS),
    sent.ConversationItemDone(**EVENT, previous_item_id="item_0", item=USER_SPEECH),
    sent.ConversationItemCreated(**EVENT, previous_item_id=None, item=USER_SPEECH),
    sent.ConversationItemRetrieved(
        **EVENT,
        item=items.Message(
            id="item_1",
            object="realtime.item",
            status="completed",
            role="user",
            content=(items.InputAudio(audio=b"\0\1", transcript="Hi"),),
        ),
    ),
    sent.ConversationItemDeleted(**EVENT, item_id="item_1"),
    sent.ConversationItemTruncated(**HEARD, audio_end_ms=1200),
    sent.ConversationItemInputAudioTranscriptionDelta(**HEARD, delta="Hel", obfuscation="x" * 13),
    sent.ConversationItemInputAudioTranscriptionCompleted(
        **HEARD,
        transcript="Hello",
        usage=transcription.TranscriptionDurationUsage(seconds=1.5),
        logprobs=(transcription.LogProb(token="Hello", logprob=-0.1, bytes=(72, 101)),),
        languages=(transcription.TranscriptionLanguage(code="en"),),
    ),
    sent.ConversationItemInputAudioTranscriptionCompleted(
        **HEARD,
        transcript="Hello",
        usage=transcription.TranscriptionTokenUsage(
            total_tokens=5,
            input_tokens=4,
            input_token_details=transcription.TranscriptionInputTokenDetails(
                text_tokens=0, audio_tokens=4
            ),
            output_tokens=1,
        ),
    ),
    sent.ConversationItemInputAudioTranscriptionFailed(
        **HEARD,
        error=transcription.TranscriptionError(type="server_error", code=None, message="No."),
    ),
    sent.ConversationItemInputAudioTranscriptionSegment(
        **HEARD, id="seg_1", speaker="A", start=0.0, end=1.5, text="Hello"
    ),
    sent.InputAudioBufferCommitted(**EVENT, previous_item_id=None, item_id="item_1"),
    sent.InputAudioBufferCleared(**EVENT),
    sent.InputAudioBufferSpeechStarted(**EVENT, audio_start_ms=100, item_id="item_1"),
    sent.InputAudioBufferSpeechStopped(**EVENT, audio_end_ms=900, item_id="item_1"),
    sent.InputAudioBufferTimeoutTriggered(
        **EVENT, audio_start_ms=100, audio_end_ms=900, item_id="item_1"
    ),
    sent.InputAudioBufferDtmfEventReceived(event="#", received_at=1_800_000_000),
    sent.OutputAudioBufferStarted(**IN_RESPONSE),
    sent.OutputAudioBufferStopped(**IN_RESPONSE),
    sent.OutputAudioBufferCleared(**IN_RESPONSE),
    sent.ResponseCreated(**EVENT, response=ASKED),
    sent.ResponseDone(**EVENT, response=ANSWERED),
    sent.ResponseDone(**EVENT, response=FAILED),
    sent.ResponseOutputItemAdded(**IN_RESPONSE, output_index=0, item=ASSISTANT_SPEECH),
    sent.ResponseOutputItemDone(**IN_RESPONSE, output_index=0, item=ASSISTANT_SPEECH),
    sent.ResponseContentPartAdded(**IN_PART, part=items.AudioPart(transcript="")),
    sent.ResponseContentPartDone(**IN_PART, part=items.TextPart(text="Good")),
    sent.ResponseOutputTextDelta(**IN_PART, delta="Go", obfuscation="x" * 14),
    sent.ResponseOutputTextDone(**IN_PART, text="Good"),
    sent.ResponseOutputAudioDelta(**IN_PART, delta=b"\1\2\3"),
    sent.ResponseOutputAudioDone(**IN_PART),
    sent.ResponseOutputAudioTranscriptDelta(**IN_PART, delta="Go"),
    sent.ResponseOutputAudioTranscriptDone(**IN_PART, transcript="Good"),
    sent.ResponseFunctionCallArgumentsDelta(**IN_ITEM, call_id="call_1", delta="{"),
    sent.ResponseFunctionCallArgumentsDone(
        **IN_ITEM, call_id="call_1", name="look_up", arguments="{}"
    ),
    sent.ResponseMcpCallArgumentsDelta(**IN_ITEM, delta="{", obfuscation="x" * 15),
    sent.ResponseMcpCallArgumentsDone(**IN_ITEM, arguments="{}"),
    sent.ResponseMcpCallInProgress(**EVENT, item_id="mcp_1", output_index=0),
    sent.ResponseMcpCallCompleted(**EVENT, item_id="mcp_1", output_index=0),
    sent.ResponseMcpCallFailed(**EVENT, item_id="mcp_1", output_index=0),
    sent.McpListToolsInProgress(**EVENT, item_id="mcpl_1"),
    sent.McpListToolsCompleted(**EVENT, item_id="mcpl_1"),
    sent.McpListToolsFailed(**EVENT, item_id="mcpl_1"),
)
