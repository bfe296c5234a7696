"""Audio settings of a session: formats, transcription, noise reduction, turn detection, voice.

Each has an effective form, as the server reports it, and an ``Update`` form for patches, in which
an absent field leaves the setting as it is.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

__all__ = [
    "AudioFormat",
    "AudioInput",
    "AudioInputUpdate",
    "AudioOutput",
    "AudioOutputUpdate",
    "AudioTranscription",
    "AudioTranscriptionUpdate",
    "CustomVoice",
    "NoiseReduction",
    "NoiseReductionUpdate",
    "PcmFormat",
    "PcmaFormat",
    "PcmuFormat",
    "SemanticVad",
    "ServerVad",
    "Speed",
    "TranscriptionDelay",
    "TurnDetection",
    "Voice",
]


class PcmFormat(Struct, frozen=True, kw_only=True, tag_field="type", tag="audio/pcm"):
    """Signed 16-bit little-endian samples, one channel, 24 000 Hz."""

    rate: Annotated[Literal[24000], Meta(description="Samples per second.")] = 24000


class PcmuFormat(Struct, frozen=True, kw_only=True, tag_field="type", tag="audio/pcmu"):
    """G.711 mu-law, one channel, 8 000 Hz."""


class PcmaFormat(Struct, frozen=True, kw_only=True, tag_field="type", tag="audio/pcma"):
    """G.711 A-law, one channel, 8 000 Hz."""


AudioFormat: TypeAlias = PcmFormat | PcmuFormat | PcmaFormat

_InputFormat = Annotated[AudioFormat, Meta(description="Format of the audio the client appends.")]
_OutputFormat = Annotated[AudioFormat, Meta(description="Format of the audio the server sends.")]

_Language = Annotated[
    str | None, Meta(description="Language of the speech, ISO 639-1 (`en`); null to find out.")
]
_TranscriptionPrompt = Annotated[
    str | None, Meta(description="Text that steers the transcription: names, spelling, style.")
]
_Languages = Annotated[
    tuple[str, ...] | UnsetType, Meta(description="Languages that may occur, ISO 639-1.")
]
_Keywords = Annotated[
    tuple[str, ...] | UnsetType, Meta(description="Words that are likely to occur.")
]
TranscriptionDelay: TypeAlias = Literal["minimal", "low", "medium", "high", "xhigh"]
_Delay = Annotated[
    TranscriptionDelay | UnsetType,
    Meta(description="How long words may be held back for the sake of accuracy."),
]
_Field = Literal["near_field", "far_field"]
_FieldMeta = Meta(
    description="`near_field` for headsets, `far_field` for laptop and room microphones."
)
_Strength = Annotated[
    float | UnsetType, Meta(description="How much to suppress; more is stronger, 1 is usual.")
]


class AudioTranscription(Struct, frozen=True, kw_only=True):
    """How the user's speech is transcribed."""

    model: Annotated[str, Meta(description="Name of the transcription model.")]
    language: _Language = None
    prompt: _TranscriptionPrompt = None
    languages: _Languages = UNSET
    keywords: _Keywords = UNSET
    delay: _Delay = UNSET


class AudioTranscriptionUpdate(Struct, frozen=True, kw_only=True):
    """Changes to ``AudioTranscription``."""

    model: Annotated[str | UnsetType, Meta(description="Name of the transcription model.")] = UNSET
    language: _Language | UnsetType = UNSET
    prompt: _TranscriptionPrompt | UnsetType = UNSET
    languages: _Languages = UNSET
    keywords: _Keywords = UNSET
    delay: _Delay = UNSET


class NoiseReduction(Struct, frozen=True, kw_only=True):
    """Noise reduction on the user's audio, before turn detection and the model hear it."""

    type: Annotated[_Field, _FieldMeta]
    strength: _Strength = UNSET


class NoiseReductionUpdate(Struct, frozen=True, kw_only=True):
    """Changes to ``NoiseReduction``; an absent strength keeps the current one."""

    type: Annotated[_Field | UnsetType, _FieldMeta] = UNSET
    strength: _Strength = UNSET


