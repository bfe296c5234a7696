"""A call between aiortc as a client, with media of its own, and our peer."""

from __future__ import annotations

import asyncio
import gc
import re
import threading
import weakref

import aioice.ice
import anyio
import anyio.lowlevel
import numpy as np
import pytest

from antiphon.engines.base import Floats
from antiphon.engines.hearing import LISTENING_RATE_HZ
from antiphon.errors import BusyError, RequestError
from antiphon.transports.webrtc import aiortc_peer
from antiphon.transports.webrtc.aiortc_peer import AiortcPeer
from antiphon.transports.webrtc.channel import MAX_REFUSED_CHANNELS, MAX_WAITING_BYTES
from antiphon.transports.webrtc.ice import IceSettings
from antiphon.transports.webrtc.pacer import Pacer
from antiphon.transports.webrtc.peer import FRAME_BYTES
from tests.support.webrtc import LOOPBACK, Caller, Heard, LossyRelay, calling, loudest_hz, tone


def said_by_client(start: int, n: int) -> Floats:
    return tone(440, 48_000, n, start)


def said_by_server(start: int, n: int) -> Floats:
    return tone(1000, 24_000, n, start)


def preferring(*payload_types: int):
    """Offer these encodings only, in this order."""
    listed = " ".join(map(str, payload_types))
    return lambda offer: re.sub(r"(m=audio \d+ \S+) [\d ]+", rf"\1 {listed}", offer)


NEAR_HZ = 8
"""How near a tone's pitch has to be: where a busy machine makes a pause, its phase jumps."""


def level(samples: np.ndarray) -> float:
    """The root mean square of most frames; a busy machine makes pauses in others."""
    frames = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    return float(np.median(np.sqrt(np.mean(frames**2, axis=1))))


