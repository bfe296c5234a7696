"""Admits sessions to a server, and gives each what it begins with."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import anyio
from anyio.abc import TaskGroup

from antiphon.config import Config
from antiphon.core.session import SESSION_LIFETIME_S, Session, SessionStart
from antiphon.errors import RequestError
from antiphon.observe import TimelineLog
from antiphon.runtime.detection import Detection
from antiphon.runtime.engine_set import EngineSet
from antiphon.runtime.entropy import RandomEntropy
from antiphon.runtime.host import Host
from antiphon.wire.audio_config import AudioInput, AudioOutput, PcmFormat, ServerVad
from antiphon.wire.session import RealtimeSession, SessionAudio

__all__ = ["Reception", "open_reception"]

_log = logging.getLogger(__name__)


@asynccontextmanager
async def open_reception(config: Config, engines: EngineSet) -> AsyncIterator[Reception]:
    """Open a reception; what its sessions share runs until it closes."""
    async with anyio.create_task_group() as tasks:
        detection = Detection(engines.voice_detector)
        tasks.start_soon(detection.run)
        yield Reception(config, engines, detection)
        tasks.cancel_scope.cancel()


class Reception:
    """What all sessions of a server share. Made by :func:`open_reception`.

    Attributes:
        config: The operator's choices.
        timelines: Where the time of the latest responses went.
    """

    def __init__(self, config: Config, engines: EngineSet, detection: Detection) -> None:
        self.config = config
        self.timelines = TimelineLog()
        self._engines = engines
        self._detection = detection
        self._entropy = RandomEntropy()
        self._open_sessions = 0

    @property
    def open_sessions(self) -> int:
        """How many sessions are open."""
        return self._open_sessions

    @property
    def full(self) -> bool:
        """Whether no further session can be admitted."""
        return self._open_sessions >= self.config.max_sessions

    def choose_model(self, asked_for: str | None) -> str:
        """Return the model name of a session that asks for a model.

        Any name will do, unless the operator is strict: it is reported back to the client as it
        came, and the default answers.

        Raises:
            RequestError: ``model_not_found``, if the operator is strict.
        """
        models = self.config.models
        if not asked_for or asked_for in models:
            return asked_for or models[0]
        if self.config.strict_models:
            known = ", ".join(models)
            message = f"The model `{asked_for}` does not exist here. Models are: {known}."
            raise RequestError(message, code="model_not_found", param="model")
        _log.info("model %r is not configured; %r answers in its place", asked_for, models[0])
        return asked_for

    @contextmanager
    def place(self) -> Iterator[None]:
        """Take up the room of one session, as long as the context is open."""
        self._open_sessions += 1
        try:
            yield
        finally:
            self._open_sessions -= 1

    def admit(self, model: str, tasks: TaskGroup) -> Host:
        """Open a session, within a place taken before. Whoever admits it closes it.

        Args:
            model: As :meth:`choose_model` returned it.
            tasks: Runs the session's work.
        """
        session = Session(self._start(model), self._entropy, asyncio.get_running_loop().time())
        return Host(
            session,
            engines=self._engines,
            detection=self._detection,
            timelines=self.timelines,
            tasks=tasks,
        )

    def _start(self, model: str) -> SessionStart:
        voices = self._engines.voices
        settings = RealtimeSession(
            id=self._entropy.identifier("sess"),
            model=model,
            output_modalities=("audio",),
            instructions=self.config.instructions,
            expires_at=int(time.time() + SESSION_LIFETIME_S),
            audio=SessionAudio(
                input=AudioInput(format=PcmFormat(), turn_detection=ServerVad()),
                output=AudioOutput(format=PcmFormat(), voice=voices[0]),
            ),
        )
        return SessionStart(
            settings=settings,
            conversation_id=self._entropy.identifier("conv"),
            voices=voices,
        )