_CreateResponse = Annotated[
    bool, Meta(description="Whether the end of a turn starts a response by itself.")
]
_InterruptResponse = Annotated[
    bool, Meta(description="Whether speech cancels the response in progress.")
]


class ServerVad(Struct, frozen=True, kw_only=True, tag_field="type", tag="server_vad"):
    """A turn ends when speech is followed by silence."""

    threshold: Annotated[
        float,
        Meta(ge=0, le=1, description="Speech probability from which a sample counts as speech."),
    ] = 0.5
    prefix_padding_ms: Annotated[
        int, Meta(ge=0, description="Audio to include from before the detected speech.")
    ] = 300
    silence_duration_ms: Annotated[
        int, Meta(ge=0, description="Silence after which the turn has ended.")
    ] = 500
    idle_timeout_ms: Annotated[
        Annotated[int, Meta(ge=5000, le=30_000)] | None,
        Meta(description="Silence after an answer's playback that starts a response; null: never."),
    ] = None
    create_response: _CreateResponse = True
    interrupt_response: _InterruptResponse = True


class SemanticVad(Struct, frozen=True, kw_only=True, tag_field="type", tag="semantic_vad"):
    """A turn ends when the speaker seems to have finished."""

    eagerness: Annotated[
        Literal["low", "medium", "high", "auto"],
        Meta(
            description="How soon to answer: `low`, `medium` and `high` wait at most 8, 4 and 2 "
            "seconds; `auto` is `medium`."
        ),
    ] = "auto"
    create_response: _CreateResponse = True
    interrupt_response: _InterruptResponse = True


TurnDetection: TypeAlias = ServerVad | SemanticVad


class CustomVoice(Struct, frozen=True, kw_only=True):
    """A voice named by its id."""

    id: Annotated[str, Meta(min_length=1, description="Id of the voice.")]


Voice: TypeAlias = str | CustomVoice

Speed = Annotated[float, Meta(ge=0.25, le=1.5, description="Speaking rate; 1.0 is natural.")]

_VoiceMeta = Meta(description="The voice; fixed once the assistant has spoken.")
_TurnDetectionMeta = Meta(
    description="How turns are found; null if the client commits the audio itself."
)


class AudioInput(Struct, frozen=True, kw_only=True):
    """The user's side of a session's audio."""

    format: _InputFormat
    transcription: Annotated[
        AudioTranscription | None,
        Meta(description="How speech is transcribed; null if it is not."),
    ] = None
    noise_reduction: Annotated[
        NoiseReduction | None, Meta(description="Noise reduction; null if there is none.")
    ] = None
    turn_detection: Annotated[TurnDetection | None, _TurnDetectionMeta]


class AudioInputUpdate(Struct, frozen=True, kw_only=True):
    """Changes to ``AudioInput``; null switches a stage off."""

    format: _InputFormat | UnsetType = UNSET
    transcription: Annotated[
        AudioTranscriptionUpdate | UnsetType | None,
        Meta(description="How speech is transcribed; null to stop."),
    ] = UNSET
    noise_reduction: Annotated[
        NoiseReductionUpdate | UnsetType | None, Meta(description="Noise reduction; null for none.")
    ] = UNSET
    turn_detection: Annotated[TurnDetection | UnsetType | None, _TurnDetectionMeta] = UNSET


class AudioOutput(Struct, frozen=True, kw_only=True):
    """The assistant's side of a session's audio."""

    format: _OutputFormat
    voice: Annotated[Voice, _VoiceMeta]
    speed: Speed = 1.0


class AudioOutputUpdate(Struct, frozen=True, kw_only=True):
    """Changes to ``AudioOutput``."""

    format: _OutputFormat | UnsetType = UNSET
    voice: Annotated[Voice | UnsetType, _VoiceMeta] = UNSET
    speed: Speed | UnsetType = UNSET
