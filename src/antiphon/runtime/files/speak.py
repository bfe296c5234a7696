"""Speaks a text into a file, whose bytes come as it is spoken."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing

import anyio

from antiphon.audio.encoders import Encoding
from antiphon.audio.formats import codec_of
from antiphon.core.usage import OUTPUT_AUDIO_TOKENS_PER_S, audio_tokens
from antiphon.engines.base import Floats
from antiphon.errors import RequestError
from antiphon.runtime.engine_set import EngineSet
from antiphon.runtime.segment import Segmenter
from antiphon.runtime.voice import Voice
from antiphon.wire.audio_config import PcmFormat
from antiphon.wire.refusal import listed

__all__ = ["SPEECH_FORMAT", "SpokenFile"]

SPEECH_FORMAT = PcmFormat()
"""Rate and width of what is encoded: as in sessions, and as the hosted service has it."""


_WORD = re.compile(r"\S+\s*")


class SpokenFile:
    """One text on its way into a file.

    Args:
        text: What to say.
        engines: Who speaks.
        voice: The voice, as clients call it.
        speed: Speaking rate, 1.0 is what the voice has by itself; over 0.
        encoding: What kind of file.
    """

    def __init__(
        self, text: str, engines: EngineSet, *, voice: str, speed: float, encoding: Encoding
    ) -> None:
        self._text = text
        self._synthesizer = engines.synthesizer.info
        self._codec = codec_of(SPEECH_FORMAT)
        self._voice = Voice(engines, voice, speed, self._codec.rate_hz)
        self._encoder = encoding.open(self._codec)
        self._spoken_samples = 0

    @property
    def audio_tokens(self) -> int:
        """How many tokens the speech so far counts as."""
        spoken_ms = self._spoken_samples * 1000 / self._codec.rate_hz
        return audio_tokens(spoken_ms, OUTPUT_AUDIO_TOKENS_PER_S)

    async def write(self) -> AsyncGenerator[bytes, None]:
        """Yield the file, in pieces that are not empty.

        The first segment is cut early and the others are sentences, so that the file begins soon.

        Raises:
            EngineError: stage ``synthesize``.
            RequestError: ``invalid_value``, before any piece: nothing in the text can be spoken.
        """
        async with aclosing(self._sound()) as chunks:
            async for chunk in chunks:
                self._spoken_samples += len(chunk)
                if piece := await anyio.to_thread.run_sync(self._encoder.push, chunk):
                    yield piece
        if not self._spoken_samples:
            raise self._nothing_to_speak()
        if rest := await anyio.to_thread.run_sync(self._encoder.finish):
            yield rest

    async def _sound(self) -> AsyncGenerator[Floats, None]:
        for segment in _segments(self._text):
            async with aclosing(self._voice.speak(segment)) as chunks:
                async for chunk in chunks:
                    if len(chunk):
                        yield chunk
        if len(rest := self._voice.flush()):
            yield rest

    def _nothing_to_speak(self) -> RequestError:
        languages = self._synthesizer.languages
        what = f"Send words, in the language {listed(languages)}." if languages else "Send words."
        message = (
            "There is nothing in 'input' that the synthesizer "
            f"'{self._synthesizer.name}' can speak. {what}"
        )
        return RequestError(message, code="invalid_value", param="input")


def _segments(text: str) -> Iterator[str]:
    """Yield a text's segments; it is read word by word, or the first would not be cut early."""
    segmenter = Segmenter()
    for word in _WORD.findall(text):
        yield from (segment.text for segment in segmenter.push(word))
    yield from (segment.text for segment in segmenter.flush())
