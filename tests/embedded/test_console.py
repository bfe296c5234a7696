"""A spoken conversation on the console's page, with the engines that a new installation has."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.async_api import expect

from antiphon.ask import likeness
from antiphon.engines.base import Floats
from tests.console.chromium import a_browser
from tests.embedded.test_conversation import QUESTION, heard_back
from tests.support.sound import silence

FRAME_SAMPLES = 480  # 20 ms
INAUDIBLE_RMS = 0.003

HALTING = 0.6
"""How alike the words are that were said and heard back. Less than for an answer that is saved as a
file: a browser and three models share two cores, and what it plays late is cut up."""


@pytest.fixture(scope="module")
async def chromium():
    """A browser."""
    async with a_browser() as browser:
        yield browser


def without_gaps(heard: Floats) -> Floats:
    """What was heard without its silences: a busy machine speaks haltingly."""
    samples = heard.reshape(-1)
    frames = samples[: len(samples) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    audible = frames[np.sqrt(np.mean(np.square(frames), axis=1)) > INAUDIBLE_RMS]
    return np.pad(audible.reshape(-1), 12_000)


@pytest.mark.parametrize("transport", ["websocket", "webrtc"])
async def test_a_question_to_the_microphone_is_answered_by_the_page_aloud(
    chromium,
    engines,
    server,
    transport,
):
    chromium.will_hear(silence(300) + QUESTION)
    async with chromium.visit(server.url) as visit:
        await visit.connect(transport)
        await visit.page.click("#microphone")
        said = visit.page.locator(".said-words:not(.unfinished)")
        await expect(said).to_have_count(2)
        await expect(visit.page.locator("#sounding")).to_have_text("Speaking")
        await expect(visit.page.locator("#sounding")).to_have_text("Silent")
        await expect(visit.page.locator(".turn .waterfall")).to_contain_text("Silence")
        question, answer = await said.all_inner_texts()
        await expect(visit.page.locator(".turn h3")).to_have_text(question)
        heard = (await visit.heard()).samples
    assert question == "What is the capital of France?"
    assert "Paris" in answer
    assert likeness(answer, await heard_back(engines, without_gaps(heard))) >= HALTING
    assert visit.complaints == []
