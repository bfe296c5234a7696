"""Translation sessions: audio in one language streams in, audio in another streams out.

They have no turns, items or responses.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

from antiphon.wire.audio_config import NoiseReduction
from antiphon.wire.client_events import MAX_APPEND_BYTES
from antiphon.wire.event_bases import ClientEventBase, ServerEventBase
from antiphon.wire.server_events import ErrorEvent
from antiphon.wire.sizes import MAX_SETTINGS_BYTES, refuse_oversized

__all__ = [
    "SessionClose",
    "SessionClosed",
    "SessionInputAudioBufferAppend",
    "SessionInputTranscriptDelta",
    "SessionOutputAudioDelta",
    "SessionOutputTranscriptDelta",
    "TranslationAudio",
    "TranslationAudioUpdate",
    "TranslationClientEvent",
    "TranslationInput",
    "TranslationInputUpdate",
    "TranslationOutput",
    "TranslationOutputUpdate",
    "TranslationServerEvent",
    "TranslationSession",
    "TranslationSessionCreated",
    "TranslationSessionRequest",
    "TranslationSessionUpdate",
    "TranslationSessionUpdated",
    "TranslationTranscription",
    "UpdateTranslationSession",
]

_LanguageMeta = Meta(description="Language to translate into, ISO 639-1.")
_ElapsedMs = Annotated[
    int | UnsetType, Meta(description="How far into the source audio it belongs, in milliseconds.")
]


class TranslationTranscription(Struct, frozen=True, kw_only=True):
    """Asks for a transcript of the source audio too."""

    model: Annotated[str, Meta(description="Name of the transcription model.")]


class TranslationInput(Struct, frozen=True, kw_only=True):
    """The source audio."""

    transcription: Annotated[
        TranslationTranscription | None,
        Meta(description="How the source is transcribed; null if it is not."),
    ] = None
    noise_reduction: Annotated[
        NoiseReduction | None, Meta(description="Noise reduction; null if there is none.")
    ] = None


class TranslationInputUpdate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Changes to ``TranslationInput``; null switches a stage off.

    Other fields are refused, not ignored: the hosted service does so with ``language``, since a
    client that names the source's language would wonder why that changes nothing.
    """

    transcription: Annotated[
        TranslationTranscription | UnsetType | None,
        Meta(description="How the source is transcribed; null to stop."),
    ] = UNSET
    noise_reduction: Annotated[
        NoiseReduction | UnsetType | None, Meta(description="Noise reduction; null for none.")
    ] = UNSET


class TranslationOutput(Struct, frozen=True, kw_only=True):
    """The translated audio."""

    language: Annotated[str, _LanguageMeta]


class TranslationOutputUpdate(Struct, frozen=True, kw_only=True):
    """Changes to ``TranslationOutput``."""

    language: Annotated[str | UnsetType, _LanguageMeta] = UNSET


class TranslationAudio(Struct, frozen=True, kw_only=True):
    """Both directions of a translation."""

    input: Annotated[TranslationInput, Meta(description="The source audio.")]
    output: Annotated[TranslationOutput, Meta(description="The translated audio.")]


class TranslationAudioUpdate(Struct, frozen=True, kw_only=True):
    """Changes to ``TranslationAudio``."""

    input: Annotated[TranslationInputUpdate | UnsetType, Meta(description="The source audio.")] = (
        UNSET
    )
    output: Annotated[
        TranslationOutputUpdate | UnsetType, Meta(description="The translated audio.")
    ] = UNSET


class TranslationSession(Struct, frozen=True, kw_only=True, tag_field="type", tag="translation"):
    """A translation session as it stands."""

    id: Annotated[str, Meta(description="Unique id of the session.")]
    expires_at: Annotated[int, Meta(description="When it ends, in seconds of the Unix clock.")]
    model: Annotated[str, Meta(description="Name of the model that translates.")]
    audio: Annotated[TranslationAudio, Meta(description="Audio settings.")]


