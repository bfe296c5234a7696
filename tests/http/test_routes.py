from __future__ import annotations

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from antiphon.http.routes import joined


def page(text: str):
    async def answer(request: Request) -> Response:
        return PlainTextResponse(f"{text} {request.path_params.get('name', '')}".strip())

    return answer


async def test_a_path_has_all_of_its_methods():
    routes = [
        Route("/{name}", page("read")),
        Route("/other", page("other")),
        Route("/{name}", page("deleted"), methods=["DELETE"]),
    ]
    transport = httpx2.ASGITransport(app=Starlette(routes=joined(routes)))
    async with httpx2.AsyncClient(transport=transport, base_url="http://here") as http:
        assert (await http.get("/a")).text == "read a"
        assert (await http.head("/a")).status_code == 200
        assert (await http.delete("/a")).text == "deleted a"
        refused = await http.post("/a")
    assert refused.status_code == 405
    assert set(refused.headers["allow"].split(", ")) == {"GET", "HEAD", "DELETE"}
