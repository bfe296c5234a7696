"""What clients connect for, and what their sessions begin with."""

from __future__ import annotations

import logging
from typing import Literal

from msgspec import UNSET, Struct
from msgspec.structs import replace

from antiphon.config import Config
from antiphon.core.mcp.policy import without_secrets
from antiphon.core.plan import Speculation
from antiphon.core.session import SessionStart
from antiphon.core.settings import transcription_updated, updated
from antiphon.core.transcription_session import TranscriptionStart
from antiphon.core.translation_session import TranslationStart
from antiphon.core.translation_settings import SpokenLanguages, translation_updated
from antiphon.errors import ConfigurationError, RequestError
from antiphon.runtime.engine_set import EngineSet
from antiphon.runtime.entropy import RandomEntropy
from antiphon.runtime.models import Models
from antiphon.runtime.session_defaults import (
    speech_session,
    transcription_session,
    translation_session,
)
from antiphon.runtime.upstream.link import Upstream
from antiphon.runtime.upstream.preview import VOICE, expected, wanted_patches
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

__all__ = ["DialectName", "Opening", "Openings"]

_log = logging.getLogger(__name__)

DialectName = Literal["ga", "beta"]
"""The protocol as it is now, generally available, or as it was in beta."""


class Opening(Struct, frozen=True, kw_only=True):
    """What a client connects for.

    Attributes:
        kind: A speech session, one that only transcribes, or one that translates.
        model: As :meth:`Openings.choose_model` returned it.
        settings: What the session begins with, of the same kind; ``None`` for the server's own.
        dialect: How the client words its events, and wants to be answered.
        key_name: What the API key is called that it is opened with; ``None`` where none is needed.
    """

    kind: Literal["realtime", "transcription", "translation"] = "realtime"
    model: str
    settings: SessionPatch | TranslationSessionUpdate | None = None
    dialect: DialectName = "ga"
    key_name: str | None = None


class Openings:
    """Finds out what a client connects for.

    Args:
        config: The operator's choices.
        models: What clients may ask for.
        entropy: Makes ids.
    """

    def __init__(self, config: Config, models: Models, entropy: RandomEntropy) -> None:
        self._config = config
        self._models = models
        self._entropy = entropy

    def renewed(self, config: Config) -> Openings:
        """Return the openings by another configuration.

        Raises:
            ConfigurationError: As :meth:`check_models` does.
        """
        openings = Openings(config, self._models, self._entropy)
        openings.check_models()
        return openings

    def choose_model(self, asked_for: str | None) -> str:
        """Return the model name of a session that asks for a model.

        Any name will do, unless the operator is strict: it is reported back to the client as it
        came, and the default answers.

        Raises:
            RequestError: ``model_not_found``, if the operator is strict.
        """
        default, names = self._models.default.name, self._models.names
        if not asked_for or asked_for in names:
            return asked_for or default
        if self._config.strict_models:
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
        return self._models.named(self.choose_model(asked_for)).engines

    def check_models(self) -> None:
        """Check that a session with each model can begin.

        Raises:
            ConfigurationError: One cannot; the message names model, field and value.
        """
        for model in self._models:
            try:
                self.preview(Opening(model=model.name))
            except RequestError as error:
                message = f"Sessions with the model '{model.name}' cannot begin: {error.message}"
                raise ConfigurationError(message) from error

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
        model = self._models.named(opening.model)
        if isinstance(model.answered_by, Upstream) and opening.kind != "translation":
            patches = wanted_patches(opening.kind, model.session, opening.settings)
            if opening.kind == "transcription":
                session_id = self._entropy.identifier("sess")
                settings = transcription_session(session_id, lasts_s=self._config.max_session_s)
                return expected(settings, patches)
            return without_secrets(expected(self._speech_session(opening, VOICE), patches))
        match opening.kind:
            case "realtime":
                return without_secrets(self.speech_start(opening).settings)
            case "transcription":
                return self.transcription_start(opening).settings
            case "translation":
                return self.translation_start(opening).settings

    def preview_translation(self, wanted: TranslationSessionRequest) -> TranslationSettings:
        """Return the translation session that a client secret for it would open.

        Raises:
            RequestError: It asks for something that cannot be done.
        """
        return self.translation_start(self.translation_opening(wanted)).settings

    def speech_start(self, opening: Opening) -> SessionStart:
        """Return what a speech session begins with.

        Raises:
            RequestError: The opening asks for something that cannot be done.
        """
        model = self._models.named(opening.model)
        abilities = replace(model.engines.abilities, prompts=self._config.prompts)
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
            lifetime_s=self._config.max_session_s,
            idle_s=self._config.session_idle_s or None,
        )

    def _speech_session(self, opening: Opening, voice: str) -> RealtimeSession:
        """Return what a speech session begins with where nobody says otherwise."""
        return speech_session(
            self._entropy.identifier("sess"),
            model=opening.model,
            instructions=self._config.instructions,
            voice=voice,
            lasts_s=self._config.max_session_s,
        )

    def transcription_start(self, opening: Opening) -> TranscriptionStart:
        """Return what a session that only transcribes begins with.

        Raises:
            RequestError: The opening asks for something that cannot be done.
        """
        engines = self._models.named(opening.model).engines
        settings = transcription_session(
            self._entropy.identifier("sess"), lasts_s=self._config.max_session_s
        )
        if isinstance(opening.settings, TranscriptionSessionUpdate):
            settings = transcription_updated(
                settings, opening.settings, abilities=engines.abilities
            )
        return TranscriptionStart(
            settings=settings,
            abilities=engines.abilities,
            works_ahead=self._speculation_of(engines) != "off",
            lifetime_s=self._config.max_session_s,
            idle_s=self._config.session_idle_s or None,
        )

    def translation_start(self, opening: Opening) -> TranslationStart:
        """Return what a session that translates begins with.

        Raises:
            RequestError: The opening asks for something that cannot be done.
        """
        engines = self._models.named(opening.model).engines
        synthesizer = engines.synthesizer.info
        spoken = SpokenLanguages(synthesizer=synthesizer.name, codes=synthesizer.languages)
        settings = translation_session(
            self._entropy.identifier("sess"),
            model=opening.model,
            language=spoken.default,
            lasts_s=self._config.max_session_s,
        )
        if isinstance(opening.settings, TranslationSessionUpdate):
            settings = translation_updated(settings, opening.settings, spoken=spoken)
        return TranslationStart(
            settings=settings,
            spoken=spoken,
            voice=engines.abilities.voices[0],
            lifetime_s=self._config.max_session_s,
            idle_s=self._config.session_idle_s or None,
        )

    def _speculation_of(self, engines: EngineSet) -> Speculation:
        otherwise: Speculation = "off" if engines.act_out_a_script else "answers"
        return self._config.speculation or otherwise
