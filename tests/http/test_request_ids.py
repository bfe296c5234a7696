from __future__ import annotations

import pytest
from websockets.exceptions import InvalidStatus

from tests.support.server import running_server


@pytest.mark.parametrize("path", ["/health", "/v1/models", "/v1/elsewhere"])
async def test_every_answer_has_an_id_of_its_own(path):
    async with running_server() as server:
        ids = [(await server.request("GET", path)).headers["x-request-id"] for _ in range(2)]
    assert ids[0] != ids[1]
    assert all(request_id.startswith("req_") for request_id in ids)


async def test_so_has_every_upgrade():
    async with running_server(api_keys=("sk-one",)) as server:
        async with server.socket(headers={"Authorization": "Bearer sk-one"}) as client:
            assert client.socket.response is not None
            assert client.socket.response.headers["x-request-id"].startswith("req_")
        with pytest.raises(InvalidStatus) as refusal:
            async with server.socket():
                pass
    assert refusal.value.response.headers["x-request-id"].startswith("req_")
