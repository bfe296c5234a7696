from __future__ import annotations

import sys

import pytest

from antiphon.config import UdpPorts, WebRtcChoice
from antiphon.errors import RequestError
from antiphon.transports.webrtc.loading import load_peers
from tests.support.webrtc import Caller, Heard

_ADDRESS = "203.0.113.7"


async def test_calls_are_answered_at_the_address_and_ports_of_the_configuration():
    choice = WebRtcChoice(public_address=_ADDRESS, udp_ports=UdpPorts(first=42_000, last=42_999))
    make_peer = await load_peers(choice, with_loopback=True)
    caller, peer = Caller(), make_peer(Heard())
    try:
        answer = await peer.answer(await caller.offer())
    finally:
        await peer.aclose()
        await caller.aclose()
    candidates = [line.split() for line in answer.splitlines() if "a=candidate" in line]
    assert candidates
    assert {one[4] for one in candidates} == {_ADDRESS}
    assert all(42_000 <= int(one[5]) <= 42_999 for one in candidates)


async def test_without_the_extra_clients_are_told_what_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "antiphon.transports.webrtc.aiortc_peer", None)
    with pytest.raises(RequestError) as refusal:
        await load_peers(WebRtcChoice(), with_loopback=True)
    assert refusal.value.code == "not_implemented"
    assert "pip install 'antiphon[webrtc]'" in refusal.value.message
