"""What is chosen on the page is what the session is, and stays chosen."""

from __future__ import annotations

from playwright.async_api import expect

from tests.support.models import TWO_MODELS
from tests.support.server import running_server


async def latest_session(visit):
    """The session as the server has told it last."""
    return (await visit.log("session.updated"))[-1]["event"]["session"]


async def change(page, name, value):
    """Choose in the settings, and wait until the server has taken it."""
    updated = page.locator('.event[data-type="session.updated"]')
    before = await updated.count()
    field = page.locator(f"[name={name}]")
    if await field.evaluate("field => field.tagName") == "SELECT":
        await field.select_option(value)
    else:
        await field.fill(value)
        await field.blur()
    await expect(updated).to_have_count(before + 1)


async def test_choices_are_the_sessions(chromium):
    async with running_server() as server, chromium.visit(server.url) as visit:
        page = visit.page
        await expect(page.locator("[name=voice] option")).to_have_text(
            ["The model\N{RIGHT SINGLE QUOTATION MARK}s own", "alto", "tenor", "bass"]
        )
        await visit.connect("websocket")
        await expect(page.locator('.event[data-type="session.updated"]')).to_have_count(1)
        await change(page, "voice", "tenor")
        await change(page, "instructions", "Sing.")
        await change(page, "speed", "1.25")
        await change(page, "modality", "text")
        await change(page, "noise_reduction", "near_field")
        await change(page, "silence_duration_ms", "700")
        session = await latest_session(visit)
        await change(page, "detection", "semantic_vad")
        await change(page, "eagerness", "high")
        semantic = await latest_session(visit)
        await change(page, "detection", "none")
        by_hand = await latest_session(visit)
    assert session["instructions"] == "Sing."
    assert session["output_modalities"] == ["text"]
    assert (session["audio"]["output"]["voice"], session["audio"]["output"]["speed"]) == (
        "tenor",
        1.25,
    )
    heard = session["audio"]["input"]
    assert heard["noise_reduction"]["type"] == "near_field"
    assert heard["turn_detection"]["silence_duration_ms"] == 700
    assert semantic["audio"]["input"]["turn_detection"]["eagerness"] == "high"
    assert by_hand["audio"]["input"]["turn_detection"] is None
    assert visit.complaints == []


async def test_choices_stay_and_the_key_stays_in_its_tab(chromium):
    async with (
        running_server(models=TWO_MODELS, api_keys=("sk-one",)) as server,
        chromium.visit(server.url) as visit,
    ):
        page = visit.page
        await expect(page.locator(".notice")).to_contain_text("No API key was given")
        await page.fill("[name=key]", "sk-one")
        await page.locator("[name=key]").blur()
        await expect(page.locator("[name=model] option")).to_have_text(["first", "second"])
        await page.select_option("[name=model]", "second")
        await page.reload()
        await expect(page.locator("[name=model]")).to_have_value("second")
        await expect(page.locator("[name=key]")).to_have_value("sk-one")
        await page.reload()  # what was offered after the page was opened is kept as well
        await expect(page.locator("[name=model]")).to_have_value("second")
        stored = await page.evaluate("JSON.stringify(localStorage)")
        assert "sk-one" not in stored
        await visit.connect("websocket")
        await expect(page.locator("#status")).to_have_text("second · WebSocket")
        other = await page.context.new_page()
        await other.goto(server.url)
        await expect(other.locator("[name=key]")).to_have_value("")


async def test_what_is_stored_and_illegible_is_as_if_it_were_not(chromium):
    async with running_server() as server, chromium.visit(server.url) as visit:
        await visit.page.evaluate(
            "['settings', 'tools'].forEach(name => localStorage.setItem(`antiphon.${name}`, '{'))"
        )
        await visit.page.reload()
        await visit.connect("websocket")
    assert visit.complaints == []


async def test_a_broken_schema_is_marked_and_not_offered(chromium):
    async with running_server() as server, chromium.visit(server.url) as visit:
        await visit.connect("websocket")
        await visit.page.click("#add-tool")
        schema = visit.page.get_by_label("Arguments, as a JSON schema")
        await schema.fill("{")
        await schema.blur()
        await expect(schema).to_have_attribute("aria-invalid", "true")
        await expect(
            visit.page.locator('.event[data-type="session.updated"]').last
        ).to_be_attached()
        assert (await visit.log("session.update"))[-1]["event"]["session"]["tools"] == []
