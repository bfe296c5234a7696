"""The dashboard: responses found again and looked at, and how the server does."""

from __future__ import annotations

import re
import time

import pytest
from playwright.async_api import expect

from antiphon.config import Price, StoreChoice
from tests.console.month import keep_month
from tests.support.keeping import KEYS
from tests.support.kept import BEGIN_S, kept, opened
from tests.support.server import running_server

KEEPING = StoreChoice(keep="everything")
RESPONSES = "/dashboard/responses"


@pytest.fixture
async def shelf(chromium):
    """The list of a server that keeps sixty responses."""
    async with running_server(store=KEEPING, currency="EUR") as server:
        await server.keep(
            [opened()],
            *(kept(number) for number in range(57)),
            kept(
                57,
                metadata={"caller": "ann", "order": "7"},
                heard="Where is my parcel?",
                said="In the van, near you.",
            ),
            kept(58, metadata={"caller": "ann"}, status="failed"),
            kept(59, metadata={"caller": "bob"}, cost_micros=1_500, moments={"created": 0}),
        )
        async with chromium.visit(server.url, RESPONSES) as visit:
            await expect(rows(visit)).to_have_count(25)
            yield visit
            assert visit.complaints == []


def rows(visit):
    return visit.page.locator(".list tbody tr")


def chips(visit):
    return visit.page.locator(".chip")


async def test_the_newest_come_first_and_say_what_is_known(shelf):
    newest = rows(shelf).first
    await expect(newest).to_contain_text("completed")
    await expect(newest).to_contain_text("Good day.")
    await expect(newest.locator(".pair")).to_have_text("callerbob")
    await expect(newest).to_contain_text("€0.0015")
    await expect(rows(shelf).nth(1)).to_contain_text("It broke.")
    await expect(rows(shelf).nth(2)).to_contain_text("700 ms")


async def test_responses_are_found_by_their_metadata(shelf):
    await shelf.page.fill("[placeholder^=Metadata]", "caller = ann")
    await shelf.page.keyboard.press("Enter")
    await expect(rows(shelf)).to_have_count(2)
    await shelf.page.fill("[placeholder^=Metadata]", "order=7")
    await shelf.page.keyboard.press("Enter")
    await expect(rows(shelf)).to_have_count(1)
    await expect(chips(shelf)).to_contain_text(["ann", "7"])
    await chips(shelf).first.get_by_role("button").click()
    await expect(chips(shelf)).to_have_count(1)
    await shelf.page.locator(".pair", has_text="ann").click()
    await expect(chips(shelf)).to_contain_text(["7", "ann"])


async def test_what_is_no_pair_is_not_asked_for(shelf):
    await shelf.page.fill("[placeholder^=Metadata]", "ann")
    await shelf.page.keyboard.press("Enter")
    await expect(shelf.page.locator("[placeholder^=Metadata]")).to_have_attribute(
        "aria-invalid", "true"
    )
    await expect(rows(shelf)).to_have_count(25)


async def test_filters_go_together_and_the_address_has_them(shelf):
    await shelf.page.fill("[name=text]", "broke OR parcel")
    await shelf.page.keyboard.press("Enter")
    await expect(shelf.page.get_by_text("Nothing is like that")).to_be_visible()
    await shelf.page.fill("[name=text]", "parcel")
    await shelf.page.keyboard.press("Enter")
    await expect(rows(shelf)).to_have_count(1)
    await shelf.page.select_option("[name=status]", "failed")
    await expect(rows(shelf)).to_have_count(0)
    await shelf.page.go_back()
    await expect(rows(shelf)).to_have_count(1)
    await expect(shelf.page.locator("[name=status]")).to_have_value("")
    assert shelf.page.url.endswith("?text=parcel")
    await shelf.page.reload()
    await expect(rows(shelf)).to_contain_text(["In the van, near you."])
    await expect(shelf.page.locator("[name=text]")).to_have_value("parcel")


