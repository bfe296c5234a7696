"""The words of a turn that may be over: found out ahead, and told to nobody until it is."""

from __future__ import annotations

from msgspec.structs import replace

from antiphon.core.clock import Span
from antiphon.core.effects import Transcribe
from antiphon.core.signals import (
    SpeakerTurnHeard,
    TranscriptExtended,
    TranscriptFailed,
    TranscriptFinished,
)

__all__ = ["GuessedWords", "TranscriptSignal"]

TranscriptSignal = TranscriptExtended | SpeakerTurnHeard | TranscriptFinished | TranscriptFailed


class GuessedWords:
    """What is being found out about a turn that is not over, or not known to be.

    Attributes:
        span: The audio of the turn so far.
        asked: How its words are found out.
        goes_on: Whether more words are sure to follow, so that these are not all of the turn's.
        heard: What came of it so far.
    """

    def __init__(self, span: Span, asked: Transcribe, *, goes_on: bool = False) -> None:
        self.span = span
        self.asked = asked
        self.goes_on = goes_on
        self.heard: list[TranscriptSignal] = []

    @property
    def id(self) -> str:
        """The id under which the words are found out."""
        return self.asked.item_id

    @property
    def words(self) -> str | None:
        """All the words; ``None`` as long as they are not known."""
        end = self.heard[-1] if self.heard else None
        return end.text if isinstance(end, TranscriptFinished) else None

    @property
    def under_way(self) -> bool:
        """Whether more will come."""
        return not self.heard or not isinstance(
            self.heard[-1], TranscriptFinished | TranscriptFailed
        )

    def answers(self, wanted: Transcribe) -> bool:
        """Say whether these are the words that are wanted: of the same turn, in the same way.

        What the turn has more is silence. Words that could not be found out are tried once more.
        """
        same_way = replace(self.asked, item_id=wanted.item_id, source=wanted.source, is_guess=False)
        return (
            not self.goes_on
            and isinstance(wanted.source, Span)
            and wanted.source.start == self.span.start
            and same_way == wanted
            and (self.under_way or self.words is not None)
        )
