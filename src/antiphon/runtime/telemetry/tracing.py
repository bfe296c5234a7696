"""Sends traces to a collector, if the operator wants that; by OTLP over HTTP."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio.to_thread

from antiphon.config import TracingChoice
from antiphon.errors import ConfigurationError
from antiphon.runtime.observers import Observers

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

__all__ = ["traced", "tracer_provider"]

_log = logging.getLogger(__name__)

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_SERVICE_NAME = "antiphon"

_FLUSH_MS = 3000
"""How long the last traces may take to be sent when the server ends."""


@asynccontextmanager
async def traced(
    provider: TracerProvider | None, choice: TracingChoice, observers: Observers
) -> AsyncIterator[None]:
    """Trace sessions as long as the context is open; then send the last of the traces.

    Args:
        provider: Takes the traces, by :func:`tracer_provider`; ``None`` if there are none.
        choice: Which sessions are traced.
        observers: Those who are told of the sessions.
    """
    if provider is None:
        yield
        return
    from antiphon.runtime.telemetry.spans import Traces  # noqa: PLC0415 (needs the extra)

    observers.add(Traces(provider, choice))
    try:
        yield
    finally:
        await anyio.to_thread.run_sync(provider.force_flush, _FLUSH_MS, abandon_on_cancel=True)
        await anyio.to_thread.run_sync(provider.shutdown, abandon_on_cancel=True)


def tracer_provider(choice: TracingChoice) -> TracerProvider | None:
    """Return what sends traces by the configuration and OpenTelemetry's variables.

    Returns:
        ``None`` if neither says where to, or the variables switch it off.

    Raises:
        ConfigurationError: The configuration does, and OpenTelemetry is not installed.
    """
    if not _wanted(choice):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 (extra)
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError as error:
        message = "Tracing needs OpenTelemetry: pip install 'antiphon[otel]'."
        if choice.endpoint is not None:
            raise ConfigurationError(message) from error
        # The variables may be there for all programs of a machine.
        _log.warning("no traces are sent: %s", message)
        return None
    named = "OTEL_SERVICE_NAME" in os.environ
    resource = Resource.create({} if named else {"service.name": _SERVICE_NAME})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    # A thread of its own sends what is in a bounded queue; what does not fit is dropped.
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=choice.endpoint)))
    return provider


def _wanted(choice: TracingChoice) -> bool:
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    if choice.endpoint is not None:
        return True
    exporters = os.environ.get("OTEL_TRACES_EXPORTER", "otlp")
    return exporters != "none" and any(os.environ.get(name) for name in _ENDPOINTS)
