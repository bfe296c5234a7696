"""A Realtime service behind this server: where it is, and with which key it is opened."""

from __future__ import annotations

from urllib.parse import urlsplit

from msgspec import Struct

from antiphon.engines.addresses import without_passwords
from antiphon.engines.options import Seconds
from antiphon.wire.refusal import InvalidFieldError

__all__ = ["UpstreamChoice"]


class UpstreamChoice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A service that speaks the Realtime API and answers in the place of engines.

    Attributes:
        use: Its address and, after ``#``, its model: ``wss://host/v1#gpt-realtime``. Without a
            model it is asked for the one that the client asks for.
        api_key: What it is opened with; ``None`` if it needs none. Text that begins with ``env:``
            stands for the variable that it names. Clients never see it, nor does the log.
        open_s: How long opening a session may take.
        stall_s: How long nothing may come of an answer that has begun, before the service counts as
            lost. An Antiphon fails such an answer itself, after 60 s unless told otherwise.

    Raises:
        InvalidFieldError: The address is none of a WebSocket, or holds more than it may.
    """

    use: str
    api_key: str | None = None
    open_s: Seconds = 15.0
    stall_s: Seconds = 90.0

    def __post_init__(self) -> None:
        shown = without_passwords(self.use)
        try:
            parts = urlsplit(self.use)
            _ = parts.port
        except ValueError as error:
            message = f"Invalid '{{param}}': '{shown}' is no address: {error}."
            raise InvalidFieldError("use", message) from None
        if parts.scheme not in ("ws", "wss") or not parts.hostname:
            message = (
                f"Invalid '{{param}}': '{shown}' is not the address of a Realtime service, "
                "which begins with wss:// or ws:// and a host: wss://api.openai.com/v1#gpt-realtime"
            )
            raise InvalidFieldError("use", message)
        if parts.query or "@" in parts.netloc:
            message = (
                "Invalid '{param}': the address has a query or a password in it. Give the model "
                "after '#', as wss://host/v1#model, and the key as 'api_key'."
            )
            raise InvalidFieldError("use", message)
