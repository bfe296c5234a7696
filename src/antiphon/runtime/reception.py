"""Admits sessions to a server, and gives each what it begins with."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
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
from antiphon.core.settings import (
    DEFAULT_TRANSCRIPTION_MODEL,
    transcription_updated,
    updated,
)
from antiphon.core.transcription_session import TranscriptionSession, TranscriptionStart
from antiphon.core.translation_session import TranslationSession, TranslationStart
from antiphon.core.translation_settings import SpokenLanguages, translation_updated
from antiphon.core.verbs import SESSION_LIFETIME_S
from antiphon.errors import BusyError, ConfigurationError, RequestError
from antiphon.observe import TimelineLog
from antiphon.runtime.detection import Detection
from antiphon.runtime.engine_set import EngineSet
from antiphon.runtime.entropy import RandomEntropy
from antiphon.runtime.host import Host
from antiphon.runtime.models import Models
from antiphon.runtime.rate_limits import KeyAccounts
from antiphon.runtime.spare import Machines
from antiphon.wire.audio_config import (
    AudioInput,
    AudioOutput,
    AudioTranscription,
    PcmFormat,
    ServerVad,
)
from antiphon.wire.codec import decode_translation_event
from antiphon.wire.session import (
    RealtimeSession,
    RealtimeSessionUpdate,
    SessionAudio,
    SessionPatch,
    TranscriptionAudio,
    TranscriptionSessionUpdate,
)
from antiphon.wire.session import Session as SessionSettings
from antiphon.wire.session import TranscriptionSession as TranscriptionSettings
from antiphon.wire.translation import (
    TranslationAudio,
    TranslationInput,
    TranslationOutput,
    TranslationSessionRequest,
    TranslationSessionUpdate,
)
from antiphon.wire.translation import TranslationSession as TranslationSettings

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
    detection = Detection(models.default.engines.voice_detector)
    reception = Reception(config, models, detection)
    reception.check_models()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(detection.run)
        yield reception
        tasks.cancel_scope.cancel()


class Reception:
    """What all sessions of a server share. Made by :func:`open_reception`.

    Attributes:
        config: The operator's choices.
        models: What clients may ask for.
        detection: Says where somebody speaks, to all of them.
        timelines: Where the time of the latest responses went.
    """

    def __init__(self, config: Config, models: Models, detection: Detection) -> None:
        self.config = config
        self.models = models
        self.timelines = TimelineLog()
        self.detection = detection
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
            RequestError: ``model_not_found``, as with :meth:`choose_model`.
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
        if self.full:
            message = (
                f"The server is full: {self.open_sessions} sessions and requests are being served. "
                f"Try again in {RETRY_AFTER_S} seconds."
            )
            raise BusyError(
                message, code="server_full", type="server_error", retry_after_s=RETRY_AFTER_S
            )
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

    def admit(self, opening: Opening, tasks: TaskGroup) -> Host:
        """Open a session, in a :meth:`place` that was taken for it.

        Args:
            opening: What the client connects for.
            tasks: Runs the session's work.

        Raises:
            RequestError: As :meth:`preview` does, and the client is best told by that.
        """
        now = asyncio.get_running_loop().time()
        admitted = partial(
            Host,
            engines=self.models.named(opening.model).engines,
            detection=self.detection,
            machines=self._machines,
            timelines=self.timelines,
            tasks=tasks,
        )
        match opening.kind:
            case "realtime":
                limits = self._accounts.of(opening.key_name)
                return admitted(Session(self._start(opening), self._entropy, now, limits))
            case "transcription":
                start = self._transcription_start(opening)
                return admitted(TranscriptionSession(start, self._entropy, now))
            case "translation":
                session = TranslationSession(self._translation_start(opening), self._entropy, now)
                return admitted(session, decode=decode_translation_event)

    def _start(self, opening: Opening) -> SessionStart:
        model = self.models.named(opening.model)
        abilities = replace(model.engines.abilities, prompts=self.config.prompts)
        settings = RealtimeSession(
            id=self._entropy.identifier("sess"),
            model=opening.model,
            output_modalities=("audio",),
            instructions=self.config.instructions,
            expires_at=_expires_at(),
            audio=SessionAudio(
                input=AudioInput(format=PcmFormat(), turn_detection=ServerVad()),
                output=AudioOutput(format=PcmFormat(), voice=abilities.voices[0]),
            ),
        )
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

    def _transcription_start(self, opening: Opening) -> TranscriptionStart:
        engines = self.models.named(opening.model).engines
        heard = AudioInput(
            format=PcmFormat(),
            transcription=AudioTranscription(model=DEFAULT_TRANSCRIPTION_MODEL),
            turn_detection=ServerVad(),
        )
        settings = TranscriptionSettings(
            id=self._entropy.identifier("sess"),
            expires_at=_expires_at(),
            audio=TranscriptionAudio(input=heard),
        )
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
        settings = TranslationSettings(
            id=self._entropy.identifier("sess"),
            expires_at=_expires_at(),
            model=opening.model,
            audio=TranslationAudio(
                input=TranslationInput(), output=TranslationOutput(language=spoken.default)
            ),
        )
        if isinstance(opening.settings, TranslationSessionUpdate):
            settings = translation_updated(settings, opening.settings, spoken=spoken)
        return TranslationStart(settings=settings, spoken=spoken, voice=engines.abilities.voices[0])

    def _speculation_of(self, engines: EngineSet) -> Speculation:
        otherwise: Speculation = "off" if engines.act_out_a_script else "answers"
        return self.config.speculation or otherwise


def _expires_at() -> int:
    """Return when a session that opens now expires, in seconds of the Unix clock."""
    return int(time.time() + SESSION_LIFETIME_S)
