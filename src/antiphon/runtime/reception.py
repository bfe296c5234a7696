"""Admits sessions to a server, and gives each what it begins with."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Literal

import anyio
from anyio.abc import TaskGroup
from msgspec import UNSET, Struct
from msgspec.structs import replace

from antiphon.config import Config
from antiphon.core.mcp.policy import without_secrets
from antiphon.core.plan import Speculation
from antiphon.core.rate_limits import failure_of_limit
from antiphon.core.session import Session, SessionStart
from antiphon.core.settings import transcription_updated, updated
from antiphon.core.transcription_session import TranscriptionSession, TranscriptionStart
from antiphon.core.translation_session import TranslationSession, TranslationStart
from antiphon.core.translation_settings import SpokenLanguages, translation_updated
from antiphon.errors import BusyError, ConfigurationError, RequestError
from antiphon.observe import TimelineLog
from antiphon.runtime.calls import Calls
from antiphon.runtime.detection import Detection
from antiphon.runtime.engine_set import EngineSet
from antiphon.runtime.entropy import RandomEntropy
from antiphon.runtime.host import Host
from antiphon.runtime.hosts import SessionHost
from antiphon.runtime.models import Models
from antiphon.runtime.rate_limits import KeyAccounts
from antiphon.runtime.session_defaults import (
    speech_session,
    transcription_session,
    translation_session,
)
from antiphon.runtime.spare import Machines
from antiphon.runtime.upstream import RelayStart, UpstreamHost
from antiphon.runtime.upstream_link import Upstream
from antiphon.runtime.upstream_preview import VOICE, expected, wanted_patches
from antiphon.wire.codec import decode_translation_event
from antiphon.wire.session import (
    RealtimeSession,
    RealtimeSessionUpdate,
    SessionPatch,
    TranscriptionSessionUpdate,
)
from antiphon.wire.session import Session as SessionSettings
from antiphon.wire.translation import TranslationSession as TranslationSettings
from antiphon.wire.translation import (
    TranslationSessionRequest,
    TranslationSessionUpdate,
)

__all__ = ["RETRY_AFTER_S", "DialectName", "Opening", "Reception", "open_reception"]

_log = logging.getLogger(__name__)

RETRY_AFTER_S = 5
"""When a client of a full server may ask again."""

DialectName = Literal["ga", "beta"]
"""The protocol as it is now, generally available, or as it was in beta."""


class Opening(Struct, frozen=True, kw_only=True):
    """What a client connects for.

    Attributes:
        kind: A speech session, one that only transcribes, or one that translates.
        model: As :meth:`Reception.choose_model` returned it.
        settings: What the session begins with, of the same kind; ``None`` for the server's own.
        dialect: How the client words its events, and wants to be answered.
        key_name: What the API key is called that it is opened with; ``None`` where none is needed.
    """

    kind: Literal["realtime", "transcription", "translation"] = "realtime"
    model: str
    settings: SessionPatch | TranslationSessionUpdate | None = None
    dialect: DialectName = "ga"
    key_name: str | None = None


@asynccontextmanager
async def open_reception(config: Config, models: Models) -> AsyncIterator[Reception]:
    """Open a reception; what its sessions share runs until it closes.

    Raises:
        ConfigurationError: A model's sessions would begin with something that cannot be done.
    """
    own = next((one for one in models if isinstance(one.answered_by, EngineSet)), None)
    detection = Detection(own.engines.voice_detector) if own else None
    reception = Reception(config, models, detection)
    reception.check_models()
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
    """

    def __init__(self, config: Config, models: Models, detection: Detection | None) -> None:
        self.config = config
        self.models = models
        self.timelines = TimelineLog()
        self.calls = Calls()
        self._detection = detection
        self._machines = Machines()
        self._entropy = RandomEntropy()
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

    def choose_model(self, asked_for: str | None) -> str:
        """Return the model name of a session that asks for a model.

        Any name will do, unless the operator is strict: it is reported back to the client as it
        came, and the default answers.

        Raises:
            RequestError: ``model_not_found``, if the operator is strict.
        """
        default, names = self.models.default.name, self.models.names
        if not asked_for or asked_for in names:
            return asked_for or default
        if self.config.strict_models:
            known = ", ".join(names)
            message = f"The model `{asked_for}` does not exist here. Models are: {known}."
            raise RequestError(message, code="model_not_found", param="model")
        _log.info("model %r is not configured; %r answers in its place", asked_for, default)
        return asked_for

    def engines_of(self, asked_for: str | None) -> EngineSet:
        """Return who works on a request for a model.

        Raises:
            RequestError: ``model_not_found``, as with :meth:`choose_model`; ``not_implemented``,
                if a service answers for the model.
        """
        return self.models.named(self.choose_model(asked_for)).engines

    def check_models(self) -> None:
        """Check that a session with each model can begin.

        Raises:
            ConfigurationError: One cannot; the message names model, field and value.
        """
        for model in self.models:
            try:
                self.preview(Opening(model=model.name))
            except RequestError as error:
                message = f"Sessions with the model '{model.name}' cannot begin: {error.message}"
                raise ConfigurationError(message) from error

    async def warm(self) -> None:
        """Have the models read what their sessions are told before all else.

        Raises:
            EngineError: One cannot.
        """
        for model in self.models:
            if isinstance(model.answered_by, EngineSet):
                instructions = self._start(Opening(model=model.name)).settings.instructions
                await model.engines.warm(instructions)

    def opening_with(self, settings: SessionPatch, model: str | None = None) -> Opening:
        """Return the opening of a session that begins with settings.

        Args:
            settings: They say of which kind the session is, and may name its model.
            model: What the client asks for in their place.

        Raises:
            RequestError: ``model_not_found``, as with :meth:`choose_model`.
        """
        if isinstance(settings, TranscriptionSessionUpdate):
            default = self.choose_model(None)
            return Opening(kind="transcription", model=default, settings=settings)
        return Opening(model=self.choose_model(model or settings.model or None), settings=settings)

    def translation_opening(
        self, wanted: TranslationSessionRequest | None, model: str | None = None
    ) -> Opening:
        """Return the opening of a translation session.

        Args:
            wanted: What a client secret says of it; ``None`` without one.
            model: What the client asks for in place of the secret's model.

        Raises:
            RequestError: ``model_not_found``, as with :meth:`choose_model`.
        """
        settings = TranslationSessionUpdate(audio=wanted.audio if wanted else UNSET)
        chosen = self.choose_model(model or (wanted.model if wanted else None))
        return Opening(kind="translation", model=chosen, settings=settings)

    def preview(self, opening: Opening) -> SessionSettings | TranslationSettings:
        """Return the session that an opening would begin with.

        Raises:
            RequestError: It asks for something that cannot be done.
        """
        model = self.models.named(opening.model)
        if isinstance(model.answered_by, Upstream) and opening.kind != "translation":
            patches = wanted_patches(opening.kind, model.session, opening.settings)
            if opening.kind == "transcription":
                session_id = self._entropy.identifier("sess")
                return expected(transcription_session(session_id), patches)
            return without_secrets(expected(self._speech_session(opening, VOICE), patches))
        match opening.kind:
            case "realtime":
                return without_secrets(self._start(opening).settings)
            case "transcription":
                return self._transcription_start(opening).settings
            case "translation":
                return self._translation_start(opening).settings

    def preview_translation(self, wanted: TranslationSessionRequest) -> TranslationSettings:
        """Return the translation session that a client secret for it would open.

        Raises:
            RequestError: It asks for something that cannot be done.
        """
        return self._translation_start(self.translation_opening(wanted)).settings

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

    def check_call(self, opening: Opening) -> None:
        """Check that a session can be held as a call.

        Raises:
            RequestError: As :meth:`preview` does; or ``not_implemented``, if a service answers for
                the model.
        """
        _ = self.models.named(opening.model).engines
        self.preview(opening)

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
            RequestError: As :meth:`preview` does, and the client is best told by that.
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
            opening: What the client calls for; :meth:`check_call` has found nothing against it.
            tasks: Runs the session's work.
            play: Sends a frame of what is to be heard: see :class:`~antiphon.runtime.host.Host`.
        """
        return self._admit_to_engines(opening, tasks, play)

    def _admit_to_engines(
        self, opening: Opening, tasks: TaskGroup, play: Callable[[bytes], object] | None
    ) -> Host:
        now = asyncio.get_running_loop().time()
        admitted = partial(
            Host,
            engines=self.models.named(opening.model).engines,
            detection=self.detection,
            machines=self._machines,
            timelines=self.timelines,
            tasks=tasks,
            play=play,
        )
        match opening.kind:
            case "realtime":
                limits = self._accounts.of(opening.key_name)
                start = replace(self._start(opening), plays=play is not None)
                return admitted(Session(start, self._entropy, now, limits))
            case "transcription":
                listening = self._transcription_start(opening)
                return admitted(TranscriptionSession(listening, self._entropy, now))
            case "translation":
                session = TranslationSession(self._translation_start(opening), self._entropy, now)
                return admitted(session, decode=decode_translation_event)

    def _start(self, opening: Opening) -> SessionStart:
        model = self.models.named(opening.model)
        abilities = replace(model.engines.abilities, prompts=self.config.prompts)
        settings = self._speech_session(opening, abilities.voices[0])
        for patch in (model.session, opening.settings):
            if isinstance(patch, RealtimeSessionUpdate):
                settings = updated(
                    settings,
                    patch,
                    default_instructions=settings.instructions,
                    abilities=abilities,
                    voice_is_fixed=False,
                )
        return SessionStart(
            settings=settings,
            conversation_id=self._entropy.identifier("conv"),
            abilities=abilities,
            reader=model.engines.reader,
            speculation=self._speculation_of(model.engines),
            announces_conversation=opening.dialect == "beta",
        )

    def _speech_session(self, opening: Opening, voice: str) -> RealtimeSession:
        """Return what a speech session begins with where nobody says otherwise."""
        return speech_session(
            self._entropy.identifier("sess"),
            model=opening.model,
            instructions=self.config.instructions,
            voice=voice,
        )

    def _transcription_start(self, opening: Opening) -> TranscriptionStart:
        engines = self.models.named(opening.model).engines
        settings = transcription_session(self._entropy.identifier("sess"))
        if isinstance(opening.settings, TranscriptionSessionUpdate):
            settings = transcription_updated(
                settings, opening.settings, abilities=engines.abilities
            )
        return TranscriptionStart(
            settings=settings,
            abilities=engines.abilities,
            works_ahead=self._speculation_of(engines) != "off",
        )

    def _translation_start(self, opening: Opening) -> TranslationStart:
        engines = self.models.named(opening.model).engines
        synthesizer = engines.synthesizer.info
        spoken = SpokenLanguages(synthesizer=synthesizer.name, codes=synthesizer.languages)
        settings = translation_session(
            self._entropy.identifier("sess"), model=opening.model, language=spoken.default
        )
        if isinstance(opening.settings, TranslationSessionUpdate):
            settings = translation_updated(settings, opening.settings, spoken=spoken)
        return TranslationStart(settings=settings, spoken=spoken, voice=engines.abilities.voices[0])

    def _speculation_of(self, engines: EngineSet) -> Speculation:
        otherwise: Speculation = "off" if engines.act_out_a_script else "answers"
        return self.config.speculation or otherwise
