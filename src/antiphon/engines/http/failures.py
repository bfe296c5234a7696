"""What goes wrong with a server, as clients of Antiphon and its operator are told.

They are told different things. Who speaks to Antiphon learns what failed and whether trying again
may help; addresses and keys are for the log, and so are the server's own words where the operator
lets those be logged: they may quote what was said.
"""

from __future__ import annotations

import email.utils
import time
from collections.abc import Mapping
from typing import NamedTuple

import httpx2
import openai

from antiphon.engines.addresses import without_passwords
from antiphon.engines.http.pcm import UnusableSoundError
from antiphon.errors import EngineError, Stage
from antiphon.logs import quoted

__all__ = [
    "BadAnswerError",
    "Diagnosis",
    "ServerError",
    "failure_of",
    "resting",
    "timed_out",
    "unusable",
]

_WHO: Mapping[Stage, str] = {
    "transcribe": "transcriber",
    "generate": "language model",
    "synthesize": "synthesizer",
}

_OVERLOADED = frozenset({429, 503, 529})
"""Too many requests; not now; and Anthropic's and some gateways' own word for the same."""

_OVERLOADED_CODES = ("rate_limit_exceeded", "rate_limit_error", "overloaded_error")
"""What errors in a stream say in place of these, as their code or type."""

_TRANSIENT = frozenset({408, 409, 425, 429})
"""Answers below 500 after which the same request may succeed, as the official client has it."""

_DOWN = frozenset({502, 503, 504, 521, 522, 523, 524, 529})
"""Answers of who stands before a server that is not there, or that has too much to do. A plain 500
is none of them: the server is there, and may be about this one request."""

_TOO_LONG = ("context_length_exceeded", "exceed_context_size_error")
"""OpenAI's code, and the type that llama.cpp's server gives."""

_TOO_LONG_WORDS = ("context length", "context window", "context size")
"""How vLLM, LM Studio and others put it, who have no code for it."""

_DROPPED = (httpx2.RemoteProtocolError, httpx2.ReadError, httpx2.WriteError)
"""How a connection ends that there has been."""

_SHOWN_ADDRESS_CHARS = 200

_OPERATORS = {
    401: "does not accept the key: set the option api_key",
    403: "does not allow this: check the option api_key and the model",
    404: "does not know the address or the model: check base_url and the name after '#'",
}


class ServerError(EngineError):
    """A request that a server did not answer as it should.

    Attributes:
        may_repeat: Whether it makes sense to send the request again at once.
        retry_after_s: How long the server wants to be left alone; ``None`` if it does not say. Not
            at all if it has only dropped the connection.
        counts: Whether it is a sign that the server is down.
    """

    def __init__(
        self,
        message: str,
        *,
        stage: Stage,
        code: str = "server_error",
        retryable: bool = True,
        may_repeat: bool = True,
        retry_after_s: float | None = None,
        counts: bool = True,
    ) -> None:
        super().__init__(message, stage=stage, code=code, retryable=retryable)
        self.may_repeat = may_repeat
        self.retry_after_s = retry_after_s
        self.counts = counts


class BadAnswerError(ValueError):
    """What a server answers is no good. The text is for the operator, and quotes nothing of it.

    Args:
        remark: What the server did, without a subject.
        to_clients: The same, as clients may know it.
        code: As of :class:`ServerError`, like the others.
        may_repeat: See there.
        counts: See there.
    """

    def __init__(
        self,
        remark: str,
        to_clients: str = "sent something that is not an answer",
        *,
        code: str = "server_error",
        may_repeat: bool = False,
        counts: bool = True,
    ) -> None:
        super().__init__(remark)
        self.to_clients = to_clients
        self.code = code
        self.may_repeat = may_repeat
        self.counts = counts


class Diagnosis(NamedTuple):
    """A failure, and what the operator should know of it."""

    failure: ServerError
    remark: str


