"""The wire types against the official SDK's: event by event, field by field.

``DIFFERENCES`` holds every deliberate difference with its reason. A difference that is not written
there fails, and so does one that is written there and no longer exists.
"""

import pytest
from msgspec import UNSET, Struct, UnsetType
from msgspec.inspect import type_info
from openai.types import audio, realtime
from openai.types.audio.transcription_create_params import (
    TranscriptionCreateParamsNonStreaming,
)
from openai.types.realtime.translations import (
    ClientSecretCreateParams as TranslationSecretParams,
)
from pydantic import BaseModel

from antiphon.wire import (
    client_events,
    rest,
    server_events,
    speech,
    transcriptions,
    translation,
)

from .comparison import (
    CLIENT,
    MAY_LEAVE_OUT,
    SDK_LACKS,
    SDK_REQUIRES,
    SERVER,
    WE_LACK,
    WE_REQUIRE,
    Difference,
    differences,
)
from .shapes import of_annotation, of_msgspec

PAIRS = [
    (SERVER, realtime.RealtimeServerEvent, server_events.ServerEvent),
    (SERVER, realtime.RealtimeTranslationServerEvent, translation.TranslationServerEvent),
    (SERVER, realtime.ClientSecretCreateResponse, rest.ClientSecret),
    (
        SERVER,
        realtime.RealtimeTranslationClientSecretCreateResponse,
        rest.TranslationClientSecret,
    ),
    (CLIENT, realtime.RealtimeClientEvent, client_events.ClientEvent),
    (CLIENT, realtime.RealtimeClientEventParam, client_events.ClientEvent),
    (CLIENT, realtime.ResponseCreateEventWithReferencesParam, client_events.ResponseCreate),
    (CLIENT, realtime.RealtimeTranslationClientEvent, translation.TranslationClientEvent),
    (CLIENT, realtime.RealtimeTranslationClientEventParam, translation.TranslationClientEvent),
    (CLIENT, realtime.ClientSecretCreateParams, rest.ClientSecretRequest),
    (CLIENT, TranslationSecretParams, rest.TranslationClientSecretRequest),
    (CLIENT, realtime.CallReferParams, rest.CallRefer),
    (CLIENT, realtime.CallRejectParams, rest.CallReject),
    (SERVER, audio.Transcription, transcriptions.Transcription),
    (SERVER, audio.TranscriptionVerbose, transcriptions.VerboseTranscription),
    (SERVER, audio.TranscriptionDiarized, transcriptions.DiarizedTranscription),
    (SERVER, audio.TranscriptionStreamEvent, transcriptions.TranscriptionStreamEvent),
    (SERVER, audio.Translation, transcriptions.Translation),
    (SERVER, audio.TranslationVerbose, transcriptions.VerboseTranslation),
    (CLIENT, audio.TranslationCreateParams, transcriptions.TranslationForm),
    (CLIENT, TranscriptionCreateParamsNonStreaming, transcriptions.TranscriptionForm),
    (CLIENT, audio.SpeechCreateParams, speech.SpeechBody),
]

TYPE_TELLS_KINDS_APART = "the SDK lets it default; here it decides what the object is"
PADDING = "recorded from the hosted service on every text delta; the SDK types it for MCP only"
EFFECTIVE = "recorded from the hosted service; the SDK types sessions in events as requests"
OLDER_CLIENTS = "what older clients call the parts; renamed on arrival, never sent"
SENT_BACK = "clients may send back what they were told; it is refused if it differs"
DECIDED_BY_CORE = "clients may leave the id to the server, which gives every item one"
ONE_TURN_DETECTION = "the SDK has one loose type where the hosted service sends these two"
A_FILE_IS_NO_FIELD = "a file of the form, and none of its fields"
COUNTED_IN_SECONDS = "files are counted in seconds, as the SDK types it for some models"
ONE_MODEL_WILL_DO = "who names no model gets the server's default"

