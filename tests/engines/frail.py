"""Engines that end badly, for tests of what becomes of the others. A child process imports this."""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncGenerator

from antiphon.engines.base import EngineSettings, Floats
from antiphon.engines.hearing import Transcript, TranscriptEvent, TranscriptionRequest
from antiphon.engines.scripted.hearing import ScriptedTranscriber, create_transcriber
from antiphon.engines.scripted.script import Script
from antiphon.errors import EngineError

__all__ = [
    "ABORTING",
    "BLOCKING",
    "GARBLING",
    "RAISING",
    "create",
    "create_nothing",
    "create_refused",
]

ABORTING, BLOCKING, GARBLING, RAISING = "abort", "block", "garble", "raise"
"""Said in the prompt of a transcription: what then happens."""


class Garbled(Transcript, frozen=True):
    """One that can be sent, but not received."""

    def __reduce__(self) -> tuple[object, ...]:
        return int, ("no number",)


class Frail(ScriptedTranscriber):
    """A scripted transcriber that does as the prompt of a request says."""

    async def transcribe(
        self, audio: Floats, request: TranscriptionRequest
    ) -> AsyncGenerator[TranscriptEvent, None]:
        """Transcribe, or end badly."""
        match request.prompt:
            case "abort":
                os.abort()
            case "block":
                threading.Event().wait()  # the whole process hangs: even its event loop
            case "garble":
                yield Garbled("")
            case "raise":
                raise RuntimeError("no ears")
        async for event in super().transcribe(audio, request):
            yield event


def create(settings: EngineSettings) -> Frail:
    """Make one."""
    return Frail(create_transcriber(settings).info, Script())


def create_refused(settings: EngineSettings) -> Frail:
    """Fail as a factory may."""
    raise EngineError("no weights for ears", stage="transcribe", code="weights_missing")


def create_nothing(settings: EngineSettings) -> Frail:
    """End the process while the engine is being loaded."""
    os._exit(3)
