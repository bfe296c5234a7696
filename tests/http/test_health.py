from antiphon.runtime.readiness import Obstacle, Phase
from tests.support.server import running_server


async def test_a_server_that_serves_is_alive_and_ready_and_says_so_without_a_key():
    async with running_server(api_keys=("sk-one",)) as server:
        live = await server.request("GET", "/healthz")
        ready = await server.request("GET", "/readyz")
    assert (live.status_code, live.json()) == (200, {"status": "ok"})
    assert ready.status_code == 200
    assert ready.json() == {"ready": True, "phase": "serving", "reasons": []}


async def test_a_full_server_is_alive_and_not_ready():
    async with running_server(max_sessions=1) as server, server.socket() as client:
        await client.until("session.created")
        live = await server.request("GET", "/healthz")
        ready = await server.request("GET", "/readyz")
    assert (live.status_code, ready.status_code) == (200, 503)
    assert [reason["code"] for reason in ready.json()["reasons"]] == ["server_full"]


async def test_a_server_that_drains_is_not_ready():
    async with running_server() as server:
        server.reception.readiness.phase = Phase.DRAINING
        ready = await server.request("GET", "/readyz")
    assert ready.status_code == 503
    assert ready.json()["phase"] == "draining"
    assert [reason["code"] for reason in ready.json()["reasons"]] == ["server_draining"]


async def test_what_only_warns_is_told_by_a_server_that_is_ready():
    warning = Obstacle(code="store_failing", message="The disk is full.", weight="warns")
    async with running_server() as server:
        server.reception.readiness.depend_on(lambda: warning)
        ready = await server.request("GET", "/readyz")
    assert ready.status_code == 200
    assert ready.json()["reasons"] == [
        {"code": "store_failing", "message": "The disk is full.", "weight": "warns"}
    ]
