"""A transcription session: it listens, makes items of what it hears, and tells their words.

It never answers: no response, no voice, no tools.
"""

from __future__ import annotations

from typing import NoReturn

from msgspec import Struct

from antiphon.core.abilities import Abilities
from antiphon.core.conversation import Conversation
from antiphon.core.editing import Editing
from antiphon.core.entropy import Entropy
from antiphon.core.listening import Listening
from antiphon.core.outgoing import Outgoing
from antiphon.core.settings import transcription_updated
from antiphon.core.signals import (
    AudioAppended,
    Signal,
    SpeakerTurnHeard,
    SpeechProbability,
    TranscriptExtended,
    TranscriptFailed,
    TranscriptFinished,
    TurnEndPredicted,
)
from antiphon.core.verbs import SESSION_LIFETIME_S, Verbs
from antiphon.errors import RequestError
from antiphon.wire import client_events as received
from antiphon.wire import server_events as sent
from antiphon.wire import session as wire
from antiphon.wire.audio_config import AudioInput

__all__ = ["TranscriptionSession", "TranscriptionStart"]


class TranscriptionStart(Struct, frozen=True, kw_only=True):
    """What a transcription session begins with.

    Attributes:
        settings: All settings, with the session's id and its expiry filled in.
        abilities: What clients may ask for.
        works_ahead: Whether words are found out as soon as a speaker pauses.
        lifetime_s: Seconds until the session expires.
        idle_s: Seconds until it ends while nothing happens in it; ``None`` for not before.
    """

    settings: wire.TranscriptionSession
    abilities: Abilities
    works_ahead: bool = True
    lifetime_s: float = SESSION_LIFETIME_S
    idle_s: float | None = None


class TranscriptionSession(Verbs[received.ClientEvent]):
    """The protocol of one transcription session."""

    def __init__(self, start: TranscriptionStart, entropy: Entropy, now: float) -> None:
        super().__init__(Outgoing(entropy), now, lifetime_s=start.lifetime_s, idle_s=start.idle_s)
        self._settings = start.settings
        self._abilities = start.abilities
        conversation = Conversation(entropy.identifier("conv"))
        self._listening = Listening(
            self._outgoing,
            conversation,
            self.heard,
            start.settings.include,
            works_ahead=start.works_ahead,
        )
        self._editing = Editing(self._outgoing, conversation, self._listening, self._abilities)
        self._outgoing.send(
            sent.SessionCreated(event_id=self._outgoing.event_id(), session=self._settings)
        )

    @property
    def settings(self) -> wire.TranscriptionSession:
        """The session's settings as they stand."""
        return self._settings

    @property
    def heard(self) -> AudioInput:
        """How the user's audio is heard."""
        return self._settings.audio.input

    def _take(self, signal: Signal, now: float) -> None:  # noqa: ARG002 (nothing here takes time)
        match signal:
            case SpeechProbability():
                self._listening.judge(signal)
                self._listening.transcripts.tell_known()
            case AudioAppended(end=end):
                self._listening.append(end)
            case TranscriptExtended() | SpeakerTurnHeard():
                self._listening.transcripts.take(signal)
            case TranscriptFinished() | TranscriptFailed():
                self._listening.transcripts.take(signal)
                self._learn_words(signal.item_id)
            case TurnEndPredicted(pause_id=pause_id, probability=probability):
                self._listening.learn(pause_id, finished=probability)
            case _:
                message = f"a transcription session has no use for {signal}"
                raise TypeError(message)

    def _learn_words(self, transcription_id: str) -> None:
        guess = self._listening.transcripts.guess
        if guess is not None and guess.id == transcription_id and guess.words:
            self._listening.learn(guess.id, transcript=guess.words)

    def _dispatch(self, event: received.ClientEvent, now: float) -> None:  # noqa: ARG002
        match event:
            case received.SessionUpdate():
                self._update(event)
            case received.InputAudioBufferCommit():
                self._listening.commit()
            case received.InputAudioBufferClear():
                self._listening.clear()
            case received.ConversationItemRetrieve(item_id=item_id):
                self._editing.retrieve(item_id)
            case received.ConversationItemDelete(item_id=item_id):
                self._editing.delete(item_id)
            case _:
                _refuse_kind(event)

    def _update(self, event: received.SessionUpdate) -> None:
        if isinstance(event.session, wire.RealtimeSessionUpdate):
            message = (
                "Passing a realtime session update event to a transcription session is not allowed."
            )
            raise RequestError(message, code="invalid_parameter", param="session.type")
        self._settings = transcription_updated(
            self._settings, event.session, abilities=self._abilities
        )
        self._listening.configure(self.heard, self._settings.include)
        self._outgoing.send(
            sent.SessionUpdated(event_id=self._outgoing.event_id(), session=self._settings)
        )

    def _stop_everything(self, now: float) -> None:
        """There is nothing to stop: transcripts that still come are dropped."""


def _refuse_kind(event: received.ClientEvent) -> NoReturn:
    kind = event.__struct_config__.tag
    message = (
        f"'{kind}' is not available in a transcription session, which only listens. "
        "Open a realtime session for it."
    )
    raise RequestError(message, code="invalid_value", param="type")
