"""Where calls can be reached."""

from __future__ import annotations

import contextlib
import re
import socket

import pytest

from antiphon.errors import BusyError
from antiphon.transports.webrtc.ice import (
    MAX_WAITING_DATAGRAMS,
    IceConnection,
    IceSettings,
)


@pytest.fixture
async def gathered():
    """Gathers candidates, and closes all connections in the end."""
    connections = []

    async def gather(**settings) -> list[tuple[str, int]]:
        connection = IceConnection(IceSettings(**settings))
        connections.append(connection)
        await connection.gather_candidates()
        announced = connection.announced()
        found = [re.fullmatch(r"\S+ 1 udp \d+ (\S+) (\d+) typ host", one) for one in announced]
        return [(one[1], int(one[2])) for one in found if one]

    yield gather
    for connection in connections:
        await connection.close()


@pytest.fixture
def only_loopback(monkeypatch):
    def addresses(*, with_loopback: bool) -> list[str]:
        return ["127.0.0.1"] if with_loopback else []

    monkeypatch.setattr("antiphon.transports.webrtc.ice._own_addresses", addresses)


async def test_loopback_is_announced_only_if_it_is_wanted(gathered):
    assert "127.0.0.1" in dict(await gathered(with_loopback=True))
    with contextlib.suppress(BusyError):  # a machine that has nothing else
        assert "127.0.0.1" not in dict(await gathered(with_loopback=False))


async def test_the_public_address_stands_for_the_machine_s_own(gathered, only_loopback):
    [(host, _)] = await gathered(with_loopback=True, public_address="198.51.100.7")
    assert host == "198.51.100.7"


async def test_a_public_address_of_the_other_kind_is_not_announced(gathered, only_loopback):
    assert await gathered(with_loopback=True, public_address="2001:db8::7") == []


async def test_each_call_takes_a_port_of_the_range_until_none_is_left(gathered, only_loopback):
    first = free_pair()
    taken = []
    for _ in range(2):
        [(_, port)] = await gathered(with_loopback=True, ports=(first, first + 1))
        taken.append(port)
    assert sorted(taken) == [first, first + 1]
    with pytest.raises(BusyError, match=f"All UDP ports from {first} to {first + 1} are taken"):
        await gathered(with_loopback=True, ports=(first, first + 1))


async def test_a_machine_without_addresses_says_so(gathered, only_loopback):
    with pytest.raises(BusyError, match="no network address"):
        await gathered(with_loopback=False)


def free_pair() -> int:
    """The first of two UDP ports that are free."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as first:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as second:
                try:
                    second.bind(("127.0.0.1", port + 1))
                except (OSError, OverflowError):
                    continue
                return port


async def test_what_nobody_reads_is_dropped_in_the_end():
    connection = IceConnection(IceSettings())
    for _ in range(MAX_WAITING_DATAGRAMS + 10):
        connection.data_received(bytes(1_400), 1)
    assert connection._queue.qsize() == MAX_WAITING_DATAGRAMS
    await connection.close()