async def test_times_are_those_of_the_reader(shelf):
    await shelf.page.get_by_text("More filters").click()
    field = shelf.page.locator("[name=created_after]")
    local = await shelf.page.evaluate(
        "at => new Date((at - new Date().getTimezoneOffset() * 60) * 1000).toISOString()",
        BEGIN_S + 58,
    )
    await field.fill(local[:19])
    await field.press("Tab")
    await expect(rows(shelf)).to_have_count(2)
    assert shelf.page.url.endswith(f"?created_after={BEGIN_S + 58}")
    await expect(field).to_have_value(local[:19])


async def test_pages_follow_each_other_and_go_back(shelf):
    older, newer = (shelf.page.get_by_role("link", name=name) for name in ("Older", "Newer"))
    await older.click()
    await expect(newer).to_be_visible()
    await older.click()
    await expect(rows(shelf)).to_have_count(10)
    await expect(older).to_have_count(0)
    await newer.click()
    await expect(rows(shelf)).to_have_count(25)
    await newer.click()
    await expect(newer).to_have_count(0)
    await expect(rows(shelf).nth(1)).to_contain_text("It broke.")


async def test_the_list_is_walked_by_keys(shelf):
    keyboard = shelf.page.keyboard
    await keyboard.press("Control+k")
    await expect(shelf.page.locator("[name=text]")).to_be_focused()
    links = shelf.page.locator(".list th a")
    await links.first.focus()
    await keyboard.press("ArrowDown")
    await keyboard.press("ArrowDown")
    await expect(links.nth(2)).to_be_focused()
    await keyboard.press("End")
    await expect(links.nth(24)).to_be_focused()
    await keyboard.press("Home")
    await keyboard.press("Enter")
    await expect(shelf.page.locator("code.id")).to_have_text("resp_59")


async def test_a_response_shows_what_it_answered_and_where_its_time_went(shelf):
    await rows(shelf).nth(2).locator(".gist").click()
    page = shelf.page
    assert page.url.endswith("/responses/resp_57")
    await expect(page.locator(".said-words")).to_have_text(
        ["Where is my parcel?", "In the van, near you."]
    )
    await expect(page.locator(".waterfall")).to_contain_text("Words")
    await expect(page.get_by_text("from the last word to the first sound")).to_be_visible()
    await expect(page.locator(".json")).to_contain_text('"realtime.response"')
    await expect(page.locator(".json")).not_to_contain_text("antiphon")
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.get_by_role("button", name="Copy").click()
    copied = await page.evaluate("navigator.clipboard.readText().then(JSON.parse)")
    assert (copied["id"], copied["metadata"]["order"]) == ("resp_57", "7")
    await page.get_by_role("link", name="ann").click()
    await expect(rows(shelf)).to_have_count(2)


async def test_a_response_that_failed_says_why(shelf):
    await shelf.page.goto(re.sub(r"/responses.*", "/responses/resp_58", shelf.page.url))
    failure = shelf.page.get_by_role("region", name="Why it ended so")
    await expect(failure).to_contain_text("It broke.")
    await expect(failure).to_contain_text("server_error")


async def test_a_response_is_deleted_once_that_is_confirmed(shelf):
    await rows(shelf).nth(2).locator("th a").click()
    dialog = shelf.page.get_by_role("dialog", name="Delete this response?")
    await shelf.page.get_by_role("button", name="Delete…").click()
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(dialog).to_have_count(0)
    await shelf.page.get_by_role("button", name="Delete…").click()
    await dialog.get_by_role("button", name="Delete it").click()
    await expect(rows(shelf)).to_have_count(25)
    await shelf.page.fill("[name=text]", "parcel")
    await shelf.page.keyboard.press("Enter")
    await expect(rows(shelf)).to_have_count(0)


async def test_what_is_not_there_is_said(chromium):
    async with (
        running_server(store=KEEPING) as server,
        chromium.visit(server.url, f"{RESPONSES}/resp_none") as visit,
    ):
        await expect(
            visit.page.get_by_text("There is no response 'resp_none' here.")
        ).to_be_visible()
        await visit.page.get_by_role("link", name="All responses").click()
        await expect(visit.page.get_by_text("No responses yet")).to_be_visible()
        await visit.page.goto(f"{server.url}/dashboard/nowhere")
        await expect(visit.page.get_by_text("There is no such page")).to_be_visible()