def failure_of(error: Exception, stage: Stage) -> Diagnosis:
    """Say what an exception of the client library, or of reading the answer, means."""
    if isinstance(error, openai.APIStatusError):
        return _refusal(error.status_code, error, error.response.headers, stage)
    who = _WHO[stage]
    if isinstance(error, BadAnswerError):
        failure = ServerError(
            f"the {who}'s server {error.to_clients}",
            stage=stage,
            code=error.code,
            may_repeat=error.may_repeat,
            counts=error.counts,
        )
        return Diagnosis(failure, str(error))
    if isinstance(error, openai.APITimeoutError):
        message = f"the {who}'s server could not be reached in time; try again"
        return Diagnosis(ServerError(message, stage=stage), "cannot be connected to in time")
    if isinstance(error, openai.APIConnectionError | httpx2.HTTPError):
        message = f"the connection to the {who}'s server failed; try again"
        # Mostly one that was kept open, and which the server gave up as it was taken up again.
        retry_after_s = 0.0 if isinstance(error.__cause__, _DROPPED) else None
        failure = ServerError(message, stage=stage, retry_after_s=retry_after_s)
        return Diagnosis(failure, f"is out of reach: {_cause(error)}")
    if isinstance(error, openai.APIError):  # told in a stream
        status = _status_of(error)
        if status is not None or _is_too_long(error):
            return _refusal(status or 400, error, {}, stage)
        message = f"the {who}'s server failed in the middle of its answer"
        failure = ServerError(message, stage=stage, counts=False)  # as with a plain 500
        return Diagnosis(failure, f"failed: {quoted(error.message)}")
    reason = str(error) if isinstance(error, UnusableSoundError) else quoted(str(error))
    return Diagnosis(unusable(stage), f"sent what cannot be read: {reason}")


def timed_out(stage: Stage, limit_s: float) -> Diagnosis:
    """Say that nothing came for too long."""
    message = f"the {_WHO[stage]}'s server sent nothing for {limit_s:g} s; try again"
    failure = ServerError(message, stage=stage, may_repeat=False)  # it would only take as long
    return Diagnosis(failure, f"sent nothing for {limit_s:g} s")


def unusable(stage: Stage, *, retryable: bool = True) -> ServerError:
    """Say that an answer is not what was asked for."""
    message = f"the {_WHO[stage]}'s server sent something that is not an answer"
    return ServerError(message, stage=stage, retryable=retryable, may_repeat=False)


def resting(stage: Stage) -> ServerError:
    """Say that a server counts as down and was not asked."""
    message = f"the {_WHO[stage]}'s server has failed several times in a row; try again later"
    return ServerError(message, stage=stage, may_repeat=False, counts=False)


def _refusal(
    status: int, error: openai.APIError, headers: Mapping[str, str], stage: Stage
) -> Diagnosis:
    who = _WHO[stage]
    if _is_too_long(error):
        return Diagnosis(_too_long(stage), f"answers {status}: {quoted(error.message)}")
    remark = _OPERATORS.get(status, f"answers {status}: {quoted(error.message)}")
    if 300 <= status < 400:
        remark = (
            f"answers {status} and points to {_place(headers)}: is that what base_url should be?"
        )
    if status in _OVERLOADED and error.code != "insufficient_quota":
        failure = ServerError(
            f"the {who}'s server has too much to do; try again later",
            stage=stage,
            code="server_overloaded",
            retry_after_s=_retry_after_s(headers),
            counts=status in _DOWN,
        )
        return Diagnosis(failure, remark)
    failure = ServerError(
        f"the {who}'s server answered with status {status}",
        stage=stage,
        # What the operator can put right, another server may not suffer from.
        retryable=status < 400 or status in _OPERATORS or status in _TRANSIENT or status >= 500,
        may_repeat=error.code != "insufficient_quota" and (status in _TRANSIENT or status >= 500),
        retry_after_s=_retry_after_s(headers),
        counts=status in _DOWN,
    )
    return Diagnosis(failure, remark)


def _place(headers: Mapping[str, str]) -> str:
    """Where a redirect points to, without what may be secret."""
    address = without_passwords(headers.get("location", "")).partition("?")[0]
    return address[:_SHOWN_ADDRESS_CHARS] or "nowhere"


def _status_of(error: openai.APIError) -> int | None:
    """The status that an error in a stream stands for; ``None`` if it says no more than a 500."""
    if error.code in _OVERLOADED_CODES or error.type in _OVERLOADED_CODES:
        return 429
    try:
        status = int(error.code or 0)
    except (TypeError, ValueError):
        return None
    return status if 400 <= status < 600 and status != 500 else None


def _is_too_long(error: openai.APIError) -> bool:
    if error.code in _TOO_LONG or error.type in _TOO_LONG:
        return True
    said = error.message.lower()
    return any(words in said for words in _TOO_LONG_WORDS)


def _too_long(stage: Stage) -> ServerError:
    message = "the conversation is longer than the language model can read; shorten it"
    return ServerError(
        message,
        stage=stage,
        code="context_length_exceeded",
        retryable=False,
        may_repeat=False,
        counts=False,
    )


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """How long to wait (RFC 9110, 10.2.3): seconds, or a date."""
    value = headers.get("retry-after")
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        date = email.utils.parsedate_tz(value)
        return None if date is None else max(0.0, email.utils.mktime_tz(date) - time.time())
    except (ValueError, OverflowError):  # of a year that there will not be
        return None


def _cause(error: Exception) -> str:
    return str(error.__cause__ or error) or type(error).__name__
