"""``/v1/audio/speech``: text in, a file of speech out."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing

from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from antiphon.audio import ffmpeg
from antiphon.audio.encoders import ENCODINGS, Encoding
from antiphon.core.abilities import voice_name
from antiphon.core.usage import usage_without_response
from antiphon.errors import RequestError
from antiphon.http.bodies import read_json
from antiphon.http.streams import EVENT_STREAM, WorkedOutResponse, as_events
from antiphon.runtime.files.speak import SpokenFile
from antiphon.runtime.files.tokens import text_tokens
from antiphon.runtime.reception import Reception
from antiphon.wire.refusal import listed
from antiphon.wire.speech import SpeechAudioDelta, SpeechAudioDone, SpeechBody, SpeechUsage

__all__ = ["Speech"]

_FURTHER_HOSTED_VOICES = ("fable", "nova", "onyx")
"""Voices that the hosted service has for files, and not for sessions. As all of its names they are
spoken with the synthesizer's default voice, unless the operator gives them another."""


class Speech:
    """The route that speaks.

    Args:
        reception: Has the engines.
    """

    def __init__(self, reception: Reception) -> None:
        self._reception = reception

    async def create(self, request: Request) -> Response:
        """``POST /v1/audio/speech``."""
        admission, key_name = self._reception.admission, request.state.access.key_name
        async with AsyncExitStack() as needs:
            needs.enter_context(admission.visit(key_name))
            wanted = await read_json(request, SpeechBody)
            engines = self._reception.openings.engines_of(wanted.model)
            voices = (*engines.voices, *_FURTHER_HOSTED_VOICES)
            replace(engines.abilities, voices=voices).require_voice(wanted.voice, "voice")
            encoding = _encoding(wanted)
            model = self._reception.openings.choose_model(wanted.model)
            use = needs.enter_context(admission.work(key_name, model))
            file = SpokenFile(
                wanted.input,
                engines,
                voice=voice_name(wanted.voice),
                speed=wanted.speed,
                encoding=encoding,
            )
            read_tokens = text_tokens(engines, wanted.input)
            needs.callback(
                lambda: use(
                    usage_without_response(text_tokens=read_tokens, spoken_tokens=file.audio_tokens)
                )
            )
            if wanted.stream_format == "sse":
                events = _events(file, read_tokens)
                return WorkedOutResponse(
                    as_events(events), media_type=EVENT_STREAM, needs=needs.pop_all()
                )
            return WorkedOutResponse(
                file.write(), media_type=encoding.media_type, needs=needs.pop_all()
            )


def _encoding(wanted: SpeechBody) -> Encoding:
    if wanted.response_format == "aac" and not ffmpeg.is_installed():
        message = (
            "For speech as 'aac' this server lacks PyAV: pip install 'antiphon[recordings]'. Or "
            f"ask for {listed([name for name in ENCODINGS if name != 'aac'])}."
        )
        raise RequestError(message, code="not_implemented", param="response_format")
    return ENCODINGS[wanted.response_format]


async def _events(file: SpokenFile, input_tokens: int) -> AsyncGenerator[object, None]:
    async with aclosing(file.write()) as pieces:
        async for piece in pieces:
            yield SpeechAudioDelta(audio=piece)
    total = input_tokens + file.audio_tokens
    usage = SpeechUsage(
        input_tokens=input_tokens, output_tokens=file.audio_tokens, total_tokens=total
    )
    yield SpeechAudioDone(usage=usage)