class TranslationSessionUpdate(Struct, frozen=True, kw_only=True):
    """Changes to a translation session."""

    type: Annotated[
        str | UnsetType, Meta(description="`translation`, if given: it cannot be changed.")
    ] = UNSET
    model: Annotated[
        str | UnsetType, Meta(description="The session's own, if given: it cannot be changed.")
    ] = UNSET
    audio: Annotated[TranslationAudioUpdate | UnsetType, Meta(description="Audio settings.")] = (
        UNSET
    )


class TranslationSessionRequest(Struct, frozen=True, kw_only=True):
    """What a translation session is to be, when a client secret is made for it."""

    audio: Annotated[TranslationAudioUpdate | UnsetType, Meta(description="Audio settings.")] = (
        UNSET
    )
    model: Annotated[str, Meta(description="Name of the model that translates.")]


class UpdateTranslationSession(ClientEventBase, frozen=True, kw_only=True, tag="session.update"):
    """Change the session's settings.

    Raises:
        InvalidFieldError: They are too large.
    """

    session: Annotated[TranslationSessionUpdate, Meta(description="The changes.")]

    def __post_init__(self) -> None:
        refuse_oversized(self.session, "session", MAX_SETTINGS_BYTES)


class SessionInputAudioBufferAppend(
    ClientEventBase, frozen=True, kw_only=True, tag="session.input_audio_buffer.append"
):
    """Append source audio."""

    audio: Annotated[
        bytes,
        Meta(
            max_length=MAX_APPEND_BYTES,
            description="Signed 16-bit little-endian samples, one channel, 24 000 Hz, "
            "base64 on the wire; at most 15 MiB of audio in one event.",
        ),
    ]


class SessionClose(ClientEventBase, frozen=True, kw_only=True, tag="session.close"):
    """Finish what was appended, then end the session."""


TranslationClientEvent: TypeAlias = (
    UpdateTranslationSession | SessionInputAudioBufferAppend | SessionClose
)


class _SessionEvent(ServerEventBase, frozen=True, kw_only=True):
    session: Annotated[TranslationSession, Meta(description="The session as it stands.")]


class TranslationSessionCreated(_SessionEvent, frozen=True, kw_only=True, tag="session.created"):
    """The session is open; always the first event."""


class TranslationSessionUpdated(_SessionEvent, frozen=True, kw_only=True, tag="session.updated"):
    """The session's settings have been changed as asked."""


class SessionClosed(ServerEventBase, frozen=True, kw_only=True, tag="session.closed"):
    """Everything has been sent; the connection closes next."""


class SessionOutputAudioDelta(
    ServerEventBase, frozen=True, kw_only=True, tag="session.output_audio.delta"
):
    """More of the translated audio."""

    delta: Annotated[bytes, Meta(description="Samples, base64 on the wire.")]
    sample_rate: Annotated[int, Meta(description="Samples per second.")] = 24000
    channels: Annotated[int, Meta(description="Channels.")] = 1
    format: Annotated[
        Literal["pcm16"], Meta(description="Signed 16-bit little-endian samples.")
    ] = "pcm16"
    elapsed_ms: _ElapsedMs = UNSET


class _TranscriptDelta(ServerEventBase, frozen=True, kw_only=True):
    delta: Annotated[str, Meta(description="Text to append as it is, without adding spaces.")]
    elapsed_ms: _ElapsedMs = UNSET


class SessionOutputTranscriptDelta(
    _TranscriptDelta, frozen=True, kw_only=True, tag="session.output_transcript.delta"
):
    """More of the translation's words."""


class SessionInputTranscriptDelta(
    _TranscriptDelta, frozen=True, kw_only=True, tag="session.input_transcript.delta"
):
    """More of the source's words; only if the session transcribes it."""


TranslationServerEvent: TypeAlias = (
    ErrorEvent
    | TranslationSessionCreated
    | TranslationSessionUpdated
    | SessionClosed
    | SessionOutputAudioDelta
    | SessionOutputTranscriptDelta
    | SessionInputTranscriptDelta
)
