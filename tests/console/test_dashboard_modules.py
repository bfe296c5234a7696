"""The dashboard's figures, addresses and streams, each by itself."""

from __future__ import annotations

import pytest

from tests.support.server import running_server


@pytest.fixture(scope="module")
async def page(chromium):
    """A page that modules are loaded in, whose clock is that of New York."""
    async with (
        running_server() as server,
        chromium.visit(server.url, timezone_id="America/New_York") as visit,
    ):
        yield visit.page


async def result(page, module, expression):
    """Evaluate an expression that uses what a module exports as ``m``."""
    loading = f"import('/console/js/dashboard/{module}.js').then(m => {expression})"
    return await page.evaluate(loading)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/dashboard", {"page": "overview", "id": ""}),
        ("/dashboard/", {"page": "overview", "id": ""}),
        ("/dashboard/responses", {"page": "responses", "id": ""}),
        ("/dashboard/responses/a%2Fb", {"page": "response", "id": "a/b"}),
        ("/dashboard/conversations/c", {"page": "conversation", "id": "c"}),
        ("/dashboard/conversations", None),
        ("/dashboard/live/s", {"page": "live", "id": "s"}),
        ("/dashboard/live/s/t", None),
        ("/dashboard/keys", None),
        ("/dashboards", None),
    ],
)
async def test_addresses_say_what_is_shown(page, path, place):
    assert await result(page, "addresses", f"m.placeAt('{path}')") == place


@pytest.mark.parametrize("identity", ["a/b", "100 %", "ü?#"])
async def test_ids_of_any_kind_are_led_to(page, identity):
    read = f"m.placeAt(new URL(m.responseAddress({identity!r}), 'http://a').pathname).id"
    assert await result(page, "addresses", read) == identity


@pytest.mark.parametrize(
    ("written", "pair"),
    [
        ("caller=ann", {"name": "metadata[caller]", "value": "ann"}),
        (" order : 7 a ", {"name": "metadata[order]", "value": "7 a"}),
        ("a=b=c", {"name": "metadata[a]", "value": "b=c"}),
        ("a[b]=c", {"name": "metadata[a[b]]", "value": "c"}),
        ("caller", None),
        ("=ann", None),
        ("caller=", None),
    ],
)
async def test_pairs_are_read_as_they_are_typed(page, written, pair):
    assert await result(page, "addresses", f"m.pairIn('{written}')") == pair


async def test_the_server_is_asked_for_what_the_address_says_and_nothing_else(page):
    search = "new URLSearchParams('metadata[a[b]]=c&text=&color=red&status=failed&after=resp_1')"
    asked = await result(page, "addresses", f"m.queryOf({search}, 25)")
    assert asked == "metadata%5Ba%5Bb%5D%5D=c&status=failed&after=resp_1&limit=25"
    changed = f"m.withFilter({search}, 'status', '').toString()"
    assert "after" not in await result(page, "addresses", changed)
    assert await result(page, "addresses", "m.metadataKey('metadata[a[b]]')") == "a[b]"


@pytest.mark.parametrize(
    ("call", "written"),
    [
        ("money(1234.5, 'EUR')", "€1,234.50"),
        ("money(0.00344, 'USD')", "$0.00344"),
        ("money(0, 'USD')", "$0.00"),
        ("money(2, 'credits')", "2.00 credits"),
        ("money(null, 'USD')", "\N{EN DASH}"),
        ("share(1, 3)", "33 %"),
        ("share(1, 20)", "5.0 %"),
        ("share(1, 10000)", "< 0.1 %"),
        ("share(0, 0)", "0 %"),
        ("lasting(3210)", "3.2 s"),
        ("lasting(59_999)", "59 s"),
        ("lasting(125_000)", "2 min 5 s"),
        ("lasting(7_260_000)", "2 h 1 min"),
        ("lasting(100_000_000)", "1 d 3 h"),
        ("place(61_400)", "1:01"),
        ("short(364_200)", "364.2K"),
        ("short(9_999)", "9,999"),
        ("short(66.83)", "66.8"),
        ("clock(1_800_000_000)", "03:00"),
    ],
)
async def test_figures_are_written_for_people(page, call, written):
    assert await result(page, "formats", f"m.{call}") == written


@pytest.mark.parametrize(
    ("most", "ticks"),
    [(0, [0, 1]), (3, [0, 1, 2, 3]), (77, [0, 20, 40, 60, 80]), (1000, [0, 250, 500, 750, 1000])],
)
async def test_axes_have_round_figures(page, most, ticks):
    assert await result(page, "scales", f"m.niceTicks({most})") == ticks


async def test_axes_have_the_hours_and_days_of_the_reader(page):
    day = 24 * 3600
    at = 1_800_000_000  # 03:00 in New York
    labels = f"m.timeTicks({at}, {at + day}, 5).map(({{label}}) => label)"
    assert await result(page, "scales", labels) == ["06:00", "12:00", "18:00", "16 Jan"]
    labels = f"m.timeTicks({at}, {at + 30 * day}, 6).length"
    assert await result(page, "scales", labels) in (5, 6)


async def test_lines_are_broken_where_nothing_is_known(page):
    runs = await result(page, "scales", "m.runsOf([0, 10, 20, 50, 60, 90], at => at, 10)")
    assert runs == [[0, 10, 20], [50, 60], [90]]


async def test_usage_is_summed_up(page):
    rows = """[
      {key: null, failed: 0, cost: null}, {key: 'ann', failed: 1, cost: 2},
      {key: 'ann', failed: 2, cost: null},
    ].map(row => ({responses: 3, input_tokens: 5, output_tokens: 1, cached_tokens: 0,
                   input_audio_tokens: 0, output_audio_tokens: 0, ...row}))"""
    groups = f"m.largestFirst(m.grouped({rows}, m.keyOf)).map(g => [g.name, g.failed, g.cost])"
    assert await result(page, "sums", groups) == [["ann", 3, 2], ["without a key", 0, None]]
    assert await result(page, "sums", f"m.total({rows}).input_tokens") == 15
    assert await result(page, "sums", "m.timeOf({day: '2027-01-15'})") == 1_799_971_200


async def test_streams_are_read_however_they_are_cut(page):
    stream = ": hello\\n\\nevent: a\\ndata: {\\ndata: }\\n\\ndata: 2\\n\\nevent: b\\n"
    read = f"""(() => {{
      const reader = new m.EventStreamReader();
      return [...'{stream}'].flatMap(letter => reader.read(letter));
    }})()"""
    assert await result(page, "eventstream", read) == [
        {"type": "a", "data": "{\n}"},
        {"type": "message", "data": "2"},
    ]
