"""What simulated sessions begin with."""

from antiphon.config import Limits
from antiphon.core.abilities import Abilities
from antiphon.core.entropy import Entropy
from antiphon.core.rate_limits import RateLimits
from antiphon.core.session import Session, SessionStart
from antiphon.core.transcription_session import TranscriptionSession, TranscriptionStart
from antiphon.core.window import Reader
from antiphon.runtime.rate_limits import KeyAccount
from antiphon.wire.audio_config import AudioInput, AudioOutput, AudioTranscription, PcmFormat
from antiphon.wire.session import RealtimeSession, ServerVad, SessionAudio, TranscriptionAudio
from antiphon.wire.session import TranscriptionSession as TranscriptionSettings
from tests.simulation.abilities import VOICES
from tests.simulation.dice import Dice

__all__ = ["LIFETIME_S", "speech_session", "transcription_session"]

LIFETIME_S = 3600.0
_SILENCES_MS = (96, 300)
_EXPIRES_AT = 1_800_000_000


def speech_session(
    dice: Dice, abilities: Abilities, reader: Reader, entropy: Entropy, now: float
) -> Session:
    """Open a session of voice or text, with or without turn detection."""
    settings = RealtimeSession(
        id="sess_1",
        model="some-model",
        output_modalities=(dice.choice(["audio", "text"]),),
        instructions="Be brief.",
        expires_at=_EXPIRES_AT,
        audio=SessionAudio(
            input=_heard(dice), output=AudioOutput(format=PcmFormat(), voice=VOICES[0])
        ),
    )
    start = SessionStart(
        settings=settings,
        conversation_id="conv_1",
        abilities=abilities,
        reader=reader,
        speculation=dice.choice(["off", "words", "answers"]),
        lifetime_s=LIFETIME_S,
    )
    return Session(start, entropy, now, _limits(dice))


def transcription_session(
    dice: Dice, abilities: Abilities, entropy: Entropy, now: float
) -> TranscriptionSession:
    """Open a session that only listens."""
    start = TranscriptionStart(
        settings=TranscriptionSettings(
            id="sess_1", expires_at=_EXPIRES_AT, audio=TranscriptionAudio(input=_heard(dice))
        ),
        abilities=abilities,
        lifetime_s=LIFETIME_S,
    )
    return TranscriptionSession(start, entropy, now)


def _heard(dice: Dice) -> AudioInput:
    return AudioInput(
        format=PcmFormat(),
        transcription=dice.choice([None, AudioTranscription(model="any")]),
        turn_detection=dice.choice(
            [None, *(ServerVad(silence_duration_ms=one) for one in _SILENCES_MS)]
        ),
    )


def _limits(dice: Dice) -> RateLimits | None:
    """Return what a session's key may use: mostly any amount, at times soon too little."""
    if dice.chance(0.7):
        return None
    return KeyAccount(
        Limits(
            requests_per_minute=dice.choice([None, 1, 10]),
            tokens_per_minute=dice.choice([20, 1_000]),
        )
    )
