"""Pages for those who run the server."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from antiphon.http.live import ListedSession
from antiphon.http.openapi.operation import (
    EVENTS,
    JSON,
    KEY_ERRORS,
    READING_ERRORS,
    TEXT,
    Key,
    Operation,
)
from antiphon.http.reloading import Reloaded
from antiphon.runtime.telemetry.engines import EngineReport
from antiphon.wire import kept

__all__ = ["ADMIN_OPERATIONS"]


class SessionList(Struct, frozen=True, kw_only=True):
    """The sessions that are open, the oldest first."""

    object: Literal["list"] = "list"
    data: tuple[ListedSession, ...]


class ListedEngine(EngineReport, frozen=True, kw_only=True):
    """How one engine is."""

    object: Literal["antiphon.engine"] = "antiphon.engine"


class EngineList(Struct, frozen=True, kw_only=True):
    """All engines, those that stand in for others too."""

    object: Literal["list"] = "list"
    data: tuple[ListedEngine, ...]


ADMIN_OPERATIONS = (
    Operation(
        "GET",
        "/v1/antiphon/usage",
        "get_usage",
        "Administration",
        "What was used.",
        Key.ADMIN,
        query=kept.UsageQuery,
        answer={JSON: kept.UsageList},
        errors=READING_ERRORS,
    ),
    Operation(
        "GET",
        "/v1/antiphon/latency",
        "get_latency",
        "Administration",
        "How long it took.",
        Key.ADMIN,
        query=kept.LatencyQuery,
        answer={JSON: kept.LatencyList},
        errors=READING_ERRORS,
    ),
    Operation(
        "GET",
        "/v1/antiphon/errors",
        "list_errors",
        "Administration",
        "What failed.",
        Key.ADMIN,
        query=kept.ErrorsQuery,
        answer={JSON: kept.KeptResponseList},
        errors=READING_ERRORS,
    ),
    Operation(
        "GET",
        "/v1/antiphon/sessions",
        "list_sessions",
        "Administration",
        "The sessions that are open.",
        Key.ADMIN,
        answer={JSON: SessionList},
        errors=KEY_ERRORS,
    ),
    Operation(
        "GET",
        "/v1/antiphon/sessions/{session_id}/events",
        "listen_in",
        "Administration",
        "The events of a session from now on, without audio.",
        Key.ADMIN,
        answer={EVENTS: None},
        errors=(*KEY_ERRORS, 404),
    ),
    Operation(
        "POST",
        "/v1/antiphon/sessions/{session_id}/hangup",
        "end_session",
        "Administration",
        "End a session.",
        Key.ADMIN,
        answer={JSON: dict[str, str]},
        errors=(*KEY_ERRORS, 404),
    ),
    Operation(
        "GET",
        "/v1/antiphon/engines",
        "list_engines",
        "Administration",
        "How the engines are.",
        Key.ADMIN,
        answer={JSON: EngineList},
        errors=KEY_ERRORS,
    ),
    Operation(
        "POST",
        "/v1/antiphon/reload",
        "reload",
        "Administration",
        "Read the configuration again; sessions that are open are left alone.",
        Key.ADMIN,
        answer={JSON: Reloaded},
        errors=(400, *KEY_ERRORS),
    ),
    Operation(
        "GET",
        "/metrics",
        "metrics",
        "Administration",
        "Figures for Prometheus.",
        Key.ADMIN,
        answer={TEXT: None},
        errors=KEY_ERRORS,
    ),
)
