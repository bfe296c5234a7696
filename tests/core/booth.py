"""A translation session on the bench: an interpreter's booth with scripted engines.

As with the rig, every frame has passed the official SDK's own types in strict mode.
"""

import json
from typing import TypeVar

from openai.types.realtime import RealtimeTranslationServerEvent
from pydantic import TypeAdapter

from antiphon.core.clock import SAMPLES_PER_MS
from antiphon.core.effects import Effect, EndInput, SendEvent, StartResponse, Transcribe
from antiphon.core.plan import Plan
from antiphon.core.signals import (
    AudioAppended,
    FrameRefused,
    Signal,
    SpeechProbability,
    TranscriptFinished,
)
from antiphon.core.translation_session import TranslationSession, TranslationStart
from antiphon.core.translation_settings import SpokenLanguages
from antiphon.core.verbs import SESSION_LIFETIME_S
from antiphon.errors import RequestError
from antiphon.wire import translation as wire
from antiphon.wire.codec import decode_translation_event, encode
from tests.core.support import FRAME_MS, CountingEntropy, Frame, spoken

__all__ = ["Booth", "translation"]

E = TypeVar("E")

_FRAME = FRAME_MS * SAMPLES_PER_MS
_FINAL_SILENCE_MS = 500
_SDK = TypeAdapter[object](RealtimeTranslationServerEvent)


def translation(*, language: str = "de", transcribed: bool = False) -> wire.TranslationSession:
    """Return the settings of a new session."""
    transcription = wire.TranslationTranscription(model="any") if transcribed else None
    return wire.TranslationSession(
        id="sess_1",
        expires_at=1_800_000_000,
        model="some-model",
        audio=wire.TranslationAudio(
            input=wire.TranslationInput(transcription=transcription),
            output=wire.TranslationOutput(language=language),
        ),
    )


class Booth:
    """One translation session, its client and its scripted engines.

    Attributes:
        session: The core under test.
        now: Wall time in seconds; tests move it.
        log: Every frame and every other effect so far, in order.
    """

    def __init__(
        self,
        start: wire.TranslationSession | None = None,
        *,
        languages: tuple[str, ...] = (),
        lifetime_s: float = SESSION_LIFETIME_S,
    ) -> None:
        self.now = 0.0
        self.log: list[Frame | Effect] = []
        self.session = TranslationSession(
            TranslationStart(
                settings=start or translation(),
                spoken=SpokenLanguages(synthesizer="some-voice", codes=languages),
                voice="alto",
                lifetime_s=lifetime_s,
            ),
            CountingEntropy(),
            self.now,
        )
        self._appended = 0
        self._judged = 0
        self._drain()

    # --- the client -------------------------------------------------------------------------------

    def send(self, event_type: str, **fields: object) -> list[Frame]:
        """Send one client event, other than audio, and return the frames it led to."""
        try:
            event = decode_translation_event(json.dumps({"type": event_type, **fields}))
        except RequestError as error:
            return self.feed(FrameRefused(error))
        self.session.receive(event, self.now)
        return self._drain()

    def append(self, duration_ms: int) -> list[Frame]:
        """Append audio that has not been judged."""
        self._appended += duration_ms * SAMPLES_PER_MS
        return self.feed(AudioAppended(self._appended))

    def close(self, probability: float = 0.02) -> list[Frame]:
        """Ask for the end, have the rest judged, and return the frames that led to.

        Args:
            probability: Of speech in what had not been judged before.
        """
        frames = self.send("session.close")
        assert self.effects(EndInput), "the runtime was not told"
        frames += self._judge(self._appended, probability)
        return frames + self._judge(self._appended + _FINAL_SILENCE_MS * SAMPLES_PER_MS, 0.0)

    # --- the runtime ------------------------------------------------------------------------------

    def feed(self, *signals: Signal) -> list[Frame]:
        """Pass signals to the session and return the frames they led to."""
        for signal in signals:
            self.session.feed(signal, self.now)
        return self._drain()

    def tick(self, seconds: float) -> list[Frame]:
        """Let time pass and return the frames that led to."""
        self.now += seconds
        self.session.tick(self.now)
        return self._drain()

    def hear(self, duration_ms: int, probability: float) -> list[Frame]:
        """Append audio and have all whole frames of it judged."""
        return self.append(duration_ms) + self._judge(self._appended, probability)

    def speech(self, duration_ms: int) -> list[Frame]:
        """Append audio in which somebody speaks."""
        return self.hear(duration_ms, 0.95)

    def silence(self, duration_ms: int) -> list[Frame]:
        """Append audio in which nobody speaks."""
        return self.hear(duration_ms, 0.02)

    def phrase(self) -> str:
        """Say a phrase of 1.6 s and pause; return its id."""
        self.speech(1600)
        self.silence(480)
        return self.effects(Transcribe)[-1].item_id

    def understand(self, phrase_id: str, words: str) -> list[Frame]:
        """Have the words of a phrase recognized."""
        return self.feed(TranscriptFinished(phrase_id, words))

    def translate(self, *texts: str) -> list[Frame]:
        """Have the phrase that is being translated put out texts, and end."""
        return self.feed(*spoken(self.plan.response_id, *texts))

    @property
    def plan(self) -> Plan:
        """What the newest translation runs with."""
        return self.effects(StartResponse)[-1].plan

    # --- what came of it --------------------------------------------------------------------------

    def effects(self, kind: type[E]) -> list[E]:
        """Return all effects of a kind so far."""
        return [entry for entry in self.log if isinstance(entry, kind)]

    def text(self, event_type: str) -> str:
        """Return what all deltas of a type make, put together as a client does."""
        frames = [entry for entry in self.log if isinstance(entry, dict)]
        return "".join(frame["delta"] for frame in frames if frame["type"] == event_type)

    def _judge(self, until: int, probability: float) -> list[Frame]:
        frames = []
        while self._judged + _FRAME <= until:
            start, self._judged = self._judged, self._judged + _FRAME
            frames += self.feed(SpeechProbability(start, self._judged, probability))
        return frames

    def _drain(self) -> list[Frame]:
        frames = []
        for effect in self.session.drain():
            if not isinstance(effect, SendEvent):
                self.log.append(effect)
                continue
            text = encode(effect.event)
            _SDK.validate_json(text, strict=True)
            frame: Frame = json.loads(text)
            self.log.append(frame)
            frames.append(frame)
        return frames