@pytest.mark.parametrize("encodings", [(96,), (0,), (8,)], ids=["opus", "pcmu", "pcma"])
async def test_a_tone_arrives_either_way(encodings):
    async with calling(
        said_by_client, say=said_by_server, change_offer=preferring(*encodings)
    ) as call:
        await call.heard.until(lambda: len(call.heard.samples) > LISTENING_RATE_HZ)
        await call.caller.until(lambda: len(call.caller.samples) > call.caller.rate_hz > 0)
        rate_hz = call.caller.rate_hz
    heard = call.heard.samples[-8_000:]
    assert abs(loudest_hz(heard, LISTENING_RATE_HZ) - 440) < NEAR_HZ
    # The client's mixing to stereo takes 3 dB from its Opus.
    assert level(heard) == pytest.approx(0.25 if encodings == (96,) else 0.35, abs=0.03)
    played = call.caller.samples[-rate_hz // 2 :]
    assert abs(loudest_hz(played, rate_hz) - 1000) < NEAR_HZ
    assert level(played) == pytest.approx(0.35, abs=0.03)


async def test_a_call_takes_no_thread_beside_the_client_s_own():
    async with calling() as call:
        await call.caller.until(lambda: len(call.caller.samples) > 0)
        names = [thread.name for thread in threading.enumerate()]
    assert names.count("audio-decoder") == 1


async def test_messages_pass_both_ways_and_wait_for_the_channel():
    heard, caller = Heard(), Caller()
    peer = AiortcPeer(LOOPBACK, heard)
    answer = await peer.answer(await caller.offer())
    peer.send_message("first")
    peer.send_message("second é")
    await caller.take(answer)
    await caller.open()
    peer.send_message("third")
    caller.send("question")
    caller.send(b"\x00 not text")
    caller.send("")
    await caller.until(lambda: len(caller.messages) == 3)
    await heard.until(lambda: len(heard.messages) == 2)
    assert caller.messages == ["first", "second é", "third"]
    assert heard.messages == ["question", ""]
    await peer.aclose()
    await caller.aclose()
    assert heard.reasons == ["the server ended the call"]


async def test_what_is_said_last_arrives_before_the_end():
    async with calling() as call:
        for number in range(50):
            call.peer.send_message(f"{number} " + "x" * 2_000)
        call.peer.send_message("goodbye")
        await call.peer.aclose()
        await call.caller.until(lambda: call.caller.messages[-1:] == ["goodbye"])


async def test_a_message_of_65_536_bytes_passes_and_a_longer_one_is_dropped(caplog):
    def taking_65_536(offer: str) -> str:
        return offer.replace("max-message-size:262144", "max-message-size:65536")

    async with calling(change_offer=taking_65_536) as call:
        call.peer.send_message("x" * 65_536)
        call.peer.send_message("y" * 65_537)
        call.peer.send_message("z")
        await call.caller.until(lambda: len(call.caller.messages) == 2)
    assert [message[0] for message in call.caller.messages] == ["x", "z"]
    assert "A message of 65537 bytes was dropped: the client takes 65536 at most" in caplog.text


async def test_a_client_that_never_opens_the_channel_is_given_up_when_too_much_waits():
    async with calling(with_channel=False) as call:
        call.peer.send_message("x" * MAX_WAITING_BYTES * 2)  # none was offered: nothing waits
        assert call.heard.reasons == []
    heard, caller = Heard(), Caller()
    peer = AiortcPeer(LOOPBACK, heard)
    await peer.answer(await caller.offer())
    for _ in range(MAX_WAITING_BYTES // 65_536 + 1):
        peer.send_message("x" * 65_536)
    await heard.until(lambda: heard.reasons != [])
    assert heard.reasons == ["the client did not open the channel oai-events"]
    await caller.aclose()


async def test_other_channels_are_closed_and_too_many_end_the_call():
    async with calling() as call:
        other = call.caller.connection.createDataChannel("files")
        other.on("close", call.caller.changed.set)
        await call.caller.until(lambda: other.readyState == "closed")
        call.caller.send("still here")
        await call.heard.until(lambda: call.heard.messages == ["still here"])
        for number in range(MAX_REFUSED_CHANNELS):
            call.caller.connection.createDataChannel(f"files {number}")
        await call.heard.until(lambda: call.heard.reasons != [])
    assert "needless channels" in call.heard.reasons[0]


async def test_a_client_that_hangs_up_is_noticed_at_once():
    async with calling() as call:
        await call.caller.aclose()
        await call.heard.until(lambda: call.heard.reasons != [], timeout_s=3)
        call.peer.send_audio(bytes(FRAME_BYTES))
        call.peer.send_message("too late")
    assert len(call.heard.reasons) == 1
    assert call.heard.reasons[0].startswith("the client closed the c")


async def test_a_client_that_closes_the_channel_ends_the_call():
    async with calling() as call:
        assert call.caller.channel is not None
        call.caller.channel.close()
        await call.heard.until(lambda: call.heard.reasons != [])
    assert call.heard.reasons == ["the client closed the channel oai-events"]


async def test_a_client_that_vanishes_is_noticed_within_15_s(monkeypatch):
    assert aioice.ice.CONSENT_FAILURES * (aioice.ice.CONSENT_INTERVAL * 1.2 + 0.5) < 15
    monkeypatch.setattr(aioice.ice, "CONSENT_INTERVAL", 0.1)
    async with calling() as call:
        await call.caller.vanish()
        await call.heard.until(lambda: call.heard.reasons != [])
    assert call.heard.reasons == ["the client vanished"]


async def test_a_client_that_never_connects_is_given_up(monkeypatch):
    monkeypatch.setattr(aiortc_peer, "CONNECT_TIMEOUT_S", 0.1)
    heard, caller = Heard(), Caller()
    await AiortcPeer(LOOPBACK, heard).answer(await caller.offer())
    await heard.until(lambda: heard.reasons != [])
    assert heard.reasons == ["the client did not connect within 0 s"]
    await caller.aclose()


async def test_a_client_with_another_certificate_is_refused():
    def forged(offer: str) -> str:
        return re.sub(r"(a=fingerprint:\S+ )..", r"\g<1>00", offer)

    heard, caller = Heard(), Caller()
    peer = AiortcPeer(LOOPBACK, heard)
    await caller.take(await peer.answer(forged(await caller.offer())))
    await heard.until(lambda: heard.reasons != [])
    assert heard.reasons == ["the client failed the DTLS handshake"]
    await caller.aclose()


@pytest.mark.parametrize("steps", range(0, 60, 6))
async def test_closing_at_any_time_tells_exactly_once(steps):
    heard, caller = Heard(), Caller()
    peer = AiortcPeer(LOOPBACK, heard)
    await caller.take(await peer.answer(await caller.offer()))
    for _ in range(steps):
        await asyncio.sleep(0.002)
    peer.send_message("bye")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(peer.aclose)
        tasks.start_soon(peer.aclose)
    await peer.aclose()
    assert heard.reasons == ["the server ended the call"]
    await caller.aclose()


async def test_a_peer_that_never_answered_closes_quietly():
    heard = Heard()
    peer = AiortcPeer(LOOPBACK, heard)
    with pytest.raises(RequestError, match="it has no audio"):
        await peer.answer("v=0\r\n")
    peer.send_audio(bytes(FRAME_BYTES))
    peer.send_message("nobody")
    await peer.aclose()
    assert heard.reasons == []


async def test_ten_calls_at_once():
    pacer = Pacer()

    async def one(frequency_hz: float) -> None:
        def sound(start: int, n: int) -> np.ndarray:
            return tone(frequency_hz, 48_000, n, start)

        async with calling(sound, pacer=pacer) as call:
            await call.heard.until(lambda: len(call.heard.samples) > LISTENING_RATE_HZ)
            call.peer.send_message(f"{frequency_hz}")
            await call.caller.until(lambda: call.caller.messages != [])
            assert (
                abs(loudest_hz(call.heard.samples[-8_000:], LISTENING_RATE_HZ) - frequency_hz)
                < NEAR_HZ
            )
            assert call.caller.messages == [f"{frequency_hz}"]
        assert call.heard.reasons == ["the server ended the call"]

    async with anyio.create_task_group() as tasks:
        for number in range(10):
            tasks.start_soon(one, 300 + 50 * number)


async def test_a_lossy_uneven_way_leaves_no_gaps():
    async with (
        LossyRelay.standing() as relay,
        calling(
            said_by_client,
            say=said_by_server,
            change_offer=relay.without_candidates,
            change_answer=relay.between,
        ) as call,
    ):
        relay.loss, relay.jitter_s = 0.05, 0.02
        before = len(call.heard.samples)
        await call.heard.until(lambda: len(call.heard.samples) > before + 3 * LISTENING_RATE_HZ)
        heard = call.heard.samples[before + LISTENING_RATE_HZ :]
        packets = call.peer.packets
    assert packets.heard > 100
    assert packets.lost > 0
    # A client that is late on a busy machine is taken for silent after a while, which is no gap.
    spoken = heard[heard != 0]
    frames = spoken[: len(spoken) // 320 * 320].reshape(-1, 320)
    levels = np.sqrt(np.mean(frames**2, axis=1))
    assert np.mean(levels < 0.5 * np.median(levels)) < 0.05
    assert abs(loudest_hz(heard, LISTENING_RATE_HZ) - 440) < NEAR_HZ


async def test_empty_datagrams_of_strangers_change_nothing():
    async with calling() as call:
        port = int(re.findall(r"a=candidate:\S+ \d \S+ \d+ 127\.0\.0\.1 (\d+)", call.answer)[0])
        stranger, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            asyncio.DatagramProtocol, remote_addr=("127.0.0.1", port)
        )
        for datagram in (b"", b"\x00", b"\x16" + bytes(20), b"\x80" + bytes(40), bytes(1400)):
            stranger.sendto(datagram)
        call.caller.send("still here")
        await call.heard.until(lambda: call.heard.messages == ["still here"])
        stranger.close()


async def test_the_public_address_is_announced_in_place_of_the_machine_s():
    settings = IceSettings("198.51.100.7", (52_000, 52_100), with_loopback=True)
    heard, caller = Heard(), Caller()
    peer = AiortcPeer(settings, heard)
    answer = await peer.answer(await caller.offer())
    found = re.findall(r"a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host", answer)
    assert {address for address, _ in found} == {"198.51.100.7"}
    assert all(52_000 <= int(port) <= 52_100 for _, port in found)
    await peer.aclose()
    await caller.aclose()


async def test_with_no_port_left_the_server_is_busy(monkeypatch):
    heard, caller = Heard(), Caller()
    async with calling() as taken:
        port = int(re.findall(r"127\.0\.0\.1 (\d+) typ host", taken.answer)[0])
        monkeypatch.setattr("antiphon.transports.webrtc.ice._own_addresses", own_loopback)
        peer = AiortcPeer(IceSettings(ports=(port, port), with_loopback=True), heard)
        with pytest.raises(BusyError, match="All UDP ports"):
            await peer.answer(await caller.offer())
    await caller.aclose()
    assert heard.reasons == []


def own_loopback(*, with_loopback: bool) -> list[str]:
    return ["127.0.0.1"]


async def test_nothing_is_left_of_a_call_that_is_over():
    heard, caller = Heard(), Caller()
    peer = AiortcPeer(LOOPBACK, heard)
    await caller.take(await peer.answer(await caller.offer()))
    await caller.open()
    gone = weakref.ref(peer)
    await peer.aclose()
    await caller.aclose()
    del peer
    await anyio.lowlevel.checkpoint()
    gc.collect()
    assert gone() is None
