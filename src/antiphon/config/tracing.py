"""Traces of responses, in the terms of OpenTelemetry."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from antiphon.wire.refusal import InvalidFieldError

__all__ = ["TracingChoice"]


class TracingChoice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which sessions are traced, and where the traces go.

    The variables of OpenTelemetry (``OTEL_EXPORTER_OTLP_ENDPOINT`` and others) hold for all that is
    not said here; where neither they nor ``endpoint`` say where to, nothing is traced.

    Attributes:
        endpoint: Address that takes traces by OTLP over HTTP: ``http://collector:4318/v1/traces``.
        sessions: Those that ``asked`` for it by their setting ``tracing``, or ``all``.
        content: Whether traces hold what was said and written.

    Raises:
        InvalidFieldError: The address is none.
    """

    endpoint: str | None = None
    sessions: Literal["asked", "all"] = "asked"
    content: bool = False

    def __post_init__(self) -> None:
        if self.endpoint is not None and not self.endpoint.startswith(("http://", "https://")):
            message = (
                f"Invalid '{{param}}': '{self.endpoint}' is not an address of HTTP. Write it with "
                "its path: http://127.0.0.1:4318/v1/traces."
            )
            raise InvalidFieldError("endpoint", message)
