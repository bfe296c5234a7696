from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from antiphon.engines.base import EngineInfo
from antiphon.engines.self_tests import self_test
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
