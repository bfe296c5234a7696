import msgspec
import pytest

from antiphon.config import IceServer, UdpPorts, WebRtcChoice


def test_everything_may_be_left_out():
    assert msgspec.convert({}, WebRtcChoice) == WebRtcChoice()


def test_all_there_is_to_say():
    said = {
        "public_address": "2001:db8::1",
        "udp_ports": {"first": 40_000, "last": 40_000},
        "ice_servers": [{"urls": ["stun:a", "turns:b"], "username": "me", "credential": "x"}],
    }
    assert msgspec.convert(said, WebRtcChoice) == WebRtcChoice(
        public_address="2001:db8::1",
        udp_ports=UdpPorts(first=40_000, last=40_000),
        ice_servers=(IceServer(urls=("stun:a", "turns:b"), username="me", credential="x"),),
    )


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"public_address": "call.example.org"}, "'call.example.org' is not an IP address"),
        ({"udp_ports": {"first": 5_001, "last": 5_000}}, "5000, is below the first, 5001"),
        ({"udp_ports": {"first": 80, "last": 5_000}}, ">= 1024"),
        ({"ice_servers": [{"urls": []}]}, "no address"),
        ({"ice_servers": [{"urls": ["https://a"]}]}, "'https://a' begins with none of stun:"),
        ({"ports": 1}, "unknown field"),
    ],
)
def test_what_cannot_be_used_is_refused(said, message):
    with pytest.raises(msgspec.ValidationError, match=message):
        msgspec.convert(said, WebRtcChoice)
