from __future__ import annotations

from collections.abc import AsyncGenerator

import numpy as np
import pytest
from msgspec.structs import replace

from antiphon.engines.base import EngineInfo, Floats
from antiphon.engines.hearing import Transcript, TranscriptEvent, TranscriptionRequest
from antiphon.engines.self_tests import self_test
from antiphon.engines.speaking import SpeechRequest
from antiphon.engines.thinking import (
    GenerationEnd,
    GenerationEvent,
    GenerationRequest,
    TextDelta,
)
from antiphon.errors import EngineError


class Thinker:
    """A language model that thinks before it answers.

    Args:
        thoughts: Tokens that it spends on that.

    Attributes:
        written: Words of its answer so far.
    """

    counter = None

    def __init__(self, thoughts: int, context_tokens: int | None = None) -> None:
        self.info = EngineInfo(name="thinker", role="language_model", context_tokens=context_tokens)
        self.written = 0
        self._thoughts = thoughts

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[GenerationEvent, None]:
        assert request.max_output_tokens is not None
        while self.written + self._thoughts < request.max_output_tokens:
            self.written += 1
            yield TextDelta("Paris. ")
        yield GenerationEnd("length", request.max_output_tokens)

    async def warm(self, request: GenerationRequest) -> None:
        """Do nothing."""

    async def aclose(self) -> None:
        """Do nothing."""


class Parrot:
    """Hears one sentence in everything, and speaks noise."""

    def __init__(self, sentence: str, info: EngineInfo) -> None:
        self.info = info
        self._sentence = sentence

    async def transcribe(
        self, audio: Floats, request: TranscriptionRequest
    ) -> AsyncGenerator[TranscriptEvent, None]:
        yield Transcript(self._sentence)

    async def synthesize(self, request: SpeechRequest) -> AsyncGenerator[Floats, None]:
        yield np.full(16_000, 0.5, np.float32)

    async def aclose(self) -> None:
        """Do nothing."""


EARS = EngineInfo(name="ears", role="transcriber", languages=("en",))
VOICE = EngineInfo(name="voice", role="synthesizer", rate_hz=16_000, voices=("joe",))


@pytest.mark.parametrize(
    ("heard", "warns"),
    [
        ("what is the capitol of france", False),
        ("What was the capital?", False),
        ("The capital!", True),
    ],
)
async def test_a_transcriber_hears_half_of_the_words_or_is_warned_of(heard, warns):
    said = await self_test(Parrot(heard, EARS))
    assert said.startswith("warning: ") == warns


async def test_a_synthesizer_that_cannot_be_understood_is_warned_of():
    ears = Parrot("The bird's tear in the trees.", EARS)
    said = await self_test(Parrot("", VOICE), ears)
    assert said.startswith("warning: says 'The bird's tear in the trees.' where it is to say")
    assert said.endswith("4 of 12 words are right")
    clear = Parrot("The weather is fine today and the birds sing in the trees.", EARS)
    assert (await self_test(Parrot("", VOICE), clear)).startswith("says 'The weather")


@pytest.mark.parametrize("change", [{"languages": ("de",)}, {"scripted": True}])
async def test_who_knows_no_english_words_is_not_judged_by_them(change):
    ears = Parrot("Guten Morgen.", replace(EARS, **change))
    assert (await self_test(ears)).startswith("hears 'Guten Morgen.'")
    assert (await self_test(Parrot("", VOICE), ears)).startswith("says 'Guten Morgen.'")


async def test_a_language_model_may_think_before_it_answers():
    assert (await self_test(Thinker(thoughts=500))).startswith("answers 'Paris. Paris.")


async def test_no_more_is_taken_of_an_answer_than_shows_that_there_is_one():
    model = Thinker(thoughts=0)
    await self_test(model)
    assert model.written < 100


async def test_a_language_model_that_answers_nothing_does_not_work():
    with pytest.raises(EngineError, match=r"answers nothing to .* with 1024 tokens"):
        await self_test(Thinker(thoughts=5000))


async def test_no_longer_answer_is_asked_for_than_fits_beside_the_question():
    with pytest.raises(EngineError, match="with 256 tokens"):
        await self_test(Thinker(thoughts=5000, context_tokens=512))
