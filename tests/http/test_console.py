from __future__ import annotations

import re
from importlib import resources

import pytest

import antiphon
from tests.support.server import running_server

CONSOLE = resources.files(antiphon) / "console"
ADDRESS = re.compile(r"""(?:src|href|url|from|import)\b\s*[=(]?\s*["']([^"'#$]+)["']""")


async def test_the_page_needs_no_key_and_asks_for_nothing_from_elsewhere():
    async with running_server(api_keys=("sk-one",)) as server:
        page = await server.request("GET", "/")
    policy = page.headers["content-security-policy"].split("; ")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in policy
    assert not [rule for rule in policy if "unsafe" in rule or "*" in rule or "http" in rule]
    assert {"script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"} <= set(policy)
    assert {"require-trusted-types-for 'script'", "trusted-types 'none'"} <= set(policy)


@pytest.mark.parametrize("path", ["/dashboard", "/dashboard/responses", "/dashboard/live/sess_1"])
async def test_its_pages_are_one_document(path):
    async with running_server() as server:
        page, other = await server.request("GET", "/"), await server.request("GET", path)
    assert (other.status_code, other.content) == (200, page.content)
    assert other.headers["content-security-policy"] == page.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("js/main.js", "text/javascript; charset=utf-8"),
        ("js/worklets/capture.js", "text/javascript; charset=utf-8"),
        ("styles/base.css", "text/css; charset=utf-8"),
        ("fonts/inter.woff2", "font/woff2"),
        ("mark.svg", "image/svg+xml"),
    ],
)
async def test_its_files_are_served_as_what_they_are(path, media_type):
    async with running_server() as server:
        file = await server.request("GET", f"/console/{path}")
    assert (file.status_code, file.headers["content-type"]) == (200, media_type)
    assert file.headers["x-content-type-options"] == "nosniff"
    assert file.content == CONSOLE.joinpath(path).read_bytes()


async def test_what_a_browser_has_already_is_not_sent_again():
    async with running_server() as server:
        first = await server.request("GET", "/")
        etag = first.headers["etag"]
        again = await server.request("GET", "/", headers={"If-None-Match": etag})
        other = await server.request("GET", "/", headers={"If-None-Match": '"other"'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == etag
    assert again.headers["content-security-policy"] == first.headers["content-security-policy"]
    assert other.status_code == 200


async def test_it_can_be_switched_off():
    async with running_server(console=False) as server:
        page = await server.request("GET", "/")
        script = await server.request("GET", "/console/js/main.js")
        models = await server.request("GET", "/v1/models")
    assert (page.status_code, script.status_code, models.status_code) == (404, 404, 200)


@pytest.mark.parametrize("path", ["none.js", "../cli.py", "js", "__init__.py", ""])
async def test_nothing_else_is_served(path):
    async with running_server() as server:
        file = await server.request("GET", f"/console/{path}")
    assert file.status_code == 404


def test_everything_the_page_names_is_there():
    named = set(ADDRESS.findall(CONSOLE.joinpath("index.html").read_text()))
    for sheet in CONSOLE.joinpath("styles").iterdir():
        named |= set(ADDRESS.findall(sheet.read_text()))
    assert len(named) > 8
    for address in named:
        if address == "/" or address.startswith("/dashboard"):
            continue  # another of its own pages
        assert CONSOLE.joinpath(address.removeprefix("/console/")).is_file(), address
