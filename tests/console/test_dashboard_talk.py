"""The dashboard: conversations replayed, and listened in to while they go on."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from antiphon.config import StoreChoice
from antiphon.engines.scripted.script import Gate, Say, Script, Take, WaitFor
from tests.support.kept import kept, opened
from tests.support.server import running_server
from tests.support.sound import speech

HUNG_UP = (1000, "The operator ended the session.")


def session_of(client):
    return client.frames[0]["session"]["id"]


async def test_a_conversation_is_replayed_with_its_sound(chromium):
    script = Script(sentence="Where is my parcel?", answers=(Take((Say("Near you."),)),))
    store = StoreChoice(audio=True)
    async with running_server(script, store=store) as server, server.sdk() as client:
        await client.update(
            audio={"input": {"turn_detection": None, "transcription": {"model": "default"}}}
        )
        await client.append(speech(600))
        await client.send("input_audio_buffer.commit")
        await client.send("response.create", response={"metadata": {"order": "7"}})
        await client.until("response.done")
        async with chromium.visit(server.url, "/dashboard/responses") as visit:
            page = visit.page
            await page.locator(".list th a").click()
            await expect(page.locator(".said-words")).to_have_text(
                ["Where is my parcel?", "Near you."]
            )
            await expect(page.locator(".player")).to_have_count(1)
            await page.get_by_role("link", name="Replay the conversation").click()
            players = page.locator(".player-time")
            await expect(players).to_have_text(["0:00 / 0:01", "0:00 / 0:01"])
            await expect(page.locator(".outcome .waterfall")).to_be_hidden()
            await page.locator(".outcome summary").click()
            await expect(page.locator(".outcome .waterfall")).to_be_visible()
            heard = page.locator(".said[data-heard]")
            await page.get_by_role("button", name="Play all").click()
            await expect(heard).to_contain_text("Where is my parcel?")
            await expect(heard).to_contain_text("Near you.")
            await expect(heard).to_have_count(0)
            await expect(page.get_by_role("button", name="Play all")).to_be_visible()
            await expect(players).to_have_text(["0:01 / 0:01", "0:01 / 0:01"])
        assert visit.complaints == []


async def test_replay_is_stopped_in_the_middle(chromium):
    async with running_server(store=StoreChoice(audio=True)) as server:
        await server.keep([opened()], kept(1, pcm=speech(20_000)), kept(2, pcm=speech(300)))
        async with chromium.visit(server.url, "/dashboard/conversations/conv_1") as visit:
            await visit.page.get_by_role("button", name="Play all").click()
            await expect(visit.page.locator(".player[data-playing]")).to_have_count(1)
            await visit.page.get_by_role("button", name="Stop").click()
            await expect(visit.page.locator(".player[data-playing]")).to_have_count(0)
            await expect(visit.page.locator(".said[data-heard]")).to_have_count(0)
            await visit.page.get_by_role("button", name="Play the answer").last.click()
            await expect(visit.page.locator(".player-time").last).to_have_text("0:00 / 0:00")


async def test_where_no_sound_is_kept_it_says_how_it_would_be(chromium):
    async with running_server(store=StoreChoice()) as server, server.sdk() as client:
        await client.ask("Good morning.")
        async with chromium.visit(server.url, "/dashboard/responses") as visit:
            await visit.page.locator(".list th a").click()
            await visit.page.get_by_role("link", name="Replay the conversation").click()
            await expect(visit.page.locator(".said-words").first).to_have_text("Good morning.")
            await expect(visit.page.get_by_text("[store] audio = true")).to_be_visible()


async def test_a_conversation_is_deleted_once_it_is_over(chromium):
    async with running_server(store=StoreChoice()) as server, server.sdk() as client:
        await client.ask("Good morning.")
        async with chromium.visit(server.url, "/dashboard/responses") as visit:
            page = visit.page
            await page.locator(".list th a").click()
            await page.get_by_role("link", name="Replay the conversation").click()
            await delete(page)
            await expect(page.locator(".notice")).to_contain_text("goes on")
            await client.sdk.close()
            await server.wait_until_empty()
            await delete(page)
            await expect(page.get_by_text("No responses yet")).to_be_visible()


async def delete(page):
    await page.get_by_role("button", name="Delete…").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete it all").click()


@pytest.mark.parametrize("keep", ["everything", "nothing"])
async def test_the_words_of_a_session_are_heard_as_they_come(chromium, keep):
    gate = Gate()
    steps = (Say("One moment,"), WaitFor(gate), Say(" here it is."))
    script = Script(answers=(Take(steps, when="parcel"),))
    async with (
        running_server(script, store=StoreChoice(keep=keep)) as server,
        server.sdk() as client,
    ):
        await client.update(output_modalities=["text"])
        await client.ask("Good morning.")
        async with chromium.visit(server.url, "/dashboard/live") as visit:
            page = visit.page
            await expect(page.locator("tbody tr")).to_contain_text(["antiphon"])
            await page.get_by_role("link", name="Listen in", exact=True).click()
            log = page.get_by_role("log")
            if keep == "everything":
                await expect(log).to_contain_text("Good morning.")
            await expect(page.locator(".listening .badge")).to_have_text("quiet")
            await client.write("Where is my parcel?")
            await client.send("response.create", response={})
            await expect(log).to_contain_text("Where is my parcel?")
            await expect(log).to_contain_text("One moment,")
            await expect(page.locator(".listening .badge")).to_have_text("answering")
            gate.open()
            await expect(log).to_contain_text("One moment, here it is.")
            await expect(page.locator(".listening .badge")).to_have_text("quiet")
            await expect(page.locator("tbody td.figure-column").last).to_have_text("2")


async def test_the_operator_hangs_up(chromium):
    async with running_server(store=StoreChoice()) as server, server.socket() as client:
        await client.until("session.created")
        async with chromium.visit(server.url, f"/dashboard/live/{session_of(client)}") as visit:
            page = visit.page
            await page.get_by_role("button", name="Hang up…").click()
            dialog = page.get_by_role("dialog", name="Hang up?")
            await page.keyboard.press("Escape")
            await expect(dialog).to_have_count(0)
            assert server.reception.open_sessions == 1
            await page.get_by_role("button", name="Hang up…").click()
            await dialog.get_by_role("button", name="Hang up").click()
            assert await client.closed() == HUNG_UP
            await expect(page.locator(".listening .badge")).to_have_text("the session is over")
            await expect(page.get_by_text("Nobody is here")).to_be_visible()
        assert visit.complaints == []


async def test_a_conversation_of_the_console_goes_on_meanwhile(chromium):
    async with running_server(store=StoreChoice()) as server, chromium.visit(server.url) as visit:
        await visit.connect("websocket")
        await visit.ask("Good morning.")
        await expect(visit.page.locator(".badge").first).to_have_text("completed")
        await visit.page.get_by_role("link", name="Dashboard").click()
        await visit.page.get_by_role("link", name="Live").click()
        await expect(visit.page.locator("#dashboard tbody tr")).to_have_count(1)
        await expect(visit.page.locator("#status")).to_be_visible()
        await visit.page.get_by_role("link", name="Console").click()
        await visit.ask("Good evening.")
        await expect(visit.page.locator(".turn")).to_have_count(2)
        assert server.reception.open_sessions == 1
    assert visit.complaints == []
