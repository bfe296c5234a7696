"""A conversation held on the page, over each transport."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.async_api import expect

from antiphon.engines.scripted.script import Call, Say, Script, Sound, Take
from tests.support.server import running_server
from tests.support.sound import silence, speech

STORY = "Once upon a time."

SCRIPT = Script(
    answers=(Take((Say(STORY),), when="story"),),
    # Goes on, in real time, until it is interrupted.
    speeches=(Take((Sound(60_000, every_ms=100),), when="Once"),),
)

QUESTION = silence(500) + speech(800)

SILENT_WITHIN_MS = 150
"""From when the page shows an interruption to the last sound of the answer: what is on its way
through the browser's buffers is still played."""


@pytest.fixture(params=["websocket", "webrtc"])
def transport(request):
    return request.param


async def test_what_is_written_is_answered_aloud(chromium, transport):
    async with running_server() as server, chromium.visit(server.url) as visit:
        await visit.connect(transport)
        await visit.ask("Good morning.")
        said = visit.page.locator(".said-words:not(.unfinished)")
        await expect(said).to_have_text(["Good morning.", "You said: Good morning."])
        await visit.heard_loud(blocks=10)
        await expect(visit.page.locator("#sounding")).to_have_text("Silent")
    assert visit.complaints == []


async def test_what_is_said_is_heard_and_answered(chromium, transport):
    chromium.will_hear(QUESTION)
    async with running_server() as server, chromium.visit(server.url) as visit:
        await visit.connect(transport)
        await visit.page.click("#microphone")
        await expect(visit.page.locator("#hearing")).to_have_text("The server hears you")
        await expect(visit.page.locator("#hearing")).to_have_text("Listening")
        said = visit.page.locator(".said-words:not(.unfinished)")
        await expect(said).to_have_text(["Hello there.", "You said: Hello there."])
    assert visit.complaints == []


async def test_who_speaks_into_an_answer_silences_it(chromium, transport):
    chromium.will_hear(speech(2_000))
    async with running_server(SCRIPT) as server, chromium.visit(server.url) as visit:
        await visit.connect(transport)
        await visit.ask("Tell me a story.")
        await expect(visit.page.locator("#sounding")).to_have_text("Speaking")
        await visit.page.click("#microphone")
        await expect(visit.page.locator(".said[data-side=answer]").first).to_contain_text("cut off")
        shown_ms = await visit.now_ms()
        heard = await visit.heard_until(shown_ms + 500)
        (truncated,) = await visit.log("conversation.item.truncated")
    assert heard.loud_ms.max() < shown_ms + SILENT_WITHIN_MS
    played_ms = np.ptp(heard.loud_ms)
    assert truncated["event"]["audio_end_ms"] == pytest.approx(played_ms, abs=250)


async def test_the_button_interrupts_an_answer(chromium, transport):
    async with running_server(SCRIPT) as server, chromium.visit(server.url) as visit:
        await visit.connect(transport)
        await visit.ask("Tell me a story.")
        await expect(visit.page.locator("#sounding")).to_have_text("Speaking")
        await visit.page.click("#interrupt")
        await expect(visit.page.locator("#sounding")).to_have_text("Silent")
        await expect(visit.page.locator(".badge")).to_have_text("cancelled")
        await expect(visit.page.locator("#interrupt")).to_be_disabled()
    assert visit.complaints == []


async def test_a_turn_by_hand_lasts_as_long_as_the_button_is_held(chromium, transport):
    chromium.will_hear(speech(5_000))
    async with running_server() as server, chromium.visit(server.url) as visit:
        await visit.page.select_option("[name=detection]", "none")
        await visit.page.check("[name=talking][value=push]", force=True)
        await visit.connect(transport)
        microphone = visit.page.locator("#microphone")
        await microphone.focus()
        await visit.page.keyboard.down(" ")
        await expect(microphone).to_have_attribute("aria-pressed", "true")
        await expect(visit.page.locator("#event-list")).to_contain_text(
            "input_audio_buffer.cleared"
        )
        await visit.page.wait_for_timeout(300)  # so long it is held
        await visit.page.keyboard.up(" ")
        said = visit.page.locator(".said-words:not(.unfinished)")
        await expect(said).to_have_text(["Hello there.", "You said: Hello there."])
    assert visit.complaints == []


async def test_a_turn_by_hand_silences_the_answer_before_it(chromium, transport):
    async with running_server(SCRIPT) as server, chromium.visit(server.url) as visit:
        await visit.page.select_option("[name=detection]", "none")
        await visit.page.check("[name=talking][value=push]", force=True)
        await visit.connect(transport)
        await visit.ask("Tell me a story.")
        await expect(visit.page.locator("#sounding")).to_have_text("Speaking")
        await visit.page.locator("#microphone").focus()
        await visit.page.keyboard.down(" ")
        await expect(visit.page.locator("#sounding")).to_have_text("Silent")
        await expect(visit.page.locator(".badge")).to_have_text("cancelled")
    assert visit.complaints == []


async def test_a_tool_is_answered_with_what_was_put_there_for_it(chromium, transport):
    script = Script(
        answers=(Take((Call("get_weather", '{"city": "Oslo"}'),)), Take((Say("It is raining."),)))
    )
    async with running_server(script) as server, chromium.visit(server.url) as visit:
        await visit.page.click("#add-tool")
        await visit.page.get_by_label("Answer to each call").fill("rain")
        await visit.page.get_by_label("Answer to each call").blur()
        await visit.connect(transport)
        await visit.ask("How is the weather?")
        said = visit.page.locator(".said > :nth-child(2)")
        await expect(said).to_have_text(
            ["How is the weather?", '{"city": "Oslo"}', "rain", "It is raining."]
        )
        seen = server.cast.conversation_seen()
    assert ("tool", "rain") in seen
    assert visit.complaints == []


async def test_a_call_that_ends_is_told(chromium, transport):
    async with running_server() as server, chromium.visit(server.url) as visit:
        await visit.connect(transport)
        await visit.page.click("#connect")
        await expect(visit.page.locator("#status")).to_have_text("Disconnected.")
        await server.wait_until_empty()
    assert visit.complaints == []
