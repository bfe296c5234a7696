"""Calls over WebRTC: where clients reach the server, and what helps them to."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from msgspec import Meta, Struct

from antiphon.wire.refusal import InvalidFieldError

__all__ = ["IceServer", "UdpPorts", "WebRtcChoice"]

_SCHEMES = ("stun:", "stuns:", "turn:", "turns:")

_Port = Annotated[int, Meta(ge=1024, le=65_535)]
"""Below are ports that only the system's own programs may use."""


class UdpPorts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The UDP ports that calls use, one each.

    Attributes:
        first: The lowest of them.
        last: The highest.

    Raises:
        InvalidFieldError: They are in the wrong order.
    """

    first: _Port
    last: _Port

    def __post_init__(self) -> None:
        if self.first > self.last:
            message = (
                f"Invalid '{{param}}': the last port, {self.last}, is below the first, "
                f"{self.first}."
            )
            raise InvalidFieldError("last", message)


class IceServer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A server that helps clients to reach this one, worded as ``RTCPeerConnection`` takes it.

    Attributes:
        urls: Addresses of it, such as ``turn:turn.example.org:3478``.
        username: With which it is used; ``None`` where none is needed, as with ``stun:``.
        credential: The password. Clients are handed it, so it should be of use for nothing else.

    Raises:
        InvalidFieldError: There is no address, or one is of another kind.
    """

    urls: tuple[str, ...]
    username: str | None = None
    credential: str | None = None

    def __post_init__(self) -> None:
        if not self.urls:
            message = "Invalid '{param}': the server has no address. Name one, or leave it out."
            raise InvalidFieldError("urls", message)
        for url in self.urls:
            if not url.startswith(_SCHEMES):
                message = (
                    f"Invalid '{{param}}': '{url}' begins with none of {', '.join(_SCHEMES)}, for "
                    "example turn:turn.example.org:3478."
                )
                raise InvalidFieldError("urls", message)


class WebRtcChoice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How clients reach the server for calls.

    Attributes:
        public_address: IP address that clients use in place of the machine's own, where it is
            behind one-to-one address translation, as in most clouds; ``None`` for the own ones.
        udp_ports: The UDP ports that calls use; ``None`` for any.
        ice_servers: Servers that clients are told of, to get to this one through firewalls.

    Raises:
        InvalidFieldError: The address is none.
    """

    public_address: str | None = None
    udp_ports: UdpPorts | None = None
    ice_servers: tuple[IceServer, ...] = ()

    def __post_init__(self) -> None:
        if self.public_address is not None:
            try:
                ipaddress.ip_address(self.public_address)
            except ValueError:
                message = (
                    f"Invalid '{{param}}': '{self.public_address}' is not an IP address. Names "
                    "will not do: clients are told an address."
                )
                raise InvalidFieldError("public_address", message) from None
