"""The words of users' audio: asked for, told to the client, awaited by responses.

While a speaker pauses, the words so far are found out ahead. If the turn turns out to be over, they
are its item's; if the speaker goes on, nobody ever hears of them.
"""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from antiphon.core.clock import Span
from antiphon.core.conversation import Conversation, Entry, Hearing
from antiphon.core.effects import (
    KeepItem,
    KeepRecording,
    NeedTranscript,
    StopTranscribing,
    Transcribe,
)
from antiphon.core.guessed_words import GuessedWords, TranscriptSignal
from antiphon.core.images import without_images
from antiphon.core.outgoing import Outgoing
from antiphon.core.signals import (
    Failure,
    SpeakerTurnHeard,
    TranscriptExtended,
    TranscriptFailed,
    TranscriptFinished,
)
from antiphon.errors import RequestError
from antiphon.wire import transcription_events as sent
from antiphon.wire.audio_config import AudioTranscription

__all__ = ["Transcripts"]


MAX_PENDING = 64
"""Audio items of one session whose words are being found out at once. Each holds its audio."""

MAX_PENDING_S = 1200.0
"""How much audio they may hold together, 20 minutes: 77 MB as it is heard. The last may be more."""


class Transcripts:
    """The audio of one session whose words are being found out.

    Every user's audio is transcribed, since that is how the language model reads it; if it hears by
    itself, only what the client is told. That is the case if its session has
    ``audio.input.transcription`` set.
    """

    def __init__(
        self, outgoing: Outgoing, conversation: Conversation, *, model_hears: bool = False
    ) -> None:
        self._outgoing = outgoing
        self._conversation = conversation
        self._model_hears = model_hears
        self._pending: dict[str, Entry] = {}  # by the id under which the words are found out
        self._guess: GuessedWords | None = None
        self._known: list[TranscriptSignal] = []

    @property
    def guess(self) -> GuessedWords | None:
        """The words so far of a turn that may be over."""
        return self._guess

    def awaits(self, item_id: str) -> bool:
        """Say whether an item's words are being found out; it may have been deleted since."""
        return any(entry.id == item_id for entry in self._pending.values())

    def refuse_too_many(self) -> None:
        """Check that the words of one more audio may be asked for.

        Raises:
            RequestError: ``too_many_transcriptions``.
        """
        pending_s = sum(entry.audio_ms for entry in self._pending.values()) / 1000
        if len(self._pending) >= MAX_PENDING or pending_s >= MAX_PENDING_S:
            message = (
                f"The words of {len(self._pending)} audio items, {pending_s:.0f} s in all, are "
                f"still being found out, and a session has at most {MAX_PENDING} at once, of "
                f"{MAX_PENDING_S:.0f} s. Wait for some of them."
            )
            raise RequestError(message, code="too_many_transcriptions")

    def begin_guess(
        self,
        span: Span,
        transcription: AudioTranscription | None,
        *,
        logprobs: bool = False,
        goes_on: bool = False,
    ) -> str:
        """Have audio transcribed that may turn out to be a whole turn.

        Args:
            span: The audio of the turn so far.
            transcription: As for :meth:`begin`.
            logprobs: As for :meth:`begin`.
            goes_on: Whether the turn is sure to go on: then the words are only read ahead.

        Returns:
            The id under which its words are found out.
        """
        self.drop_guess()
        asked = Transcribe(
            item_id=self._outgoing.entropy.identifier("guess"),
            source=span,
            hints=transcription,
            logprobs=logprobs and transcription is not None,
            is_guess=True,
        )
        self._guess = GuessedWords(span, asked, goes_on=goes_on)
        self._outgoing.do(asked)
        return asked.item_id

    def drop_guess(self) -> None:
        """Forget the guess: the speaker goes on, or the audio goes another way."""
        guess, self._guess = self._guess, None
        if guess is not None and guess.under_way:
            self._outgoing.do(StopTranscribing(guess.id))

    def begin(
        self,
        entry: Entry,
        source: Span | bytes,
        transcription: AudioTranscription | None,
        *,
        logprobs: bool = False,
    ) -> None:
        """Have an item's audio transcribed.

        Args:
            entry: The item.
            source: Where its audio is: a span of the input, or sent along with the item.
            transcription: The session's settings for it.
            logprobs: Whether the client wants log probabilities with the words, if it is told them.
        """
        entry.model_hears = self._model_hears
        entry.transcribed_for_client = transcription is not None and isinstance(source, Span)
        entry.logprobs_for_client = entry.transcribed_for_client and logprobs
        self._outgoing.do(KeepRecording(entry.id, source))
        if entry.model_hears and not entry.transcribed_for_client:
            self.drop_guess()
            return
        entry.hearing = Hearing.PENDING
        wanted = Transcribe(
            item_id=entry.id,
            source=source,
            hints=transcription,
            logprobs=entry.logprobs_for_client,
        )
        if self._guess is not None and self._guess.answers(wanted):
            self._adopt(self._guess, entry)
        else:
            if isinstance(source, Span):
                self.drop_guess()  # the turn is over, and its words are wanted in another way
            self._pending[entry.id] = entry
            self._outgoing.do(wanted)

    def _adopt(self, guess: GuessedWords, entry: Entry) -> None:
        """Make the words of the guess those of the item."""
        self._guess = None
        self._pending[guess.id] = entry
        if guess.under_way:
            self._outgoing.do(NeedTranscript(guess.id))
        self._known += guess.heard

    def tell_known(self) -> None:
        """Tell the words that were found out before their turn was over.

        Not before everything else that its end brings about: the words come after that, as they
        do when they have to be found out first.
        """
        known, self._known = self._known, []
        for signal in known:
            self.take(signal)

    def take(self, signal: TranscriptSignal) -> None:
        """Take what was heard; tell the client, unless it is only a guess so far."""
        if self._guess is not None and signal.item_id == self._guess.id:
            self._guess.heard.append(signal)
            return
        match signal:
            case TranscriptExtended():
                self._extend(signal)
            case SpeakerTurnHeard():
                self._attribute(signal)
            case TranscriptFinished():
                self._finish(signal)
            case TranscriptFailed(item_id=item_id, failure=failure):
                self._fail(item_id, failure)

    def _extend(self, signal: TranscriptExtended) -> None:
        entry = self._pending.get(signal.item_id)
        if entry is not None and self._tells_client(entry) and signal.text:
            self._outgoing.send(
                sent.ConversationItemInputAudioTranscriptionDelta(
                    event_id=self._outgoing.event_id(),
                    item_id=entry.id,
                    content_index=0,
                    delta=signal.text,
                    logprobs=_shown(entry, signal.logprobs),
                    obfuscation=self._outgoing.padding_for(signal.text),
                )
            )

    def _attribute(self, signal: SpeakerTurnHeard) -> None:
        entry = self._pending.get(signal.item_id)
        if entry is not None and self._tells_client(entry):
            self._outgoing.send(
                sent.ConversationItemInputAudioTranscriptionSegment(
                    event_id=self._outgoing.event_id(),
                    item_id=entry.id,
                    content_index=0,
                    id=self._outgoing.entropy.identifier("seg"),
                    speaker=signal.speaker,
                    start=signal.start_s,
                    end=signal.end_s,
                    text=signal.text,
                )
            )

    def _finish(self, signal: TranscriptFinished) -> None:
        entry = self._pending.pop(signal.item_id, None)
        if entry is None:
            return
        entry.finish_hearing(signal.text)
        if self._conversation.find(entry.id) is entry:
            self._outgoing.do(KeepItem(without_images(entry.item)))
        if self._tells_client(entry):
            self._outgoing.send(
                sent.ConversationItemInputAudioTranscriptionCompleted(
                    event_id=self._outgoing.event_id(),
                    item_id=entry.id,
                    content_index=0,
                    transcript=signal.text,
                    usage=sent.TranscriptionDurationUsage(seconds=round(entry.audio_ms / 1000, 3)),
                    logprobs=_shown(entry, signal.logprobs),
                    languages=tuple(
                        sent.TranscriptionLanguage(code=code) for code in signal.languages
                    )
                    or UNSET,
                )
            )

    def _fail(self, item_id: str, failure: Failure) -> None:
        entry = self._pending.pop(item_id, None)
        if entry is None:
            return
        entry.fail_hearing(failure)
        if self._tells_client(entry):
            self._outgoing.send(
                sent.ConversationItemInputAudioTranscriptionFailed(
                    event_id=self._outgoing.event_id(),
                    item_id=entry.id,
                    content_index=0,
                    error=sent.TranscriptionError(
                        type="server_error", code=failure.code, message=failure.message
                    ),
                )
            )

    def _tells_client(self, entry: Entry) -> bool:
        """Whether the client asked to be told, and has not deleted the item since."""
        return entry.transcribed_for_client and self._conversation.find(entry.id) is entry


def _shown(
    entry: Entry, logprobs: tuple[sent.LogProb, ...]
) -> tuple[sent.LogProb, ...] | UnsetType:
    """Whoever has not asked for log probabilities does not get the field either."""
    return logprobs if entry.logprobs_for_client else UNSET
