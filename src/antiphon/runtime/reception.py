"""Admits sessions to a server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial

import anyio
from anyio.abc import TaskGroup
from msgspec.structs import replace

from antiphon.config import Config
from antiphon.core.rate_limits import failure_of_limit
from antiphon.core.session import Session
from antiphon.core.transcription_session import TranscriptionSession
from antiphon.core.translation_session import TranslationSession
from antiphon.errors import BusyError
from antiphon.observe import TimelineLog
from antiphon.runtime.calls import Calls
from antiphon.runtime.detection import Detection
from antiphon.runtime.engine_set import EngineSet
from antiphon.runtime.entropy import RandomEntropy
from antiphon.runtime.host import Host
from antiphon.runtime.hosts import SessionHost
from antiphon.runtime.live import LiveSessions
from antiphon.runtime.models import Models
from antiphon.runtime.observers import Observers, Transport, opened_session
from antiphon.runtime.openings import Opening, Openings
from antiphon.runtime.rate_limits import KeyAccounts
from antiphon.runtime.spare import Machines
from antiphon.runtime.upstream.host import RelayStart, UpstreamHost
from antiphon.runtime.upstream.link import Upstream
from antiphon.runtime.upstream.preview import wanted_patches
from antiphon.wire.codec import decode_translation_event

__all__ = ["RETRY_AFTER_S", "Reception", "open_reception"]

_log = logging.getLogger(__name__)

RETRY_AFTER_S = 5
"""When a client of a full server may ask again."""


@asynccontextmanager
async def open_reception(config: Config, models: Models) -> AsyncIterator[Reception]:
    """Open a reception; what its sessions share runs until it closes.

    Raises:
        ConfigurationError: A model's sessions would begin with something that cannot be done.
    """
    own = next((one for one in models if isinstance(one.answered_by, EngineSet)), None)
    detection = Detection(own.engines.voice_detector) if own else None
    reception = Reception(config, models, detection)
    reception.openings.check_models()
    async with anyio.create_task_group() as tasks:
        if detection is not None:
            tasks.start_soon(detection.run)
        async with reception.calls.taken():
            yield reception
        tasks.cancel_scope.cancel()


class Reception:
    """What all sessions of a server share. Made by :func:`open_reception`.

    Attributes:
        config: The operator's choices.
        models: What clients may ask for.
        timelines: Where the time of the latest responses went.
        calls: Those that are going on.
        openings: What clients connect for.
        observers: Are told of what happens in sessions.
        live: The sessions that are open.
    """

    def __init__(self, config: Config, models: Models, detection: Detection | None) -> None:
        self.config = config
        self.models = models
        self.timelines = TimelineLog()
        self.calls = Calls()
        self.live = LiveSessions()
        self.observers = Observers([self.live])
        self._detection = detection
        self._machines = Machines()
        self._entropy = RandomEntropy()
        self.openings = Openings(config, models, self._entropy)
        self._accounts = KeyAccounts(config.keys, config.rate_limits)
        self._open_sessions = 0

    @property
    def open_sessions(self) -> int:
        """How many sessions are open."""
        return self._open_sessions

    @property
    def full(self) -> bool:
        """Whether no further session can be admitted."""
        return self._open_sessions >= self.config.max_sessions

    @property
    def detection(self) -> Detection:
        """Says where somebody speaks, to all sessions and requests that engines serve."""
        assert self._detection is not None, "no model has engines, so nobody can ask for it"
        return self._detection

    async def warm(self) -> None:
        """Have the models read what their sessions are told before all else.

        Raises:
            EngineError: One cannot.
        """
        for model in self.models:
            if isinstance(model.answered_by, EngineSet):
                instructions = self.openings.speech_start(
                    Opening(model=model.name)
                ).settings.instructions
                await model.engines.warm(instructions)

    def check_room(self) -> None:
        """Check that a session or request can be admitted.

        Raises:
            BusyError: ``server_full``.
        """
        if self.full:
            message = (
                f"The server is full: {self.open_sessions} sessions and requests are being served. "
                f"Try again in {RETRY_AFTER_S} seconds."
            )
            raise BusyError(
                message, code="server_full", type="server_error", retry_after_s=RETRY_AFTER_S
            )

    @contextmanager
    def place(self) -> Iterator[None]:
        """Take up the room of one session, as long as the context is open."""
        self._open_sessions += 1
        try:
            yield
        finally:
            self._open_sessions -= 1

    @contextmanager
    def request(self, key_name: str | None) -> Iterator[None]:
        """Admit a request without a session that engines work on, as long as the context is open.

        It takes up the room of a session, counts as a request of its key, and as work that is
        needed.

        Args:
            key_name: What the API key is called that it comes with; ``None`` where none is needed.

        Raises:
            BusyError: ``server_full``, or ``rate_limit_exceeded``.
        """
        self.check_room()
        account = self._accounts.of(key_name)
        if account and (exceeded := account.admit(asyncio.get_running_loop().time())):
            limit = failure_of_limit(exceeded)
            raise BusyError(
                limit.message,
                code="rate_limit_exceeded",
                type=limit.type,
                retry_after_s=exceeded.wait_s,
            )
        with self.place(), self._machines.here.seat(anyio.CancelScope(), needed=True):
            yield

    def admit(self, opening: Opening, tasks: TaskGroup) -> SessionHost:
        """Open a session, in a :meth:`place` that was taken for it.

        Args:
            opening: What the client connects for.
            tasks: Runs the session's work.

        Raises:
            RequestError: As ``openings.preview`` does, and the client is best told by that.
        """
        model = self.models.named(opening.model)
        if isinstance(model.answered_by, Upstream) and opening.kind != "translation":
            patches = wanted_patches(opening.kind, model.session, opening.settings)
            return UpstreamHost(
                model.answered_by,
                RelayStart(opening.kind, opening.model, patches),
                account=self._accounts.of(opening.key_name),
                timelines=self.timelines,
                entropy=self._entropy,
                tasks=tasks,
            )
        return self._admit_to_engines(opening, tasks, play=None)

    def admit_call(
        self, opening: Opening, tasks: TaskGroup, play: Callable[[bytes], object]
    ) -> Host:
        """Open a session that is held as a call, in a :meth:`place` that was taken for it.

        Args:
            opening: What the client calls for; ``openings.check_call`` has nothing against it.
            tasks: Runs the session's work.
            play: Sends a frame of what is to be heard: see :class:`~antiphon.runtime.host.Host`.
        """
        return self._admit_to_engines(opening, tasks, play)

    def _admit_to_engines(
        self, opening: Opening, tasks: TaskGroup, play: Callable[[bytes], object] | None
    ) -> Host:
        now = asyncio.get_running_loop().time()
        transport: Transport = "webrtc" if play is not None else "websocket"
        admitted = partial(
            Host,
            engines=self.models.named(opening.model).engines,
            detection=self.detection,
            machines=self._machines,
            timelines=self.timelines,
            observers=self.observers,
            tasks=tasks,
            play=play,
        )
        match opening.kind:
            case "realtime":
                limits = self._accounts.of(opening.key_name)
                start = replace(self.openings.speech_start(opening), plays=play is not None)
                opened = opened_session(
                    opening, start.settings.id, transport, conversation_id=start.conversation_id
                )
                return admitted(Session(start, self._entropy, now, limits), opened=opened)
            case "transcription":
                listening = self.openings.transcription_start(opening)
                opened = opened_session(opening, listening.settings.id, transport)
                return admitted(TranscriptionSession(listening, self._entropy, now), opened=opened)
            case "translation":
                translating = self.openings.translation_start(opening)
                opened = opened_session(opening, translating.settings.id, transport)
                session = TranslationSession(translating, self._entropy, now)
                return admitted(session, opened=opened, decode=decode_translation_event)
