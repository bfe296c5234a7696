from __future__ import annotations

from tests.support.server import running_server


async def test_an_unknown_route_answers_in_the_shape_of_every_error():
    async with running_server() as server:
        response = await server.request("GET", "/v1/elsewhere")
    assert response.status_code == 404
    assert response.json() == {
        "error": {
            "message": "GET /v1/elsewhere: Not Found.",
            "type": "invalid_request_error",
            "param": None,
            "code": "unknown_url",
        }
    }


async def test_a_wrong_method_is_told_the_right_one():
    async with running_server() as server:
        response = await server.request("DELETE", "/v1/models")
    assert response.status_code == 405
    assert "GET" in response.headers["allow"]
    assert response.json()["error"]["message"] == "DELETE /v1/models: Method Not Allowed."


async def test_a_mistake_of_the_server_has_the_shape_of_every_error(caplog):
    headers = {"Origin": "http://localhost:3000"}
    async with running_server() as server:
        server.reception.timelines = None  # type: ignore[assignment]  # a mistake to run into
        response = await server.request("GET", "/v1/antiphon/timelines/resp_1", headers=headers)
    assert response.status_code == 500
    error = response.json()["error"]
    assert (error["type"], error["code"], error["param"]) == ("server_error", None, None)
    assert response.headers["x-request-id"].startswith("req_")
    assert response.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert "AttributeError" in caplog.text


async def test_who_comes_to_the_websocket_without_an_upgrade_is_told():
    async with running_server(api_keys=("sk-one",)) as server:
        response = await server.request("GET", "/v1/realtime?model=antiphon")
    assert response.status_code == 426
    assert response.headers["upgrade"] == "websocket"
    assert "Connect with an upgrade" in response.json()["error"]["message"]
