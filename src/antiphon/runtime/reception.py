"""Admits sessions to a server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import anyio
from anyio.abc import TaskGroup
from msgspec.structs import replace

from antiphon.config import Config
from antiphon.config.places import data_home
from antiphon.core.session import Session
from antiphon.core.transcription_session import TranscriptionSession
from antiphon.core.translation_session import TranslationSession
from antiphon.observe import TimelineLog
from antiphon.runtime.admission import Admission
from antiphon.runtime.calls import Calls
from antiphon.runtime.detection import Detection
from antiphon.runtime.engine_set import EngineSet
from antiphon.runtime.entropy import RandomEntropy
from antiphon.runtime.host import Host
from antiphon.runtime.hosts import CallHost, SessionHost
from antiphon.runtime.keeping import Keeping
from antiphon.runtime.live import LiveSessions
from antiphon.runtime.models import Models
from antiphon.runtime.observers import Observers, Transport, Watch, opened_session
from antiphon.runtime.openings import Opening, Openings
from antiphon.runtime.reach import Reach
from antiphon.runtime.readiness import Obstacle, Phase, Readiness
from antiphon.runtime.resumptions import Resumptions
from antiphon.runtime.spare import Machines
from antiphon.runtime.telemetry.engines import engine_obstacle
from antiphon.runtime.telemetry.gauges import Gauges
from antiphon.runtime.telemetry.lines import LogLines
from antiphon.runtime.telemetry.metrics import Metrics
from antiphon.runtime.telemetry.tracing import traced, tracer_provider
from antiphon.runtime.upstream.host import RelayStart, UpstreamHost
from antiphon.runtime.upstream.link import Upstream
from antiphon.runtime.upstream.preview import wanted_patches
from antiphon.wire.codec import decode_translation_event

if TYPE_CHECKING:  # SQLAlchemy is loaded only where something is kept
    from antiphon.store.store import Store

__all__ = ["Reception", "open_reception"]


@asynccontextmanager
async def open_reception(
    config: Config, models: Models, readiness: Readiness | None = None
) -> AsyncIterator[Reception]:
    """Open a reception; what its sessions share runs until it closes.

    Args:
        config: The operator's choices.
        models: What clients may ask for.
        readiness: Of the server, which the reception has its say in; ``None`` for one that serves.

    Raises:
        ConfigurationError: A model's sessions would begin with something that cannot be done, or
            what traces are made with is not installed.
        StoreError: The database in which responses are to be kept cannot be opened.
    """
    provider = tracer_provider(config.tracing)
    own = next((one for one in models if isinstance(one.answered_by, EngineSet)), None)
    detection = Detection(own.engines.voice_detector) if own else None
    reception = Reception(config, models, detection, readiness or Readiness(Phase.SERVING))
    reception.openings.check_models()
    async with _keeping(reception), anyio.create_task_group() as tasks:
        if detection is not None:
            tasks.start_soon(detection.run)
        async with (
            reception.calls.taken(),
            reception.resumptions.kept(),
            traced(provider, config.tracing, reception.observers),
        ):
            yield reception
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def _keeping(reception: Reception) -> AsyncIterator[None]:
    """Keep what happens in sessions, as far as the operator wants that."""
    choice = reception.config.store
    if choice.keep == "nothing":
        yield
        return
    from antiphon.runtime.spent import spent_before  # noqa: PLC0415 (loads SQLAlchemy)
    from antiphon.store.store import open_store  # noqa: PLC0415 (as above)

    async with open_store(choice, data_home(reception.config.home)) as store:
        reception.store = store
        reception.admission.accounts.restore(await spent_before(store, time.time()))
        reception.observers.add(Keeping(store, choice, reception.admission.cost_micros))
        yield


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
        admission: Whom there is room for, and what their keys may still use.
        resumptions: Those whose clients may come back.
        readiness: Whether new clients should be sent here.
        metrics: What happens, in figures.
        store: Keeps the responses; ``None`` where nothing is kept.
    """

    def __init__(
        self, config: Config, models: Models, detection: Detection | None, readiness: Readiness
    ) -> None:
        self.config = config
        self.models = models
        self.timelines = TimelineLog()
        self.calls = Calls()
        self.live = LiveSessions()
        self.metrics = Metrics(models)
        self.observers = Observers([self.live, self.metrics, LogLines(config.log_content)])
        self.store: Store | None = None
        self._detection = detection
        self._machines = Machines()
        self._entropy = RandomEntropy()
        self.openings = Openings(config, models, self._entropy)
        self.admission = Admission(config, models, readiness, self._machines)
        self.resumptions = Resumptions(self.admit, self.admission.place, self._entropy)
        self.readiness = readiness
        readiness.depend_on(self._store_fails)
        readiness.depend_on(lambda: engine_obstacle(models))
        Gauges(self, self.metrics)

    def renew(self, config: Config, openings: Openings) -> None:
        """Have another configuration hold from now on, as far as it differs in what can change.

        Args:
            config: The configuration.
            openings: By that configuration.
        """
        self.config = config
        self.openings = openings
        self.admission.renew(config)

    @property
    def open_sessions(self) -> int:
        """How many sessions are open."""
        return self.admission.open_sessions

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

    def _store_fails(self) -> Obstacle | None:
        since_s = self.store.figures().failing_since_s if self.store is not None else None
        if since_s is None:
            return None
        message = f"Nothing could be kept for {time.time() - since_s:.0f} s; the log says why."
        return Obstacle(code="store_failing", message=message, weight="warns")

    def admit(self, opening: Opening, tasks: TaskGroup) -> SessionHost:
        """Open a session, in a :meth:`place` that was taken for it.

        Args:
            opening: What the client connects for.
            tasks: Runs the session's work.

        Raises:
            RequestError: As ``openings.preview`` does, and the client is best told by that.
        """
        return self._admit(opening, tasks, play=None)

    def admit_call(
        self, opening: Opening, tasks: TaskGroup, play: Callable[[bytes], object]
    ) -> CallHost:
        """Open a session that is held as a call, in a :meth:`place` that was taken for it.

        Args:
            opening: What the client calls for; ``openings.preview`` has nothing against it.
            tasks: Runs the session's work.
            play: Sends a frame of what is to be heard: see :class:`~antiphon.runtime.host.Host`.
        """
        return self._admit(opening, tasks, play)

    def _admit(
        self, opening: Opening, tasks: TaskGroup, play: Callable[[bytes], object] | None
    ) -> Host | UpstreamHost:
        model = self.models.named(opening.model)
        if not isinstance(model.answered_by, Upstream) or opening.kind == "translation":
            return self._admit_to_engines(opening, tasks, play)

        def observe(session_id: str, host: SessionHost) -> Watch:
            return self.observers.open(opened_session(opening, session_id, _transport(play)), host)

        return UpstreamHost(
            model.answered_by,
            RelayStart(
                opening.kind,
                opening.model,
                wanted_patches(opening.kind, model.session, opening.settings),
                self.config.max_session_s,
                self.config.session_idle_s or None,
            ),
            account=self.admission.account(opening.key_name, opening.model),
            timelines=self.timelines,
            entropy=self._entropy,
            tasks=tasks,
            observe=observe,
            play=play,
        )

    def _admit_to_engines(
        self, opening: Opening, tasks: TaskGroup, play: Callable[[bytes], object] | None
    ) -> Host:
        now = asyncio.get_running_loop().time()
        transport = _transport(play)
        admitted = partial(
            Host,
            engines=self.models.named(opening.model).engines,
            detection=self.detection,
            machines=self._machines,
            timelines=self.timelines,
            observers=self.observers,
            tasks=tasks,
            reach=Reach(self.config.allow_private_addresses),
            play=play,
        )
        match opening.kind:
            case "realtime":
                limits = self.admission.account(opening.key_name, opening.model)
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


def _transport(play: Callable[[bytes], object] | None) -> Transport:
    """Return how a client is connected: where the transport plays, it is a call."""
    return "websocket" if play is None else "webrtc"
