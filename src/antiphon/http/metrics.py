"""``/metrics``: the server's figures, for Prometheus."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from antiphon.runtime.telemetry.metrics import Metrics

__all__ = ["MetricsPage"]


class MetricsPage:
    """The page, for those who run the server: it says who of them uses what how much.

    Args:
        metrics: The figures.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    async def all(self, request: Request) -> Response:
        """``GET /metrics``."""
        content, media_type = self._metrics.exposition(request.headers.get("accept", ""))
        return Response(content, headers={"content-type": media_type, "cache-control": "no-store"})
