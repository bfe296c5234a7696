"""Where the server connects at a client's word, and where it does not.

Who has a key may name the address of an MCP server. Taken at his word, he could have this server
talk to whatever only this server reaches: other programs of its machine, its network, the metadata
of its cloud (server-side request forgery, OWASP). So an address is checked when it is connected to,
and exactly the address that was checked is connected to: what a name leads to may be another thing
a moment later (DNS rebinding).
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import TypeAlias

import anyio

__all__ = ["PUBLIC_INTERNET", "AddressNotAllowedError", "Reach", "Resolve", "resolved"]

Resolve: TypeAlias = Callable[[str, int], Awaitable[list[str]]]
"""Finds the addresses of a host, for a port; an address is its own. Raises ``OSError``."""

_Address: TypeAlias = IPv4Address | IPv6Address
_Network: TypeAlias = IPv4Network | IPv6Network

_EVERYTHING = ("0.0.0.0/0", "::/0")

_NAT64 = ip_network("64:ff9b::/96")
"""IPv6 addresses that a translator makes IPv4 ones of (RFC 6052, 2.1)."""

_LOOKS_PUBLIC = (ip_network("168.63.129.16/32"), ip_network("192.0.0.0/24"))
"""Where clouds tell their machines of themselves, besides link-local addresses: Azure (Virtual
Network, "What is IP address 168.63.129.16?"), and Oracle at 192.0.0.192, among addresses of which
some are public by the registry (RFC 6890)."""


class AddressNotAllowedError(Exception):
    """A host has only addresses that are not to be connected to.

    Attributes:
        host: The host, as it was named.
    """

    def __init__(self, host: str) -> None:
        super().__init__(f"{host} is not on the public internet")
        self.host = host


async def resolved(host: str, port: int) -> list[str]:
    """Find the addresses of a host as the system does, for connections over TCP.

    Raises:
        OSError: It has none.
    """
    found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(sockaddr[0] for *_, sockaddr in found))


class Reach:
    """The addresses that may be connected to: the public internet, and what the operator adds.

    Args:
        private: Networks that may be connected to besides, such as ``10.1.0.0/16``; ``*`` for all.
        resolve: Finds the addresses of hosts.
    """

    def __init__(self, private: Iterable[str] = (), resolve: Resolve = resolved) -> None:
        networks = (_EVERYTHING if network == "*" else (network,) for network in private)
        self._private = tuple(ip_network(one) for several in networks for one in several)
        self._resolve = resolve

    async def addresses(self, host: str, port: int) -> list[str]:
        """Find the addresses of a host that may be connected to.

        Raises:
            AddressNotAllowedError: It has none but others.
            OSError: It has none at all.
        """
        allowed = [one for one in await self._resolve(host, port) if self.includes(one)]
        if not allowed:
            raise AddressNotAllowedError(host)
        return allowed

    def includes(self, address: str) -> bool:
        """Whether an IP address, with or without a scope, may be connected to."""
        given = _meant(ip_address(address))
        return _is_public(given) or any(_contains(network, given) for network in self._private)


PUBLIC_INTERNET = Reach()
"""Only what everybody may connect to."""


def _meant(address: _Address) -> _Address:
    """Return the IPv4 address that an IPv6 one leads to, if it does."""
    if not isinstance(address, IPv6Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    if address.teredo is not None:
        return address.teredo[1]
    return address.ipv4_mapped or address.sixtofour or address


def _is_public(address: _Address) -> bool:
    """Whether anybody on the internet could connect to an address as well.

    Private networks, loopback, link-local and unique local addresses and whatever else the IANA's
    registries of special-purpose addresses have are none, by the standard library's knowledge of
    these.
    """
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not getattr(address, "is_site_local", False)  # deprecated, and still routed by some
        and not any(_contains(network, address) for network in _LOOKS_PUBLIC)
    )


def _contains(network: _Network, address: _Address) -> bool:
    return network.version == address.version and address in network