DIFFERENCES: dict[Difference, str] = {
    (CLIENT, "FunctionTool.name", WE_REQUIRE): "a function without a name cannot be called",
    (CLIENT, "FunctionTool.type", WE_REQUIRE): TYPE_TELLS_KINDS_APART,
    (CLIENT, "InputAudio|InputImage|InputText.type", WE_REQUIRE): TYPE_TELLS_KINDS_APART,
    (CLIENT, "OutputAudio|OutputText.type", WE_REQUIRE): TYPE_TELLS_KINDS_APART,
    (CLIENT, "PcmFormat.type", WE_REQUIRE): TYPE_TELLS_KINDS_APART,
    (CLIENT, "PcmaFormat.type", WE_REQUIRE): TYPE_TELLS_KINDS_APART,
    (CLIENT, "PcmuFormat.type", WE_REQUIRE): TYPE_TELLS_KINDS_APART,
    (CLIENT, "McpApprovalResponse.id", SDK_REQUIRES): DECIDED_BY_CORE,
    (SERVER, "McpApprovalResponse.id", MAY_LEAVE_OUT): DECIDED_BY_CORE,
    (CLIENT, "Message.content[]", "the SDK lacks AudioPart"): OLDER_CLIENTS,
    (CLIENT, "Message.content[]", "the SDK lacks TextPart"): OLDER_CLIENTS,
    (SERVER, "Message.content[]", "the SDK lacks AudioPart"): OLDER_CLIENTS,
    (SERVER, "Message.content[]", "the SDK lacks TextPart"): OLDER_CLIENTS,
    (
        CLIENT,
        "ResponseCreateParams.conversation",
        "SDK ['string'], ours ['literal string']",
    ): "only auto and none mean anything; another word is a mistake worth naming",
    (
        CLIENT,
        "ResponseCreateParams.input[]",
        "the SDK lacks ItemReference",
    ): "the SDK types references in a second set of parameters, which is compared too",
    (SERVER, "AudioInput.turn_detection", "the SDK lacks SemanticVad"): ONE_TURN_DETECTION,
    (SERVER, "AudioInput.turn_detection", "the SDK lacks ServerVad"): ONE_TURN_DETECTION,
    (
        SERVER,
        "AudioInput.turn_detection",
        "we lack RealtimeTranscriptionSessionTurnDetection",
    ): ONE_TURN_DETECTION,
    (
        SERVER,
        "AudioOutput.voice",
        "SDK ['string'], ours ['object', 'string']",
    ): "the SDK knows custom voices in session events, but not in the answer with a secret",
    (SERVER, "AudioOutput.voice", "the SDK lacks CustomVoice"): "as above",
    (SERVER, "ConversationItemInputAudioTranscriptionDelta.obfuscation", SDK_LACKS): PADDING,
    (SERVER, "ResponseFunctionCallArgumentsDelta.obfuscation", SDK_LACKS): PADDING,
    (SERVER, "ResponseOutputAudioTranscriptDelta.obfuscation", SDK_LACKS): PADDING,
    (SERVER, "ResponseOutputTextDelta.obfuscation", SDK_LACKS): PADDING,
    (SERVER, "RealtimeSession.expires_at", SDK_LACKS): EFFECTIVE,
    (SERVER, "RealtimeSession.id", SDK_LACKS): EFFECTIVE,
    (SERVER, "RealtimeSession.object", SDK_LACKS): EFFECTIVE,
    (SERVER, "TranscriptionSession.expires_at", SDK_LACKS): EFFECTIVE,
    (SERVER, "TranscriptionSession.id", SDK_LACKS): EFFECTIVE,
    (SERVER, "TranscriptionSession.object", SDK_LACKS): EFFECTIVE,
    (CLIENT, "TranslationSessionUpdate.model", SDK_LACKS): SENT_BACK,
    (CLIENT, "TranslationSessionUpdate.type", SDK_LACKS): SENT_BACK,
    (
        SERVER,
        "RealtimeSession.parallel_tool_calls",
        SDK_LACKS,
    ): "the SDK knows it in session events, but not in the answer with a secret",
    (CLIENT, "SpeechBody.model", SDK_REQUIRES): ONE_MODEL_WILL_DO,
    (CLIENT, "TranscriptionForm.model", SDK_REQUIRES): ONE_MODEL_WILL_DO,
    (CLIENT, "TranscriptionForm.file", WE_LACK): A_FILE_IS_NO_FIELD,
    (CLIENT, "TranslationForm.model", SDK_REQUIRES): ONE_MODEL_WILL_DO,
    (CLIENT, "TranslationForm.file", WE_LACK): A_FILE_IS_NO_FIELD,
    (
        CLIENT,
        "TranscriptionForm.stream",
        "SDK ['literal boolean'], ours ['boolean']",
    ): "two sets of parameters, of which the other one has true",
    (SERVER, "Transcription.usage", "we lack UsageTokens"): COUNTED_IN_SECONDS,
    (SERVER, "DiarizedTranscription.usage", "we lack UsageTokens"): COUNTED_IN_SECONDS,
    (SERVER, "TextDelta.segment_id", WE_LACK): "engines tell words before they know the speaker",
    (SERVER, "VerboseTranscription.task", SDK_LACKS): "as the hosted service sends it",
    (SERVER, "VerboseTranslation.task", SDK_LACKS): "as the hosted service sends it",
    (SERVER, "LogProb.bytes[]", "SDK ['number'], ours ['integer']"): "they are bytes",
    (
        SERVER,
        "TranscriptionSession.object",
        "SDK ['string'], ours ['literal string']",
    ): "it is always this one word",
}


def all_differences() -> set[Difference]:
    found: set[Difference] = set()
    for direction, sdk, ours in PAIRS:
        found |= differences(direction, of_annotation(sdk), of_msgspec(type_info(ours)))
    return found


def test_types_differ_from_the_sdk_only_where_a_reason_is_written() -> None:
    found = all_differences()
    assert found - DIFFERENCES.keys() == set()
    assert DIFFERENCES.keys() - found == set(), "no longer different: remove it from the table"


class Theirs(BaseModel):
    same: str
    words: list[str] | None = None


class Same(Struct):
    same: str
    words: tuple[str, ...] | UnsetType = UNSET


class Lacking(Struct):
    same: str


class Extra(Same, kw_only=True):
    more: int


class Loose(Struct):
    same: str | UnsetType = UNSET
    words: tuple[str, ...] | UnsetType = UNSET


class Strict(Struct):
    same: str
    words: tuple[int, ...]


@pytest.mark.parametrize(
    ("direction", "ours", "expected"),
    [
        (SERVER, Same, set()),
        (CLIENT, Same, set()),
        (SERVER, Lacking, {("Lacking.words", WE_LACK)}),
        (SERVER, Extra, {("Extra.more", SDK_LACKS)}),
        (SERVER, Loose, {("Loose.same", MAY_LEAVE_OUT)}),
        (CLIENT, Loose, {("Loose.same", SDK_REQUIRES)}),
        (
            CLIENT,
            Strict,
            {
                ("Strict.words", WE_REQUIRE),
                ("Strict.words[]", "SDK ['string'], ours ['integer']"),
            },
        ),
    ],
)
def test_the_comparison_sees_what_it_is_for(direction, ours, expected) -> None:
    found = differences(direction, of_annotation(Theirs), of_msgspec(type_info(ours)))
    assert {(path, problem) for _, path, problem in found} == expected
