"""Writes what happens in sessions into the log."""

from __future__ import annotations

import logging
import time

from antiphon.logs import current_trail
from antiphon.runtime.hosts import CloseReason, SessionHost
from antiphon.runtime.observers import EndedResponse, OpenedSession, SessionObserver
from antiphon.wire.codec import encode
from antiphon.wire.server_events import ServerEvent
from antiphon.wire.translation import TranslationServerEvent

__all__ = ["LogLines"]

_log = logging.getLogger("antiphon.sessions")


class LogLines:
    """Writes a line for each session that begins or ends, and each response; an ``Observer``.

    Args:
        content: Whether all that goes to clients but audio is written too, word by word, in lines
            of level ``debug``.
    """

    def __init__(self, content: bool = False) -> None:  # noqa: FBT001, FBT002 (as configured)
        self._content = content

    def open(self, session: OpenedSession, host: SessionHost) -> SessionObserver:  # noqa: ARG002
        """Write that a session begins; the lines of all its work name it from now on."""
        trail = current_trail()
        trail.session_id, trail.key_name = session.id, session.key_name
        _log.info(
            "session opened: %s %r by %s",
            *(session.kind, session.model, session.transport),
            extra={
                "fields": {
                    "event": "session_opened",
                    "kind": session.kind,
                    "model": session.model,
                    "transport": session.transport,
                }
            },
        )
        return _WordForWord(session) if self._content else _Lines(session)


class _Lines(SessionObserver):
    __slots__ = ("_session",)

    def __init__(self, session: OpenedSession) -> None:
        self._session = session

    def end_response(self, ended: EndedResponse) -> None:
        response, usage = ended.response, ended.response.usage
        details = response.status_details
        why = (details.reason or (details.error and details.error.code)) if details else None
        fields = {
            "event": "response_ended",
            "response_id": response.id,
            "status": response.status,
            "reason": why or None,
            "input_tokens": usage.input_tokens if usage else None,
            "output_tokens": usage.output_tokens if usage else None,
        }
        _log.info(
            "response %s %s%s",
            *(response.id, response.status, f": {why}" if why else ""),
            extra={"fields": fields},
        )

    def close(self, reason: CloseReason | None) -> None:
        lasted_s = time.time() - self._session.opened_at_s
        code = reason[0] if reason else None
        _log.info(
            "session over after %.1f s: %s",
            *(lasted_s, reason[1] if reason else "the client has left"),
            extra={
                "fields": {"event": "session_closed", "code": code, "lasted_s": round(lasted_s, 3)}
            },
        )


class _WordForWord(_Lines):
    __slots__ = ()

    def send(self, event: ServerEvent | TranslationServerEvent) -> None:
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug("sent %s", encode(event).decode())
