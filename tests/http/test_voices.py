from __future__ import annotations

from antiphon.config import ModelChoice
from tests.support.server import running_server


async def test_the_voices_of_a_model_are_listed_the_default_first():
    async with running_server() as server:
        page = await server.request("GET", "/v1/antiphon/voices?model=antiphon")
        default = await server.request("GET", "/v1/antiphon/voices")
    assert page.json() == {"model": "antiphon", "voices": ["alto", "tenor", "bass"]}
    assert default.json() == page.json()


async def test_those_of_another_service_are_not_known():
    relayed = ModelChoice(upstream="ws://127.0.0.1:9/v1")
    async with running_server(models={"own": ModelChoice(), "far": relayed}) as server:
        page = await server.request("GET", "/v1/antiphon/voices?model=far")
    assert page.json() == {"model": "far", "voices": []}


async def test_a_key_is_needed():
    async with running_server(api_keys=("sk-one",)) as server:
        page = await server.request("GET", "/v1/antiphon/voices")
    assert page.status_code == 401
