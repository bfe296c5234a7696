"""A spoken conversation on the console's page, with the engines that a new installation has."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.async_api import expect

from antiphon.ask import UNDERSTOOD, likeness
from antiphon.engines.base import Floats
from tests.console.conftest import chromium  # noqa: F401 (the fixture)
from tests.embedded.test_conversation import QUESTION, heard_back
from tests.support.sound import silence

FRAME_SAMPLES = 480  # 20 ms
INAUDIBLE_RMS = 0.003


def without_gaps(heard: Floats) -> Floats:
    """What was heard without its silences: a busy machine speaks haltingly."""
    samples = heard.reshape(-1)
    frames = samples[: len(samples) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    audible = frames[np.sqrt(np.mean(np.square(frames), axis=1)) > INAUDIBLE_RMS]
    return np.pad(audible.reshape(-1), 12_000)


@pytest.mark.parametrize("transport", ["websocket", "webrtc"])
async def test_a_question_to_the_microphone_is_answered_by_the_page_aloud(
    chromium,  # noqa: F811
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
    assert likeness(answer, await heard_back(engines, without_gaps(heard))) >= UNDERSTOOD
    assert visit.complaints == []