async def test_a_server_that_keeps_nothing_says_how_it_would(chromium):
    async with running_server() as server, chromium.visit(server.url, RESPONSES) as visit:
        await expect(visit.page.get_by_text('keep = "everything"')).to_be_visible()
        await visit.page.get_by_role("link", name="Overview").click()
        await expect(visit.page.get_by_text('keep = "everything"')).to_be_visible()
        await expect(visit.page.get_by_role("region", name="Engines").first).to_contain_text(
            "transcriber"
        )


async def test_a_key_is_asked_for_once_and_stays_in_the_tab(chromium):
    async with running_server(store=KEEPING, **KEYS) as server:
        await server.keep(kept(1, key="ann", said="Of Ann."), kept(2, key="bob", said="Of Bob."))
        async with chromium.visit(server.url, "/dashboard") as visit:
            page, field = visit.page, visit.page.get_by_label("API key").last
            await use_key(page, "wrong")
            await expect(page.get_by_role("alert")).to_contain_text(["not one of those"])
            await use_key(page, "key-ann")
            await expect(page.get_by_text("This page takes an admin key")).to_be_visible()
            await page.get_by_role("link", name="Responses").click()
            await expect(rows(visit)).to_contain_text(["Of Ann."])
            await page.get_by_role("link", name="Live").click()
            await use_key(page, "key-admin")
            await expect(page.get_by_text("Nobody is here")).to_be_visible()
            await page.get_by_role("link", name="Responses").click()
            await expect(rows(visit)).to_contain_text(["Of Bob.", "Of Ann."])
            await page.reload()
            await expect(rows(visit)).to_have_count(2)
            assert "key" not in page.url
            assert "key-admin" not in await page.evaluate("JSON.stringify(localStorage)")
            await page.get_by_role("link", name="Console").click()
            await expect(field).to_have_value("key-admin")


async def use_key(page, key):
    await page.locator(".key-form input").fill(key)
    await page.keyboard.press("Enter")


async def test_the_overview_adds_up_what_happened(chromium):
    prices = {"antiphon": Price(input=4, output=16)}
    async with running_server(store=KEEPING, prices=prices) as server:
        await keep_month(server.store, time.time())
        async with chromium.visit(server.url, "/dashboard?range=30d") as visit:
            page = visit.page
            figures = page.locator(".headline div")
            await expect(figures.nth(1)).to_contain_text("%")
            await expect(figures.nth(5)).to_contain_text("$")
            charts = page.locator(".chart")
            await expect(charts).to_have_count(5)
            assert await charts.first.locator("rect.answered").count() > 20
            await expect(charts.nth(1).locator("polyline.p95")).not_to_have_count(0)
            await charts.nth(1).get_by_text("As a table").click()
            await expect(charts.nth(1).locator("th[scope=col]")).to_have_text(
                ["From", "p50", "p95", "p99"]
            )
            usage = page.get_by_role("region", name="Tokens and cost").first
            await expect(usage.locator("tbody th")).to_have_text(["kiosk", "phone", "tests"])
            await usage.get_by_text("Model", exact=True).click()
            await expect(usage.locator("tbody th")).to_have_count(2)
            await page.locator("#dashboard select").select_option("quick")
            await expect(usage.locator("tbody th")).to_have_text(["quick"])
            assert page.url.endswith("?range=30d&model=quick")
            await page.locator(".errors a").first.click()
            await expect(page.locator(".failure")).to_be_visible()
            assert visit.complaints == []


async def test_values_are_read_off_a_plot(chromium):
    now_s = time.time() - BEGIN_S
    async with running_server(store=KEEPING) as server:
        await server.keep(
            kept(1, after_s=now_s), kept(2, after_s=now_s - 5 * 3600, status="failed")
        )
        async with chromium.visit(server.url, "/dashboard") as visit:
            plot = visit.page.locator(".chart svg[role=img]").first
            values = visit.page.locator(".chart").first.locator(".legend dd")
            await expect(values).to_have_text(["0", "1"])
            box = await plot.bounding_box()
            await plot.hover(position={"x": box["width"] * 0.7, "y": 60})
            await expect(values).to_have_text(["1", "0"])
            await visit.page.mouse.move(0, 0)
            await expect(values).to_have_text(["0", "1"])
