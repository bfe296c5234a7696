"""A transcriber that leaves the work to a command: a WAV file goes in, words come out."""

import io
import shutil
from collections.abc import AsyncGenerator

import anyio
import soundfile
from msgspec import Struct

from antiphon.engines.base import EngineInfo, EngineSettings, Floats, closed_error
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
        self._running: set[anyio.CancelScope] = set()
        self._closed = False

    async def transcribe(
        self, audio: Floats, _request: TranscriptionRequest
    ) -> AsyncGenerator[Transcript, None]:
        """Yield the transcript; this engine has no words before it has all of them."""
        if self._closed:
            raise closed_error(self.info.name, "transcribe")
        yield Transcript(await self._words_in(audio) if audio.size else "")

    async def aclose(self) -> None:
        """End what is running, and take nothing more."""
        self._closed = True
        for scope in self._running:
            scope.cancel()

    async def _words_in(self, audio: Floats) -> str:
        wav = io.BytesIO()
        soundfile.write(wav, audio, LISTENING_RATE_HZ, format="WAV", subtype="PCM_16")
        with anyio.CancelScope() as scope:
            self._running.add(scope)
            try:
                done = await anyio.run_process(self._command, input=wav.getvalue(), check=False)
            finally:
                self._running.remove(scope)
        if scope.cancelled_caught:
            raise closed_error(self.info.name, "transcribe")
        if done.returncode != 0:
            message = f"{self.info.name} failed: {done.stderr.decode(errors='replace').strip()}"
            raise EngineError(message, stage="transcribe")
        return done.stdout.decode(errors="replace").strip()


def create(settings: EngineSettings) -> CommandTranscriber:
    """Build the engine: what the entry point names."""
    command = options_as(settings, Options, "transcribe").command
    if not command or shutil.which(command[0]) is None:
        message = f"{settings.name} cannot run {' '.join(command) or 'an empty command'!r}."
        raise EngineError(message, stage="transcribe", code="invalid_options")
    return CommandTranscriber(settings.name, command)
