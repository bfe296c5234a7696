"""Synthesizers behind ``/audio/speech``: servers of Kokoro, Piper, Orpheus and others."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Annotated, Final, Literal

from msgspec import Meta

from antiphon.engines.base import EngineInfo, EngineSettings, Floats
from antiphon.engines.http.calls import Calls
from antiphon.engines.http.loading import borrowed, find_voices
from antiphon.engines.http.options import ServerOptions
from antiphon.engines.http.pcm import PcmReader, UnusableSoundError
from antiphon.engines.http.server import Server
from antiphon.engines.options import options_as
from antiphon.engines.speaking import SpeechRequest, require_voice

__all__ = ["HttpSynthesizer", "SynthesizerOptions", "create"]

_STAGE: Final = "synthesize"

_ANY_VOICE = "alloy"
"""OpenAI's oldest voice, whose name nearly all servers accept in place of one of their own."""


class SynthesizerOptions(ServerOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operator may set, beside :class:`ServerOptions`.

    Attributes:
        voices: Names of its voices, the default first. Without them the server is asked, and has
            ``alloy`` if it does not say.
        languages: ISO-639-1 codes of what it speaks.
        rate_hz: Sample rate of its PCM; the API itself does not tell. OpenAI and Kokoro: 24 000.
        speeds: Slowest and fastest rate that it is asked for; ``[1, 1]`` for servers that pay no
            attention to it. Antiphon stretches the audio for the rest.
        response_format: What it is asked for; ``wav`` for servers without ``pcm``.
    """

    voices: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    rate_hz: Annotated[int, Meta(ge=8000)] = 24_000
    speeds: tuple[float, float] = (0.5, 1.5)
    response_format: Literal["pcm", "wav"] = "pcm"


class HttpSynthesizer:
    """Speaks with a server. Built by :func:`create`.

    Args:
        info: What it is.
        server: Where it is; given back when it is closed.
        options: Its options.
    """

    def __init__(self, info: EngineInfo, server: Server, options: SynthesizerOptions) -> None:
        self.info = info
        self._server = server
        self._options = options
        self._calls = Calls(server, info, _STAGE, options)

    async def synthesize(self, request: SpeechRequest) -> AsyncGenerator[Floats, None]:
        """Yield audio as it arrives; nothing for text in which there is no letter and no digit.

        Raises:
            EngineError: Code ``voice_not_found``, or the server failed (see ``failures.py``).
        """
        self._calls.refuse_if_closed()
        require_voice(self.info, request.voice)
        if not any(char.isalnum() for char in request.text):
            return
        model = await self._calls.model_for(None)

        @asynccontextmanager
        async def ask() -> AsyncGenerator[AsyncIterator[Floats], None]:
            async with self._server.client.audio.speech.with_streaming_response.create(
                model=model,
                voice=request.voice,
                input=request.text,
                response_format=self._options.response_format,
                speed=request.speed,
                extra_body=self._options.body,
            ) as response:
                reader = PcmReader(self.info.rate_hz, response.headers.get("content-type", ""))
                yield _samples(response.iter_bytes(), reader)

        async with aclosing(self._calls.read(ask)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def aclose(self) -> None:
        """End all requests, and the connections if nobody else uses them."""
        await self._calls.aclose()


async def _samples(pieces: AsyncIterator[bytes], reader: PcmReader) -> AsyncIterator[Floats]:
    """Yield what is to be heard.

    Raises:
        UnusableSoundError: That is nothing, or the answer is no sound.
    """
    size = 0
    silent = True
    async for piece in pieces:
        size += len(piece)
        samples = reader.push(piece)
        if samples.size:
            silent = False
            yield samples
    if silent:
        message = f"nothing to be heard; its length in bytes is {size}"
        raise UnusableSoundError(message)


def create(settings: EngineSettings) -> HttpSynthesizer:
    """Build it; options as in :class:`SynthesizerOptions`.

    Raises:
        EngineError: An option is wrong.
    """
    options = options_as(settings, SynthesizerOptions, _STAGE)
    server = borrowed(options, settings.name, _STAGE)
    info = EngineInfo(
        name=settings.name,
        role="synthesizer",
        remote=options.is_remote,
        languages=options.languages,
        rate_hz=options.rate_hz,
        voices=options.voices or find_voices(server) or (_ANY_VOICE,),
        speeds=options.speeds,
    )
    return HttpSynthesizer(info, server, options)
