"""A transcriber that leaves the work to a command: a WAV file goes in, words come out."""

import asyncio
import io
import shutil
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator

import soundfile
from msgspec import Struct

from antiphon.engines.base import EngineInfo, EngineSettings, Floats
from antiphon.engines.hearing import LISTENING_RATE_HZ, Transcript, TranscriptionRequest
from antiphon.engines.options import options_as
from antiphon.errors import EngineError


class Options(Struct, frozen=True, forbid_unknown_fields=True):
    """What the operator writes."""

    command: tuple[str, ...]


class CommandTranscriber:
    """Runs the command once for each utterance; utterances of several sessions, side by side."""

    def __init__(self, name: str, command: tuple[str, ...]) -> None:
        self.info = EngineInfo(name=name, role="transcriber", rate_hz=LISTENING_RATE_HZ)
        self._command = command
        self._running: set[Process] = set()
        self._closed = False

    async def transcribe(
        self, audio: Floats, _request: TranscriptionRequest
    ) -> AsyncGenerator[Transcript, None]:
        """Yield the transcript; this engine has no words before it has all of them."""
        if self._closed:
            raise self._error("it is closed")
        yield Transcript(await self._words_in(audio) if audio.size else "")

    async def aclose(self) -> None:
        """End what is running, and take nothing more."""
        self._closed = True
        for process in self._running:
            process.kill()

    async def _words_in(self, audio: Floats) -> str:
        wav = io.BytesIO()
        soundfile.write(wav, audio, LISTENING_RATE_HZ, format="WAV", subtype="PCM_16")
        process = await asyncio.create_subprocess_exec(
            *self._command, stdin=PIPE, stdout=PIPE, stderr=PIPE
        )
        self._running.add(process)
        try:
            words, complaint = await process.communicate(wav.getvalue())
        finally:
            self._running.remove(process)
            if process.returncode is None:  # the session has no more use for the words
                process.kill()
        if process.returncode != 0:
            raise self._error(complaint.decode(errors="replace").strip() or "no reason given")
        return words.decode(errors="replace").strip()

    def _error(self, reason: str) -> EngineError:
        return EngineError(f"{self.info.name} failed: {reason}", stage="transcribe")


def create(settings: EngineSettings) -> CommandTranscriber:
    """Build the engine: what the entry point names."""
    command = options_as(settings, Options, "transcribe").command
    if not command or shutil.which(command[0]) is None:
        message = f"{settings.name} cannot run {' '.join(command) or 'an empty command'!r}."
        raise EngineError(message, stage="transcribe", code="invalid_options")
    return CommandTranscriber(settings.name, command)
