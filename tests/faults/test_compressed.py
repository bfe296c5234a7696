"""What is small on the way and large when unpacked is not unpacked."""

from __future__ import annotations

import gzip

import pytest
from websockets.asyncio.client import connect

from tests.support.server import running_server

BOMB = gzip.compress(b" " * (64 << 20))


@pytest.mark.parametrize("path", ["/v1/realtime/client_secrets", "/v1/audio/speech"])
async def test_nothing_is_unpacked(path):
    headers = {"content-encoding": "gzip", "content-type": "application/json"}
    async with running_server() as server:
        answer = await server.request("POST", path, headers=headers, content=BOMB)
    assert answer.status_code in (400, 413, 415)


async def test_frames_are_not_compressed_even_if_the_client_would_like_them_to_be():
    async with running_server() as server:
        url = f"ws{server.url.removeprefix('http')}/v1/realtime"
        async with connect(url, compression="deflate") as client:
            assert client.protocol.extensions == []
