"""The page itself: for everybody, on every screen, and in order as its authors' types say."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from playwright.async_api import expect

from antiphon.config import IceServer, WebRtcChoice
from antiphon.engines.scripted.script import Say, Script, Take, Wait
from tests.clients.environments import environment_of
from tests.support.server import running_server

FOLDER = Path(__file__).parent

DESKTOP = {"width": 1440, "height": 900}
TABLET = {"width": 900, "height": 1000}
PHONE = {"width": 360, "height": 740}

OVERFLOW = """({
  x: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  y: document.documentElement.scrollHeight - document.documentElement.clientHeight,
})"""

SCRIPT = Script(answers=(Take((Wait(30), Say("Good morning to you."))),))


@pytest.fixture(scope="module")
def tools():
    """TypeScript and axe."""
    return environment_of("browser")


@pytest.mark.parametrize("project", ["tsconfig.json", "tsconfig.worklets.json"])
def test_the_scripts_are_typed(tools, project):
    checker = tools.node_modules / "typescript" / "bin" / "tsc"
    types = tools.node_modules / "@types"
    command = [tools.node, checker, "--project", FOLDER / project, "--typeRoots", types]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""


async def show_all(visit):
    """Have something to be seen in each view."""
    await visit.connect("websocket")
    await visit.ask("Good morning.")
    await expect(visit.page.locator(".badge")).to_have_text("completed")
    await visit.page.evaluate("document.querySelector('#add-tool').click()")
    await visit.page.evaluate(
        "document.querySelectorAll('.turn details').forEach(d => { d.open = true; })"
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", [DESKTOP, TABLET, PHONE], ids=["desktop", "tablet", "phone"])
async def test_everybody_can_use_it(chromium, tools, screen, scheme):
    axe = (tools.node_modules / "axe-core" / "axe.min.js").read_text()
    looks = {"viewport": screen, "color_scheme": scheme, "reduced_motion": "reduce"}
    async with running_server(SCRIPT) as server, chromium.visit(server.url, **looks) as visit:
        await visit.page.evaluate(f"{axe}; null")
        assert await violations(visit.page) == []
        await show_all(visit)
        for view in await visit.page.locator(".views button:visible").all():
            await view.click()
            assert await violations(visit.page) == []
            assert await visit.page.evaluate(OVERFLOW) == {"x": 0, "y": 0}
    assert visit.complaints == []


async def violations(page):
    found = await page.evaluate("axe.run().then(({violations}) => violations)")
    return [
        f"{violation['help']}: {node['html']} {node['failureSummary']}"
        for violation in found
        for node in violation["nodes"]
    ]


async def test_it_can_be_used_without_a_pointer(chromium):
    async with running_server() as server, chromium.visit(server.url) as visit:
        keyboard = visit.page.keyboard
        await keyboard.press("Tab")
        await expect(visit.page.get_by_text("Skip to the message field")).to_be_focused()
        await keyboard.press("Enter")
        await keyboard.type("Good morning.")
        await keyboard.press("Enter")
        await expect(visit.page.locator(".said-words").last).to_have_text("You said: Good morning.")
        await expect(visit.page.get_by_role("log")).to_contain_text("You said: Good morning.")


async def test_a_turn_shows_where_its_time_went_and_what_came_of_it(chromium):
    async with running_server(SCRIPT) as server, chromium.visit(server.url) as visit:
        await visit.connect("websocket")
        await visit.ask("Good morning.")
        turn = visit.page.locator(".turn")
        await expect(turn.locator("h3")).to_have_text("Good morning.")
        await expect(turn.locator(".turn-lead")).to_contain_text(
            "from your request to the first sound"
        )
        await expect(turn.locator(".span-name")).to_contain_text(
            ["Reading", "Thinking", "First clause", "Voice", "Answer"]
        )
        await turn.get_by_text("RealtimeResponse").click()
        (done,) = await visit.log("response.done")
        await expect(turn.locator(".json")).to_contain_text(done["event"]["response"]["id"])
        await expect(turn.locator(".usage")).to_contain_text("In")


@pytest.mark.parametrize("transport", ["websocket", "webrtc"])
async def test_it_works_where_only_pages_of_another_origin_are_allowed(chromium, transport):
    async with (
        running_server(allow_origins=("https://app.example.org",)) as server,
        chromium.visit(server.url) as visit,
    ):
        await visit.connect(transport)
        await visit.ask("Good morning.")
        await expect(visit.page.locator(".said-words").last).to_have_text("You said: Good morning.")
    assert visit.complaints == []


async def test_calls_are_made_through_the_servers_that_the_operator_names(chromium):
    turn = IceServer(urls=("turn:127.0.0.1:9",), username="caller", credential="fjord")
    async with (
        running_server(webrtc=WebRtcChoice(ice_servers=(turn,))) as server,
        chromium.visit(server.url) as visit,
    ):
        await visit.connect("webrtc")
        (given,) = await visit.page.evaluate("heard.calls")
    (told,) = given["iceServers"]
    assert (told["urls"], told["username"]) == (["turn:127.0.0.1:9"], "caller")
    assert visit.complaints == []


async def test_what_went_wrong_is_seen_in_every_view_until_it_is_dismissed(chromium):
    async with (
        running_server(api_keys=("sk-one",)) as server,
        chromium.visit(server.url, viewport=PHONE) as visit,
    ):
        notice = visit.page.locator(".notice")
        await visit.page.click(".views [data-view=settings]")
        await expect(notice).to_contain_text("No API key was given")
        await visit.page.click("#connect")  # refused for the same reason, which is told already
        await expect(visit.page.locator("#connect")).to_be_enabled()
        await expect(notice).to_be_visible()
        await notice.get_by_role("button", name="Dismiss").click()
        await expect(notice).to_have_count(0)


async def test_a_server_that_is_full_is_told(chromium):
    async with running_server(max_sessions=0) as server, chromium.visit(server.url) as visit:
        await visit.page.select_option("[name=transport]", "websocket")
        await visit.page.click("#connect")
        await expect(visit.page.locator(".notice")).to_contain_text("No WebSocket could be opened")
        await expect(visit.page.locator("#connect")).to_have_text("Connect")
