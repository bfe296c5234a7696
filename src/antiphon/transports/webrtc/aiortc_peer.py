"""The server's end of a call, on aiortc's transports."""

from __future__ import annotations

import asyncio
import logging
import secrets
from asyncio import FIRST_COMPLETED
from contextlib import suppress
from functools import partial
from typing import Any

import aioice
from aiortc import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters
from aiortc.rtcsctptransport import RTCSctpCapabilities

from antiphon.engines.base import Floats
from antiphon.transports.webrtc.answer import AnswerParts, write_answer
from antiphon.transports.webrtc.channel import EventChannel
from antiphon.transports.webrtc.ice import IceConnection, IceSettings
from antiphon.transports.webrtc.offer import Offer, Setup, parse_offer
from antiphon.transports.webrtc.peer import Packets, PeerEvents, PeerFactory
from antiphon.transports.webrtc.speech import Speech
from antiphon.transports.webrtc.stack import EventTransport, SpeechTransport

__all__ = ["CONNECT_TIMEOUT_S", "AiortcPeer", "aiortc_peers"]

_log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 15.0
"""A client that has its answer has to be connected after so long."""

LAST_WORDS_S = 1.0
"""A client that is left has so long to take the last events: they say why."""


def aiortc_peers(settings: IceSettings) -> PeerFactory:
    """Return what makes peers that can be reached as the settings say."""
    return partial(AiortcPeer, settings)


class AiortcPeer:
    """One call; see :class:`antiphon.transports.webrtc.peer.Peer`."""

    def __init__(self, settings: IceSettings, events: PeerEvents) -> None:
        self._events = events
        self._connection = IceConnection(settings)
        self._reason: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._task: asyncio.Task[None] | None = None
        self._speech: Speech | None = None
        self._channel: EventChannel | None = None

    @property
    def packets(self) -> Packets:
        """What has become of the client's sound so far."""
        return self._speech.packets if self._speech is not None else Packets()

    async def answer(self, offer_sdp: str) -> str:
        """Agree on media with the client, and begin to connect."""
        offer = parse_offer(offer_sdp)
        try:
            await self._connection.gather_candidates()
            await self._add_candidates(offer)
        except BaseException:
            await self._connection.close()
            raise
        certificate = RTCCertificate.generateCertificate()
        # The server begins wherever it may, as the hosted one does.
        setup = Setup.PASSIVE if offer.setup is Setup.ACTIVE else Setup.ACTIVE
        role = "client" if setup is Setup.ACTIVE else "server"
        transport = SpeechTransport(
            self._connection, certificate, role=role, on_rtp=self._on_rtp, on_rtcp=self._on_rtcp
        )
        self._speech = Speech(offer.audio, transport.send_media, self._on_audio)
        if offer.events is not None:
            limit = offer.events.max_message_bytes
            self._channel = EventChannel(limit, self._on_message, self._end)
        transport.on("statechange", lambda: self._on_state(transport.state))
        self._task = asyncio.create_task(self._run(offer, transport))
        fingerprints = certificate.getFingerprints()
        parts = AnswerParts(
            session_number=secrets.randbits(62),
            source=self._speech.source,
            username=self._connection.local_username,
            password=self._connection.local_password,
            fingerprint=next(one.value for one in fingerprints if one.algorithm == "sha-256"),
            setup=setup,
            candidates=self._connection.announced(),
        )
        return write_answer(offer, parts)

    def send_audio(self, frame: bytes) -> None:
        """Encode and send a frame at once."""
        if self._speech is not None and not self._reason.done():
            self._speech.send(frame, self._now_s())

    def send_message(self, text: str) -> None:
        """Send a message on the events' channel, or hold it until that is open."""
        if self._channel is not None and not self._reason.done():
            self._channel.send(text)

    async def aclose(self) -> None:
        """Take leave of the client."""
        self._end("the server ended the call")
        if self._task is None:
            await self._connection.close()
        elif self._task is not asyncio.current_task():
            await asyncio.wait([self._task])

    # --- what happens ---------------------------------------------------------------------------

    async def _run(self, offer: Offer, transport: SpeechTransport) -> None:
        """Connect, stay until it is over, take leave."""
        sctp = EventTransport(transport) if offer.events is not None else None
        if sctp is not None and self._channel is not None:
            sctp.on("datachannel", self._channel.offer)
        connecting = asyncio.create_task(self._connect(offer, transport, sctp))
        try:
            either: list[asyncio.Future[Any]] = [connecting, self._reason]
            await asyncio.wait(either, timeout=CONNECT_TIMEOUT_S, return_when=FIRST_COMPLETED)
            if not connecting.done():  # nothing, if it is over for another reason
                self._end(f"the client did not connect within {CONNECT_TIMEOUT_S:.0f} s")
            await asyncio.wait([self._reason])
        finally:
            self._end("the server is stopping")
            connecting.cancel()
            await asyncio.wait([connecting])
            await self._take_leave(transport, sctp)
            self._events.on_closed(self._reason.result())

    async def _connect(
        self, offer: Offer, transport: SpeechTransport, sctp: EventTransport | None
    ) -> None:
        try:
            self._connection.remote_username = offer.username
            self._connection.remote_password = offer.password
            await self._connection.connect()
            digests = [RTCDtlsFingerprint(name, digest) for name, digest in offer.fingerprints]
            await transport.start(RTCDtlsParameters(fingerprints=digests))
            if sctp is not None and offer.events is not None and transport.state == "connected":
                limits = RTCSctpCapabilities(maxMessageSize=offer.events.max_message_bytes)
                await sctp.start(limits, offer.events.port)
        except ConnectionError as error:
            self._end(f"the client could not be reached: {error}")
        except Exception:
            _log.exception("A call could not be connected")
            self._end("the connection failed")

    async def _take_leave(self, transport: SpeechTransport, sctp: EventTransport | None) -> None:
        """Close all layers, the uppermost first, so that the client is told."""
        transport.remove_all_listeners()
        if self._channel is not None:
            self._channel.close()
        try:
            if sctp is not None:
                if transport.state == "connected":
                    with suppress(TimeoutError):
                        await asyncio.wait_for(sctp.drained(), LAST_WORDS_S)
                await sctp.stop()
            await transport.stop()
        except Exception:
            _log.exception("A client could not be told that its call is over")
        await self._connection.close()

    async def _add_candidates(self, offer: Offer) -> None:
        for written in offer.candidates:
            with suppress(ValueError, IndexError):
                candidate = aioice.Candidate.from_sdp(written)
                # Names hide a browser's addresses from pages. The browser reaches us by itself.
                if not candidate.host.endswith(".local") and candidate.component == 1:
                    await self._connection.add_remote_candidate(candidate)

    def _end(self, reason: str) -> None:
        if not self._reason.done():
            self._reason.set_result(reason)

    def _on_state(self, state: str) -> None:
        if state == "failed":
            self._end("the client failed the DTLS handshake")
        elif state == "closed":
            gone = self._connection.consent_lost
            self._end("the client vanished" if gone else "the client closed the connection")

    def _on_rtp(self, packet: bytes) -> None:
        if self._speech is not None and not self._reason.done():
            self._speech.receive(packet, self._now_s())

    def _on_rtcp(self, report: bytes) -> None:
        if self._speech is not None:
            self._speech.receive_report(report, self._now_s())

    def _on_audio(self, samples: Floats) -> None:
        self._events.on_audio(samples)

    def _on_message(self, text: str) -> None:
        if not self._reason.done():
            self._events.on_message(text)

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()
