"""What a session hears: audio becomes turns, turns become items, items get their words."""

from __future__ import annotations

from enum import Enum

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from antiphon.core.clock import SAMPLES_PER_MS, Span
from antiphon.core.conversation import Conversation, Entry
from antiphon.core.effects import DropAudio, PredictTurnEnd
from antiphon.core.images import without_images
from antiphon.core.input_audio import InputAudioBuffer
from antiphon.core.outgoing import Outgoing
from antiphon.core.signals import SpeechProbability
from antiphon.core.transcripts import Transcripts
from antiphon.core.turn_end import Evidence, silence_ms_needed
from antiphon.core.turns import SpeechPaused, SpeechResumed, SpeechStarted, SpeechStopped
from antiphon.errors import RequestError
from antiphon.wire import server_events as sent
from antiphon.wire.audio_config import AudioInput, SemanticVad
from antiphon.wire.error import ErrorObject
from antiphon.wire.items import InputAudio, Message
from antiphon.wire.session import Include

__all__ = ["Listening", "TurnChange", "announce"]


READ_ALONG_MS = 1000
"""How often the words are found out while somebody speaks. Each time costs some 2 % of what was
said, and saves the language model from reading more than the last second's words at the end."""


class TurnChange(Enum):
    """What a frame of audio did to the turn."""

    NONE = "none"
    STARTED = "started"
    PAUSED = "paused"
    """The turn may be over."""
    RESUMED = "resumed"
    """It was not: the speaker goes on."""
    ENDED = "ended"
    """The turn is over, and has become an item of the conversation."""
    DROPPED = "dropped"
    """It is over, and the conversation had no room for it."""


