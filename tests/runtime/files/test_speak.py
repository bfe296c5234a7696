from __future__ import annotations

import io
from contextlib import aclosing

import pytest
import soundfile
from msgspec import structs

from antiphon.audio.encoders import ENCODINGS
from antiphon.engines.scripted.script import Fail, Gate, Script, Sound, Take, WaitFor
from antiphon.errors import EngineError, RequestError
from antiphon.runtime.files.speak import SpokenFile
from tests.support.cast import Cast, make_cast

TEXT = "Well, this is the first of two sentences, and it is long. And this is the other one."


def file_of(cast: Cast, text: str = TEXT, encoding: str = "wav") -> SpokenFile:
    return SpokenFile(text, cast.engines, voice="alto", speed=1.0, encoding=ENCODINGS[encoding])


async def content_of(file: SpokenFile) -> bytes:
    async with aclosing(file.write()) as pieces:
        return b"".join([piece async for piece in pieces])


@pytest.mark.parametrize("encoding", ["wav", "mp3", "opus", "flac"])
async def test_all_of_the_text_is_in_the_file(encoding):
    cast = make_cast(Script(ms_per_character=50))
    file = file_of(cast, encoding=encoding)
    samples, rate_hz = soundfile.read(io.BytesIO(await content_of(file)))
    assert " ".join(request.text for request in cast.synthesizer.requests) == TEXT
    expected_s = sum(len(request.text) for request in cast.synthesizer.requests) * 0.05
    assert len(samples) / rate_hz == pytest.approx(expected_s, abs=0.1)
    assert file.audio_tokens == pytest.approx(expected_s * 20, abs=1)


async def test_the_first_words_are_heard_before_the_rest_is_spoken():
    gate = Gate()
    script = Script(speeches=(Take((WaitFor(gate), Sound(1000)), when="other one"),))
    cast = make_cast(script)
    pieces = file_of(cast).write()
    assert await anext(pieces)
    assert len(cast.synthesizer.requests) == 1
    assert cast.synthesizer.requests[0].text == "Well, this is the first"
    await pieces.aclose()
    assert cast.stage.running == 0


@pytest.mark.parametrize("encoding", ["wav", "flac", "pcm"])
@pytest.mark.parametrize("text", ["…", "  ", "***", "你好"])
async def test_a_text_that_cannot_be_spoken_is_refused(text, encoding):
    cast = make_cast(Script(speeches=(Take((), when="你好"),)))
    cast.synthesizer.info = structs.replace(cast.synthesizer.info, languages=("en",))
    with pytest.raises(RequestError) as refused:
        await content_of(file_of(cast, text, encoding))
    assert (refused.value.code, refused.value.param) == ("invalid_value", "input")
    assert refused.value.message == (
        "There is nothing in 'input' that the synthesizer 'scripted' can speak. "
        "Send words, in the language 'en'."
    )


async def test_a_text_is_spoken_as_far_as_it_can_be():
    file = file_of(make_cast(Script(speeches=(Take((), when="first"),))))
    assert len(await content_of(file)) > 48_000


async def test_a_failure_ends_the_work():
    cast = make_cast(Script(speeches=(Take((Fail("It fell over."),)),)))
    with pytest.raises(EngineError, match="fell over"):
        await content_of(file_of(cast))
