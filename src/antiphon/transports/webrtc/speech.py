"""Both directions of a call's speech, between frames and packets."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from antiphon.engines.base import Floats
from antiphon.engines.hearing import LISTENING_RATE_HZ
from antiphon.transports.webrtc.answer import STREAM
from antiphon.transports.webrtc.encodings import Encoding
from antiphon.transports.webrtc.incoming import Incoming
from antiphon.transports.webrtc.offer import Direction, OfferedAudio
from antiphon.transports.webrtc.peer import FRAME_MS, Packets
from antiphon.transports.webrtc.reports import REPORT_INTERVAL_FRAMES, Reports
from antiphon.transports.webrtc.rtp import RtpFormatError, RtpPacket, parse_rtp, rtp_packet

__all__ = [
    "MAX_AHEAD_S",
    "MAX_EXPECTED_LOSS_PERCENT",
    "MIN_EXPECTED_LOSS_PERCENT",
    "Speech",
]

MIN_EXPECTED_LOSS_PERCENT = 5
"""Loss that is always prepared for: the client's first report comes after seconds."""

MAX_EXPECTED_LOSS_PERCENT = 30
"""Loss beyond this is not prepared for: the redundancy would leave speech too few bits."""

MAX_AHEAD_S = 10.0
"""How much more sound than time a client may send; what goes beyond is dropped. A network that
stood still has the sound of that time come in one go, and loses the call before it is so much. A
packet of a few bytes can tell of a second of silence, which all sessions would wait for."""

_CAUGHT_UP_PER_S = 2.0
"""So much sound a second is taken without end: silence is made up for each pause of the network,
and the sound that comes after it is heard all the same."""


class Speech:
    """Encodes and sends what is said, receives and decodes what is heard.

    Attributes:
        source: The stream that is sent (SSRC), chosen at random.
        packets: What has become of those that came.
    """

    def __init__(
        self, audio: OfferedAudio, send: Callable[[bytes], None], take: Callable[[Floats], None]
    ) -> None:
        """Begin both directions.

        Args:
            audio: What was agreed on.
            send: Sends a packet of RTP or RTCP.
            take: Takes what was heard: shape (n,), float32 at ``LISTENING_RATE_HZ``.
        """
        self.source = secrets.randbits(32)
        self.packets = Packets()
        self._encodings = audio.encodings
        self._sends = audio.direction in (Direction.SENDRECV, Direction.RECVONLY)
        self._payload_type, encoding = next(iter(audio.encodings.items()))
        self._encoder = encoding.encoder()
        self._encoder.expect_loss(MIN_EXPECTED_LOSS_PERCENT)
        self._frame_ticks = encoding.clock_hz * FRAME_MS // 1000
        # Numbers begin at random: RFC 3550, section 5.1. The lower half of the sequence numbers
        # keeps the first packets from being taken for the end of a round: RFC 3711, section 3.3.1.
        self._first_sequence = secrets.randbits(15)
        self._first_timestamp = secrets.randbits(32)
        self._frames = 0
        self._send = send
        self._take = take
        self._reports = Reports(self.source, STREAM)
        self._incoming: Incoming | None = None
        self._incoming_key = (-1, -1)
        self._ahead_s = 0.0
        self._received_s = 0.0

    def send(self, frame: bytes, now_s: float) -> None:
        """Send a frame of 20 ms, and do what is due every 20 ms."""
        if self._sends:
            self._send_frame(frame)
        if self._incoming is not None:
            self._incoming.advance(now_s)
        self._frames += 1
        if self._frames % REPORT_INTERVAL_FRAMES == 0:
            jitter = self._incoming.jitter if self._incoming is not None else 0
            self._send(self._reports.write(jitter, now_s))

    def receive(self, packet: bytes, now_s: float) -> None:
        """Take a packet of the client's; what is no speech of this call is dropped."""
        try:
            parsed = parse_rtp(packet)
        except RtpFormatError:
            return
        encoding = self._encodings.get(parsed.payload_type)
        if encoding is not None and self._keeps_time(now_s):
            self._reports.received(parsed)
            self._stream_of(parsed, encoding, now_s).push(parsed, now_s)

    def receive_report(self, report: bytes, now_s: float) -> None:
        """Take a report of the client's, and prepare for the loss that it tells of."""
        try:
            lost = self._reports.read(report, now_s)
        except ValueError:
            return
        if lost is not None:
            percent = round(lost * 100)
            within = max(MIN_EXPECTED_LOSS_PERCENT, min(percent, MAX_EXPECTED_LOSS_PERCENT))
            self._encoder.expect_loss(within)

    def _keeps_time(self, now_s: float) -> bool:
        """Whether no more sound has come than there may be by now."""
        passed_s = now_s - self._received_s
        self._received_s = now_s
        self._ahead_s = max(0.0, self._ahead_s - passed_s * _CAUGHT_UP_PER_S)
        return self._ahead_s <= MAX_AHEAD_S

    def _pass_on(self, samples: Floats) -> None:
        if self._ahead_s <= MAX_AHEAD_S:  # one packet may set free many that waited for it
            self._ahead_s += len(samples) / LISTENING_RATE_HZ
            self._take(samples)

    def _send_frame(self, frame: bytes) -> None:
        payload = self._encoder.encode(frame)
        timestamp = self._first_timestamp + self._frames * self._frame_ticks
        packet = rtp_packet(
            payload,
            payload_type=self._payload_type,
            sequence=self._first_sequence + self._frames,
            timestamp=timestamp,
            source=self.source,
            marked=self._frames == 0,
        )
        self._send(packet)
        self._reports.sent(payload, timestamp)

    def _stream_of(self, packet: RtpPacket, encoding: Encoding, now_s: float) -> Incoming:
        """Return the stream that a packet belongs to; a client may begin another one."""
        key = packet.source, packet.payload_type
        if self._incoming is None or key != self._incoming_key:
            self._incoming = Incoming(encoding, self._pass_on, self.packets, first_s=now_s)
            self._incoming_key = key
        return self._incoming
