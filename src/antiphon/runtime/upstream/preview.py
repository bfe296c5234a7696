"""What a session will begin with that a service behind this server will hold.

It is not known before the service is asked, which would cost a session there. So it is this
server's own session with the settings laid over it that are known to be wanted, and nothing is
refused that only the service can judge: voices, languages, stored prompts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from msgspec import UNSET
from msgspec.structs import replace

from antiphon.core.abilities import Abilities, voice_name
from antiphon.core.settings import transcription_updated, updated
from antiphon.runtime.engine_set import HOSTED_VOICES
from antiphon.wire.session import (
    RealtimeSession,
    RealtimeSessionUpdate,
    SessionPatch,
    TranscriptionSession,
    TranscriptionSessionUpdate,
)

__all__ = ["VOICE", "expected", "wanted_patches"]

VOICE = HOSTED_VOICES[0]
"""What is shown as the voice where nobody has named one."""

_Session = TypeVar("_Session", RealtimeSession, TranscriptionSession)

_PATCHES = {"realtime": RealtimeSessionUpdate, "transcription": TranscriptionSessionUpdate}


def wanted_patches(kind: str, *patches: object) -> tuple[SessionPatch, ...]:
    """Return what is to be changed in a session of a kind, in order.

    Args:
        kind: ``realtime`` or ``transcription``.
        patches: Settings, those of other kinds among them. A model that they name is left out: it
            changes nothing, and the service may not know its name.
    """
    wanted: list[SessionPatch] = []
    for patch in patches:
        if isinstance(patch, RealtimeSessionUpdate):
            patch = replace(patch, model=UNSET)  # noqa: PLW2901 (the same, without it)
        if (
            isinstance(patch, SessionPatch)
            and type(patch) is _PATCHES[kind]
            and patch != type(patch)()
        ):
            wanted.append(patch)
    return tuple(wanted)


def expected(session: _Session, patches: Iterable[SessionPatch]) -> _Session:
    """Return a session with settings laid over it.

    Args:
        session: What it would be without.
        patches: The settings, those of another kind of session excluded.

    Raises:
        RequestError: A setting cannot be right, whatever the service can do.
    """
    for patch in patches:
        match session, patch:
            case RealtimeSession(), RealtimeSessionUpdate():
                session = _updated(session, patch)
            case TranscriptionSession(), TranscriptionSessionUpdate():
                abilities = _anything(())
                session = transcription_updated(session, patch, abilities=abilities)
    return session


def _updated(session: RealtimeSession, patch: RealtimeSessionUpdate) -> RealtimeSession:
    output = patch.audio.output if patch.audio else UNSET
    voices = (voice_name(output.voice),) if output and output.voice else ()
    changed = updated(
        session,
        replace(patch, prompt=UNSET),
        default_instructions=session.instructions,
        abilities=_anything(voices),
        voice_is_fixed=False,
    )
    return changed if patch.prompt is UNSET else replace(changed, prompt=patch.prompt)


def _anything(voices: tuple[str, ...]) -> Abilities:
    unknown = "upstream"
    return Abilities(
        voices=(*voices, VOICE),
        transcriber=unknown,
        logprobs=True,
        language_model=unknown,
        images=True,
    )
