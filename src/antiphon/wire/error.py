"""Error objects: one shape inside ``error`` events, another in HTTP bodies."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from antiphon.errors import RequestError

__all__ = ["ErrorObject", "HttpError", "HttpErrorBody"]

_TypeMeta = Meta(description="Whose fault it is: `invalid_request_error` or `server_error`.")
_CodeMeta = Meta(description="What kind of error, for programs; null if it has no code.")
_MessageMeta = Meta(description="What happened, for people.")
_ParamMeta = Meta(description="Dotted path of the field at fault; null if it is none.")


class ErrorObject(Struct, frozen=True, kw_only=True):
    """What went wrong with a client event."""

    type: Annotated[str, _TypeMeta]
    code: Annotated[str | None, _CodeMeta] = None
    message: Annotated[str, _MessageMeta]
    param: Annotated[str | None, _ParamMeta] = None
    event_id: Annotated[
        str | None, Meta(description="The client's id of the event at fault; null if it gave none.")
    ] = None

    @classmethod
    def of(cls, error: RequestError) -> ErrorObject:
        """Return the wire form of a refusal."""
        return cls(
            type=error.type,
            code=error.code,
            message=error.message,
            param=error.param,
            event_id=error.event_id,
        )


class HttpError(Struct, frozen=True, kw_only=True):
    """What went wrong with an HTTP request."""

    message: Annotated[str, _MessageMeta]
    type: Annotated[str, _TypeMeta]
    param: Annotated[str | None, _ParamMeta] = None
    code: Annotated[str | None, _CodeMeta] = None


class HttpErrorBody(Struct, frozen=True, kw_only=True):
    """Body of every HTTP answer with status 400 and above."""

    error: Annotated[HttpError, Meta(description="What went wrong.")]

    @classmethod
    def of(cls, error: RequestError) -> HttpErrorBody:
        """Return the body that tells of a refusal."""
        return cls(
            error=HttpError(
                message=error.message, type=error.type, param=error.param, code=error.code
            )
        )
