"""What servers of transcribers answer, whole or as a stream of events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import msgspec
import openai
from msgspec import Meta, Struct

from antiphon.core.languages import language_code
from antiphon.engines.hearing import TimedWord, TranscriptionRequest
from antiphon.engines.http.text import whole_characters
from antiphon.wire.transcription_events import LogProb

__all__ = [
    "DONE",
    "Answer",
    "StreamedWords",
    "languages_of",
    "logprobs_of",
    "nesting_bounded",
    "read",
    "streamed",
    "words_of",
]

_Seconds = Annotated[float, Meta(ge=-1e6, le=1e6)]
"""Within days of the audio's beginning; neither infinite nor none."""

DONE = "transcript.text.done"
"""Type of the event with which a transcript ends."""

_SEGMENTS = frozenset({"", "transcript.text.segment"})
"""Types of the events that bring one part after the other; some servers say no type."""

_LEAST_LOGPROB = -9999.0
"""What servers say for tokens that cannot be: JSON has no infinity."""


class _Token(Struct):
    token: str
    logprob: float


class _Word(Struct):
    word: str
    start: _Seconds
    end: _Seconds


class Answer(Struct):
    """A whole answer, or one event of a stream; a field that another form has is left out."""

    type: str = ""
    text: str | None = None
    delta: str | None = None
    language: str | None = None
    logprobs: tuple[_Token, ...] | None = None
    words: tuple[_Word, ...] | None = None
    error: object = None


class StreamedWords:
    """What the events of a stream add up to.

    Servers send deltas, or whole segments, between which there is to be a space. Those that send
    both repeat in segments what they have said in deltas.

    Attributes:
        told: All so far.
    """

    def __init__(self) -> None:
        self.told = ""
        self._in_deltas = False

    def take(self, answer: Answer) -> str:
        """Return what an event adds; empty if nothing."""
        if answer.delta is not None:
            self._in_deltas = True
            words = whole_characters(answer.delta)
        elif answer.text is None or answer.type not in _SEGMENTS or self._in_deltas:
            return ""
        else:
            words = whole_characters(answer.text).rstrip()
            if words and not words[0].isspace():
                words = f" {words}"
        words = words if self.told else words.lstrip()
        self.told += words
        return words


def read(answer: object) -> Answer:
    """Return a whole answer.

    Raises:
        ValueError: It is none, or has no text, as with an error in its place.
    """
    told = msgspec.convert(answer, Answer)
    if told.text is None:
        message = f"no text; the error is {told.error}"
        raise ValueError(message)
    return told


async def streamed(stream: openai.AsyncStream[Any]) -> AsyncIterator[Answer]:
    """Yield the events of a stream.

    Raises:
        ValueError: One of them is none, or there was no transcript in them.
    """
    told = False
    with nesting_bounded():
        async for event in stream:
            answer = msgspec.convert(event, Answer)
            told = told or answer.text is not None or answer.delta is not None
            if answer.type == DONE and not told:
                break
            yield answer
    if not told:
        message = "a stream without a text"
        raise ValueError(message)


@contextmanager
def nesting_bounded() -> Iterator[None]:
    """Take JSON that is nested too deeply to be read as any other that cannot be read.

    Raises:
        ValueError: It is.
    """
    try:
        yield
    except RecursionError as error:
        message = "JSON that is nested too deeply"
        raise ValueError(message) from error


def words_of(answer: Answer) -> tuple[TimedWord, ...]:
    """Return when the words were said, in order whatever the server says."""
    words: list[TimedWord] = []
    for one in answer.words or ():
        start_s = max(0.0, one.start, words[-1].start_s if words else 0.0)
        words.append(TimedWord(whole_characters(one.word).strip(), start_s, max(start_s, one.end)))
    return tuple(words)


def languages_of(answer: Answer) -> tuple[str, ...]:
    """Return what was spoken: Whisper's servers give a name, others a code."""
    if not answer.language:
        return ()
    code = language_code(answer.language)
    return (code,) if code else ()


def logprobs_of(answer: Answer, text: str, request: TranscriptionRequest) -> tuple[LogProb, ...]:
    """Return the tokens of a text, if they were asked for and are those of the text."""
    if not request.logprobs or answer.logprobs is None:
        return ()
    tokens = [(whole_characters(one.token), one.logprob) for one in answer.logprobs]
    logprobs = tuple(
        LogProb(token=token, logprob=_sure(logprob), bytes=tuple(token.encode()))
        for token, logprob in tokens
    )
    return logprobs if "".join(one.token for one in logprobs) == text else ()


def _sure(logprob: float) -> float:
    """A logarithm of a probability as there can be one in JSON; 0 for what is no number."""
    return max(_LEAST_LOGPROB, min(0.0, logprob))
