"""Whether the server is there, and whether it should be sent clients; both need no key.

``/healthz`` and ``/readyz`` are worded for those who start and stop servers: the one fails where
a server had better be started anew, the other where clients had better go elsewhere for a while.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from antiphon.http.answers import json_response
from antiphon.runtime.readiness import Readiness

__all__ = ["Health"]


class Health:
    """The pages that tell of a server's health.

    Args:
        readiness: What it depends on whether the server is ready.
    """

    def __init__(self, readiness: Readiness) -> None:
        self._readiness = readiness

    async def live(self, _request: Request) -> Response:
        """``GET /healthz``: the event loop answers."""
        return json_response({"status": "ok"})

    async def ready(self, _request: Request) -> Response:
        """``GET /readyz``: 200 if new clients should be sent here, otherwise 503; and why."""
        obstacles = self._readiness.obstacles()
        ready = self._readiness.ready
        told = {"ready": ready, "phase": self._readiness.phase.value, "reasons": obstacles}
        return json_response(told, status=200 if ready else 503)
