"""A translation session: speech in one language streams in, speech in another streams out.

It has no turns, items or responses: :mod:`~antiphon.core.phrases` cuts what is said into phrases,
:mod:`~antiphon.core.interpreting` has them translated and spoken.
"""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from antiphon.core.clock import SAMPLES_PER_MS, Span
from antiphon.core.effects import DropAudio, EndInput, WarmPrompt
from antiphon.core.entropy import Entropy
from antiphon.core.interpreting import Interpreter, instructions_for
from antiphon.core.outgoing import Outgoing
from antiphon.core.phrases import PHRASING, Phrases
from antiphon.core.signals import AudioAppended, Signal, SpeechProbability
from antiphon.core.translation_settings import SpokenLanguages, translation_updated
from antiphon.core.verbs import SESSION_LIFETIME_S, Verbs
from antiphon.errors import RequestError
from antiphon.wire import translation as wire
from antiphon.wire.audio_config import AudioInput, PcmFormat

__all__ = ["TranslationSession", "TranslationStart"]

_DROP_STEP_SAMPLES = 1000 * SAMPLES_PER_MS
"""Audio is forgotten in steps, so that not every frame costs an effect."""


class TranslationStart(Struct, frozen=True, kw_only=True):
    """What a translation session begins with.

    Attributes:
        settings: All settings, with the session's id and its expiry filled in.
        spoken: What can be translated into.
        voice: Name of the voice that speaks.
        lifetime_s: Seconds until the session expires.
        idle_s: Seconds until it ends while nothing happens in it; ``None`` for not before.
    """

    settings: wire.TranslationSession
    spoken: SpokenLanguages
    voice: str
    lifetime_s: float = SESSION_LIFETIME_S
    idle_s: float | None = None


class _Phase(Enum):
    OPEN = "open"
    ENDING_INPUT = "ending_input"
    """``session.close`` has come; not all of the audio before it has been judged."""
    ENDING_OUTPUT = "ending_output"
    """All phrases are known; not all of them have been spoken."""


class TranslationSession(Verbs[wire.TranslationClientEvent]):
    """The protocol of one translation session."""

    def __init__(self, start: TranslationStart, entropy: Entropy, now: float) -> None:
        super().__init__(Outgoing(entropy), now, lifetime_s=start.lifetime_s, idle_s=start.idle_s)
        self._settings = start.settings
        self._spoken = start.spoken
        self._phrases = Phrases()
        self._interpreter = Interpreter(self._outgoing, start.settings, start.voice)
        self._phase = _Phase.OPEN
        self._appended_until = 0
        self._kept_from = 0
        self._outgoing.send(
            wire.TranslationSessionCreated(
                event_id=self._outgoing.event_id(), session=self._settings
            )
        )
        self._warm()

    @property
    def settings(self) -> wire.TranslationSession:
        """The session's settings as they stand."""
        return self._settings

    @property
    def heard(self) -> AudioInput:
        """How the input audio is heard."""
        heard = self._settings.audio.input
        return AudioInput(
            format=PcmFormat(), noise_reduction=heard.noise_reduction, turn_detection=PHRASING
        )

    # --- signals ----------------------------------------------------------------------------------

    def _take(self, signal: Signal, now: float) -> None:  # noqa: ARG002 (nothing here takes time)
        match signal:
            case AudioAppended(end=end):
                self._appended_until = end
            case SpeechProbability():
                self._judge(signal)
            case _:
                self._interpreter.take(signal)
        if self._phase is _Phase.ENDING_OUTPUT and self._interpreter.idle:
            self._outgoing.send(wire.SessionClosed(event_id=self._outgoing.event_id()))
            self._end(1000, "The session was closed as asked.")

    def _judge(self, frame: SpeechProbability) -> None:
        if self._phase is _Phase.ENDING_OUTPUT:
            return  # the silence after the end of the input
        if (phrase := self._phrases.judge(frame)) is not None:
            self._add(phrase)
        if self._phase is _Phase.ENDING_INPUT and frame.end >= self._appended_until:
            self._phase = _Phase.ENDING_OUTPUT
            if (rest := self._phrases.finish(self._appended_until)) is not None:
                self._add(rest)
        self._forget()

    def _add(self, phrase: Span) -> None:
        self._interpreter.add(Span(phrase.start, min(phrase.end, self._appended_until)))

    def _forget(self) -> None:
        """Forget audio that will not be part of a phrase."""
        waiting_from = self._interpreter.needed_from
        needed_from = self._phrases.needed_from if waiting_from is None else waiting_from
        if needed_from - self._kept_from >= _DROP_STEP_SAMPLES:
            self._kept_from = needed_from
            self._outgoing.do(DropAudio(needed_from))

    # --- client events ----------------------------------------------------------------------------

    def _dispatch(self, event: wire.TranslationClientEvent, now: float) -> None:  # noqa: ARG002
        if self._phase is not _Phase.OPEN:
            message = (
                f"'{event.__struct_config__.tag}' came after 'session.close'. The session ends "
                "with 'session.closed', once everything before has been translated."
            )
            raise RequestError(message, code="session_closing", param="type")
        match event:
            case wire.UpdateTranslationSession():
                self._update(event)
            case wire.SessionClose():
                self._phase = _Phase.ENDING_INPUT
                self._outgoing.do(EndInput())
            case wire.SessionInputAudioBufferAppend():
                message = "appended audio reaches the session as a signal"
                raise TypeError(message)

    def _update(self, event: wire.UpdateTranslationSession) -> None:
        before = self._settings
        self._settings = translation_updated(before, event.session, spoken=self._spoken)
        self._interpreter.configure(self._settings)
        self._outgoing.send(
            wire.TranslationSessionUpdated(
                event_id=self._outgoing.event_id(), session=self._settings
            )
        )
        if before.audio.output.language != self._settings.audio.output.language:
            self._warm()

    def _warm(self) -> None:
        instructions = instructions_for(self._settings.audio.output.language)
        self._outgoing.do(WarmPrompt(instructions, (), ()))

    def _stop_everything(self, now: float) -> None:  # noqa: ARG002 (as above)
        self._interpreter.stop()
