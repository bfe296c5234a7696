"""``/v1/audio/transcriptions`` and ``translations``: a file of speech in, its words out."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import BinaryIO

import anyio
from starlette.requests import Request
from starlette.responses import Response

from antiphon.audio.files import AudioReader
from antiphon.core.usage import INPUT_AUDIO_TOKENS_PER_S, audio_tokens, usage_without_response
from antiphon.engines.hearing import LISTENING_RATE_HZ
from antiphon.http.file_tasks import FileTask, transcription_task, translation_task
from antiphon.http.forms import Form, read_form
from antiphon.http.streams import WorkedOutResponse
from antiphon.runtime.engine_set import EngineSet
from antiphon.runtime.files.transcribe import FileTranscription
from antiphon.runtime.reception import Reception
from antiphon.wire.response import RealtimeResponseUsage
from antiphon.wire.transcriptions import TranscriptionForm, TranslationForm

__all__ = ["Transcriptions"]


class Transcriptions:
    """The routes that transcribe and translate.

    Args:
        reception: Has the engines.
    """

    def __init__(self, reception: Reception) -> None:
        self._reception = reception

    async def create(self, request: Request) -> Response:
        """``POST /v1/audio/transcriptions``."""
        async with self._visit(request) as (needs, form):
            wanted = form.read_as(TranscriptionForm)
            task_for = partial(transcription_task, wanted)
            return await self._answer(request, needs, form.file, wanted.model, task_for)

    async def translate(self, request: Request) -> Response:
        """``POST /v1/audio/translations``."""
        async with self._visit(request) as (needs, form):
            wanted = form.read_as(TranslationForm)
            task_for = partial(translation_task, wanted)
            return await self._answer(request, needs, form.file, wanted.model, task_for)

    @asynccontextmanager
    async def _visit(self, request: Request) -> AsyncGenerator[tuple[AsyncExitStack, Form], None]:
        """Let a client in, and read its form; the stack has what an answer needs."""
        async with AsyncExitStack() as needs:
            needs.enter_context(self._reception.admission.visit(request.state.access.key_name))
            yield needs, await needs.enter_async_context(read_form(request))

    async def _answer(
        self,
        request: Request,
        needs: AsyncExitStack,
        file: BinaryIO,
        model_name: str | None,
        task_for: Callable[[EngineSet], FileTask],
    ) -> Response:
        admission, key_name = self._reception.admission, request.state.access.key_name
        engines = self._reception.openings.engines_of(model_name)
        task = task_for(engines)
        model = self._reception.openings.choose_model(model_name)
        use = needs.enter_context(admission.work(key_name, model))
        reader = await anyio.to_thread.run_sync(AudioReader, file, LISTENING_RATE_HZ)
        needs.callback(reader.close)
        needs.callback(lambda: use(_usage(reader)))
        work = FileTranscription(
            reader,
            engines.transcriber,
            self._reception.detection,
            task.request,
            rules=task.rules,
            timed=task.timed,
            whole=task.whole,
        )
        return WorkedOutResponse(task.body(work), media_type=task.media_type, needs=needs.pop_all())


def _usage(reader: AudioReader) -> RealtimeResponseUsage:
    """Return what has been used so far: as much as if a session had heard it."""
    heard_tokens = audio_tokens(reader.read_s * 1000, INPUT_AUDIO_TOKENS_PER_S)
    return usage_without_response(heard_tokens=heard_tokens)
