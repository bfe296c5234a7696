"""The event log: filtered, paused, saved, and replayed."""

from __future__ import annotations

import json

import pytest
from playwright.async_api import expect

from tests.support.server import running_server


@pytest.fixture
async def visit(chromium):
    """A page that has asked for something and been answered."""
    async with running_server() as server, chromium.visit(server.url) as visit:
        await visit.connect("websocket")
        await visit.ask("Good morning.")
        await expect(visit.page.locator(".badge")).to_have_text("completed")
        await expect(visit.page.locator(".waterfall")).to_be_visible()
        await visit.page.click(".views [data-view=events]")
        yield visit
        assert visit.complaints == []


def types(visit):
    return visit.page.locator(".event .type")


async def test_every_event_is_there_both_ways(visit):
    log = [json.loads(line) for line in (await visit.saved_log()).splitlines()]
    sent = [line["event"]["type"] for line in log if line.get("direction") == "sent"]
    assert sent == ["session.update", "conversation.item.create", "response.create"]
    assert log[-1].keys() == {"response_id", "moments_ms"}
    await expect(visit.page.locator('.event[data-direction="sent"]')).to_have_count(3)
    await expect(visit.page.locator('.event[data-type="response.done"]')).to_be_visible()


async def test_events_of_a_kind_that_follow_each_other_are_one_row(visit):
    audio = visit.page.locator('.event[data-type="response.output_audio.delta"]')
    deltas = await visit.log("response.output_audio.delta")
    assert len(deltas) > 1
    await expect(audio.locator(".times").first).to_have_text(
        f"\N{MULTIPLICATION SIGN}{len(deltas)}"
    )
    await audio.locator("summary").first.click()
    await expect(audio.locator(".json").first).to_contain_text("characters)")


@pytest.mark.parametrize(
    ("control", "value", "expected"),
    [
        ("#filter-text", "good morning", "conversation.item.create"),
        ("#filter-direction", "sent", "response.create"),
        ("#filter-type", "response.done", "response.done"),
    ],
)
async def test_the_log_is_filtered(visit, control, value, expected):
    before = await types(visit).count()
    if control == "#filter-text":
        await visit.page.fill(control, value)
    else:
        await visit.page.select_option(control, value)
    await expect(types(visit).filter(has_text=expected).first).to_be_visible()
    assert 0 < await types(visit).count() < before


async def test_audio_can_be_left_out(visit):
    await visit.page.uncheck("#filter-audio")
    audio = visit.page.locator('.event[data-type="response.output_audio.delta"]')
    await expect(audio).to_have_count(0)


async def test_the_log_rests_while_it_is_paused(visit):
    await visit.page.click("#pause")
    await visit.ask("Good evening.")
    done = visit.page.locator('.event[data-type="response.done"]')
    await expect(visit.page.locator(".turn")).to_have_count(2)
    await expect(done).to_have_count(1)
    await visit.page.click("#pause")
    await expect(done).to_have_count(2)


async def test_a_saved_log_shows_the_same_again(visit):
    saved = await visit.saved_log()
    said = await visit.page.locator(".said-words").all_inner_texts()
    times = await visit.page.locator(".waterfall").inner_html()
    await visit.page.reload()
    await load(visit, saved)
    await visit.page.click("#replay [value=show]")
    await expect(visit.page.locator(".said-words")).to_have_text(said)
    await expect(visit.page.locator(".waterfall")).to_have_count(1)
    assert await visit.page.locator(".waterfall").inner_html() == times
    assert await visit.saved_log() == saved
    await visit.ask("Good evening.")  # begins a session of its own
    await expect(visit.page.locator(".said-words").first).to_have_text("Good evening.")
    await expect(visit.page.locator(".waterfall")).to_have_count(1)


async def test_a_saved_log_is_sent_again(visit):
    saved = await visit.saved_log()
    await load(visit, saved)
    await visit.page.click("#replay [value=send]")
    await expect(visit.page.locator(".said-words:not(.unfinished)")).to_have_count(4)
    await expect(visit.page.locator(".said-words").nth(2)).to_have_text("Good morning.")


async def test_a_file_that_is_no_log_is_refused_with_its_line(visit):
    await load(visit, '{"at_ms": 1, "direction": "sent", "event": {"type": "x"}}\nnonsense\n')
    await expect(visit.page.locator(".notice")).to_contain_text("Line 2 of the log")


async def load(visit, text):
    await visit.page.click(".views [data-view=events]")
    file = {"name": "log.jsonl", "mimeType": "application/jsonl", "buffer": text.encode()}
    await visit.page.set_input_files("#log-file", [file])
