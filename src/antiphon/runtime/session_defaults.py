"""What sessions begin with where neither the operator nor the client says otherwise."""

from __future__ import annotations

import time

from antiphon.core.settings import DEFAULT_TRANSCRIPTION_MODEL
from antiphon.wire.audio_config import (
    AudioInput,
    AudioOutput,
    AudioTranscription,
    PcmFormat,
    ServerVad,
)
from antiphon.wire.session import (
    RealtimeSession,
    SessionAudio,
    TranscriptionAudio,
    TranscriptionSession,
)
from antiphon.wire.translation import (
    TranslationAudio,
    TranslationInput,
    TranslationOutput,
    TranslationSession,
)

__all__ = ["speech_session", "transcription_session", "translation_session"]


def speech_session(
    session_id: str, *, model: str, instructions: str, voice: str, lasts_s: float
) -> RealtimeSession:
    """Return the settings of a speech session that opens now."""
    return RealtimeSession(
        id=session_id,
        model=model,
        output_modalities=("audio",),
        instructions=instructions,
        expires_at=_expires_at(lasts_s),
        audio=SessionAudio(
            input=AudioInput(format=PcmFormat(), turn_detection=ServerVad()),
            output=AudioOutput(format=PcmFormat(), voice=voice),
        ),
    )


def transcription_session(session_id: str, *, lasts_s: float) -> TranscriptionSession:
    """Return the settings of a transcription session that opens now."""
    heard = AudioInput(
        format=PcmFormat(),
        transcription=AudioTranscription(model=DEFAULT_TRANSCRIPTION_MODEL),
        turn_detection=ServerVad(),
    )
    return TranscriptionSession(
        id=session_id, expires_at=_expires_at(lasts_s), audio=TranscriptionAudio(input=heard)
    )


def translation_session(
    session_id: str, *, model: str, language: str, lasts_s: float
) -> TranslationSession:
    """Return the settings of a translation session that opens now.

    Args:
        session_id: Its id.
        model: The name that the client asked for.
        language: What is translated into, as an ISO-639-1 code.
        lasts_s: How long it lasts at most.
    """
    return TranslationSession(
        id=session_id,
        expires_at=_expires_at(lasts_s),
        model=model,
        audio=TranslationAudio(
            input=TranslationInput(), output=TranslationOutput(language=language)
        ),
    )


def _expires_at(lasts_s: float) -> int:
    """Return when a session that opens now expires, in seconds of the Unix clock."""
    return int(time.time() + lasts_s)
