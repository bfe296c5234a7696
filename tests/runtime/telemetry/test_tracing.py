"""Traces on their way to a collector, which takes them by HTTP."""

from __future__ import annotations

import builtins
import gzip
import logging
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from antiphon.config import TracingChoice
from antiphon.errors import ConfigurationError
from antiphon.runtime.telemetry.tracing import tracer_provider
from tests.support.server import running_server


class Collector(HTTPServer):
    """Takes traces.

    Attributes:
        taken: What came, decoded.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Post)
        self.taken: list[ExportTraceServiceRequest] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1/traces"


class _Post(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Collector)
        content = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            content = gzip.decompress(content)
        self.server.taken.append(ExportTraceServiceRequest.FromString(content))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as taking:
        thread = Thread(target=taking.serve_forever)
        thread.start()
        yield taking
        taking.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)


async def converse(**config: object) -> None:
    async with running_server(**config) as server, server.socket() as client:  # type: ignore[arg-type]
        await client.until("session.created")
        await client.update(tracing="auto")
        await client.ask("Good morning.")


def names(collector: Collector) -> set[str]:
    return {
        span.name
        for request in collector.taken
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    }


async def test_traces_arrive_at_the_collector_before_the_server_ends(collector):
    await converse(tracing=TracingChoice(endpoint=collector.url))
    assert {"chat antiphon", "first token"} <= names(collector)
    (resource,) = {str(one.resource) for r in collector.taken for one in r.resource_spans}
    assert "antiphon" in resource


async def test_the_variables_of_opentelemetry_hold(collector, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url.removesuffix("/v1/traces"))
    monkeypatch.setenv("OTEL_SERVICE_NAME", "my-line")
    await converse()
    assert "chat antiphon" in names(collector)
    assert "my-line" in str(collector.taken[0].resource_spans[0].resource)


@pytest.mark.parametrize(
    "variables", [{"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none"}, {}]
)
def test_without_an_address_or_switched_off_there_is_nothing(monkeypatch, variables):
    if variables:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert tracer_provider(TracingChoice()) is None


def test_without_the_extra_the_configuration_is_refused_and_the_variables_are_not(
    monkeypatch, caplog
):
    imported = builtins.__import__

    def without(name, *rest):
        if name.startswith("opentelemetry"):
            raise ImportError(name)
        return imported(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigurationError, match=r"antiphon\[otel\]"):
        tracer_provider(TracingChoice(endpoint="http://127.0.0.1:9/v1/traces"))
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    with caplog.at_level(logging.WARNING):
        assert tracer_provider(TracingChoice()) is None
    assert "antiphon[otel]" in caplog.text
