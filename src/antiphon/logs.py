"""The server's log: one line for each thing of interest, and in each line whom it is about.

What users say, hear and write is never in it, nor keys, unless the operator asks for the one.
"""

from __future__ import annotations

import logging
import sys
import time
from contextvars import ContextVar
from dataclasses import dataclass
from typing import IO, Any, Literal

import msgspec

__all__ = ["LogFormat", "LogLevel", "Trail", "current_trail", "follow", "quoted", "set_up_logs"]

LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]

_OWN_LOGGER = "antiphon"

_ESCAPED = {code: f"\\x{code:02x}" for code in (*range(0x20), 0x7F, *range(0x80, 0xA0))}
"""Control characters. Clients could begin lines of their own with them, or have a terminal do what
they like."""


@dataclass(slots=True)
class Trail:
    """Whom the work under way is for. Filled in as that becomes known.

    Attributes:
        request_id: Of the request or connection, as in its ``X-Request-Id``.
        key_name: What the API key is called that it came with; keys themselves are never logged.
        session_id: The session that it opened.
        traceparent: Of which trace it is a part, in the words of W3C Trace Context.
        refused: The code with which it was refused.
        client: The address that it came from, or that a trusted proxy says it came from.
    """

    request_id: str | None = None
    key_name: str | None = None
    session_id: str | None = None
    traceparent: str | None = None
    refused: str | None = None
    client: str | None = None


_trail: ContextVar[Trail | None] = ContextVar("trail", default=None)


def follow(trail: Trail) -> None:
    """Begin a trail: this task follows it, and those that it begins from now on."""
    _trail.set(trail)


def current_trail() -> Trail:
    """Return the trail of this task; one that leads nowhere, if it follows none."""
    return _trail.get() or Trail()


@dataclass(slots=True)
class _Choice:
    content: bool = False


_choice = _Choice()


def quoted(words: str) -> str:
    """Return what another program says of a request, as it may be logged.

    Many quote what they were asked. So it is left out, unless the operator wants content logged.
    """
    if not _choice.content:
        return f"({len(words)} characters, which may quote what was said; 'log_content' shows them)"
    return words


def set_up_logs(
    log_format: LogFormat = "text",
    level: LogLevel = "warning",
    stream: IO[str] | None = None,
    *,
    content: bool = False,
) -> None:
    """Have the log written; calling it once more changes how.

    Of libraries only warnings are logged: some tell of headers and contents in their lesser lines.
    What reads forms warns of each that a client got wrong, and the client is told that anyway.

    Args:
        log_format: Lines for people, or objects for programs.
        level: The least that Antiphon's own lines have to matter.
        stream: Where to; standard error if left out.
        content: Whether what users say and write may be logged.
    """
    _choice.content = content
    output = logging.StreamHandler(stream or sys.stderr)
    output.setFormatter(_JsonLine() if log_format == "json" else _TextLine())
    root = logging.getLogger()
    for earlier in root.handlers[:]:
        if isinstance(earlier.formatter, _TextLine | _JsonLine):
            root.removeHandler(earlier)
    root.addHandler(output)
    root.setLevel(logging.WARNING)
    logging.getLogger("python_multipart").setLevel(logging.ERROR)
    logging.getLogger(_OWN_LOGGER).setLevel(level.upper())


class _TextLine(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s%(about)s")

    def format(self, record: logging.LogRecord) -> str:
        trail = current_trail()
        about = (trail.session_id, trail.request_id, trail.key_name, trail.client)
        known = " ".join(one for one in about if one is not None)
        record.about = f" [{known}]" if known else ""
        record.exc_text = None  # as another formatter may have left it
        return super().format(record)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (as logging has it)
        return super().formatMessage(record).translate(_ESCAPED)

    def formatException(self, ei: Any) -> str:  # noqa: ANN401, N802 (as logging has it)
        lines = super().formatException(ei).split("\n")
        return "\n".join(f"  {line.translate(_ESCAPED)}" for line in lines)


class _JsonLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        trail = current_trail()
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": trail.request_id,
            "session_id": trail.session_id,
            "key": trail.key_name,
            "client": trail.client,
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        told = {name: value for name, value in line.items() if value is not None}
        return msgspec.json.encode(told).decode()