class Listening:
    """The input side of one session.

    Args:
        outgoing: Takes what is to be sent and done.
        conversation: What turns become items of.
        heard: The settings of the user's audio.
        include: What transcription events are to carry besides.
        works_ahead: Whether a turn's words are found out as soon as the speaker pauses.
        model_hears: Whether the language model hears what is said, and needs no words.
        reads_along: Whether they are also found out now and then while the speaker goes on, for the
            language model to read them ahead.

    Attributes:
        transcripts: The words of the user's audio.
    """

    def __init__(
        self,
        outgoing: Outgoing,
        conversation: Conversation,
        heard: AudioInput,
        include: tuple[Include, ...] | None,
        *,
        works_ahead: bool,
        reads_along: bool = False,
        model_hears: bool = False,
    ) -> None:
        self.transcripts = Transcripts(outgoing, conversation, model_hears=model_hears)
        self._outgoing = outgoing
        self._conversation = conversation
        self._settings = heard
        self._include = include or ()
        self._works_ahead = works_ahead
        self._reads_along = reads_along
        self._read_until = 0  # how far the words of the turn have been asked for
        self._buffer = InputAudioBuffer(heard.turn_detection)
        self._evidence = Evidence()  # of the pause under way
        self._announced_id: str | None = None  # the item that the turn under way will become

    @property
    def speaking(self) -> bool:
        """Whether a turn is under way."""
        return self._buffer.speaking

    def has_announced(self, item_id: str) -> bool:
        """Say whether the turn under way will become the item of that id."""
        return item_id == self._announced_id

    def configure(self, heard: AudioInput, include: tuple[Include, ...] | None) -> None:
        """Take new settings."""
        self._settings = heard
        self._include = include or ()
        self._buffer.configure(heard.turn_detection)
        if not self.speaking:
            self.transcripts.drop_guess()

    def append(self, end: int) -> None:
        """Note that audio up to ``end`` is there."""
        self._buffer.append(end)

    def judge(self, frame: SpeechProbability) -> TurnChange:
        """Take the detector's judgement of one frame; tell the client what came of it."""
        change = self._buffer.judge(frame.start, frame.end, frame.probability, frame.level_dbfs)
        match change:
            case SpeechStarted(start=start):
                self._read_until = start
                self._announced_id = self._outgoing.item_id()
                self._outgoing.send(
                    sent.InputAudioBufferSpeechStarted(
                        event_id=self._outgoing.event_id(),
                        audio_start_ms=start // SAMPLES_PER_MS,
                        item_id=self._announced_id,
                    )
                )
                return TurnChange.STARTED
            case SpeechPaused(end=end):
                self._consider(self._buffer.turn_until(end))
                return TurnChange.PAUSED
            case SpeechResumed():
                self.transcripts.drop_guess()
                return TurnChange.RESUMED
            case SpeechStopped(end=end):
                assert self._announced_id is not None
                self._outgoing.send(
                    sent.InputAudioBufferSpeechStopped(
                        event_id=self._outgoing.event_id(),
                        audio_end_ms=end // SAMPLES_PER_MS,
                        item_id=self._announced_id,
                    )
                )
                return self._end_turn(self._buffer.commit_turn(end))
        if self._reads_along and change is None and self._buffer.in_speech:
            self._read_along(frame.end)
        if (before := self._buffer.forgettable()) is not None:
            self._outgoing.do(DropAudio(before))
        return TurnChange.NONE

    def learn(
        self,
        pause_id: str,
        *,
        finished: float | UnsetType = UNSET,
        transcript: str | UnsetType = UNSET,
        message_ends: float | UnsetType | None = UNSET,
    ) -> None:
        """Take evidence about a pause; with ``semantic_vad`` it may end the turn sooner.

        Args:
            pause_id: The pause; what is known of another one is of no use any more.
            finished: As in :class:`~antiphon.core.turn_end.Evidence`, and the others as well.
            transcript: See there.
            message_ends: See there.
        """
        guess = self.transcripts.guess
        turn_detection = self._settings.turn_detection
        if guess is None or guess.id != pause_id or not isinstance(turn_detection, SemanticVad):
            return
        known = {"finished": finished, "transcript": transcript, "message_ends": message_ends}
        news = {sign: value for sign, value in known.items() if value is not UNSET}
        self._evidence = replace(self._evidence, **news)
        self._buffer.expect(silence_ms_needed(self._evidence, turn_detection.eagerness))

    def commit(self) -> None:
        """Make what is in the buffer an item, at the client's word.

        Raises:
            RequestError: ``input_audio_buffer_commit_empty``, under 100 ms;
                ``too_many_transcriptions``; ``too_many_items``.
        """
        self.transcripts.refuse_too_many()
        self._conversation.refuse_full()
        span = self._buffer.commit()
        self.transcripts.drop_guess()  # the client may have meant more than the pause
        self._commit(span)

    def commit_silence(self) -> None:
        """Make what is in the buffer an item, since the user has been silent for too long."""
        span = self._buffer.take_all()
        self._announced_id = self._outgoing.item_id()
        self._outgoing.send(
            sent.InputAudioBufferTimeoutTriggered(
                event_id=self._outgoing.event_id(),
                audio_start_ms=span.start // SAMPLES_PER_MS,
                audio_end_ms=span.end // SAMPLES_PER_MS,
                item_id=self._announced_id,
            )
        )
        self._commit(span)

    def clear(self) -> None:
        """Throw what is in the buffer away, at the client's word."""
        self._buffer.clear()
        self.transcripts.drop_guess()
        self._announced_id = None
        self._outgoing.do(DropAudio(self._buffer.start))
        self._outgoing.send(sent.InputAudioBufferCleared(event_id=self._outgoing.event_id()))

    def _end_turn(self, span: Span) -> TurnChange:
        """Make a turn an item, if there is room for one; if not, nobody has said anything."""
        try:
            self.transcripts.refuse_too_many()
            self._conversation.refuse_full()
        except RequestError as error:
            event_id = self._outgoing.event_id()
            self._outgoing.send(sent.ErrorEvent(event_id=event_id, error=ErrorObject.of(error)))
            self._announced_id = None
            self.transcripts.drop_guess()
            self._outgoing.do(DropAudio(span.end))
            return TurnChange.DROPPED
        self._commit(span)
        return TurnChange.ENDED

    def _commit(self, span: Span) -> None:
        item_id = self._announced_id or self._outgoing.item_id()
        self._announced_id = None
        self._outgoing.send(
            sent.InputAudioBufferCommitted(
                event_id=self._outgoing.event_id(),
                previous_item_id=self._conversation.last_id,
                item_id=item_id,
            )
        )
        item = Message(id=item_id, status="completed", role="user", content=(InputAudio(),))
        entry = Entry(item, audio_ms=span.duration_ms)
        announce(entry, self._conversation.append(entry), self._outgoing)
        self.transcripts.begin(
            entry,
            span,
            self._settings.transcription,
            logprobs=self._wants_logprobs,
        )
        self._outgoing.do(DropAudio(span.end))

    def _read_along(self, end: int) -> None:
        """Have the words so far found out, every so often."""
        if end - self._read_until >= READ_ALONG_MS * SAMPLES_PER_MS:
            self._read_until = end
            self.transcripts.begin_guess(
                self._buffer.turn_until(end), self._settings.transcription, goes_on=True
            )

    def _consider(self, turn: Span) -> None:
        """Have everything found out that says whether the turn is over, or is needed if it is."""
        is_semantic = isinstance(self._settings.turn_detection, SemanticVad)
        if not self._works_ahead and not is_semantic:
            return
        pause_id = self.transcripts.begin_guess(
            turn, self._settings.transcription, logprobs=self._wants_logprobs
        )
        self._evidence = Evidence()
        if is_semantic:
            self._outgoing.do(PredictTurnEnd(pause_id, turn))

    @property
    def _wants_logprobs(self) -> bool:
        return "item.input_audio_transcription.logprobs" in self._include


def announce(entry: Entry, previous_id: str | None, outgoing: Outgoing) -> None:
    """Tell the client of an item that came into the conversation whole."""
    item = without_images(entry.item)
    outgoing.send(
        sent.ConversationItemAdded(
            event_id=outgoing.event_id(), previous_item_id=previous_id, item=item
        )
    )
    outgoing.send(
        sent.ConversationItemDone(
            event_id=outgoing.event_id(), previous_item_id=previous_id, item=item
        )
    )
