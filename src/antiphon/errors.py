"""The error tree: whose fault it is decides which branch an error is on.

::

    AntiphonError
    ├── RequestError          the client asked for something that cannot be done
    │   └── BusyError         … at the moment
    ├── EngineError           an engine (or the server behind it) failed
    ├── ConfigurationError    the operator's configuration cannot be used
    ├── WeightsError          a model file is missing, damaged or cannot be fetched
    └── StoreError            the database of responses cannot be used

A ``RequestError`` becomes an ``error`` event (or an HTTP error body) and changes nothing. An
``EngineError`` ends the work it belongs to, never the session. The others end the program before
it serves, with a message that says what to do; a ``StoreError`` later on ends only the request that
it belongs to.
"""

from __future__ import annotations

from functools import partial
from typing import Literal

__all__ = [
    "AntiphonError",
    "BusyError",
    "ConfigurationError",
    "EngineError",
    "RequestError",
    "Stage",
    "StoreError",
    "WeightsError",
]

Stage = Literal["detect", "transcribe", "generate", "synthesize"]
"""Which of a turn's computations an engine was doing when it failed."""


class AntiphonError(Exception):
    """Base of every error that Antiphon raises on purpose."""


class RequestError(AntiphonError):
    """A client's event or request is refused; nothing was changed by it.

    Attributes:
        message: What happened, with which value, what the limit is, and what to do.
        code: The hosted API's error code where it has one, else a snake_case code; may be ``None``.
        param: Dotted path of the offending field, for example ``session.audio.output.speed``.
        type: The error class of the hosted API.
        event_id: The client's own id of the refused event, when it gave one.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        type: str = "invalid_request_error",  # noqa: A002 (the wire's word)
        event_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param
        self.type = type
        self.event_id = event_id


class BusyError(RequestError):
    """A request is refused that may be granted later.

    Attributes:
        retry_after_s: When to ask again, in seconds from now.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        type: str,  # noqa: A002 (the wire's word)
        retry_after_s: float,
    ) -> None:
        super().__init__(message, code=code, type=type)
        self.retry_after_s = retry_after_s


class EngineError(AntiphonError):
    """An engine could not do its work. The only exception that engines raise.

    Attributes:
        stage: What it was doing.
        code: A snake_case reason, for example ``server_error`` or ``rate_limit_exceeded``.
        retryable: Whether the same request may succeed later.
    """

    def __init__(
        self, message: str, *, stage: Stage, code: str = "server_error", retryable: bool = False
    ) -> None:
        super().__init__(message)
        self.message = message
        self.stage = stage
        self.code = code
        self.retryable = retryable

    def __reduce__(self) -> tuple[object, ...]:
        """Let it pass between processes: arguments by keyword are lost otherwise."""
        again = partial(EngineError, stage=self.stage, code=self.code, retryable=self.retryable)
        return again, (self.message,)


class ConfigurationError(AntiphonError):
    """The configuration names something that does not exist or cannot be used as it stands."""


class WeightsError(AntiphonError):
    """Weights are missing, do not match their hash, or no source of them answered."""


class StoreError(AntiphonError):
    """The database in which responses are kept cannot be opened, read or written."""
