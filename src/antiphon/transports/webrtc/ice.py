"""Reaching the client: ICE (RFC 8445) by aioice, on the addresses and ports the operator chose."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import random
import socket
from dataclasses import dataclass

import aioice
import aioice.ice
import ifaddr
from aioice.candidate import Candidate, candidate_foundation, candidate_priority

from antiphon.errors import BusyError

__all__ = ["MAX_WAITING_DATAGRAMS", "IceConnection", "IceSettings", "PortRange"]

# At INFO it writes each check down, with the client's addresses.
logging.getLogger("aioice").setLevel(logging.WARNING)

# Consent to send (RFC 7675) is asked for this often, in seconds, and over after so many requests
# without an answer. aioice's own figures, 6 times 5 s, keep a call of a killed tab for half a
# minute. An answer has half a second to come, and the interval varies by a fifth: 9 to 12 s.
aioice.ice.CONSENT_INTERVAL = 2
aioice.ice.CONSENT_FAILURES = 4

_RECEIVE_BUFFER_BYTES = 256 * 1024
"""Of each socket: five seconds of speech, so that none is lost while the process is busy."""

MAX_WAITING_DATAGRAMS = 512
"""What may wait to be read of a connection. Nobody reads before its handshake, and anybody can send
to an open port."""

PortRange = tuple[int, int]
"""First and last UDP port."""


@dataclass(frozen=True, slots=True)
class IceSettings:
    """Where calls can be reached.

    Attributes:
        public_address: The address to announce in place of the machine's own ones, where the
            machine is behind a router that forwards the ports; ``None`` for its own ones.
        ports: The UDP ports to use, one a call; ``None`` for any free ones.
        with_loopback: Whether this machine's own clients are served on 127.0.0.1 as well.
    """

    public_address: str | None = None
    ports: PortRange | None = None
    with_loopback: bool = False


class IceConnection(aioice.Connection):
    """The server's side of one connection.

    It waits for the client's checks for as long as it is let: that none of the client's candidates
    can be reached means nothing, since the client may reach the server.

    Attributes:
        consent_lost: Whether the client has stopped to answer, and the connection is closed.
    """

    def __init__(self, settings: IceSettings) -> None:
        super().__init__(ice_controlling=False)  # the offering side controls: RFC 8445, 6.1.1
        self.consent_lost = False
        self._settings = settings

    async def query_consent(self) -> None:
        """Ask for consent until it is lost, which closes the connection."""
        await super().query_consent()
        self.consent_lost = True

    def data_received(self, data: bytes, component: int) -> None:
        """Keep a datagram until it is read; too many are dropped, as a full socket would."""
        if self._queue.qsize() < MAX_WAITING_DATAGRAMS:
            super().data_received(data, component)

    async def get_component_candidates(
        self,
        component: int,
        addresses: list[str],  # noqa: ARG002 (those that aioice has found)
        timeout: int = 5,  # noqa: ARG002, ASYNC109 (there are no servers to ask)
    ) -> list[Candidate]:
        """Listen on the machine's addresses.

        Raises:
            BusyError: All ports of the range are taken, or the machine has no address.
        """
        candidates = []
        for rank, address in enumerate(_own_addresses(with_loopback=self._settings.with_loopback)):
            bound = _bind(address, self._settings.ports)
            if bound is None:
                continue
            _, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: aioice.ice.StunProtocol(self), sock=bound
            )
            host, port = bound.getsockname()[:2]
            protocol.local_candidate = Candidate(
                foundation=candidate_foundation("host", "udp", host),
                component=component,
                transport="udp",
                # Each address its own: RFC 8445, section 5.1.2.1.
                priority=candidate_priority(component, "host", 65_535 - rank),
                host=host,
                port=port,
                type="host",
            )
            self._protocols.append(protocol)
            candidates.append(protocol.local_candidate)
        if not candidates:
            message = _nowhere(self._settings.ports)
            raise BusyError(message, code="server_busy", type="server_error", retry_after_s=5)
        return candidates

    def announced(self) -> list[str]:
        """Return the candidates as the values of ``a=candidate``, once they are gathered."""
        public = self._settings.public_address
        announced = []
        for candidate in self.local_candidates:
            if public and _version(public) != _version(candidate.host):
                continue
            announced.append(
                f"{candidate.foundation} {candidate.component} udp {candidate.priority} "
                f"{public or candidate.host} {candidate.port} typ host"
            )
        return announced


def _nowhere(ports: PortRange | None) -> str:
    if ports is None:
        return "The machine has no network address that calls could use."
    first, last = ports
    return f"All UDP ports from {first} to {last} are taken by other calls. Try again later."


def _own_addresses(*, with_loopback: bool) -> list[str]:
    """Return the addresses of this machine's adapters, IPv4 first.

    IPv6 addresses that hold on one link only are left out, since candidates cannot say which.
    """
    found = [
        ipaddress.ip_address(entry.ip if isinstance(entry.ip, str) else entry.ip[0])
        for adapter in ifaddr.get_adapters()
        for entry in adapter.ips
    ]
    usable = {
        address
        for address in found
        if not address.is_link_local and (with_loopback or not address.is_loopback)
    }
    return [str(address) for address in sorted(usable, key=lambda one: (one.version, int(one)))]


def _bind(address: str, ports: PortRange | None) -> socket.socket | None:
    """Return a UDP socket on a free port; ``None`` if there is none on this address."""
    if ports is None:
        return _bound(address, 0)
    first, last = ports
    # From anywhere in the range, so that it is not searched from the start for each call.
    offset = random.randrange(last - first + 1)  # noqa: S311 (it need not be unpredictable)
    candidates = [*range(first + offset, last + 1), *range(first, first + offset)]
    return next((bound for port in candidates if (bound := _bound(address, port))), None)


def _bound(address: str, port: int) -> socket.socket | None:
    family = socket.AF_INET if _version(address) == 4 else socket.AF_INET6
    try:
        bound = socket.socket(family, socket.SOCK_DGRAM)
    except OSError:
        return None  # a machine without IPv6
    try:
        bound.setblocking(False)  # noqa: FBT003 (the socket's own)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        bound.bind((address, port))
    except OSError:
        bound.close()
        return None
    return bound


def _version(address: str) -> int:
    return ipaddress.ip_address(address).version
