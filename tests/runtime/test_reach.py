"""What a client may have the server connect to."""

from __future__ import annotations

import pytest

from antiphon.runtime.reach import PUBLIC_INTERNET, AddressNotAllowedError, Reach, resolved

PUBLIC = ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]

PRIVATE = [
    *("127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1", "::127.0.0.1"),  # loopback
    *("10.0.0.1", "172.16.3.4", "172.31.255.255", "192.168.1.1"),  # RFC 1918
    *("100.64.0.1", "fc00::1", "fd12:3456::1", "fec0::1"),  # shared, unique local, site-local
    *("169.254.1.1", "fe80::1", "fe80::1%eth0"),  # link-local
    *("224.0.0.1", "239.1.1.1", "ff02::1", "ff0e::1"),  # multicast
    *("0.0.0.0", "::", "255.255.255.255", "240.0.0.1"),  # nobody in particular
    *("192.0.2.1", "198.18.0.1", "203.0.113.1", "2001:db8::1"),  # for documents and tests
    *("64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::"),  # IPv4 in IPv6
]

METADATA = {
    "most clouds": "169.254.169.254",
    "AWS over IPv6": "fd00:ec2::254",
    "Alibaba": "100.100.100.200",
    "Azure": "168.63.129.16",
    "Oracle": "192.0.0.192",
}


@pytest.mark.parametrize("address", PUBLIC)
def test_the_public_internet_may_be_connected_to(address):
    assert PUBLIC_INTERNET.includes(address)


@pytest.mark.parametrize("address", PRIVATE)
def test_what_only_this_machine_or_its_network_reaches_may_not(address):
    assert not PUBLIC_INTERNET.includes(address)
    assert Reach(["*"]).includes(address)


@pytest.mark.parametrize("address", METADATA.values(), ids=METADATA)
def test_what_a_cloud_tells_its_machines_is_not_for_clients(address):
    assert not PUBLIC_INTERNET.includes(address)


@pytest.mark.parametrize(
    ("network", "inside", "outside"),
    [
        ("127.0.0.0/8", ["127.0.0.1", "::ffff:127.0.0.1"], ["10.0.0.1", "::1"]),
        ("10.1.2.3", ["10.1.2.3"], ["10.1.2.4"]),
        ("fd00::/8", ["fd00::1"], ["::1", "10.0.0.1"]),
    ],
)
def test_the_operator_lets_some_networks_be_connected_to_as_well(network, inside, outside):
    reach = Reach([network])
    assert [reach.includes(address) for address in inside] == [True] * len(inside)
    assert [reach.includes(address) for address in outside] == [False] * len(outside)
    assert reach.includes("8.8.8.8")


async def test_of_the_addresses_of_a_name_only_those_are_left_that_may_be_connected_to():
    async def both(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1", "8.8.8.8", "fe80::1"]

    assert await Reach(resolve=both).addresses("tools.example", 443) == ["8.8.8.8"]


async def test_a_name_with_no_such_address_is_not_connected_to():
    async def inside(_host: str, _port: int) -> list[str]:
        return ["10.0.0.7", "::1"]

    with pytest.raises(AddressNotAllowedError) as caught:
        await Reach(resolve=inside).addresses("intranet.example", 443)
    assert caught.value.host == "intranet.example"


@pytest.mark.parametrize(
    "spelling", ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost"]
)
async def test_however_this_machine_is_spelt_it_is_this_machine(spelling):
    with pytest.raises(AddressNotAllowedError):
        await Reach().addresses(spelling, 80)
    assert "127.0.0.1" in await Reach(["127.0.0.0/8"]).addresses(spelling, 80)


async def test_an_address_is_its_own():
    assert await resolved("192.0.2.7", 80) == ["192.0.2.7"]
