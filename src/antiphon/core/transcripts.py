"""The words of users' audio: asked for, told to the client, awaited by responses."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from antiphon.core.clock import Span
from antiphon.core.conversation import Conversation, Entry, Hearing
from antiphon.core.effects import Transcribe
from antiphon.core.outgoing import Outgoing
from antiphon.core.signals import (
    Failure,
    SpeakerTurnHeard,
    TranscriptExtended,
    TranscriptFinished,
)
from antiphon.wire import transcription_events as sent
from antiphon.wire.audio_config import AudioTranscription

__all__ = ["Transcripts"]


class Transcripts:
    """The audio of one session whose words are being found out.

    Every user's audio is transcribed, since that is how the language model reads it. The client is
    told the words only if its session has ``audio.input.transcription`` set.
    """

    def __init__(self, outgoing: Outgoing, conversation: Conversation) -> None:
        self._outgoing = outgoing
        self._conversation = conversation
        self._pending: dict[str, Entry] = {}

    def awaits(self, item_id: str) -> bool:
        """Say whether an item's words are being found out; it may have been deleted since."""
        return item_id in self._pending

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
        entry.hearing = Hearing.PENDING
        entry.transcribed_for_client = transcription is not None and isinstance(source, Span)
        entry.logprobs_for_client = entry.transcribed_for_client and logprobs
        self._pending[entry.id] = entry
        self._outgoing.do(
            Transcribe(
                item_id=entry.id,
                source=source,
                hints=transcription,
                logprobs=entry.logprobs_for_client,
            )
        )

    def extend(self, signal: TranscriptExtended) -> None:
        """Tell the client more of the words."""
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

    def attribute(self, signal: SpeakerTurnHeard) -> None:
        """Tell the client what one of several speakers said."""
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

    def finish(self, signal: TranscriptFinished) -> None:
        """Note all of the words, and tell the client."""
        entry = self._pending.pop(signal.item_id, None)
        if entry is None:
            return
        entry.finish_hearing(signal.text)
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

    def fail(self, item_id: str, failure: Failure) -> None:
        """Note that the words cannot be found out, and tell the client."""
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
