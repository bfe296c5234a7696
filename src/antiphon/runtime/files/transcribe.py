"""Finds out the words of a file: piece by piece, by the engines that serve sessions."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from msgspec import Struct
from msgspec.structs import replace

from antiphon.audio.files import AudioReader
from antiphon.core.phrases import LONGEST_MS as SUBTITLE_MS
from antiphon.core.phrases import PHRASING, Phrases
from antiphon.engines.hearing import (
    SpeakerTurn,
    TimedWord,
    Transcriber,
    Transcript,
    TranscriptDelta,
    TranscriptionRequest,
)
from antiphon.runtime.detection import Detection
from antiphon.runtime.files.pieces import MAX_WHOLE_S, Piece, spoken_pieces, whole_file
from antiphon.wire.audio_config import ServerVad
from antiphon.wire.transcription_events import LogProb

__all__ = [
    "FileTranscript",
    "FileTranscription",
    "Passage",
    "SpeakerHeard",
    "WordsHeard",
]

READING = ServerVad(silence_duration_ms=1_000)
"""Where files are cut, unless the client says otherwise: the fewer cuts, the better a transcriber
understands what is said."""

LONGEST_MS = 30_000
"""Longest piece: what most transcribers were trained on."""

_SPARE_MS = 100
"""A piece may be longer by one frame than it was to be."""


class WordsHeard(Struct, frozen=True):
    """More of the text.

    Attributes:
        text: What to append to what came before.
        logprobs: Its tokens, if they are wanted.
    """

    text: str
    logprobs: tuple[LogProb, ...] = ()


class SpeakerHeard(Struct, frozen=True):
    """What one speaker said.

    Attributes:
        number: How many turns of speakers came before.
        turn: The turn, in seconds of the file.
    """

    number: int
    turn: SpeakerTurn


class Passage(Struct, frozen=True):
    """What was said between two pauses.

    Attributes:
        start_s: Where it begins in the file, some quiet before it included.
        end_s: Where it ends, the pause that shows it included.
        text: What was said; never empty.
        logprobs: Its tokens, if they are wanted.
    """

    start_s: float
    end_s: float
    text: str
    logprobs: tuple[LogProb, ...] = ()


@dataclass
class FileTranscript:
    """All that was heard so far.

    Attributes:
        text: Everything that was said.
        languages: ISO-639-1 codes that the transcriber detected, in order of appearance.
        logprobs: The tokens of the text, if they are wanted.
        passages: The text between pauses.
        turns: Who said what, from transcribers that tell speakers apart.
        words: When each word was said, in seconds of the file, if that is wanted.
        duration_s: Length of the file as far as it was read.
    """

    text: str = ""
    languages: tuple[str, ...] = ()
    logprobs: list[LogProb] = field(default_factory=list)
    passages: list[Passage] = field(default_factory=list)
    turns: list[SpeakerTurn] = field(default_factory=list)
    words: list[TimedWord] = field(default_factory=list)
    duration_s: float = 0.0


class FileTranscription:
    """One file whose words are found out.

    Attributes:
        transcript: What was heard so far; all of it once :meth:`listen` has ended.

    Args:
        reader: Reads the file, at 16 kHz.
        transcriber: Who does it.
        detection: Says where somebody speaks.
        request: Hints for the transcriber.
        rules: Where the client wants it cut; ``None`` if it does not care.
        timed: Whether passages are to be as short as subtitles are.
        whole: Whether it is to be heard in one piece, as telling speakers apart needs.
    """

    def __init__(
        self,
        reader: AudioReader,
        transcriber: Transcriber,
        detection: Detection,
        request: TranscriptionRequest,
        *,
        rules: ServerVad | None = None,
        timed: bool = False,
        whole: bool = False,
    ) -> None:
        self.transcript = FileTranscript()
        self._reader = reader
        self._transcriber = transcriber
        self._detection = detection
        self._request = request
        self._whole = whole
        most_s = transcriber.info.max_audio_s
        self._longest_s = MAX_WHOLE_S if most_s is None else min(most_s, MAX_WHOLE_S)
        longest_ms = min(LONGEST_MS, round(self._longest_s * 1000) - _SPARE_MS)
        if timed:
            self._phrases = Phrases(rules or PHRASING, min(longest_ms, SUBTITLE_MS))
        else:
            self._phrases = Phrases(rules or READING, longest_ms)

    async def listen(self) -> AsyncGenerator[WordsHeard | SpeakerHeard, None]:
        """Yield what is heard, as it is.

        Raises:
            RequestError: The file is damaged or too long.
            EngineError: stage ``detect`` or ``transcribe``.
        """
        async with aclosing(self._pieces()) as pieces:
            async for piece in pieces:
                async with aclosing(self._hear(piece)) as heard:
                    async for event in heard:
                        yield event
        self.transcript.duration_s = self._reader.read_s

    async def _pieces(self) -> AsyncGenerator[Piece, None]:
        if self._whole:
            yield await whole_file(self._reader, self._longest_s)
            return
        async with aclosing(spoken_pieces(self._reader, self._detection, self._phrases)) as pieces:
            async for piece in pieces:
                yield piece

    async def _hear(self, piece: Piece) -> AsyncGenerator[WordsHeard | SpeakerHeard, None]:
        """Yield what is heard in a piece, and note it down."""
        so_far = _Words(after_others=bool(self.transcript.text))
        async with aclosing(self._transcriber.transcribe(piece.audio, self._request)) as events:
            async for event in events:
                match event:
                    case TranscriptDelta(text=text, logprobs=logprobs):
                        if words := so_far.append(text, logprobs):
                            yield self._note(words)
                    case SpeakerTurn():
                        yield self._note_turn(piece, event)
                    case Transcript(text=text, languages=languages, logprobs=logprobs):
                        self._note_languages(languages)
                        self.transcript.words += _in_file(piece, event.words)
                        if not so_far.text and (words := so_far.append(text, logprobs)):
                            yield self._note(words)
        if said := so_far.text.strip():
            passage = Passage(piece.start_s, piece.end_s, said, so_far.logprobs)
            self.transcript.passages.append(passage)

    def _note(self, words: WordsHeard) -> WordsHeard:
        self.transcript.text += words.text
        self.transcript.logprobs += words.logprobs
        return words

    def _note_turn(self, piece: Piece, turn: SpeakerTurn) -> SpeakerHeard:
        in_file = replace(
            turn, start_s=piece.start_s + turn.start_s, end_s=piece.start_s + turn.end_s
        )
        self.transcript.turns.append(in_file)
        return SpeakerHeard(len(self.transcript.turns) - 1, in_file)

    def _note_languages(self, languages: tuple[str, ...]) -> None:
        known = self.transcript.languages
        self.transcript.languages = tuple(dict.fromkeys((*known, *languages)))


def _in_file(piece: Piece, words: Sequence[TimedWord]) -> list[TimedWord]:
    return [
        replace(one, start_s=piece.start_s + one.start_s, end_s=piece.start_s + one.end_s)
        for one in words
    ]


class _Words:
    """The words of one piece, set apart from those before.

    Args:
        after_others: Whether there are words before them.
    """

    def __init__(self, *, after_others: bool) -> None:
        self.text = ""
        self.logprobs: tuple[LogProb, ...] = ()
        self._separator = " " if after_others else ""

    def append(self, text: str, logprobs: tuple[LogProb, ...]) -> WordsHeard | None:
        """Take more words; return what they add to the text of the file, if anything."""
        if not self.text:
            text, logprobs = _opened(text, logprobs, self._separator)
        if not text:
            return None
        self.text += text
        self.logprobs += logprobs
        return WordsHeard(text, logprobs)


def _opened(
    text: str, logprobs: tuple[LogProb, ...], separator: str
) -> tuple[str, tuple[LogProb, ...]]:
    """Return the first words of a piece with what sets them apart, and so their first token."""
    stripped = text.lstrip()
    if not stripped:
        return "", ()
    if logprobs:
        before = logprobs[0]
        spelled = separator.encode() + bytes(before.bytes).lstrip()
        first = replace(before, token=separator + before.token.lstrip(), bytes=tuple(spelled))
        logprobs = (first, *logprobs[1:])
    return separator + stripped, logprobs
