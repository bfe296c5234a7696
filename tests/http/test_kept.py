from __future__ import annotations

import subprocess
import sys

import pytest
from sqlalchemy import text

from antiphon.config import StoreChoice
from tests.support.keeping import KEYS, bearer, keeping
from tests.support.server import running_server

PAGES = (
    "/v1/realtime/responses",
    "/v1/realtime/responses/resp_1",
    "/v1/realtime/conversations/conv_1/items",
    "/v1/antiphon/usage",
)


@pytest.mark.parametrize("path", PAGES)
async def test_a_server_that_keeps_nothing_says_so(path):
    async with running_server(store=StoreChoice(keep="nothing"), **KEYS) as server:
        answer = await server.request("GET", path, headers=bearer("key-admin"))
        unknown = await server.request("GET", path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "nothing_kept")
    assert "[store] keep" in answer.json()["error"]["message"]
    assert unknown.status_code == 401


def test_what_keeps_is_not_loaded_with_the_application():
    program = "import sys, antiphon.http.app; sys.exit('sqlalchemy' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)


async def test_a_database_that_cannot_be_used_is_told_without_its_name():
    async with keeping() as server:
        await server.store.change(
            lambda connection: connection.execute(text("DROP TABLE responses"))
        )
        answer = await server.get("/v1/realtime/responses")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "store_failed")
    assert int(answer.headers["retry-after"]) > 0
    assert "responses" not in answer.json()["error"]["message"]
