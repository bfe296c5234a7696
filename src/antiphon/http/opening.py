"""What a client opens, by the address it comes to and the client secret it may have."""

from __future__ import annotations

from starlette.datastructures import QueryParams

from antiphon.errors import RequestError
from antiphon.http.client_secrets import Grant, TranslationGrant
from antiphon.wire.session import (
    RealtimeSessionUpdate,
    SessionPatch,
    TranscriptionSessionUpdate,
)

__all__ = ["settings_of"]


def settings_of(query: QueryParams, grant: Grant | None) -> SessionPatch:
    """Return what the session begins with, which also says of which kind it is.

    Raises:
        RequestError: The client asks for a session of another kind than its secret is for.
    """
    wants_transcription = query.get("intent") == "transcription"
    if grant is None:
        settings: SessionPatch = (
            TranscriptionSessionUpdate() if wants_transcription else RealtimeSessionUpdate()
        )
    elif isinstance(grant, TranslationGrant):
        message = (
            "The client secret is for translation sessions. Connect to /v1/realtime/translations, "
            "or ask for a secret at /v1/realtime/client_secrets."
        )
        raise RequestError(message, code="invalid_parameter")
    else:
        settings = grant.settings
    transcribes = isinstance(settings, TranscriptionSessionUpdate)
    if wants_transcription and not transcribes:
        message = (
            "The client secret is for realtime sessions. Leave 'intent' out, or ask for a secret "
            "with a session of type 'transcription'."
        )
        raise RequestError(message, code="invalid_parameter", param="intent")
    if transcribes and "model" in query:
        message = "You must not provide a model parameter for transcription sessions."
        raise RequestError(message, param="model")
    return settings
